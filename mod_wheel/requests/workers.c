/* SPDX-License-Identifier: Apache-2.0 */
/* requests/workers.c: workers of PHP-FPM while they run requests of this
 * server: their CPU time, and the signals that end their scripts.
 *
 * Runs in the helper.
 */
#include "requests/workers.h"

#include <signal.h>

#include "httpd.h"
#include "http_log.h"
#include "http_main.h"

#include "core/proc.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

/* With a limit of CPU time, a request is looked for after this time. */
#define WORKERS_SOON_USEC (20 * 1000)

/* How often it is looked for: each tick at first, then once a second. */
#define WORKERS_EAGER_USEC (1000 * 1000)
#define WORKERS_PAUSE_USEC (1000 * 1000)

/* A worker that computes is taken to have done so since the last tick. */
#define WORKERS_TICK_USEC (100 * 1000)

/* A script acts on the first signal by then, unless it waits for a stream. */
#define WORKERS_AGAIN_USEC (900 * 1000)

static int may_have(const wheel_request_t *request)
{
    return request->facts.fpm && *request->script;
}

/* --- Its CPU time --------------------------------------------------------- */

static apr_int64_t process_usec(const wheel_worker_t *worker, int *asleep)
{
    pid_t pid = (pid_t)worker->fpm.pid;

    return wheel_proc_thread_usec(pid, pid, asleep);
}

static void find(const wheel_request_t *request, wheel_worker_t *worker)
{
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t used;
    int asleep = 0;

    if (now < worker->next_usec) {
        return;
    }
    if (wheel_fpm_find(request, &worker->fpm) != WHEEL_FPM_DONE) {
        worker->fpm.pid = 0;
        worker->next_usec = request->elapsed < WORKERS_EAGER_USEC
                                ? 0
                                : now + WORKERS_PAUSE_USEC;
        return;
    }
    used = process_usec(worker, &asleep);
    if (!asleep) {
        used -= worker->fpm.ran_usec < WORKERS_TICK_USEC ? worker->fpm.ran_usec
                                                         : WORKERS_TICK_USEC;
    }
    worker->began_cpu_usec = used > 0 ? used : 0;
}

void wheel_worker_follow(wheel_request_t *request, wheel_worker_t *worker)
{
    const wheel_request_facts_t *facts = &request->facts;
    apr_interval_time_t after =
        facts->cpu_max > 0 ? WORKERS_SOON_USEC : facts->slow;
    apr_int64_t used;
    int asleep;

    if (!may_have(request) || request->elapsed < after ||
        request->mark != WHEEL_MARK_NONE) {
        return;
    }
    if (!worker->fpm.pid) {
        find(request, worker);
    }
    if (!worker->fpm.pid) {
        return;
    }
    used = process_usec(worker, &asleep) - worker->began_cpu_usec;
    request->worker_usec = used > 0 ? used : 0;
    wheel_request_slots_worker(wheel_requests_slots(), request->slot,
                               request->id, request->worker_usec);
}

int wheel_worker_is_sure(wheel_request_t *request, wheel_worker_t *worker)
{
    wheel_fpm_worker_t again;

    if (!worker->fpm.pid) {
        return 1;
    }
    if (wheel_fpm_find(request, &again) == WHEEL_FPM_DONE &&
        again.pid == worker->fpm.pid &&
        again.requests == worker->fpm.requests) {
        return 1;
    }
    /* Its script has ended, and the worker goes on to others. */
    worker->fpm.pid = 0;
    worker->next_usec = wheel_clock_usec() + WORKERS_PAUSE_USEC;
    return 0;
}

/* --- Its end -------------------------------------------------------------- */

/* May it get a signal now?  A second one ends its process. */
static int is_due(const wheel_worker_t *worker, wheel_step_e step,
                  apr_int64_t now)
{
    switch (worker->signals) {
    case 0:
        return step >= WHEEL_STEP_INTERRUPT && now >= worker->again_usec;
    case 1:
        return step >= WHEEL_STEP_FORCE &&
               now - worker->signalled_usec >= WORKERS_AGAIN_USEC &&
               now >= worker->again_usec;
    default:
        return 0;
    }
}

/* What may be over a moment later is not worth a line. */
static int is_worth_a_line(const wheel_worker_t *worker, wheel_fpm_e found,
                           wheel_step_e step)
{
    switch (found) {
    case WHEEL_FPM_NONE_FITS:
        return step >= WHEEL_STEP_FORCE && !worker->signals;
    case WHEEL_FPM_NO_ANSWER:
        return step >= WHEEL_STEP_FORCE;
    default:
        return 1;
    }
}

void wheel_worker_interrupt(const wheel_request_t *request,
                            wheel_worker_t *worker, wheel_step_e step)
{
    apr_int64_t now = wheel_clock_usec();
    wheel_fpm_e found;

    if ((request->kind != WHEEL_KIND_FCGI && !may_have(request)) ||
        !is_due(worker, step, now)) {
        return;
    }
    found = wheel_fpm_interrupt(request, worker->signals ? SIGKILL : SIGTERM);
    if (found == WHEEL_FPM_DONE) {
        worker->signals++;
        worker->signalled_usec = wheel_clock_usec();
        return;
    }
    worker->again_usec =
        request->marked < WORKERS_EAGER_USEC ? 0 : now + WORKERS_PAUSE_USEC;
    if (!worker->logged && is_worth_a_line(worker, found, step)) {
        worker->logged = 1;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0104: request %" APR_UINT64_T_FMT
                     " goes on in its FastCGI server: %s",
                     request->id, wheel_fpm_text(found));
    }
}
