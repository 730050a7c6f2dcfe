/* SPDX-License-Identifier: Apache-2.0 */
/* render/render.c: the answers to a request, and a snapshot, as JSON.
 *
 * Pure functions from facts to strings; any thread, but none that holds the
 * mutex.  The other forms of the status have files of their own: auto.c,
 * metrics.c, html.c and hosts.c.
 */
#include "render/render.h"

#include "render/facts.h"
#include "render/requests.h"
#include "render/json.h"

/* --- Answers ------------------------------------------------------------- */

const char *wheel_render_problem(int status, const char *title,
                                 const char *detail, apr_pool_t *pool)
{
    return wheel_json_text(
        json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                  wheel_render_text(title, WHEEL_DETAIL_MAX, pool), "status",
                  status, "detail",
                  wheel_render_text(detail, WHEEL_DETAIL_MAX, pool)),
        WHEEL_JSON_ANSWER_BYTES, pool);
}

/* What a dry stop would do with it; null for jobs that poll. */
static int set_steps(json_t *object, const wheel_hit_t *hit)
{
    return json_object_set_new(
        object, "steps",
        hit->is_request ? wheel_render_steps_json(&hit->steps) : json_null());
}

static json_t *hit_json(const wheel_hit_t *hit, apr_pool_t *pool)
{
    static const char *const outcomes[] = {
        [WHEEL_OUTCOME_STOPPED] = "stopped",
        [WHEEL_OUTCOME_WOULD_STOP] = "would-stop",
        [WHEEL_OUTCOME_STOPPING] = "stopping",
        [WHEEL_OUTCOME_ENDED] = "ended",
        [WHEEL_OUTCOME_RUNNING] = "running",
    };

    json_t *object = json_pack(
        "{s:I, s:o, s:o, s:o, s:s}", "id", (json_int_t)hit->id, "name",
        wheel_json_name(hit->name, pool), "client",
        wheel_json_client(hit->client, pool), "handler",
        wheel_json_name(hit->handler, pool), "outcome", outcomes[hit->outcome]);

    if (object && hit->outcome == WHEEL_OUTCOME_WOULD_STOP &&
        set_steps(object, hit) != 0) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static json_t *reply_json(const wheel_reply_t *reply, apr_pool_t *pool)
{
    const char *outcome = "stopped";

    if (reply->stopped < 0) {
        outcome = reply->stopped == WHEEL_REPLY_NONE ? "unanswered" : "failed";
    }
    return json_pack(
        "{s:s, s:s, s:o}", "host", wheel_render_host(reply->host, pool),
        "outcome", outcome, "stopped",
        reply->stopped < 0 ? json_null() : json_integer(reply->stopped));
}

const char *wheel_render_stopped(const wheel_stopped_t *result,
                                 apr_pool_t *pool)
{
    const wheel_round_t *round = result->round;
    unsigned hits_n = result->hits ? result->hits_n : 0;
    unsigned replies_n = round ? round->replies_n : 0;
    json_t *wheels = json_array();
    json_t *hosts = round ? json_array() : NULL;
    unsigned n;

    for (n = 0; n < hits_n; n++) {
        wheels = wheel_json_append(wheels, hit_json(&result->hits[n], pool));
    }
    for (n = 0; n < replies_n; n++) {
        hosts = wheel_json_append(hosts, reply_json(&round->replies[n], pool));
    }
    return wheel_json_text(
        json_pack(round ? "{s:i, s:o, s:o}" : "{s:i, s:o}", "stopped",
                  (int)result->stopped, "wheels", wheels, "hosts", hosts),
        WHEEL_JSON_ANSWER_BYTES + hits_n * WHEEL_JSON_JOB_BYTES / 2 +
            replies_n * WHEEL_JSON_JOB_BYTES / 4,
        pool);
}

const char *wheel_render_step(const wheel_request_t *request, wheel_step_e step,
                              const char *outcome, apr_pool_t *pool)
{
    return wheel_json_text(
        json_pack("{s:I, s:i, s:o, s:s, s:s}", "id", (json_int_t)request->id,
                  "pid", (int)request->pid, "thread",
                  request->tid ? json_integer(request->tid) : json_null(),
                  "step", wheel_step_name(step), "outcome", outcome),
        WHEEL_JSON_ANSWER_BYTES, pool);
}

/* --- The status ---------------------------------------------------------- */

static json_t *job_json(const wheel_record_t *job, int kind, apr_pool_t *pool)
{
    json_t *object = json_object();
    const wheel_column_t *column;

    for (column = wheel_columns; column->key; column++) {
        if (column->flags & kind &&
            json_object_set_new(object, column->key,
                                column->value(job, pool))) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *jobs_json(const wheel_record_t *jobs, unsigned jobs_n, int kind,
                         apr_pool_t *pool)
{
    json_t *list = json_array();
    unsigned n;

    for (n = 0; n < jobs_n; n++) {
        list = wheel_json_append(list, job_json(&jobs[n], kind, pool));
    }
    return list;
}

/* Counters by their names, the first (NONE) left out. */
static json_t *counters_json(const apr_uint64_t *counters, unsigned counters_n,
                             const char *(*name)(unsigned))
{
    json_t *object = json_object();
    unsigned n;

    for (n = 1; n < counters_n; n++) {
        if (json_object_set_new(object, name(n),
                                json_integer((json_int_t)counters[n]))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *privileged_json(const wheel_facts_t *facts, apr_pool_t *pool)
{
    json_t *list = json_array();
    unsigned n;

    for (n = 0; n < facts->privileged_n; n++) {
        list = wheel_json_append(
            list, json_pack("{s:s, s:s?}", "step", facts->privileged[n].step,
                            "missing",
                            wheel_facts_missing(&facts->privileged[n], pool)));
    }
    return list;
}

static json_t *server_json(const wheel_facts_t *facts, apr_pool_t *pool)
{
    return json_pack("{s:s, s:i, s:f, s:s, s:b, s:o}", "mpm", facts->mpm,
                     "generation", facts->generation, "uptime",
                     facts->uptime / 1e6, "version", facts->version, "requests",
                     facts->requests != NULL, "privileged",
                     privileged_json(facts, pool));
}

static json_t *limits_json(const wheel_facts_t *facts,
                           const wheel_snapshot_t *snapshot)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i}", "wheel_max",
                     facts->rotating_max, "wheel_reserve", facts->reserve,
                     "wheel_max_per_client", facts->per_client_max,
                     "table_slots", (int)snapshot->slots_max, "workers_max",
                     (int)facts->workers_max);
}

static json_t *workers_json(const wheel_facts_t *facts)
{
    return json_pack("{s:i, s:i, s:i}", "idle", (int)facts->workers_idle,
                     "busy", (int)facts->workers_busy, "reserved",
                     (int)wheel_facts_reserved(facts));
}

static json_t *totals_json(const wheel_snapshot_t *snapshot)
{
    return json_pack(
        "{s:I, s:I, s:o, s:o}", "started", (json_int_t)snapshot->started,
        "turns", (json_int_t)snapshot->done, "ended",
        counters_json(snapshot->ended, WHEEL_END_COUNT, wheel_counter_end),
        "refused",
        counters_json(snapshot->refused, WHEEL_REFUSED_COUNT,
                      wheel_counter_refusal));
}

static json_t *json_filter(const char *filter)
{
    return *filter ? json_string(filter) : json_null();
}

const char *wheel_render_json(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    json_t *jobs =
        json_pack("{s:i, s:i, s:i, s:i}", "rotating", (int)snapshot->rotating,
                  "stopping", (int)snapshot->stopping, "draining",
                  (int)snapshot->draining, "stuck", (int)snapshot->stuck);

    return wheel_json_text(
        json_pack(
            "{s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
            "version", WHEEL_RENDER_VERSION, "time", snapshot->taken / 1e6,
            "filter", json_filter(facts->filter), "server",
            server_json(facts, pool), "cluster",
            wheel_json_cluster(facts, pool), "limits",
            limits_json(facts, snapshot), "workers", workers_json(facts),
            "jobs", jobs, "running",
            jobs_json(snapshot->jobs, snapshot->jobs_n, WHEEL_COLUMN_RUNNING,
                      pool),
            "requests", wheel_render_requests_json(facts, pool), "recent",
            jobs_json(snapshot->recent, snapshot->recent_n, WHEEL_COLUMN_ENDED,
                      pool),
            "totals", totals_json(snapshot)),
        WHEEL_JSON_STATUS_BYTES +
            (snapshot->jobs_n + snapshot->recent_n + facts->requests_n) *
                WHEEL_JSON_JOB_BYTES,
        pool);
}
