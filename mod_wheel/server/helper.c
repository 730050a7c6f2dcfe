/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper.c: the helper, seen by the parent: started, started again when
 * its supervisor dies, replaced by restarts, ended with the server.
 *
 * The parent talks to it by one socket, whose other side supervisor and helper
 * share: it writes a byte or hangs up, and never reads.
 */
#include "server/helper_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_strings.h"
#include "apr_thread_proc.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"
#include "scoreboard.h"

#include "core/proc.h"
#include "server/fork.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* Under this key, and its size, this outlives restarts. */
#define HELPER_RETAINED "mod_wheel-helper"

/* Under these, its sockets are lent to httpd. */
#define HELPER_LIFE "mod_wheel-helper-life"
#define HELPER_BEFORE "mod_wheel-helper-before"

/* Supervisors of older generations that have not ended. */
#define HELPER_OLD_MAX 16

/* A supervisor that has lived for less is not started again at once. */
#define HELPER_BRIEF_USEC APR_USEC_PER_SEC

/* How long the parent waits for it when the server ends, and how often it
 * checks whether it has ended. */
#define HELPER_END_WAIT_USEC (2500 * 1000)
#define HELPER_END_CHECK_USEC (2 * 1000)

/* On the process pool: no pointer into the module. */
typedef struct helper_retained_t {
    pid_t owner;      /* the parent */
    pid_t supervisor; /* 0: none */
    int life;         /* our side of its socket; -1: none */
    int before;       /* that of the generation before; -1: none */
    apr_int64_t started_usec;
    pid_t old[HELPER_OLD_MAX]; /* 0: none */
} helper_retained_t;

/* Of the parent, and what its children inherit. */
static struct {
    helper_parts_t parts;
    helper_retained_t *kept;
    int wanted;
    apr_pool_t *plog;
} helper;

void wheel_helper_add(const wheel_helper_part_t *part)
{
    ap_assert(helper.parts.n < HELPER_PARTS_MAX);
    helper.parts.part[helper.parts.n++] = part;
}

/* --- What is wanted ------------------------------------------------------- */

static int is_wanted(void)
{
    unsigned n = 0;

    while (n < helper.parts.n && !helper.parts.part[n]->wanted()) {
        n++;
    }
    return n < helper.parts.n;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static int server_stops(void)
{
    int state = AP_MPMQ_STARTING;

    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_STOPPING;
}

/* --- Start ---------------------------------------------------------------- */

static void maintain(int reason, void *data, int status);

static void watch_pid(pid_t pid)
{
    apr_proc_t *proc =
        apr_pcalloc(ap_server_conf->process->pconf, sizeof(*proc));

    proc->pid = pid;
    apr_proc_other_child_register(proc, maintain, proc, NULL,
                                  ap_server_conf->process->pconf);
}

static apr_status_t fork_supervisor(server_rec *s, const int *ends)
{
    helper_retained_t *kept = helper.kept;
    helper_start_t start = {s, getpid(), ends[1], kept->before, &helper.parts};
    apr_proc_t proc;
    apr_status_t rv = wheel_fork(&proc, s->process->pconf);

    if (rv == APR_INCHILD) {
        close(ends[0]);
        helper_supervise(&start);
    }
    if (rv != APR_INPARENT) {
        return rv;
    }
    kept->supervisor = proc.pid;
    kept->started_usec = wheel_clock_usec();
    watch_pid(proc.pid);
    return APR_SUCCESS;
}

static apr_status_t start_supervisor(server_rec *s)
{
    helper_retained_t *kept = helper.kept;
    int ends[2];
    apr_status_t rv = APR_SUCCESS;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        rv = APR_FROM_OS_ERROR(errno);
    }
    else {
        rv = fork_supervisor(s, ends);
        close(ends[1]);
        if (rv == APR_SUCCESS) {
            kept->life = ends[0];
            close_fd(&kept->before);
        }
        else {
            close(ends[0]);
        }
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     "WH0070: the helper process could not be started; it is "
                     "tried again within ten seconds: raise the limits of "
                     "processes and memory");
    }
    return rv;
}

static void say(const helper_retained_t *kept, char what)
{
    (void)send(kept->life, &what, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(kept->life, SHUT_WR);
}

/* Tell supervisor and helper that others take their place. */
static void replace(helper_retained_t *kept)
{
    if (kept->life < 0) {
        return;
    }
    say(kept, HELPER_SAYS_REPLACED);
    close_fd(&kept->before);
    kept->before = kept->life;
    kept->life = -1;
}

/* --- Deaths --------------------------------------------------------------- */

static void supervisor_died(helper_retained_t *kept, int status)
{
    apr_int64_t lived = wheel_clock_usec() - kept->started_usec;

    kept->supervisor = 0;
    if (server_stops()) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "WH0071: the supervisor of the helper process has ended "
                 "(status %d): both are started again",
                 status);
    /* Its helper may live, and serve until the next one does. */
    replace(kept);
    if (lived >= HELPER_BRIEF_USEC) {
        start_supervisor(ap_server_conf);
    }
}

/* httpd's main loop has reaped one of ours, or asks what to do with it. */
static void maintain(int reason, void *data, int status)
{
    helper_retained_t *kept = helper.kept;
    const apr_proc_t *proc = data;
    unsigned n;

    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) {
        return;
    }
    apr_proc_other_child_unregister(data);
    for (n = 0; n < HELPER_OLD_MAX; n++) {
        if (kept->old[n] == proc->pid) {
            kept->old[n] = 0;
        }
    }
    if (kept->supervisor == proc->pid) {
        supervisor_died(kept, status);
    }
}

/* Every ten seconds or so. */
static int monitor(apr_pool_t *pool, server_rec *s)
{
    (void)pool;
    if (helper.wanted && !helper.kept->supervisor && !server_stops()) {
        start_supervisor(s);
    }
    return DECLINED;
}

/* --- The end of a generation, and of the server --------------------------- */

/* It serves on until there is another one: see post_config().  If none comes,
 * it ends when the parent's side of its socket is closed. */
static void grow_old(helper_retained_t *kept)
{
    unsigned n = 0;

    while (n < HELPER_OLD_MAX && kept->old[n]) {
        n++;
    }
    if (n < HELPER_OLD_MAX) {
        kept->old[n] = kept->supervisor;
    }
    kept->supervisor = 0;
    wheel_process_lend(HELPER_LIFE, &kept->life, helper.plog);
    wheel_process_lend(HELPER_BEFORE, &kept->before, helper.plog);
}

/* It says goodbye to other hosts; should it take too long, it is killed. */
static void end_supervisor(helper_retained_t *kept)
{
    apr_int64_t until = wheel_clock_usec() + HELPER_END_WAIT_USEC;
    pid_t pid = kept->supervisor;

    if (kept->life >= 0) {
        say(kept, HELPER_SAYS_ENDS);
        close_fd(&kept->life);
    }
    kept->supervisor = 0;
    while (pid && waitpid(pid, NULL, WNOHANG) == 0) {
        if (wheel_clock_usec() >= until) {
            wheel_process_kill_child(pid);
            return;
        }
        apr_sleep(HELPER_END_CHECK_USEC);
    }
}

/* Runs before the module is unloaded, at each restart and at the end. */
static apr_status_t end_generation(void *data)
{
    helper_retained_t *kept = data;

    if (getpid() != kept->owner) {
        return APR_SUCCESS;
    }
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        end_supervisor(kept);
    }
    else {
        grow_old(kept);
    }
    return APR_SUCCESS;
}

/* --- Hooks ---------------------------------------------------------------- */

static helper_retained_t *retained(int makes)
{
    return wheel_process_retained(HELPER_RETAINED, sizeof(helper_retained_t), 0,
                                  makes);
}

static helper_retained_t *keep(void)
{
    helper_retained_t *kept = retained(1);

    if (!kept->owner) {
        kept->owner = getpid();
        kept->life = -1;
        kept->before = -1;
    }
    return kept;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    helper_retained_t *kept = retained(0);

    (void)pconf;
    (void)ptemp;
    if (kept) {
        kept->life = wheel_process_take_back(HELPER_LIFE, plog);
        kept->before = wheel_process_take_back(HELPER_BEFORE, plog);
    }
    return OK;
}

/* After the parts have read their settings.  When the server starts, there is
 * no scoreboard yet, which the helper is to inherit: see pre_mpm(). */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    unsigned n;

    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    helper.plog = plog;
    helper.kept = keep();
    helper.wanted = is_wanted();
    for (n = 0; n < HELPER_OLD_MAX; n++) {
        if (helper.kept->old[n]) {
            watch_pid(helper.kept->old[n]);
        }
    }
    apr_pool_cleanup_register(pconf, helper.kept, end_generation,
                              apr_pool_cleanup_null);
    replace(helper.kept);
    if (!helper.wanted) {
        close_fd(&helper.kept->before);
    }
    else if (ap_scoreboard_image) {
        start_supervisor(s);
    }
    return OK;
}

static int pre_mpm(apr_pool_t *pool, ap_scoreboard_e type)
{
    (void)pool;
    (void)type;
    if (helper.wanted && !helper.kept->supervisor &&
        start_supervisor(ap_server_conf) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* No other process may keep the helper alive when the parent is dead. */
static void close_own(void)
{
    helper_retained_t *kept = retained(0);

    if (kept) {
        close_fd(&kept->life);
        close_fd(&kept->before);
    }
}

void wheel_helper_register(apr_pool_t *pconf)
{
    (void)pconf;
    memset(&helper, 0, sizeof(helper));
    wheel_fork_closes(close_own);
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_pre_mpm(pre_mpm, NULL, NULL, APR_HOOK_REALLY_LAST);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}
