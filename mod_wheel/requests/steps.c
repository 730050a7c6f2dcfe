/* SPDX-License-Identifier: Apache-2.0 */
/* requests/steps.c: the upper steps of a stop, for what no engine interrupts.
 *
 * Runs in the helper.  The privileged process cuts and cools down; a child
 * drains itself, and when only requests that were stopped are left in it, the
 * helper ends it, which may do so as the same user.
 */
#include "requests/steps.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "httpd.h"

#include "ap_mpm.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "scoreboard.h"

#include "core/proc.h"
#include "core/request_steps.h"
#include "core/thread_cut.h"
#include "operations/requests.h"
#include "requests/facts.h"
#include "server/privileged.h"
#include "server/process.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

/* From an interrupt to the second signal. */
#define STEPS_FORCE_USEC (1000 * 1000)

/* How long the other requests of a process that is drained may take, and how
 * long none of them may be seen before it is ended. */
#define STEPS_GRACE_USEC (30 * APR_USEC_PER_SEC)
#define STEPS_ALONE_USEC (1000 * 1000)

/* A request that is stopped runs on if it does so for so long. */
#define STEPS_LOG_USEC (100 * 1000)

#define STEPS_PATH_BYTES 64

/* The names of all steps, with what stands between them. */
#define STEPS_NAMES_BYTES 64

/* --- Which step ----------------------------------------------------------- */

static int is_asked(const wheel_request_t *request, wheel_step_e step)
{
    return (request->asked & WHEEL_STEP_BIT(step)) != 0;
}

/* When it is due, from the mark. */
static apr_int64_t after(const wheel_request_t *request, wheel_step_e step)
{
    wheel_step_times_t times;

    wheel_requests_steps(request, &times);
    return times.after[step];
}

static int is_due(const wheel_request_t *request, wheel_step_e step)
{
    return after(request, step) <= request->marked;
}

int wheel_steps_force(const wheel_request_t *request)
{
    apr_int64_t since = request->marked - request->facts.interrupt_after;

    return since >= STEPS_FORCE_USEC || (is_asked(request, WHEEL_STEP_DRAIN) &&
                                         request->drained >= STEPS_FORCE_USEC);
}

wheel_step_e wheel_steps_due(const wheel_request_t *request)
{
    wheel_step_e step = WHEEL_STEP_REFUSE;

    if (is_asked(request, WHEEL_STEP_DRAIN) ||
        is_due(request, WHEEL_STEP_DRAIN)) {
        return WHEEL_STEP_DRAIN;
    }
    if (is_due(request, WHEEL_STEP_INTERRUPT)) {
        step = WHEEL_STEP_INTERRUPT;
    }
    if (is_due(request, WHEEL_STEP_CUT)) {
        step = WHEEL_STEP_CUT;
    }
    if (!wheel_steps_force(request)) {
        return step;
    }
    return is_due(request, WHEEL_STEP_COOLDOWN) ? WHEEL_STEP_COOLDOWN
                                                : WHEEL_STEP_FORCE;
}

/* --- Drain ---------------------------------------------------------------- */

/* Requests of a process: threads that run one which was stopped, and the other
 * requests. */
static void count_requests(pid_t pid, int *stopped, int *others)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    unsigned max = wheel_request_slots_max(slots);
    apr_int64_t now = wheel_clock_usec();
    wheel_request_t request;
    unsigned n;

    *stopped = *others = 0;
    for (n = 0; n < max; n++) {
        if (!wheel_request_slots_copy(slots, n, now, &request) ||
            request.pid != pid) {
            continue;
        }
        *stopped += request.mark != WHEEL_MARK_NONE && request.tid > 0;
        *others += request.mark == WHEEL_MARK_NONE;
    }
}

/* Threads of a process.  @return 0 if it is gone */
static int count_threads(pid_t pid)
{
    char path[STEPS_PATH_BYTES];
    struct stat info;

    apr_snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    return stat(path, &info) == 0 ? (int)info.st_nlink - 2 : 0;
}

/* Workers of a process that have not ended, as the scoreboard has it.  Children
 * write there, so this decides only how soon one is ended, and not whether.
 * @return -1 if it is not known */
static int count_workers(pid_t pid)
{
    const scoreboard *board = ap_scoreboard_image;
    int workers = 0;
    int processes;
    int threads;
    int p = 0;
    int t;

    wheel_process_places(&processes, &threads);
    while (p < processes && board->parent[p].pid != pid) {
        p++;
    }
    if (p == processes) {
        return -1;
    }
    for (t = 0; t < threads; t++) {
        workers += board->servers[p][t].status != SERVER_DEAD;
    }
    return workers;
}

/* Has a process that ends gracefully nothing left but requests that were
 * stopped?  Requests of other locations are no jobs, perhaps, but a worker for
 * which there is no connection ends.  One that ends early may be noted as alive
 * in the scoreboard.  Other modules may have threads of their own; event's
 * listener stays. */
static int is_alone(pid_t pid)
{
    int workers = count_workers(pid);
    int stopped;
    int others;
    int async = 0;

    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    count_requests(pid, &stopped, &others);
    return !others && (count_threads(pid) <= 1 + !!async + stopped ||
                       (workers >= 0 && workers <= stopped));
}

/* The parent takes a second or so to notice: once is enough. */
static void end_process(const wheel_request_t *request, const char *why)
{
    static apr_uint64_t ended_id;
    int pidfd = (int)syscall(SYS_pidfd_open, request->pid, 0);

    if (pidfd < 0 || ended_id == request->id) {
        if (pidfd >= 0) {
            close(pidfd);
        }
        return;
    }
    ended_id = request->id;
    if (wheel_proc_parent(request->pid) == wheel_process_parent() &&
        wheel_request_slots_is(wheel_requests_slots(), request->slot,
                               request->id)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0106: process %" APR_PID_T_FMT
                     " is ended with request %" APR_UINT64_T_FMT
                     " of handler %s, which was stopped and could not be "
                     "interrupted: %s",
                     request->pid, request->id,
                     wheel_facts_handler_text(request), why);
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    }
    close(pidfd);
}

/* The process accepts nothing more: wait for its other requests. */
static void go_on_draining(const wheel_request_t *request)
{
    apr_int64_t since = request->marked - after(request, WHEEL_STEP_DRAIN);

    since = since > request->drained ? since : request->drained;
    if (since >= STEPS_GRACE_USEC) {
        end_process(request, "its other requests had 30 seconds");
    }
    else if (since >= STEPS_ALONE_USEC && is_alone(request->pid)) {
        end_process(request, "nothing else is left in it");
    }
}

/* --- Take ----------------------------------------------------------------- */

int wheel_steps_cool(const wheel_request_t *request)
{
    return request->tid > 0 && wheel_privileged_ask(WHEEL_PRIVILEGED_DO_COOL,
                                                    request) == APR_SUCCESS;
}

/* One line for those that have come together.  Most requests end at once: these
 * have WH0102. */
static void log_steps(const wheel_request_t *request)
{
    char names[STEPS_NAMES_BYTES] = "";
    wheel_step_e step;
    unsigned steps;
    size_t at = 0;

    if (request->marked >= 0 && request->marked < STEPS_LOG_USEC) {
        return;
    }
    steps = wheel_request_steps_unlogged(wheel_requests_slots(), request->slot,
                                         request->id);

    for (step = WHEEL_STEP_REFUSE; step < WHEEL_STEP_COUNT; step++) {
        if (steps & WHEEL_STEP_BIT(step)) {
            at += (size_t)apr_snprintf(names + at, sizeof(names) - at, "%s%s",
                                       at ? ", " : "", wheel_step_name(step));
        }
    }
    if (at) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     "WH0105: request %" APR_UINT64_T_FMT
                     " of handler %s runs on, %" APR_TIME_T_FMT
                     " ms after its %s; step: %s",
                     request->id, wheel_facts_handler_text(request),
                     apr_time_as_msec(request->marked >= 0 ? request->marked
                                                           : request->elapsed),
                     request->marked >= 0 ? "stop" : "begin", names);
    }
}

void wheel_steps_take_asked(const wheel_request_t *request)
{
    if (is_asked(request, WHEEL_STEP_COOLDOWN) && !request->cooled) {
        wheel_steps_cool(request);
    }
    log_steps(request);
}

void wheel_steps_take(const wheel_request_t *request, wheel_step_e step)
{
    if (is_due(request, WHEEL_STEP_CUT)) {
        wheel_privileged_ask(WHEEL_PRIVILEGED_DO_CUT, request);
    }
    if (is_due(request, WHEEL_STEP_COOLDOWN) && !request->cooled) {
        wheel_steps_cool(request);
    }
    if (step == WHEEL_STEP_DRAIN) {
        go_on_draining(request);
    }
}
