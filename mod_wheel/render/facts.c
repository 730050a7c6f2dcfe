/* SPDX-License-Identifier: Apache-2.0 */
/* render/facts.c: the columns of a job and the rows of the server.
 *
 * JSON, lines of text and HTML are made from these tables, so all of them have
 * the same facts.  Pure functions; any thread.
 */
#include "render/facts.h"

#include "server/job.h"
#include "render/json.h"
#include "render/text.h"

#include <string.h>

#include "apr_strings.h"

/* Turns a second that are shown: more than any job makes, and fewer than an
 * integer holds. */
#define RENDER_RATE_MAX 1e18

/* --- The columns of a job ------------------------------------------------- */

static json_t *job_id(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_integer((json_int_t)job->id);
}

static json_t *job_name(const wheel_record_t *job, apr_pool_t *pool)
{
    return wheel_json_name(job->name, pool);
}

static json_t *job_client(const wheel_record_t *job, apr_pool_t *pool)
{
    return wheel_json_client(job->client, pool);
}

static json_t *job_handler(const wheel_record_t *job, apr_pool_t *pool)
{
    return wheel_json_name(job->handler, pool);
}

static json_t *job_pid(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_integer(job->pid);
}

static json_t *job_thread(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->tid ? json_integer(job->tid) : json_null();
}

static json_t *job_class(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->class == WHEEL_CLASS_UNKNOWN
               ? json_null()
               : json_string(wheel_class_name(job->class));
}

static json_t *job_generation(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_integer(job->generation);
}

static json_t *job_state(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    if (!(job->owners & WHEEL_OWNER_WORKER)) {
        return json_string("draining");
    }
    return json_string(job->end == WHEEL_END_NONE ? "rotating" : "stopping");
}

static json_t *job_started(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_real(job->started / 1e6);
}

/* No duration is negative, whatever a process wrote into the table. */
static json_t *duration(apr_interval_time_t usec, double unit_usec)
{
    return json_real(usec > 0 ? usec / unit_usec : 0);
}

static json_t *job_elapsed(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return duration(job->elapsed, 1e6);
}

static json_t *job_deadline(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->wait_max < 0 ? json_null() : duration(job->wait_max, 1e6);
}

static json_t *job_load(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->load ? json_integer(job->load) : json_null();
}

static json_t *job_turns(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_integer((json_int_t)job->done);
}

static json_t *job_rate(const wheel_record_t *job, apr_pool_t *pool)
{
    double rate = 0;

    (void)pool;
    if (job->elapsed > 0) {
        rate = job->done * 1e6 / job->elapsed;
    }
    /* Whole turns: a fraction of one means nothing. */
    return json_integer(rate < RENDER_RATE_MAX ? (json_int_t)rate
                                               : (json_int_t)RENDER_RATE_MAX);
}

static json_t *job_number(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_integer(job->value);
}

static json_t *job_polled(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->polled < 0 ? json_null() : duration(job->polled, 1e3);
}

static json_t *job_stuck(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_boolean(job->stuck);
}

static json_t *job_end(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_string(wheel_end_name(job->end));
}

static json_t *job_answered(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->marked < 0 ? json_null() : duration(job->marked, 1e3);
}

const wheel_column_t wheel_columns[] = {
    {"id", "Id", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER, job_id},
    {"name", "Name", WHEEL_COLUMN_BOTH, job_name},
    {"client", "Client", WHEEL_COLUMN_BOTH, job_client},
    {"handler", "Handler", WHEEL_COLUMN_BOTH, job_handler},
    {"pid", "Pid", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER, job_pid},
    {"thread", "Thread", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER, job_thread},
    {"scheduling", "Scheduling", WHEEL_COLUMN_RUNNING, job_class},
    {"generation", "Gen.", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER,
     job_generation},
    {"state", "State", WHEEL_COLUMN_RUNNING, job_state},
    {"started", "Started, UTC", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_TIME,
     job_started},
    {"elapsed", "Elapsed, s", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER,
     job_elapsed},
    {"deadline", "Deadline, s", WHEEL_COLUMN_RUNNING | WHEEL_COLUMN_NUMBER,
     job_deadline},
    {"load", "Load, %", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER, job_load},
    {"turns", "Turns", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_COUNT, job_turns},
    {"turns_per_second", "Turns/s", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_COUNT,
     job_rate},
    {"number", "Number", WHEEL_COLUMN_BOTH | WHEEL_COLUMN_NUMBER, job_number},
    {"looked_ms", "Last check, ms", WHEEL_COLUMN_RUNNING | WHEEL_COLUMN_NUMBER,
     job_polled},
    {"stuck", "Stuck", WHEEL_COLUMN_RUNNING, job_stuck},
    {"stopped_by", "Stopped by", WHEEL_COLUMN_ENDED, job_end},
    {"answered_ms", "Answered, ms", WHEEL_COLUMN_ENDED | WHEEL_COLUMN_NUMBER,
     job_answered},
    {NULL, NULL, 0, NULL},
};

const char *wheel_value_plain(const json_t *value, apr_pool_t *pool)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return apr_pstrdup(pool, json_string_value(value));
    case JSON_INTEGER:
        return wheel_text_count(json_integer_value(value), pool);
    case JSON_REAL:
        return apr_psprintf(pool, "%.6f", json_real_value(value));
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    default:
        return "";
    }
}

/* --- The rows of the server ----------------------------------------------- */

const char *wheel_facts_missing(const wheel_privileged_fact_t *fact,
                                apr_pool_t *pool)
{
    return fact->missing
               ? wheel_render_text(fact->missing, WHEEL_DETAIL_MAX, pool)
               : NULL;
}

unsigned wheel_facts_reserved(const wheel_facts_t *facts)
{
    unsigned reserve = facts->reserve > 0 ? facts->reserve : 0;

    return reserve < facts->workers_idle ? reserve : facts->workers_idle;
}

void wheel_rows_fill(wheel_row_t *rows, const wheel_facts_t *facts,
                     const wheel_snapshot_t *snapshot)
{
    const wheel_row_t filled[WHEEL_ROWS_N] = {
        {"WheelRotating", "Rotating", snapshot->rotating, "WheelMax",
         "WheelMax", facts->rotating_max},
        {NULL, "Rotating of one client", 0, "WheelMaxPerClient",
         "WheelMaxPerClient", facts->per_client_max},
        {"WheelStopping", "Stopping", snapshot->stopping, NULL, NULL, 0},
        {"WheelDraining", "Draining", snapshot->draining, NULL, NULL, 0},
        {"WheelStuck", "Stuck", snapshot->stuck, NULL, NULL, 0},
        {"WheelLoad", "Load asked for, % of a core", snapshot->load, NULL, NULL,
         0},
        {"WheelSlotsUsed", "Slots used",
         snapshot->rotating + snapshot->stopping + snapshot->draining,
         "WheelTableSlots", "of", snapshot->slots_max},
        {"WheelWorkersIdle", "Workers idle", facts->workers_idle, NULL, NULL,
         0},
        {"WheelWorkersReserved", "Idle and reserved",
         wheel_facts_reserved(facts), "WheelReserve", "WheelReserve",
         facts->reserve},
        {"WheelWorkersBusy", "Workers busy", facts->workers_busy,
         "WheelWorkersMax", "of", facts->workers_max},
        {"WheelStarted", "Started", snapshot->started, NULL, NULL, 0},
        {"WheelTurns", "Turns", snapshot->done, NULL, NULL, 0},
    };

    memcpy(rows, filled, sizeof(filled));
}

const char *wheel_counter_end(unsigned end)
{
    return wheel_end_name((wheel_end_e)end);
}

const char *wheel_counter_refusal(unsigned refusal)
{
    return wheel_refusal_name((wheel_refusal_e)refusal);
}
