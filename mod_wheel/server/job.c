/* SPDX-License-Identifier: Apache-2.0 */
/* server/job.c: a job with a companion, from claim to release, for mod_wheel.h.
 *
 * Runs in the worker that runs the request.  The worker only waits: to be
 * woken, or for the next tick, when it checks its client, its deadline and its
 * server.  It answers from what the companion has handed over and never waits
 * for the companion itself, which sees its mark when the kernel next runs it.
 */
#include "server/job_private.h"

#include <sched.h>
#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"

#include "core/platform.h"
#include "server/admit.h"
#include "server/companion.h"
#include "server/config.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

static const struct {
    int policy;
    wheel_class_e class; /* unknown: whatever the server has */
} schedulings[] = {
    [WHEEL_SCHEDULING_IDLE] = {WHEEL_SCHED_IDLE, WHEEL_CLASS_IDLE},
    [WHEEL_SCHEDULING_BATCH] = {WHEEL_SCHED_BATCH, WHEEL_CLASS_BATCH},
    [WHEEL_SCHEDULING_NORMAL] = {SCHED_OTHER, WHEEL_CLASS_UNKNOWN},
};

/* --- Leave ---------------------------------------------------------------- */

static void note_result(request_rec *r, const wheel_result_t *result)
{
    apr_pool_t *pool = r->pool;

    apr_table_setn(r->notes, "wheel-id",
                   apr_psprintf(pool, "%" APR_UINT64_T_FMT, result->id));
    apr_table_setn(r->notes, "wheel-turns",
                   apr_psprintf(pool, "%" APR_UINT64_T_FMT, result->done));
    apr_table_setn(r->notes, "wheel-elapsed",
                   apr_psprintf(pool, "%" APR_TIME_T_FMT ".%06" APR_TIME_T_FMT,
                                apr_time_sec(result->elapsed),
                                apr_time_usec(result->elapsed)));
    apr_table_setn(r->notes, "wheel-stopped-by", wheel_end_name(result->end));
    apr_table_setn(r->notes, "wheel-number",
                   apr_psprintf(pool, "%u", result->value));
}

void job_leave(request_rec *r, wheel_wait_t *wait, wheel_end_e end,
               wheel_result_t *result)
{
    wheel_record_t record;
    apr_status_t rv;

    rv = wheel_table_leave(wait->table, wait->slot, end, job_show_request, wait,
                           &record);
    end = record.end;
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
    note_result(r, result);
    if (end == WHEEL_END_GONE && !wheel_watch_begun(r)) {
        r->connection->aborted = 1; /* otherwise the next write sets it */
    }
    wheel_admit_http2_leave(r);
    if (wheel_process_ending()) {
        wheel_process_hasten(r);
    }
}

/* --- Run ------------------------------------------------------------------ */

/* Run a job that has its place among the HTTP/2 jobs. */
static apr_status_t run(request_rec *r, const wheel_spec_t *spec,
                        wheel_result_t *result)
{
    wheel_dir_config_t settings = wheel_config_request(r);
    wheel_companion_t *companion;
    wheel_wait_t wait;
    apr_status_t rv;

    memset(&wait, 0, sizeof(wait));
    wait.table = wheel_process_table();
    rv = job_claim(r, spec, &settings, &wait, &result->refusal);
    if (rv != APR_SUCCESS) {
        return APR_EAGAIN;
    }
    wait.asked = schedulings[settings.scheduling].class;
    rv = wheel_companion_start(&companion, spec, wait.slot,
                               schedulings[settings.scheduling].policy);
    if (rv != APR_SUCCESS) {
        result->refusal = WHEEL_REFUSED_THREAD;
        wheel_table_unclaim(wait.table, wait.slot, result->refusal,
                            job_show_request, &wait);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0022: no thread for a wheel could be started: raise "
                      "the limits of threads and processes");
        return APR_EAGAIN;
    }
    wait.watched = settings.stop_on_disconnect;
    wheel_watch_begin(&wait.watch, r, WHEEL_WATCH_HALF_GONE);
    job_leave(r, &wait, wheel_wait_for_end(&wait), result);
    result->result_bytes = wheel_companion_take(companion, spec->result);
    if (result->end == WHEEL_END_FINISHED && spec->baton_bytes) {
        memcpy(spec->baton, wheel_companion_baton(companion),
               spec->baton_bytes);
    }
    wheel_companion_release(companion);
    return APR_SUCCESS;
}

apr_status_t wheel_job_run(request_rec *r, const wheel_spec_t *spec,
                           wheel_result_t *result)
{
    apr_status_t rv;

    if (!r || !spec || !result) {
        return APR_EINVAL;
    }
    rv = job_enter(r, spec, 1, result);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = run(r, spec, result);
    return rv == APR_SUCCESS ? rv : job_not_begun(r, result);
}

/* --- Offer --------------------------------------------------------------- */

static apr_uint32_t wheel_api_version(void)
{
    return WHEEL_API_VERSION;
}

void wheel_job_register(apr_pool_t *pconf)
{
    (void)pconf;
    APR_REGISTER_OPTIONAL_FN(wheel_api_version);
    APR_REGISTER_OPTIONAL_FN(wheel_job_run);
    APR_REGISTER_OPTIONAL_FN(wheel_job_begin);
    APR_REGISTER_OPTIONAL_FN(wheel_job_end);
}
