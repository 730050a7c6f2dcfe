/* SPDX-License-Identifier: Apache-2.0 */
/* server/job_claim.c: may a job begin?  What is asked for is checked, then a
 * slot is claimed.
 *
 * Runs in the worker that runs the request.
 */
#include "server/job_private.h"

#include <stdatomic.h>
#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"

#include "core/parse.h"
#include "core/proc.h"
#include "server/admit.h"
#include "server/config.h"
#include "server/process.h"
#include "server/requests.h"
#include "server/signals.h"

APLOG_USE_MODULE(wheel);

static const char *const refusal_names[WHEEL_REFUSED_COUNT] = {
    [WHEEL_REFUSED_NONE] = "none",         [WHEEL_REFUSED_MAX] = "max",
    [WHEEL_REFUSED_RESERVE] = "reserve",   [WHEEL_REFUSED_CLIENT] = "client",
    [WHEEL_REFUSED_HTTP2] = "http2",       [WHEEL_REFUSED_SLOTS] = "slots",
    [WHEEL_REFUSED_THREAD] = "thread",     [WHEEL_REFUSED_LOCK] = "lock",
    [WHEEL_REFUSED_STOPPING] = "stopping",
};

/* How a job ends whose request was to end before it began. */
static const wheel_end_e ends[WHEEL_MARK_COUNT] = {
    [WHEEL_MARK_NONE] = WHEEL_END_NONE,
    [WHEEL_MARK_STOP] = WHEEL_END_STOP,
    [WHEEL_MARK_DEADLINE] = WHEEL_END_DEADLINE,
    [WHEEL_MARK_CPU] = WHEEL_END_DEADLINE,
    [WHEEL_MARK_GONE] = WHEEL_END_GONE,
};

const char *wheel_refusal_name(wheel_refusal_e refusal)
{
    return refusal < WHEEL_REFUSED_COUNT ? refusal_names[refusal] : "unknown";
}

/* --- What is asked for ---------------------------------------------------- */

/* The structures of another major version, or of a later minor one, may be
 * longer or mean something else. */
static apr_status_t check_version(request_rec *r, const wheel_spec_t *spec)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;

    if (spec->version >> 16 == WHEEL_API_MAJOR &&
        spec->version <= WHEEL_API_VERSION) {
        return APR_SUCCESS;
    }
    if (!atomic_flag_test_and_set_explicit(&told, memory_order_relaxed)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "WH0023: handler %s asks for version %u.%u of the job "
                      "API, and this mod_wheel serves %u.0 to %u.%u: call "
                      "wheel_spec_init(), and build the handler's module with "
                      "the mod_wheel.h that belongs to this one",
                      r->handler ? r->handler : "(none)", spec->version >> 16,
                      spec->version & 0xffff, WHEEL_API_MAJOR, WHEEL_API_MAJOR,
                      WHEEL_API_MINOR);
    }
    return APR_ENOTIMPL;
}

static int has_room(const void *where, apr_size_t bytes)
{
    return bytes <= WHEEL_BYTES_MAX && (where || !bytes);
}

static apr_status_t check_spec(const wheel_spec_t *spec)
{
    if (spec->load > WHEEL_LOAD_MAX ||
        !has_room(spec->baton, spec->baton_bytes) ||
        !has_room(spec->result, spec->result_bytes) ||
        spec->memory_bytes > WHEEL_BYTES_MAX ||
        (spec->name && !wheel_parse_name(spec->name))) {
        return APR_EINVAL;
    }
    return APR_SUCCESS;
}

/* However the handler answers: the connection ends, and no worker waits for
 * the client to close it, too. */
static void note_refusal(request_rec *r, wheel_refusal_e refusal)
{
    apr_table_setn(r->notes, "wheel-refused", wheel_refusal_name(refusal));
    apr_table_setn(r->connection->notes, "wheel-refused", "");
}

static apr_status_t refuse(request_rec *r, wheel_refusal_e refusal,
                           wheel_result_t *result)
{
    result->refusal = refusal;
    wheel_table_refuse(wheel_process_table(), refusal);
    note_refusal(r, refusal);
    return APR_EAGAIN;
}

static apr_status_t admit(request_rec *r, const wheel_spec_t *spec,
                          wheel_result_t *result)
{
    if (spec->name) {
        apr_table_set(r->notes, "wheel-name", spec->name);
    }
    if (spec->load) {
        apr_table_setn(r->notes, "wheel-load",
                       apr_psprintf(r->pool, "%u", spec->load));
    }
    wheel_signals_hold(r->pool);
    if (wheel_process_ending()) {
        return refuse(r, WHEEL_REFUSED_STOPPING, result);
    }
    if (!wheel_admit_http2_enter(r, wheel_config_server().reserve)) {
        return refuse(r, WHEEL_REFUSED_HTTP2, result);
    }
    return APR_SUCCESS;
}

/* All that comes before a job may start.  A result is as long as its version
 * says: it stays as it is where that is unknown. */
apr_status_t job_enter(request_rec *r, const wheel_spec_t *spec, int needs_work,
                       wheel_result_t *result)
{
    apr_status_t rv = check_version(r, spec);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    memset(result, 0, sizeof(*result));
    rv = needs_work && !spec->work ? APR_EINVAL : check_spec(spec);
    return rv == APR_SUCCESS ? admit(r, spec, result) : rv;
}

/* --- Claim ---------------------------------------------------------------- */

/* The shorter of two times, where -1 and 0 mean none. */
static apr_interval_time_t shorter(apr_interval_time_t asked,
                                   apr_interval_time_t allowed)
{
    if (allowed <= 0) {
        return asked;
    }
    return asked < 0 || asked > allowed ? allowed : asked;
}

/* It is listed once, and stopped once: as the job, while that runs. */
static int hide_request(void *baton, wheel_end_e *end)
{
    wheel_wait_t *wait = baton;
    wheel_mark_e mark;

    wait->request = wheel_requests_hide(&mark);
    *end = ends[mark];
    return wait->request != 0;
}

void job_show_request(void *baton)
{
    const wheel_wait_t *wait = baton;

    wheel_requests_show(wait->request);
}

apr_status_t job_claim(request_rec *r, const wheel_spec_t *spec,
                       const wheel_dir_config_t *settings, wheel_wait_t *wait,
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
    claim.in_worker = wait->in_worker;
    claim.proc = wheel_process_self();
    claim.generation = wheel_process_generation();
    claim.wait_max = shorter(spec->wait_max, settings->wait_max);
    if (claim.wait_max >= WHEEL_WAIT_MAX) {
        claim.wait_max = -1;
    }
    claim.rotating_max = server.rotating_max;
    claim.per_client_max = server.per_client_max;
    claim.admit = wheel_admit_reserve;
    claim.admit_baton = &server.reserve;
    claim.hide = hide_request;
    claim.hide_baton = wait;

    rv =
        wheel_table_claim(wait->table, &claim, &wait->slot, &wait->id, refusal);
    if (rv != APR_SUCCESS && *refusal == WHEEL_REFUSED_LOCK) {
        job_show_request(wait);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0020: the mutex 'wheel' failed, and a job was "
                      "refused: check the directory and rights of Mutex");
    }
    if (wheel_table_damage(wait->table)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "WH0026: an entry of the table of wheels was damaged and "
                      "is not used: another module of a child writes where it "
                      "should not");
    }
    wait->deadline_usec =
        claim.wait_max >= 0 ? wheel_clock_usec() + claim.wait_max : 0;
    return rv;
}

apr_status_t job_not_begun(request_rec *r, const wheel_result_t *result)
{
    note_refusal(r, result->refusal);
    wheel_admit_http2_leave(r);
    return APR_EAGAIN;
}
