/* wheel_job.c: one job from claim to release.
 *
 * Runs in the worker that runs the request.  The worker claims a slot, starts
 * a companion for it, and then only waits: for the bell, or for the tick at
 * which it looks at its client, its deadline and its server.  It answers from
 * what the companion has published and never waits for the companion itself,
 * which sees its mark when the kernel next runs it.
 */
#include "wheel_job.h"

#include <sched.h>
#include <string.h>

#include "http_config.h"
#include "http_log.h"

#include "wheel_admit.h"
#include "wheel_config.h"
#include "wheel_parse.h"
#include "wheel_process.h"
#include "wheel_watch.h"

APLOG_USE_MODULE(wheel);

/* The longest time that nobody looks at client, deadline and server. */
#define JOB_TICK_USEC (250 * 1000)

/* A job while its worker waits. */
typedef struct job_wait_t {
    wheel_table_t *table;
    unsigned slot;
    apr_uint64_t id;
    apr_int64_t deadline_usec; /* by wheel_clock_usec(), 0 for none */
    apr_interval_time_t tick;
    int watched; /* a vanished client ends it */
    wheel_watch_t watch;
} job_wait_t;

static const char *const end_names[WHEEL_END_COUNT] = {
    [WHEEL_END_NONE] = "none", [WHEEL_END_FINISHED] = "finished",
    [WHEEL_END_STOP] = "stop", [WHEEL_END_DEADLINE] = "deadline",
    [WHEEL_END_GONE] = "gone", [WHEEL_END_SHUTDOWN] = "shutdown",
    [WHEEL_END_DIED] = "died",
};

static const char *const refusal_names[WHEEL_REFUSED_COUNT] = {
    [WHEEL_REFUSED_NONE] = "none",         [WHEEL_REFUSED_MAX] = "max",
    [WHEEL_REFUSED_RESERVE] = "reserve",   [WHEEL_REFUSED_CLIENT] = "client",
    [WHEEL_REFUSED_HTTP2] = "http2",       [WHEEL_REFUSED_SLOTS] = "slots",
    [WHEEL_REFUSED_THREAD] = "thread",     [WHEEL_REFUSED_LOCK] = "lock",
    [WHEEL_REFUSED_STOPPING] = "stopping",
};

static const int policies[] = {
    [WHEEL_SCHEDULING_IDLE] = SCHED_IDLE,
    [WHEEL_SCHEDULING_BATCH] = SCHED_BATCH,
    [WHEEL_SCHEDULING_NORMAL] = SCHED_OTHER,
};

const char *wheel_end_name(wheel_end_e end)
{
    return end < WHEEL_END_COUNT ? end_names[end] : "unknown";
}

const char *wheel_refusal_name(wheel_refusal_e refusal)
{
    return refusal < WHEEL_REFUSED_COUNT ? refusal_names[refusal] : "unknown";
}

/* --- Claim --------------------------------------------------------------- */

/* The shorter of two times, where -1 and 0 mean none. */
static apr_interval_time_t shorter(apr_interval_time_t asked,
                                   apr_interval_time_t allowed)
{
    if (allowed <= 0) {
        return asked;
    }
    return asked < 0 || asked > allowed ? allowed : asked;
}

static apr_status_t claim(request_rec *r, const wheel_spec_t *spec,
                          const wheel_dir_config_t *settings, job_wait_t *wait,
                          wheel_refusal_e *refusal)
{
    wheel_server_config_t server = wheel_config_server();
    wheel_claim_t claim;
    apr_status_t rv;

    memset(&claim, 0, sizeof(claim));
    claim.name = spec->name;
    claim.client = r->useragent_ip;
    claim.handler = r->handler;
    claim.load = spec->load;
    claim.proc = wheel_process_self();
    claim.generation = wheel_process_generation();
    claim.wait_max = shorter(spec->wait_max, settings->wait_max);
    claim.rotating_max = server.rotating_max;
    claim.per_client_max = server.per_client_max;
    claim.admit = wheel_admit_reserve;
    claim.admit_baton = &server.reserve;

    rv =
        wheel_table_claim(wait->table, &claim, &wait->slot, &wait->id, refusal);
    if (rv != APR_SUCCESS && *refusal == WHEEL_REFUSED_LOCK) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0020: the mutex 'wheel' failed");
    }
    wait->deadline_usec =
        claim.wait_max >= 0 ? wheel_clock_usec() + claim.wait_max : 0;
    return rv;
}

/* --- Wait ---------------------------------------------------------------- */

/* Look at everything that may end a job but a stop.
 * @return what it found, WHEEL_END_NONE to go on */
static wheel_end_e look_round(job_wait_t *wait)
{
    wait->tick = JOB_TICK_USEC;
    if (!(wheel_table_owners(wait->table, wait->slot, wait->id) &
          WHEEL_OWNER_COMPANION)) {
        return WHEEL_END_FINISHED;
    }
    if (wheel_process_ending()) {
        return WHEEL_END_SHUTDOWN;
    }
    if (wait->deadline_usec && wheel_clock_usec() >= wait->deadline_usec) {
        return WHEEL_END_DEADLINE;
    }
    if (!wait->watched) {
        return WHEEL_END_NONE;
    }
    switch (wheel_watch_look(&wait->watch)) {
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

static apr_interval_time_t time_to_sleep(const job_wait_t *wait)
{
    apr_interval_time_t left = wait->tick;

    if (wait->deadline_usec) {
        left = wait->deadline_usec - wheel_clock_usec();
    }
    return left < wait->tick ? (left > 0 ? left : 0) : wait->tick;
}

/* Wait for the end.  Whatever this finds is a mark, too, so that a stop which
 * comes later doesn't count a job that has ended. */
static wheel_end_e wait_for_end(job_wait_t *wait)
{
    wheel_end_e end = wheel_table_marked(wait->table, wait->slot);

    while (end == WHEEL_END_NONE) {
        wheel_end_e found = look_round(wait);

        if (found != WHEEL_END_NONE) {
            return wheel_table_mark(wait->table, wait->slot, found);
        }
        wheel_table_wait(wait->table, wait->slot, time_to_sleep(wait));
        end = wheel_table_marked(wait->table, wait->slot);
    }
    wheel_table_ring_next(wait->table, wait->slot + 1);
    return end;
}

/* --- Run ----------------------------------------------------------------- */

static void leave(request_rec *r, job_wait_t *wait, wheel_end_e end,
                  wheel_result_t *result)
{
    wheel_record_t record;
    apr_status_t rv = wheel_table_leave(wait->table, wait->slot, end, &record);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, rv, r,
            "WH0021: the mutex 'wheel' failed; wheel %" APR_UINT64_T_FMT
            " is missing in the status page",
            wait->id);
    }
    result->end = end;
    result->id = wait->id;
    result->done = record.done;
    result->value = record.value;
    result->elapsed = record.elapsed;
    if (end == WHEEL_END_GONE) {
        r->connection->aborted = 1;
    }
}

/* Run a job that has its place among the HTTP/2 jobs. */
static apr_status_t run(request_rec *r, const wheel_spec_t *spec,
                        wheel_result_t *result)
{
    wheel_dir_config_t settings = wheel_config_request(r);
    wheel_companion_t *companion;
    job_wait_t wait;
    apr_status_t rv;

    memset(&wait, 0, sizeof(wait));
    wait.table = wheel_process_table();
    rv = claim(r, spec, &settings, &wait, &result->refusal);
    if (rv != APR_SUCCESS) {
        return APR_EAGAIN;
    }
    rv = wheel_process_start(&companion, spec, wait.slot,
                             policies[settings.scheduling]);
    if (rv != APR_SUCCESS) {
        result->refusal = WHEEL_REFUSED_THREAD;
        wheel_table_unclaim(wait.table, wait.slot, result->refusal);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0022: no thread for a wheel could be started");
        return APR_EAGAIN;
    }
    wait.watched = settings.stop_on_disconnect;
    wheel_watch_begin(&wait.watch, r);
    leave(r, &wait, wait_for_end(&wait), result);
    if (result->end == WHEEL_END_FINISHED && spec->baton_bytes) {
        memcpy(spec->baton, wheel_process_baton(companion), spec->baton_bytes);
    }
    wheel_process_release(companion);
    return APR_SUCCESS;
}

static apr_status_t refuse(wheel_refusal_e refusal, wheel_result_t *result)
{
    result->refusal = refusal;
    wheel_table_refuse(wheel_process_table(), refusal);
    return APR_EAGAIN;
}

apr_status_t wheel_job_run(request_rec *r, const wheel_spec_t *spec,
                           wheel_result_t *result)
{
    apr_status_t rv;

    memset(result, 0, sizeof(*result));
    if (!spec->work || spec->load > WHEEL_LOAD_MAX ||
        (spec->baton_bytes && !spec->baton) ||
        (spec->name && !wheel_parse_name(spec->name))) {
        return APR_EINVAL;
    }
    wheel_process_hold_signals(r->pool);
    if (wheel_process_ending()) {
        return refuse(WHEEL_REFUSED_STOPPING, result);
    }
    if (!wheel_admit_http2_enter(r, wheel_config_server().reserve)) {
        return refuse(WHEEL_REFUSED_HTTP2, result);
    }
    rv = run(r, spec, result);
    wheel_admit_http2_leave(r);
    if (wheel_process_ending()) {
        wheel_process_hasten(r);
    }
    return rv;
}

void wheel_job_register(apr_pool_t *pconf)
{
    (void)pconf;
    APR_REGISTER_OPTIONAL_FN(wheel_job_run);
}
