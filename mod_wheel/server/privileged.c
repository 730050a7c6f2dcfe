/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged.c: the privileged process, seen by the parent: started,
 * started again when it dies or is held, replaced by restarts, ended with the
 * server.
 */
#include "server/privileged_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_thread_proc.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"
#include "unixd.h"

#include "core/proc.h"
#include "server/config.h"
#include "server/fork.h"
#include "server/process.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

/* Under this key, and its sizes, this outlives restarts. */
#define PRIVILEGED_RETAINED "mod_wheel-privileged"

/* What it adds to the number of the error with which it ends.  httpd tells its
 * parent the code of an exit or the number of a signal, and not which of the
 * two: signals are less. */
#define PRIVILEGED_FAILED 128

/* A process that has lived for less is not started again at once. */
#define PRIVILEGED_BRIEF_USEC APR_USEC_PER_SEC

/* One that the kernel holds ends neither by its alarm nor by a signal: it is
 * left, and another is started beside it.  So many are left at most. */
#define PRIVILEGED_SERVE_USEC (PRIVILEGED_SERVE_SEC * APR_USEC_PER_SEC)
#define PRIVILEGED_LEFT_USEC (PRIVILEGED_SERVE_USEC + 5 * APR_USEC_PER_SEC)
#define PRIVILEGED_LEFT_MAX 4

/* On the process pool: no pointer into the module. */
typedef struct privileged_retained_t {
    pid_t owner; /* the parent */
    pid_t pid;   /* 0: it does not run */
    int fds[2];  /* messages: [0] for the process, [1] for the helper */
    apr_int64_t started_usec;
    unsigned left;               /* of this configuration, and not ended */
    privileged_shared_t *shared; /* memory of its own, shared */
    atomic_int *is_lost;         /* the same: see privileged_steps.c */
} privileged_retained_t;

/* Of the parent, and what its children inherit. */
static privileged_retained_t *process;

int privileged_helper_fd(void)
{
    return process->fds[1];
}

/* --- Start and end -------------------------------------------------------- */

static void maintain(int reason, void *data, int status);

static apr_status_t start_process(server_rec *s)
{
    privileged_retained_t *kept = process;
    privileged_start_t how = {
        getpid(),
        ap_unixd_config.user_id,
        kept->fds[0],
        privileged_steps_kept(),
        wheel_requests_slots(),
        kept->shared,
    };
    apr_proc_t *proc = apr_pcalloc(s->process->pconf, sizeof(*proc));
    apr_status_t rv;

    kept->started_usec = wheel_clock_usec();
    rv = wheel_fork(proc, s->process->pconf);
    if (rv == APR_INCHILD) {
        _exit(privileged_main(&how) ? 0 : PRIVILEGED_FAILED + errno);
    }
    if (rv != APR_INPARENT) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     "WH0122: the privileged process could not be started");
        return rv;
    }
    kept->pid = proc->pid;
    apr_proc_other_child_register(proc, maintain, proc, NULL,
                                  s->process->pconf);
    return APR_SUCCESS;
}

static void lose(privileged_lost_e why, apr_status_t rv)
{
    privileged_steps_lose(why);
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                 "WH0121: %s: there is none until the next restart",
                 privileged_lost_why());
}

/* Has it examined one process for so long?  What stands there may be of the one
 * before it. */
static int is_held(apr_int64_t usec)
{
    apr_int64_t since = atomic_load_explicit(&process->shared->since_usec,
                                             memory_order_acquire);

    return since >= process->started_usec && wheel_clock_usec() - since >= usec;
}

static void log_held(const char *so)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "WH0126: process %d has held the privileged process, which "
                 "%s: that process is not examined any more",
                 (int)process->shared->examined, so);
}

/* httpd's main loop has reaped it. */
static void maintain(int reason, void *data, int status)
{
    privileged_retained_t *kept = process;
    const apr_proc_t *proc = data;
    int state = AP_MPMQ_STARTING;
    /* A filter of system calls may kill with this signal. */
    int error = status == SIGSYS ? EPERM : status - PRIVILEGED_FAILED;

    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) {
        return;
    }
    apr_proc_other_child_unregister(data);
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    if (kept->pid != proc->pid) {
        kept->left -= kept->left > 0;
        return;
    }
    if (state == AP_MPMQ_STOPPING) {
        return;
    }
    kept->pid = 0;
    if (reason == APR_OC_REASON_DEATH && error >= 0) {
        lose(PRIVILEGED_LOST_REFUSED, APR_FROM_OS_ERROR(error));
        return; /* another would fail, too */
    }
    if (is_held(PRIVILEGED_SERVE_USEC)) {
        log_held("has ended");
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0123: the privileged process has ended (status %d)",
                     status);
    }
    if (wheel_clock_usec() - kept->started_usec >= PRIVILEGED_BRIEF_USEC) {
        start_process(ap_server_conf);
    }
}

/* Its successor doesn't take the same path; but who is held by one process
 * after the other is given up, or root would start ever more. */
static void leave(void)
{
    log_held("can't be ended, and is replaced");
    kill(process->pid, SIGKILL); /* once it is held no more */
    process->pid = 0;
    if (++process->left >= PRIVILEGED_LEFT_MAX) {
        lose(PRIVILEGED_LOST_HELD, 0);
    }
}

/* Every ten seconds or so: one that is held is replaced, and one that ended too
 * soon is tried again. */
static int monitor(apr_pool_t *pool, server_rec *s)
{
    (void)pool;
    if (process->pid && is_held(PRIVILEGED_LEFT_USEC)) {
        leave();
    }
    if (privileged_steps_kept() && !process->pid) {
        start_process(s);
    }
    return DECLINED;
}

/* A restart replaces it; its successor has the list of what is cooled down. */
static apr_status_t end_generation(void *data)
{
    privileged_retained_t *kept = data;

    if (getpid() != kept->owner || !kept->pid) {
        return APR_SUCCESS;
    }
    wheel_process_kill_child(kept->pid);
    kept->pid = 0;
    return APR_SUCCESS;
}

static privileged_retained_t *retained(int makes)
{
    return wheel_process_retained(
        PRIVILEGED_RETAINED, sizeof(privileged_retained_t),
        sizeof(privileged_shared_t) + sizeof(atomic_int), makes);
}

static privileged_retained_t *keep(void)
{
    privileged_retained_t *kept = retained(1);

    if (!kept->owner) {
        kept->owner = getpid();
        kept->fds[0] = kept->fds[1] = -1;
    }
    return kept;
}

/* @return NULL for no memory */
static void *map_shared(size_t bytes)
{
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return map == MAP_FAILED ? NULL : map;
}

/* The socket, the list of what is cooled down, and the state. */
static int make_shared(privileged_retained_t *kept)
{
    if (!kept->shared) {
        kept->shared = map_shared(sizeof(*kept->shared));
    }
    if (!kept->is_lost) {
        kept->is_lost = map_shared(sizeof(*kept->is_lost));
    }
    return kept->shared && kept->is_lost &&
           (kept->fds[0] >= 0 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, kept->fds) ==
                0);
}

/* Threads that the configuration before this one has cooled down. */
static int has_cooled(const privileged_retained_t *kept)
{
    unsigned n;

    for (n = 0; kept->shared && n < PRIVILEGED_COOLED_MAX; n++) {
        if (kept->shared->cooled[n].id) {
            return 1;
        }
    }
    return 0;
}

/* A child, or a daemon, may come under foreign control: it has no way to the
 * process. */
static void close_own(void)
{
    privileged_retained_t *kept = retained(0);

    if (kept && kept->fds[0] >= 0) {
        close(kept->fds[0]);
        close(kept->fds[1]);
        kept->fds[0] = kept->fds[1] = -1;
    }
    if (kept && kept->shared) {
        munmap(kept->shared, sizeof(*kept->shared));
        kept->shared = NULL;
    }
    if (kept && kept->is_lost) {
        mprotect(kept->is_lost, sizeof(*kept->is_lost), PROT_READ);
    }
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    process = keep();
    /* What the configuration before this one has cooled down is to end so. */
    if (!wheel_config_server().privileged && !has_cooled(process)) {
        return OK;
    }
    if (!wheel_requests_slots()) {
        privileged_steps_set("WheelRequests is on nowhere", s);
        return OK;
    }
    if (!make_shared(process)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(errno), s,
                     "WH0122: the privileged process could not be started");
        privileged_steps_set("there is no memory or socket for it", s);
        return OK;
    }
    privileged_steps_share(process->is_lost);
    privileged_steps_set(NULL, s);
    if (!privileged_steps_kept() && !has_cooled(process)) {
        return OK;
    }
    apr_pool_cleanup_register(pconf, process, end_generation,
                              apr_pool_cleanup_null);
    process->left = 0;
    start_process(s);
    return OK;
}

void wheel_privileged_register(apr_pool_t *pconf)
{
    (void)pconf;
    process = NULL;
    privileged_steps_reset();
    /* Before the helper's, which starts it at a graceful restart. */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    wheel_fork_closes(close_own);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}
