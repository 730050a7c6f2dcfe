/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged.c: how the privileged process is started and ended by the
 * parent, and asked by all others.
 */

#include "server/privileged_private.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
#include "unixd.h"

#include "core/platform.h"
#include "core/proc.h"
#include "core/request_steps.h"
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

/* How often a worker checks whether its thread is back to normal, and for how
 * long at most. */
#define WARM_STEP_USEC 500
#define WARM_WAIT_USEC APR_USEC_PER_SEC

/* What the parent has the others know, which it has forked before. */
typedef struct privileged_state_t {
    atomic_int lost; /* the process could not do its work, and is not started
                      * again before the next restart */
} privileged_state_t;

/* On the process pool: no pointer into the module. */
typedef struct privileged_retained_t {
    pid_t owner; /* the parent */
    pid_t pid;   /* 0: it does not run */
    int fds[2];  /* messages: [0] for the process, [1] for the helper */
    apr_int64_t started_usec;
    privileged_cooled_t *cooled; /* memory of its own, shared */
    privileged_state_t *state;   /* the same */
} privileged_retained_t;

/* An answer of either kind. */
typedef union privileged_any_t {
    privileged_answer_t text;
    privileged_copy_t copy;
} privileged_any_t;

/* Of the parent, and what its children inherit. */
static struct {
    privileged_retained_t *kept;
    unsigned steps;
    unsigned missing;
    unsigned lost;       /* out of these, with the process */
    const char *why;     /* the others are missing, NULL: for lack of a right */
    char calls[128];     /* what is wrong with the calls of a cut, "" if not */
    apr_uint64_t number; /* of the last message */
} privileged;

static const char lost_why[] =
    "the system has refused the privileged process a call that it needs";

static int is_lost(void)
{
    return privileged.kept && privileged.kept->state &&
           atomic_load_explicit(&privileged.kept->state->lost,
                                memory_order_relaxed);
}

unsigned wheel_privileged_steps(void)
{
    return is_lost() ? 0 : privileged.steps;
}

unsigned wheel_privileged_missing(void)
{
    return privileged.missing | (is_lost() ? privileged.steps : 0);
}

const char *wheel_privileged_why(unsigned step)
{
    if ((privileged.steps | privileged.lost) & step) {
        return lost_why;
    }
    if (privileged.why) {
        return privileged.why;
    }
    if (step == WHEEL_PRIVILEGED_COOLDOWN) {
        return "this server has no CAP_SYS_NICE";
    }
    return *privileged.calls ? privileged.calls
                             : "this server has no CAP_SYS_PTRACE";
}

const char *wheel_privileged_name(unsigned step)
{
    switch (step) {
    case WHEEL_PRIVILEGED_CUT:
        return "cut";
    case WHEEL_PRIVILEGED_COOLDOWN:
        return "cooldown";
    case WHEEL_PRIVILEGED_WHERE:
        return "where";
    default:
        return "unknown";
    }
}

/* --- Ask ------------------------------------------------------------------ */

const char *wheel_privileged_problem(wheel_privileged_do_e what,
                                     apr_pool_t *pool)
{
    unsigned step = privileged_step_of(what);
    const char *name = wheel_privileged_name(step);

    if (wheel_privileged_steps() & step) {
        return NULL;
    }
    return (wheel_privileged_missing() & step)
               ? apr_psprintf(pool, "WheelPrivileged %s is set, but %s", name,
                              wheel_privileged_why(step))
               : apr_psprintf(pool, "WheelPrivileged %s is not set", name);
}

/* For the one who logs and counts the steps of a stop. */
static void note_step(wheel_privileged_do_e what,
                      const wheel_request_t *request)
{
    if (what == WHEEL_PRIVILEGED_DO_CUT || what == WHEEL_PRIVILEGED_DO_COOL) {
        wheel_request_steps_taken(
            wheel_requests_slots(), request->slot, request->id,
            what == WHEEL_PRIVILEGED_DO_CUT ? WHEEL_STEP_CUT
                                            : WHEEL_STEP_COOLDOWN);
    }
}

static apr_status_t send_message(wheel_privileged_do_e what,
                                 const wheel_request_t *request,
                                 apr_uint64_t number)
{
    privileged_message_t message = {number,        request->id,  what,
                                    request->slot, request->pid, request->tid};

    if (!(wheel_privileged_steps() & privileged_step_of(what))) {
        return APR_ENOTIMPL;
    }
    if (send(privileged.kept->fds[1], &message, sizeof(message),
             MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(message)) {
        return APR_FROM_OS_ERROR(errno);
    }
    note_step(what, request);
    return APR_SUCCESS;
}

apr_status_t wheel_privileged_ask(wheel_privileged_do_e what,
                                  const wheel_request_t *request)
{
    return send_message(what, request, 0);
}

/* Bounded, printable text. */
static void take_text(const privileged_answer_t *answer, char *text)
{
    size_t n;

    for (n = 0; n < WHEEL_PRIVILEGED_TEXT_BYTES - 1 && answer->text[n]; n++) {
        text[n] = answer->text[n] < ' ' || answer->text[n] > '~'
                      ? '?'
                      : answer->text[n];
    }
    text[n] = '\0';
}

/* The answer of that number; one that came too late for an earlier message is
 * dropped.
 * @param bytes set to its size */
static apr_status_t read_answer(apr_uint64_t number, privileged_any_t *answer,
                                ssize_t *bytes, apr_int64_t until_usec)
{
    struct pollfd wait = {privileged.kept->fds[1], POLLIN, 0};
    apr_int64_t left = until_usec - wheel_clock_usec();

    while (left > 0 && poll(&wait, 1, (int)(left / 1000) + 1) > 0) {
        *bytes = recv(wait.fd, answer, sizeof(*answer), MSG_DONTWAIT);
        if (*bytes == 0) {
            return APR_EOF;
        }
        if (*bytes >= (ssize_t)sizeof(answer->text) &&
            answer->text.number == number) {
            return APR_SUCCESS;
        }
        left = until_usec - wheel_clock_usec();
    }
    return APR_TIMEUP;
}

/* Of this helper alone: the one before may still wait for answers. */
static apr_uint64_t next_number(void)
{
    if (!privileged.number) {
        privileged.number = (apr_uint64_t)getpid() << 32;
    }
    return ++privileged.number;
}

/* Send a message and read its answer, which is static. */
static apr_status_t call(wheel_privileged_do_e what,
                         const wheel_request_t *request,
                         const privileged_any_t **answer, ssize_t *bytes,
                         apr_interval_time_t wait_max)
{
    static privileged_any_t read;
    apr_int64_t until = wheel_clock_usec() + wait_max;
    apr_uint64_t number = next_number();
    apr_status_t rv = send_message(what, request, number);

    *answer = &read;
    return rv == APR_SUCCESS ? read_answer(number, &read, bytes, until) : rv;
}

apr_status_t wheel_privileged_call(wheel_privileged_do_e what,
                                   const wheel_request_t *request, char *text,
                                   apr_interval_time_t wait_max)
{
    const privileged_any_t *answer;
    ssize_t bytes;
    apr_status_t rv = call(what, request, &answer, &bytes, wait_max);

    text[0] = '\0';
    if (rv == APR_SUCCESS) {
        take_text(&answer->text, text);
    }
    return rv;
}

apr_status_t wheel_privileged_copy(const wheel_request_t *request,
                                   wheel_thread_copy_t *copy, char *text,
                                   apr_interval_time_t wait_max)
{
    const privileged_any_t *answer;
    ssize_t bytes = 0;
    apr_status_t rv =
        call(WHEEL_PRIVILEGED_DO_COPY, request, &answer, &bytes, wait_max);

    text[0] = '\0';
    if (rv == APR_SUCCESS && bytes == sizeof(answer->text)) {
        take_text(&answer->text, text);
        return APR_EGENERAL;
    }
    if (rv == APR_SUCCESS) {
        *copy = answer->copy.copy;
    }
    return rv;
}

/* The privileged process sees by itself that the request has ended. */
void wheel_privileged_be_warm(unsigned slot, apr_uint64_t id)
{
    apr_int64_t until = wheel_clock_usec() + WARM_WAIT_USEC;

    while (wheel_request_slots_cooled(wheel_requests_slots(), slot, id) &&
           wheel_clock_usec() < until) {
        apr_sleep(WARM_STEP_USEC);
    }
}

/* --- What this machine allows --------------------------------------------- */

static int has_capability(unsigned number)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    memset(data, 0, sizeof(data));
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[0].effective >> number & 1);
}

/* On the process itself, which needs no right for that. */
static int copy_own_fd(void)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    return pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, pidfd, 0) >= 0;
}

/* Are the calls there, does no filter refuse them, and are there descriptors?
 * In a process of its own, since a filter may kill who makes them. */
static int has_calls(void)
{
    pid_t pid = fork();
    int error = pid < 0 ? errno : 0;
    int status = -1;

    if (pid == 0) {
        _exit(copy_own_fd() ? 0 : errno);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0) {
        /* A filter that kills refuses, too. */
        error = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    }
    if (error) {
        apr_snprintf(privileged.calls, sizeof(privileged.calls),
                     "pidfd_getfd() fails: %s: %s", strerror(error),
                     error == EMFILE || error == ENFILE
                         ? "raise the limit of open files"
                         : "allow it in the filter of system calls");
    }
    return !error;
}

/* The steps that this machine allows. */
static unsigned find_allowed(void)
{
    unsigned allowed = 0;

    if (has_capability(CAP_SYS_PTRACE) && has_calls()) {
        allowed |= WHEEL_PRIVILEGED_CUT | WHEEL_PRIVILEGED_WHERE;
    }
    if (has_capability(CAP_SYS_NICE)) {
        allowed |= WHEEL_PRIVILEGED_COOLDOWN;
    }
    return allowed;
}

/* Once at each start and restart. */
static void set_steps(unsigned allowed, const char *why, server_rec *s)
{
    unsigned wanted = wheel_config_server().privileged;
    unsigned step;

    privileged.why = why;
    privileged.steps = wanted & allowed;
    privileged.missing = wanted & ~allowed;
    for (step = 1; step <= privileged.missing; step <<= 1) {
        if (privileged.missing & step) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         "WH0120: WheelPrivileged %s: the step is left out: "
                         "%s",
                         wheel_privileged_name(step),
                         wheel_privileged_why(step));
        }
    }
}

/* --- Start and end -------------------------------------------------------- */

static void maintain(int reason, void *data, int status);

static apr_status_t start_process(server_rec *s)
{
    privileged_retained_t *kept = privileged.kept;
    privileged_start_t how = {
        getpid(),         ap_unixd_config.user_id, kept->fds[0],
        privileged.steps, wheel_requests_slots(),  kept->cooled,
    };
    apr_proc_t *proc = apr_pcalloc(s->process->pconf, sizeof(*proc));
    apr_status_t rv = wheel_fork(proc, s->process->pconf);

    if (rv == APR_INCHILD) {
        _exit(privileged_main(&how) ? 0 : PRIVILEGED_FAILED + errno);
    }
    if (rv != APR_INPARENT) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     "WH0122: the privileged process could not be started");
        return rv;
    }
    kept->pid = proc->pid;
    kept->started_usec = wheel_clock_usec();
    apr_proc_other_child_register(proc, maintain, proc, NULL,
                                  s->process->pconf);
    return APR_SUCCESS;
}

/* The parent doesn't believe what others may have written. */
static void lose(privileged_retained_t *kept)
{
    privileged.lost = privileged.steps;
    privileged.missing |= privileged.steps;
    privileged.steps = 0;
    atomic_store_explicit(&kept->state->lost, 1, memory_order_relaxed);
}

/* httpd's main loop has reaped it. */
static void maintain(int reason, void *data, int status)
{
    privileged_retained_t *kept = privileged.kept;
    const apr_proc_t *proc = data;
    int state = AP_MPMQ_STARTING;
    /* A filter of system calls may kill with this signal. */
    int error = status == SIGSYS ? EPERM : status - PRIVILEGED_FAILED;

    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) {
        return;
    }
    apr_proc_other_child_unregister(data);
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    if (kept->pid != proc->pid || state == AP_MPMQ_STOPPING) {
        return;
    }
    kept->pid = 0;
    if (reason == APR_OC_REASON_DEATH && error >= 0) {
        lose(kept); /* it would fail again */
        ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(error),
                     ap_server_conf,
                     "WH0121: %s, and it has ended: there is none until the "
                     "next restart",
                     lost_why);
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "WH0123: the privileged process has ended (status %d)",
                 status);
    if (wheel_clock_usec() - kept->started_usec >= PRIVILEGED_BRIEF_USEC) {
        start_process(ap_server_conf);
    }
}

/* Every ten seconds or so: one that ended too soon is tried again. */
static int monitor(apr_pool_t *pool, server_rec *s)
{
    (void)pool;
    if (privileged.steps && !privileged.kept->pid) {
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
    /* A debugging server of one process (httpd -X) is root no more.  There it
     * ends with that process. */
    if (kill(kept->pid, SIGKILL) == 0) {
        waitpid(kept->pid, NULL, 0);
    }
    kept->pid = 0;
    return APR_SUCCESS;
}

static privileged_retained_t *retained(int makes)
{
    return wheel_process_retained(
        PRIVILEGED_RETAINED, sizeof(privileged_retained_t),
        sizeof(privileged_cooled_t) + sizeof(privileged_state_t), makes);
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
    if (!kept->cooled) {
        kept->cooled = map_shared(sizeof(*kept->cooled));
    }
    if (!kept->state) {
        kept->state = map_shared(sizeof(*kept->state));
    }
    return kept->cooled && kept->state &&
           (kept->fds[0] >= 0 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, kept->fds) ==
                0);
}

/* Threads that the configuration before this one has cooled down. */
static int has_cooled(const privileged_retained_t *kept)
{
    unsigned n;

    for (n = 0; kept->cooled && n < PRIVILEGED_COOLED_MAX; n++) {
        if (kept->cooled->thread[n].id) {
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
    if (kept && kept->cooled) {
        munmap(kept->cooled, sizeof(*kept->cooled));
        kept->cooled = NULL;
    }
    if (kept && kept->state) {
        mprotect(kept->state, sizeof(*kept->state), PROT_READ);
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
    privileged.kept = keep();
    /* What the configuration before this one has cooled down is to end so. */
    if (!wheel_config_server().privileged && !has_cooled(privileged.kept)) {
        return OK;
    }
    if (!wheel_requests_slots()) {
        set_steps(0, "WheelRequests is on nowhere", s);
        return OK;
    }
    if (!make_shared(privileged.kept)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(errno), s,
                     "WH0122: the privileged process could not be started");
        set_steps(0, "there is no memory or socket for it", s);
        return OK;
    }
    atomic_store_explicit(&privileged.kept->state->lost, 0,
                          memory_order_relaxed);
    set_steps(find_allowed(), NULL, s);
    if (!privileged.steps && !has_cooled(privileged.kept)) {
        return OK;
    }
    apr_pool_cleanup_register(pconf, privileged.kept, end_generation,
                              apr_pool_cleanup_null);
    start_process(s);
    return OK;
}

void wheel_privileged_register(apr_pool_t *pconf)
{
    (void)pconf;
    memset(&privileged, 0, sizeof(privileged));
    /* Before the helper's, which starts it at a graceful restart. */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    wheel_fork_closes(close_own);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}
