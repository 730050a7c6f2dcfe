/* SPDX-License-Identifier: Apache-2.0 */
/* server/wait.c: what a worker checks while its job runs, and how it waits.
 *
 * Runs in the worker that runs the request.  It sleeps on the semaphore of the
 * job's slot and wakes up at each tick to check the client, the deadline and
 * the server.
 */
#include "server/wait.h"

#include "httpd.h"

#include "http_config.h"
#include "http_log.h"

#include "server/mpm.h"
#include "server/process.h"
#include "server/signals.h"

APLOG_USE_MODULE(wheel);

/* From one check of client, deadline and server to the next. */
#define WAIT_TICK_USEC (250 * 1000)

/* The worker of a job answers in time whatever its companion does, but nothing
 * can end a companion that does not poll its mark. */
static void log_if_stuck(wheel_wait_t *wait)
{
    wheel_record_t record;

    if (wheel_table_stuck_news(wait->table, wait->slot, &record)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_WARNING, 0, wait->watch.r,
            "WH0024: wheel %" APR_UINT64_T_FMT " of handler %s has not "
            "polled its mark for %" APR_TIME_T_FMT " ms: its work goes "
            "on after a stop until it does",
            record.id, record.handler, apr_time_as_msec(record.polled));
    }
}

void wheel_wait_log_late(const wheel_wait_t *wait, apr_interval_time_t late)
{
    apr_interval_time_t poll_max = wheel_table_poll_max(wait->table);

    if (poll_max && late >= poll_max &&
        wheel_table_stuck_tell(wait->table, wait->slot)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, wait->watch.r,
                      "WH0025: wheel %" APR_UINT64_T_FMT
                      " of handler %s, which "
                      "runs in its worker, did not poll its mark for "
                      "%" APR_TIME_T_FMT " ms of CPU time",
                      wait->id, wait->watch.r->handler, apr_time_as_msec(late));
    }
}

/* A companion without its class takes the CPU from other requests.  Logged once
 * for the whole server, since all companions have that in common. */
static void log_class(wheel_wait_t *wait)
{
    wheel_class_e class = wheel_table_class(wait->table, wait->slot);
    wheel_class_e asked = wait->asked;

    if (asked == WHEEL_CLASS_UNKNOWN || class == WHEEL_CLASS_UNKNOWN) {
        return; /* it is logged, or the thread has not run */
    }
    wait->asked = WHEEL_CLASS_UNKNOWN;
    if (class != asked && wheel_table_class_news(wait->table)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, wait->watch.r,
                      "WH0027: the kernel or a filter of system calls refuses "
                      "the scheduling class %s to the threads of wheels: their "
                      "class is %s, and other requests may have to wait for "
                      "them; allow sched_setscheduler(), or set "
                      "WheelScheduling normal",
                      wheel_class_name(asked), wheel_class_name(class));
    }
}

wheel_end_e wheel_wait_round(wheel_wait_t *wait)
{
    wait->tick = WAIT_TICK_USEC;
    if (!wait->in_worker &&
        !(wheel_table_owners(wait->table, wait->slot, wait->id) &
          WHEEL_OWNER_COMPANION)) {
        return WHEEL_END_FINISHED;
    }
    if (!wait->in_worker) {
        log_if_stuck(wait);
        log_class(wait);
    }
    if (wheel_process_ending()) {
        return WHEEL_END_SHUTDOWN;
    }
    if (wheel_process_orphaned()) {
        wheel_signals_lose_parent();
        wheel_mpm_end_unreachable();
    }
    wheel_mpm_help();
    if (wait->deadline_usec && wheel_clock_usec() >= wait->deadline_usec) {
        return WHEEL_END_DEADLINE;
    }
    if (!wait->watched) {
        return WHEEL_END_NONE;
    }
    switch (wheel_watch_poll(&wait->watch)) {
    case WHEEL_WATCH_GONE:
        return WHEEL_END_GONE;
    case WHEEL_WATCH_UNSURE:
        wait->tick = WHEEL_WATCH_UNSURE_USEC;
        break;
    default:
        break;
    }
    return WHEEL_END_NONE;
}

/* Jobs that began together have ticks at different times: else their workers
 * would all wake at once, and a request that comes then would wait for them.
 * The ids, which follow one another, are spread over the tick by the golden
 * ratio. */
static apr_interval_time_t time_to_tick(const wheel_wait_t *wait,
                                        apr_int64_t now)
{
    apr_uint32_t spread = (apr_uint32_t)wait->id * 2654435769u;
    apr_int64_t phase = ((apr_uint64_t)spread * WAIT_TICK_USEC) >> 32;

    if (wait->tick < WAIT_TICK_USEC) {
        return wait->tick;
    }
    return WAIT_TICK_USEC - (now + phase) % WAIT_TICK_USEC;
}

static apr_interval_time_t time_to_sleep(const wheel_wait_t *wait)
{
    apr_int64_t now = wheel_clock_usec();
    apr_interval_time_t tick = time_to_tick(wait, now);
    apr_interval_time_t left = tick;

    if (wait->deadline_usec) {
        left = wait->deadline_usec - now;
    }
    return left < tick ? (left > 0 ? left : 0) : tick;
}

wheel_end_e wheel_wait_for_end(wheel_wait_t *wait)
{
    wheel_end_e end = wheel_table_marked(wait->table, wait->slot);

    while (end == WHEEL_END_NONE) {
        wheel_end_e found = wheel_wait_round(wait);

        if (found != WHEEL_END_NONE) {
            return wheel_table_mark(wait->table, wait->slot, found);
        }
        wheel_table_wait(wait->table, wait->slot, time_to_sleep(wait));
        end = wheel_table_marked(wait->table, wait->slot);
    }
    return end;
}
