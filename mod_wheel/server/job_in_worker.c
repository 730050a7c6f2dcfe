/* SPDX-License-Identifier: Apache-2.0 */
/* server/job_in_worker.c: a job that its worker does itself, for mod_wheel.h.
 *
 * Client, deadline and server are checked when the work polls its mark.
 */
#include "server/job_private.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "core/platform.h"
#include "core/proc.h"
#include "server/config.h"
#include "server/process.h"

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
    job_leave(own->r, wait, end, result);
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
    rv = job_enter(r, spec, 0, result);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    own = make_own(r, spec);
    settings = wheel_config_request(r);
    rv = job_claim(r, spec, &settings, &own->wait, &result->refusal);
    if (rv != APR_SUCCESS) {
        return job_not_begun(r, result);
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
