/* SPDX-License-Identifier: Apache-2.0 */
/* server/job.c: one job from claim to release, for mod_wheel.h.
 *
 * Runs in the worker that runs the request.  The worker of a job with a
 * companion only waits: to be woken, or for the next tick, when it checks its
 * client, its deadline and its server.  It answers from what the companion has
 * handed over and never waits for the companion itself, which sees its mark
 * when the kernel next runs it.  A worker that does the work itself makes these
 * checks when the work polls the mark.
 */
#include "server/job.h"

#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"

#include "server/admit.h"
#include "server/config.h"
#include "core/platform.h"
#include "core/parse.h"
#include "server/companion.h"
#include "server/process.h"
#include "server/requests.h"
#include "server/signals.h"
#include "server/wait.h"

APLOG_USE_MODULE(wheel);

/* A job that its worker does itself. */
typedef struct job_own_t {
    wheel_job_t job; /* first: by its address the work finds the rest */
    wheel_wait_t wait;
    request_rec *r;
    apr_int64_t polled_usec;
    apr_int64_t polled_cpu_usec;
    char *result; /* the caller's */
    apr_size_t result_max;
    apr_size_t result_bytes;
    void *memory;
    wheel_result_t ended; /* how it went, once it has ended; then these two */
    apr_uint64_t state;   /* stand in for its slot, which is another job's */
    apr_uint64_t progress;
} job_own_t;

static const char *const refusal_names[WHEEL_REFUSED_COUNT] = {
    [WHEEL_REFUSED_NONE] = "none",         [WHEEL_REFUSED_MAX] = "max",
    [WHEEL_REFUSED_RESERVE] = "reserve",   [WHEEL_REFUSED_CLIENT] = "client",
    [WHEEL_REFUSED_HTTP2] = "http2",       [WHEEL_REFUSED_SLOTS] = "slots",
    [WHEEL_REFUSED_THREAD] = "thread",     [WHEEL_REFUSED_LOCK] = "lock",
    [WHEEL_REFUSED_STOPPING] = "stopping",
};

static const struct {
    int policy;
    wheel_class_e class; /* unknown: whatever the server has */
} schedulings[] = {
    [WHEEL_SCHEDULING_IDLE] = {WHEEL_SCHED_IDLE, WHEEL_CLASS_IDLE},
    [WHEEL_SCHEDULING_BATCH] = {WHEEL_SCHED_BATCH, WHEEL_CLASS_BATCH},
    [WHEEL_SCHEDULING_NORMAL] = {SCHED_OTHER, WHEEL_CLASS_UNKNOWN},
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

/* It is listed once, and stopped once: as the job, while that runs. */
static int hide_request(void *baton, wheel_end_e *end)
{
    wheel_wait_t *wait = baton;
    wheel_mark_e mark;

    wait->request = wheel_requests_hide(&mark);
    *end = ends[mark];
    return wait->request != 0;
}

static void show_request(void *baton)
{
    const wheel_wait_t *wait = baton;

    wheel_requests_show(wait->request);
}

static apr_status_t claim(request_rec *r, const wheel_spec_t *spec,
                          const wheel_dir_config_t *settings,
                          wheel_wait_t *wait, wheel_refusal_e *refusal)
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
        show_request(wait);
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

/* --- Begin and end ------------------------------------------------------- */

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

/* All that comes before a job may start. */
static apr_status_t enter(request_rec *r, const wheel_spec_t *spec,
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

static void leave(request_rec *r, wheel_wait_t *wait, wheel_end_e end,
                  wheel_result_t *result)
{
    wheel_record_t record;
    apr_status_t rv;

    rv = wheel_table_leave(wait->table, wait->slot, end, show_request, wait,
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

/* --- With a companion ---------------------------------------------------- */

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
    rv = claim(r, spec, &settings, &wait, &result->refusal);
    if (rv != APR_SUCCESS) {
        return APR_EAGAIN;
    }
    wait.asked = schedulings[settings.scheduling].class;
    rv = wheel_companion_start(&companion, spec, wait.slot,
                               schedulings[settings.scheduling].policy);
    if (rv != APR_SUCCESS) {
        result->refusal = WHEEL_REFUSED_THREAD;
        wheel_table_unclaim(wait.table, wait.slot, result->refusal,
                            show_request, &wait);
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0022: no thread for a wheel could be started: raise "
                      "the limits of threads and processes");
        return APR_EAGAIN;
    }
    wait.watched = settings.stop_on_disconnect;
    wheel_watch_begin(&wait.watch, r, WHEEL_WATCH_HALF_GONE);
    leave(r, &wait, wheel_wait_for_end(&wait), result);
    result->result_bytes = wheel_companion_take(companion, spec->result);
    if (result->end == WHEEL_END_FINISHED && spec->baton_bytes) {
        memcpy(spec->baton, wheel_companion_baton(companion),
               spec->baton_bytes);
    }
    wheel_companion_release(companion);
    return APR_SUCCESS;
}

/* A job that was refused at its claim, or for want of a thread. */
static apr_status_t not_begun(request_rec *r, const wheel_result_t *result)
{
    note_refusal(r, result->refusal);
    wheel_admit_http2_leave(r);
    return APR_EAGAIN;
}

apr_status_t wheel_job_run(request_rec *r, const wheel_spec_t *spec,
                           wheel_result_t *result)
{
    apr_status_t rv;

    if (!r || !spec || !result) {
        return APR_EINVAL;
    }
    rv = check_version(r, spec);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    memset(result, 0, sizeof(*result));
    rv = spec->work ? check_spec(spec) : APR_EINVAL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = enter(r, spec, result);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = run(r, spec, result);
    return rv == APR_SUCCESS ? rv : not_begun(r, result);
}

/* --- In the worker ------------------------------------------------------- */

static void note_poll(job_own_t *own, apr_int64_t now)
{
    apr_int64_t cpu = wheel_clock_thread_usec();

    if (own->polled_usec) {
        wheel_wait_log_late(&own->wait, cpu - own->polled_cpu_usec);
    }
    own->polled_usec = now;
    own->polled_cpu_usec = cpu;
    wheel_table_polled(own->wait.table, own->wait.slot, now, cpu);
}

/* The kernel's tick is often enough for all but the mark. */
static wheel_end_e poll_mark(wheel_job_t *job)
{
    job_own_t *own = (job_own_t *)job;
    wheel_wait_t *wait = &own->wait;
    wheel_end_e end = wheel_table_marked(wait->table, wait->slot);
    apr_int64_t now = wheel_clock_coarse_usec();

    if (now != own->polled_usec) {
        note_poll(own, now);
        if (end == WHEEL_END_NONE) {
            end = wheel_wait_round(wait);
        }
        if (end != WHEEL_END_NONE) {
            end = wheel_table_mark(wait->table, wait->slot, end);
        }
    }
    return end;
}

static int hand_over(wheel_job_t *job, const void *data, apr_size_t bytes,
                     int append)
{
    job_own_t *own = (job_own_t *)job;
    apr_size_t from = append ? own->result_bytes : 0;

    if (bytes > own->result_max - from) {
        return 0;
    }
    if (bytes) {
        memcpy(own->result + from, data, bytes);
    }
    own->result_bytes = from + bytes;
    return 1;
}

static void *memory_of(wheel_job_t *job)
{
    return ((job_own_t *)job)->memory;
}

static const wheel_job_calls_t own_calls = {poll_mark, hand_over, memory_of};

static wheel_end_e poll_ended(wheel_job_t *job)
{
    return ((job_own_t *)job)->ended.end;
}

static int hand_over_late(wheel_job_t *job, const void *data, apr_size_t bytes,
                          int append)
{
    (void)job;
    (void)data;
    (void)bytes;
    (void)append;
    return 0;
}

/* A handler that goes on with a job which has ended reaches no other one. */
static const wheel_job_calls_t ended_calls = {poll_ended, hand_over_late,
                                              memory_of};

static void end_own(job_own_t *own)
{
    wheel_result_t *result = &own->ended;
    wheel_wait_t *wait = &own->wait;
    wheel_end_e end = WHEEL_END_FINISHED;

    if (wait->watched && own->r->connection->aborted) {
        end = WHEEL_END_GONE; /* a write has noticed before a poll did */
    }
    leave(own->r, wait, end, result);
    result->result_bytes = own->result_bytes;
    own->state = result->end;
    own->job.state = &own->state;
    own->job.progress = &own->progress;
    own->job.calls = &ended_calls;
}

/* The handler has left without a word. */
static apr_status_t end_forgotten(void *data)
{
    end_own(data);
    return APR_SUCCESS;
}

/* APR's pools align to 8 bytes, and a long double or a vector needs more. */
static void *make_memory(apr_pool_t *pool, apr_size_t bytes)
{
    const apr_size_t align = _Alignof(max_align_t);
    char *memory = apr_pcalloc(pool, bytes + align);

    return memory + (align - (apr_uintptr_t)memory % align) % align;
}

static job_own_t *make_own(request_rec *r, const wheel_spec_t *spec)
{
    job_own_t *own = apr_pcalloc(r->pool, sizeof(*own));

    own->r = r;
    own->result = spec->result;
    own->result_max = spec->result_bytes;
    if (spec->memory_bytes) {
        own->memory = make_memory(r->pool, spec->memory_bytes);
    }
    own->wait.table = wheel_process_table();
    own->wait.in_worker = 1;
    return own;
}

apr_status_t wheel_job_begin(request_rec *r, const wheel_spec_t *spec,
                             wheel_job_t **job, wheel_result_t *result)
{
    wheel_dir_config_t settings;
    apr_status_t rv;
    job_own_t *own;

    if (job) {
        *job = NULL;
    }
    if (!r || !spec || !job || !result) {
        return APR_EINVAL;
    }
    rv = check_version(r, spec);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    memset(result, 0, sizeof(*result));
    rv = check_spec(spec);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = enter(r, spec, result);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    own = make_own(r, spec);
    settings = wheel_config_request(r);
    rv = claim(r, spec, &settings, &own->wait, &result->refusal);
    if (rv != APR_SUCCESS) {
        return not_begun(r, result);
    }
    apr_pool_cleanup_register(r->pool, own, end_forgotten,
                              apr_pool_cleanup_null);
    own->job = wheel_table_job(own->wait.table, own->wait.slot);
    own->job.calls = &own_calls;
    wheel_table_set_thread(own->wait.table, own->wait.slot,
                           wheel_thread_number(),
                           wheel_thread_schedule(SCHED_OTHER));
    wheel_job_progress(&own->job, 0, spec->value);
    own->wait.watched = settings.stop_on_disconnect;
    wheel_watch_begin(&own->wait.watch, r, WHEEL_WATCH_HALF_GONE);
    poll_mark(&own->job);
    *job = &own->job;
    return APR_SUCCESS;
}

void wheel_job_end(wheel_job_t *job, wheel_result_t *result)
{
    job_own_t *own = (job_own_t *)job;

    if (result) {
        memset(result, 0, sizeof(*result));
    }
    if (!own) {
        return;
    }
    if (own->job.calls != &ended_calls) {
        note_poll(own, wheel_clock_coarse_usec());
        apr_pool_cleanup_kill(own->r->pool, own, end_forgotten);
        end_own(own);
    }
    if (result) {
        *result = own->ended;
    }
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
