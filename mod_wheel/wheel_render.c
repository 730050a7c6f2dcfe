/* wheel_render.c: answers and snapshots as text.
 *
 * Pure functions from facts to strings, called by the worker that answers, and
 * never with the mutex held.  JSON is jansson's; what else needs escaping is
 * escaped in the first part.
 */
#include "wheel_render.h"

#include "wheel_job.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include <jansson.h>

#include "apr_escape.h"
#include "apr_strings.h"
#include "apr_tables.h"
#include "apr_time.h"

/* Bytes of a request that a problem repeats. */
#define RENDER_DETAIL_MAX 300

/* Doubles hold 15 digits whatever the number: 17 would show 0.1 as
 * 0.10000000000000001. */
#define RENDER_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* About as long are an answer, a job and the rest of the status, in bytes. */
#define RENDER_ANSWER_BYTES 512
#define RENDER_JOB_BYTES 512
#define RENDER_STATUS_BYTES 2048

/* Jobs that a host tells the others of, the oldest ones. */
#define RENDER_BEAT_MAX 64

/* Turns a second that are shown: more than any job makes, and fewer than an
 * integer holds. */
#define RENDER_RATE_MAX 1e18

/* The value of the label name for what shares a counter.  No job can have it:
 * names have no parentheses. */
#define RENDER_NAME_OTHER "(other)"

/* --- Text and its escapes ------------------------------------------------ */

/* What is written so far, piece by piece. */
typedef apr_array_header_t out_t;

static out_t *out_make(apr_pool_t *pool)
{
    return apr_array_make(pool, 256, sizeof(const char *));
}

static void put(out_t *out, const char *piece)
{
    APR_ARRAY_PUSH(out, const char *) = piece;
}

__attribute__((format(printf, 2, 3))) static void putf(out_t *out,
                                                       const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(out, apr_pvsprintf(out->pool, format, args));
    va_end(args);
}

static const char *out_text(out_t *out)
{
    return apr_array_pstrcat(out->pool, out, 0);
}

const char *wheel_render_text(const char *text, apr_size_t bytes_max,
                              apr_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";
    apr_size_t bytes = strnlen(text, bytes_max + 1);
    int cut = bytes > bytes_max;
    char *safe = apr_palloc(pool, (bytes - cut) * 4 + sizeof("..."));
    char *to = safe;
    apr_size_t n;

    for (n = 0; n < bytes - cut; n++) {
        unsigned char byte = text[n];

        if (byte == '\\') {
            *to++ = '\\';
            *to++ = '\\';
        }
        else if (byte < ' ' || byte > '~') {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
        }
        else {
            *to++ = byte;
        }
    }
    strcpy(to, cut ? "..." : "");
    return safe;
}

static const char *html(const char *text, apr_pool_t *pool)
{
    return apr_pescape_entity(pool, text, 1);
}

/* The value of a metric's label. */
static const char *label(const char *text, apr_pool_t *pool)
{
    const char *from = wheel_render_text(text, WHEEL_NAME_MAX, pool);
    char *escaped = apr_pcalloc(pool, strlen(from) * 2 + 1);
    char *to = escaped;

    for (; *from; from++) {
        if (*from == '\\' || *from == '"') {
            *to++ = '\\';
        }
        *to++ = *from;
    }
    return escaped;
}

static const char *count(apr_uint64_t number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT, number);
}

/* A count for the eye: 12,345,678. */
static const char *count_grouped(apr_uint64_t number, apr_pool_t *pool)
{
    const char *rest = "";

    while (number >= 1000) {
        rest = apr_psprintf(pool, ",%03u%s", (unsigned)(number % 1000), rest);
        number /= 1000;
    }
    return apr_psprintf(pool, "%u%s", (unsigned)number, rest);
}

static const char *seconds(apr_int64_t usec, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_INT64_T_FMT ".%06d", usec / 1000000,
                        (int)(usec % 1000000));
}

/* The same without needless zeros: 0.0025, 1.0. */
static const char *seconds_short(apr_int64_t usec, apr_pool_t *pool)
{
    char *text = apr_pstrdup(pool, seconds(usec, pool));
    char *last = text + strlen(text) - 1;

    while (*last == '0' && last[-1] != '.') {
        *last-- = '\0';
    }
    return text;
}

static const char *date(apr_time_t when, apr_pool_t *pool)
{
    char text[sizeof("1970-01-01 00:00:00")] = "";
    apr_time_exp_t parts;
    apr_size_t bytes;

    apr_time_exp_gmt(&parts, when);
    apr_strftime(text, &bytes, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    return apr_pstrdup(pool, text);
}

/* --- JSON ---------------------------------------------------------------- */

/* As text; the reference to json is used up.  A json that is NULL is one that
 * jansson found no memory for, there or in any of its parts.  A good guess of
 * the size saves writing the text twice. */
static const char *json_text(json_t *json, apr_size_t bytes_guess,
                             apr_pool_t *pool)
{
    apr_abortfunc_t no_memory = apr_pool_abort_get(pool);
    char *text = apr_palloc(pool, bytes_guess + 1);
    apr_size_t bytes = json_dumpb(json, text, bytes_guess, RENDER_JSON_FLAGS);

    if (bytes > bytes_guess) {
        text = apr_palloc(pool, bytes + 1);
        json_dumpb(json, text, bytes, RENDER_JSON_FLAGS);
    }
    json_decref(json);
    if (!bytes) {
        if (no_memory) {
            no_memory(APR_ENOMEM);
        }
        return "null";
    }
    text[bytes] = '\0';
    return text;
}

static json_t *json_name(const char *name, apr_pool_t *pool)
{
    if (!name || !*name) {
        return json_null();
    }
    return json_string(wheel_render_text(name, WHEEL_NAME_MAX, pool));
}

static json_t *json_client(const char *client, apr_pool_t *pool)
{
    return json_string(wheel_render_text(client, WHEEL_CLIENT_BYTES, pool));
}

const char *wheel_render_problem(int status, const char *title,
                                 const char *detail, apr_pool_t *pool)
{
    return json_text(
        json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title",
                  wheel_render_text(title, RENDER_DETAIL_MAX, pool), "status",
                  status, "detail",
                  wheel_render_text(detail, RENDER_DETAIL_MAX, pool)),
        RENDER_ANSWER_BYTES, pool);
}

const char *wheel_render_rotate(const wheel_result_t *result, const char *name,
                                apr_pool_t *pool)
{
    json_t *answer = json_pack(
        "{s:i, s:I, s:o, s:I, s:f, s:s}", "number", (int)result->value, "id",
        (json_int_t)result->id, "name", json_name(name, pool), "turns",
        (json_int_t)result->done, "elapsed", result->elapsed / 1e6,
        "stopped_by", wheel_end_name(result->end));

    return json_text(answer, RENDER_ANSWER_BYTES, pool);
}

/* json_array_append_new() for a chain: an array that is NULL stays NULL. */
static json_t *json_append(json_t *array, json_t *item)
{
    if (json_array_append_new(array, item) == 0) {
        return array;
    }
    json_decref(array);
    return NULL;
}

const char *wheel_render_stop(const wheel_hit_t *hits, unsigned hits_n, int dry,
                              apr_pool_t *pool)
{
    static const char *const outcomes[] = {
        [WHEEL_OUTCOME_STOPPED] = "stopped",
        [WHEEL_OUTCOME_WOULD_STOP] = "would-stop",
        [WHEEL_OUTCOME_ENDED] = "ended",
        [WHEEL_OUTCOME_RUNNING] = "running",
    };
    json_t *wheels = json_array();
    unsigned n;

    for (n = 0; n < hits_n; n++) {
        const wheel_hit_t *hit = &hits[n];

        wheels = json_append(wheels,
                             json_pack("{s:I, s:o, s:o, s:o, s:s}", "id",
                                       (json_int_t)hit->id, "name",
                                       json_name(hit->name, pool), "client",
                                       json_client(hit->client, pool),
                                       "handler", json_name(hit->handler, pool),
                                       "outcome", outcomes[hit->outcome]));
    }
    return json_text(json_pack("{s:i, s:o}", "stopped", dry ? 0 : (int)hits_n,
                               "wheels", wheels),
                     RENDER_ANSWER_BYTES + hits_n * RENDER_JOB_BYTES / 2, pool);
}

/* --- Many hosts ----------------------------------------------------------- */

const char *wheel_render_host(const char *host, apr_pool_t *pool)
{
    const char *slash = strrchr(host, '/');
    apr_size_t bytes = slash ? (apr_size_t)(slash - host) : strlen(host);

    return wheel_render_text(apr_pstrmemdup(pool, host, bytes),
                             WHEEL_HOST_BYTES, pool);
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

const char *wheel_render_stop_hosts(const char *wheels,
                                    const wheel_round_t *round,
                                    apr_pool_t *pool)
{
    json_t *answer = json_loads(wheels, 0, NULL);
    json_t *hosts = json_array();
    json_int_t stopped = 0;
    unsigned n;

    for (n = 0; n < round->replies_n; n++) {
        const wheel_reply_t *reply = &round->replies[n];

        stopped += reply->stopped > 0 ? reply->stopped : 0;
        hosts = json_append(hosts, reply_json(reply, pool));
    }
    if (json_object_set_new(answer, "hosts", hosts) ||
        json_object_set_new(answer, "stopped", json_integer(stopped))) {
        json_decref(answer);
        answer = NULL;
    }
    return json_text(answer,
                     strlen(wheels) + RENDER_ANSWER_BYTES +
                         round->replies_n * RENDER_JOB_BYTES / 4,
                     pool);
}

const char *wheel_render_beat(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    json_t *wheels = json_array();
    unsigned told = 0;
    unsigned n;

    for (n = 0; n < snapshot->jobs_n && told < RENDER_BEAT_MAX; n++) {
        const wheel_record_t *job = &snapshot->jobs[n];

        if (job->end == WHEEL_END_NONE) {
            wheels = json_append(
                wheels,
                json_pack(
                    "{s:I, s:o, s:s, s:f}", "id", (json_int_t)job->id, "name",
                    json_name(job->name, pool), "client",
                    wheel_render_text(job->client, WHEEL_CLIENT_BYTES, pool),
                    "started", job->started / 1e6));
            told++;
        }
    }
    return json_text(
        json_pack("{s:i, s:s, s:i, s:{s:i, s:i, s:i}, s:{s:i, s:i, s:i}, s:o}",
                  "version", WHEEL_RENDER_VERSION, "mpm", facts->mpm,
                  "generation", facts->generation, "limits", "wheel_max",
                  facts->rotating_max, "wheel_reserve", facts->reserve,
                  "wheel_max_per_client", facts->per_client_max, "jobs",
                  "rotating", (int)snapshot->rotating, "stopping",
                  (int)snapshot->stopping, "draining", (int)snapshot->draining,
                  "running", wheels),
        RENDER_ANSWER_BYTES + told * RENDER_JOB_BYTES / 2, pool);
}

/* --- What is told of each job -------------------------------------------- */

/* JSON, text and HTML show a job by this one table.  Values are JSON, null
 * where there is nothing to tell. */
#define COLUMN_RUNNING 1
#define COLUMN_ENDED 2
#define COLUMN_BOTH (COLUMN_RUNNING | COLUMN_ENDED)
#define COLUMN_TIME 4    /* people read it as a date */
#define COLUMN_COUNT 8   /* people read it in groups of three digits */
#define COLUMN_NUMBER 16 /* people compare it, digit below digit */

typedef struct column_t {
    const char *key;
    const char *title;
    int flags;
    json_t *(*value)(const wheel_record_t *job, apr_pool_t *pool);
} column_t;

static json_t *job_id(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_integer((json_int_t)job->id);
}

static json_t *job_name(const wheel_record_t *job, apr_pool_t *pool)
{
    return json_name(job->name, pool);
}

static json_t *job_client(const wheel_record_t *job, apr_pool_t *pool)
{
    return json_client(job->client, pool);
}

static json_t *job_handler(const wheel_record_t *job, apr_pool_t *pool)
{
    return json_name(job->handler, pool);
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

static json_t *job_elapsed(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return json_real(job->elapsed / 1e6);
}

static json_t *job_deadline(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->wait_max < 0 ? json_null() : json_real(job->wait_max / 1e6);
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

static json_t *job_looked(const wheel_record_t *job, apr_pool_t *pool)
{
    (void)pool;
    return job->looked < 0 ? json_null() : json_real(job->looked / 1e3);
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
    return job->marked < 0 ? json_null() : json_real(job->marked / 1e3);
}

static const column_t columns[] = {
    {"id", "Id", COLUMN_BOTH | COLUMN_NUMBER, job_id},
    {"name", "Name", COLUMN_BOTH, job_name},
    {"client", "Client", COLUMN_BOTH, job_client},
    {"handler", "Handler", COLUMN_BOTH, job_handler},
    {"pid", "Pid", COLUMN_BOTH | COLUMN_NUMBER, job_pid},
    {"thread", "Thread", COLUMN_BOTH | COLUMN_NUMBER, job_thread},
    {"generation", "Gen.", COLUMN_BOTH | COLUMN_NUMBER, job_generation},
    {"state", "State", COLUMN_RUNNING, job_state},
    {"started", "Started, UTC", COLUMN_BOTH | COLUMN_TIME, job_started},
    {"elapsed", "Elapsed, s", COLUMN_BOTH | COLUMN_NUMBER, job_elapsed},
    {"deadline", "Deadline, s", COLUMN_RUNNING | COLUMN_NUMBER, job_deadline},
    {"load", "Load, %", COLUMN_BOTH | COLUMN_NUMBER, job_load},
    {"turns", "Turns", COLUMN_BOTH | COLUMN_COUNT, job_turns},
    {"turns_per_second", "Turns/s", COLUMN_BOTH | COLUMN_COUNT, job_rate},
    {"number", "Number", COLUMN_BOTH | COLUMN_NUMBER, job_number},
    {"looked_ms", "Looked, ms", COLUMN_RUNNING | COLUMN_NUMBER, job_looked},
    {"stuck", "Stuck", COLUMN_RUNNING, job_stuck},
    {"stopped_by", "Stopped by", COLUMN_ENDED, job_end},
    {"answered_ms", "Answered, ms", COLUMN_ENDED | COLUMN_NUMBER, job_answered},
};

#define COLUMNS_N (sizeof(columns) / sizeof(columns[0]))

static json_t *jobs_json(const wheel_record_t *jobs, unsigned jobs_n, int kind,
                         apr_pool_t *pool)
{
    json_t *list = json_array();
    unsigned n;
    unsigned c;

    for (n = 0; n < jobs_n; n++) {
        json_t *object = json_object();

        for (c = 0; c < COLUMNS_N; c++) {
            if (columns[c].flags & kind &&
                json_object_set_new(object, columns[c].key,
                                    columns[c].value(&jobs[n], pool))) {
                json_decref(object);
                object = NULL;
            }
        }
        list = json_append(list, object);
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

static const char *end_name(unsigned end)
{
    return wheel_end_name((wheel_end_e)end);
}

static const char *refusal_name(unsigned refusal)
{
    return wheel_refusal_name((wheel_refusal_e)refusal);
}

/* Idle workers that no job gets. */
static unsigned reserved(const wheel_facts_t *facts)
{
    unsigned reserve = facts->reserve > 0 ? facts->reserve : 0;

    return reserve < facts->workers_idle ? reserve : facts->workers_idle;
}

static json_t *server_json(const wheel_facts_t *facts)
{
    return json_pack("{s:s, s:i, s:f}", "mpm", facts->mpm, "generation",
                     facts->generation, "uptime", facts->uptime / 1e6);
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
                     (int)reserved(facts));
}

static json_t *totals_json(const wheel_snapshot_t *snapshot)
{
    return json_pack(
        "{s:I, s:I, s:o, s:o}", "started", (json_int_t)snapshot->started,
        "turns", (json_int_t)snapshot->done, "ended",
        counters_json(snapshot->ended, WHEEL_END_COUNT, end_name), "refused",
        counters_json(snapshot->refused, WHEEL_REFUSED_COUNT, refusal_name));
}

static json_t *json_filter(const char *filter)
{
    return *filter ? json_string(filter) : json_null();
}

static json_t *cluster_json(const wheel_facts_t *facts, apr_pool_t *pool)
{
    const wheel_cluster_facts_t *cluster = facts->cluster;

    if (!cluster) {
        return json_null();
    }
    return json_pack(
        "{s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "host",
        wheel_render_host(cluster->host, pool), "linked", cluster->linked,
        "links", (json_int_t)cluster->links, "applied",
        (json_int_t)cluster->applied, "lost", (json_int_t)cluster->lost, "told",
        (json_int_t)cluster->told, "untold", (json_int_t)cluster->untold);
}

const char *wheel_render_json(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    json_t *jobs =
        json_pack("{s:i, s:i, s:i, s:i}", "rotating", (int)snapshot->rotating,
                  "stopping", (int)snapshot->stopping, "draining",
                  (int)snapshot->draining, "stuck", (int)snapshot->stuck);

    return json_text(
        json_pack(
            "{s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
            "version", WHEEL_RENDER_VERSION, "time", snapshot->taken / 1e6,
            "filter", json_filter(facts->filter), "server", server_json(facts),
            "cluster", cluster_json(facts, pool), "limits",
            limits_json(facts, snapshot), "workers", workers_json(facts),
            "jobs", jobs, "running",
            jobs_json(snapshot->jobs, snapshot->jobs_n, COLUMN_RUNNING, pool),
            "recent",
            jobs_json(snapshot->recent, snapshot->recent_n, COLUMN_ENDED, pool),
            "totals", totals_json(snapshot)),
        RENDER_STATUS_BYTES +
            (snapshot->jobs_n + snapshot->recent_n) * RENDER_JOB_BYTES,
        pool);
}

/* --- Metrics ------------------------------------------------------------- */

typedef struct metrics_t {
    out_t *out;
    wheel_metrics_e format;
} metrics_t;

/* The head of a family.  OpenMetrics names a counter without the _total of
 * its samples, the older format with it. */
static void put_family(const metrics_t *to, const char *name, const char *type,
                       const char *unit, const char *help)
{
    const char *total = "";

    if (to->format == WHEEL_METRICS_PROMETHEUS && !strcmp(type, "counter")) {
        total = "_total";
    }
    putf(to->out, "# TYPE %s%s %s\n", name, total, type);
    if (unit && to->format == WHEEL_METRICS_OPENMETRICS) {
        putf(to->out, "# UNIT %s %s\n", name, unit);
    }
    putf(to->out, "# HELP %s%s %s\n", name, total, help);
}

static void put_gauges(const metrics_t *to, const wheel_facts_t *facts,
                       const wheel_snapshot_t *snapshot)
{
    const struct {
        const char *name;
        const char *help;
        apr_uint64_t value;
    } gauges[] = {
        {"wheel_rotating", "Wheels that rotate.", snapshot->rotating},
        {"wheel_stopping", "Wheels that are told to stop, not yet answered.",
         snapshot->stopping},
        {"wheel_draining", "Answered wheels whose thread has not left.",
         snapshot->draining},
        {"wheel_stuck", "Wheels that don't look whether they are to end.",
         snapshot->stuck},
        {"wheel_limit_rotating", "WheelMax: wheels at once.",
         facts->rotating_max},
        {"wheel_limit_reserve", "WheelReserve: workers kept idle.",
         facts->reserve},
        {"wheel_limit_rotating_per_client",
         "WheelMaxPerClient: wheels of one client, 0 for no limit.",
         facts->per_client_max},
        {"wheel_limit_slots", "Wheels that the table holds.",
         snapshot->slots_max},
        {"wheel_limit_workers", "Workers that the MPM may start.",
         facts->workers_max},
    };
    unsigned n;

    for (n = 0; n < sizeof(gauges) / sizeof(gauges[0]); n++) {
        put_family(to, gauges[n].name, "gauge", NULL, gauges[n].help);
        putf(to->out, "%s %" APR_UINT64_T_FMT "\n", gauges[n].name,
             gauges[n].value);
    }
    put_family(to, "wheel_load_cores", "gauge", "cores",
               "Cores that wheels with load= are asked to take.");
    putf(to->out, "wheel_load_cores %u.%02u\n", snapshot->load / 100,
         snapshot->load % 100);
    put_family(to, "wheel_workers", "gauge", NULL,
               "Workers of the live processes, by state.");
    putf(to->out, "wheel_workers{state=\"idle\"} %u\n", facts->workers_idle);
    putf(to->out, "wheel_workers{state=\"busy\"} %u\n", facts->workers_busy);
}

static void put_ended_name(const metrics_t *to, const char *name,
                           const apr_uint64_t *ended)
{
    unsigned end;

    for (end = WHEEL_END_NONE + 1; end < WHEEL_END_COUNT; end++) {
        putf(to->out,
             "wheel_ended_total{reason=\"%s\",name=\"%s\"} "
             "%" APR_UINT64_T_FMT "\n",
             end_name(end), label(name, to->out->pool), ended[end]);
    }
}

/* The table counts a bounded number of names, so there are as few series.
 * Jobs without a name have the label's empty value. */
static void put_ended(const metrics_t *to, const wheel_snapshot_t *snapshot)
{
    unsigned n;

    put_family(to, "wheel_ended", "counter", NULL,
               "Wheels that ended, by reason and name; " RENDER_NAME_OTHER
               " sums up the names beyond the first.");
    for (n = WHEEL_NAME_NONE; n < snapshot->names_n; n++) {
        put_ended_name(to, snapshot->names[n].name, snapshot->names[n].ended);
    }
    if (snapshot->names_n == WHEEL_NAME_OTHER) { /* the next has no place */
        put_ended_name(to, RENDER_NAME_OTHER,
                       snapshot->names[WHEEL_NAME_OTHER].ended);
    }
}

static void put_counters(const metrics_t *to, const wheel_snapshot_t *snapshot)
{
    unsigned n;

    put_family(to, "wheel_started", "counter", NULL, "Wheels that began.");
    putf(to->out, "wheel_started_total %" APR_UINT64_T_FMT "\n",
         snapshot->started);
    put_ended(to, snapshot);
    put_family(to, "wheel_refused", "counter", NULL,
               "Wheels that were refused, by reason.");
    for (n = WHEEL_REFUSED_NONE + 1; n < WHEEL_REFUSED_COUNT; n++) {
        putf(to->out,
             "wheel_refused_total{reason=\"%s\"} %" APR_UINT64_T_FMT "\n",
             refusal_name(n), snapshot->refused[n]);
    }
    put_family(to, "wheel_turns", "counter", NULL,
               "Turns of all wheels, those under way included.");
    putf(to->out, "wheel_turns_total %" APR_UINT64_T_FMT "\n", snapshot->done);
}

static void put_cluster(const metrics_t *to,
                        const wheel_cluster_facts_t *cluster)
{
    const struct {
        const char *name;
        const char *help;
        apr_uint64_t value;
    } counters[] = {
        {"wheel_cluster_links",
         "Connections made to read the stops of "
         "other hosts.",
         cluster->links},
        {"wheel_cluster_applied", "Stops of other hosts that were applied.",
         cluster->applied},
        {"wheel_cluster_lost",
         "Times that stops of other hosts may have been "
         "lost.",
         cluster->lost},
        {"wheel_cluster_told", "Stops that other hosts were told of.",
         cluster->told},
        {"wheel_cluster_untold", "Stops that other hosts could not be told of.",
         cluster->untold},
    };
    size_t n;

    put_family(to, "wheel_cluster_linked", "gauge", NULL,
               "1 when the stops of other hosts can be read, else 0.");
    putf(to->out, "wheel_cluster_linked %d\n", cluster->linked);
    for (n = 0; n < sizeof(counters) / sizeof(*counters); n++) {
        put_family(to, counters[n].name, "counter", NULL, counters[n].help);
        putf(to->out, "%s_total %" APR_UINT64_T_FMT "\n", counters[n].name,
             counters[n].value);
    }
}

static void put_latency(const metrics_t *to, const wheel_snapshot_t *snapshot)
{
    static const apr_int64_t bounds_usec[] = WHEEL_LATENCY_BOUNDS;
    static const char name[] = "wheel_stop_latency_seconds";
    apr_uint64_t below = 0;
    unsigned n;

    put_family(to, name, "histogram", "seconds",
               "From a wheel's mark to the answer of its worker.");
    for (n = 0; n < WHEEL_LATENCY_BUCKETS; n++) {
        const char *bound = n == WHEEL_LATENCY_BUCKETS - 1
                                ? "+Inf"
                                : seconds_short(bounds_usec[n], to->out->pool);

        below += snapshot->latency[n];
        putf(to->out, "%s_bucket{le=\"%s\"} %" APR_UINT64_T_FMT "\n", name,
             bound, below);
    }
    putf(to->out, "%s_sum %s\n", name,
         seconds((apr_int64_t)snapshot->latency_sum_usec, to->out->pool));
    putf(to->out, "%s_count %" APR_UINT64_T_FMT "\n", name, below);
}

const char *wheel_render_metrics(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot,
                                 wheel_metrics_e format, apr_pool_t *pool)
{
    const metrics_t to = {out_make(pool), format};

    put_counters(&to, snapshot);
    put_gauges(&to, facts, snapshot);
    put_latency(&to, snapshot);
    if (facts->cluster) {
        put_cluster(&to, facts->cluster);
    }
    if (format == WHEEL_METRICS_OPENMETRICS) {
        put(to.out, "# EOF\n");
    }
    return out_text(to.out);
}

/* --- What is told of the server, for people and monitors ------------------ */

/* A count, and the limit that stands beside it.  Both have a key for monitors
 * and a title for people. */
typedef struct row_t {
    const char *key; /* NULL where only the limit is known */
    const char *title;
    apr_uint64_t value;
    const char *limit_key; /* NULL for no limit */
    const char *limit_title;
    apr_uint64_t limit;
} row_t;

#define ROWS_N 12

static void fill_rows(row_t *rows, const wheel_facts_t *facts,
                      const wheel_snapshot_t *snapshot)
{
    const row_t filled[ROWS_N] = {
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
        {"WheelWorkersReserved", "Idle and reserved", reserved(facts),
         "WheelReserve", "WheelReserve", facts->reserve},
        {"WheelWorkersBusy", "Workers busy", facts->workers_busy,
         "WheelWorkersMax", "of", facts->workers_max},
        {"WheelStarted", "Started", snapshot->started, NULL, NULL, 0},
        {"WheelTurns", "Turns", snapshot->done, NULL, NULL, 0},
    };

    memcpy(rows, filled, sizeof(filled));
}

/* --- Lines of text ------------------------------------------------------- */

static void put_row_lines(out_t *out, const wheel_facts_t *facts,
                          const wheel_snapshot_t *snapshot)
{
    row_t rows[ROWS_N];
    const row_t *row;

    fill_rows(rows, facts, snapshot);
    for (row = rows; row < rows + ROWS_N; row++) {
        if (row->key) {
            putf(out, "%s: %" APR_UINT64_T_FMT "\n", row->key, row->value);
        }
        if (row->limit_key) {
            putf(out, "%s: %" APR_UINT64_T_FMT "\n", row->limit_key,
                 row->limit);
        }
    }
}

/* A value as monitors read it; empty where there is none. */
static const char *plain(const json_t *value, apr_pool_t *pool)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return apr_pstrdup(pool, json_string_value(value));
    case JSON_INTEGER:
        return count(json_integer_value(value), pool);
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

/* The first counter (NONE) is left out. */
static void put_counter_lines(out_t *out, const char *prefix,
                              const apr_uint64_t *counters, unsigned counters_n,
                              const char *(*name)(unsigned))
{
    unsigned n;

    for (n = 1; n < counters_n; n++) {
        const char *word = name(n);

        putf(out, "Wheel%s%c%s: %" APR_UINT64_T_FMT "\n", prefix,
             toupper((unsigned char)word[0]), word + 1, counters[n]);
    }
}

static void put_job_lines(out_t *out, const char *key,
                          const wheel_record_t *jobs, unsigned jobs_n, int kind)
{
    unsigned n;
    unsigned c;

    for (n = 0; n < jobs_n; n++) {
        const char *gap = ": ";

        put(out, key);
        for (c = 0; c < COLUMNS_N; c++) {
            json_t *value;

            if (!(columns[c].flags & kind)) {
                continue;
            }
            value = columns[c].value(&jobs[n], out->pool);
            putf(out, "%s%s=%s", gap, columns[c].key,
                 value ? plain(value, out->pool) : "");
            json_decref(value);
            gap = " ";
        }
        put(out, "\n");
    }
}

const char *wheel_render_section_auto(const wheel_facts_t *facts,
                                      const wheel_snapshot_t *snapshot,
                                      apr_pool_t *pool)
{
    out_t *out = out_make(pool);

    put_row_lines(out, facts, snapshot);
    put_counter_lines(out, "Ended", snapshot->ended, WHEEL_END_COUNT, end_name);
    put_counter_lines(out, "Refused", snapshot->refused, WHEEL_REFUSED_COUNT,
                      refusal_name);
    return out_text(out);
}

const char *wheel_render_auto(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    out_t *out = out_make(pool);

    putf(out, "WheelStatusVersion: %d\n", WHEEL_RENDER_VERSION);
    putf(out, "WheelFilter: %s\n", facts->filter);
    putf(out, "WheelTime: %s\nWheelMPM: %s\n", seconds(snapshot->taken, pool),
         facts->mpm);
    putf(out, "WheelGeneration: %d\nWheelUptime: %s\n", facts->generation,
         seconds(facts->uptime, pool));
    put(out, wheel_render_section_auto(facts, snapshot, pool));
    if (facts->cluster) {
        putf(out,
             "WheelClusterHost: %s\nWheelClusterLinked: %d\n"
             "WheelClusterApplied: %" APR_UINT64_T_FMT "\n"
             "WheelClusterLost: %" APR_UINT64_T_FMT "\n",
             wheel_render_host(facts->cluster->host, pool),
             facts->cluster->linked, facts->cluster->applied,
             facts->cluster->lost);
    }
    put_job_lines(out, "WheelRunning", snapshot->jobs, snapshot->jobs_n,
                  COLUMN_RUNNING);
    put_job_lines(out, "WheelRecent", snapshot->recent, snapshot->recent_n,
                  COLUMN_ENDED);
    return out_text(out);
}

/* --- HTML ---------------------------------------------------------------- */

/* The page is as readable without it.  Whoever changes it changes the hash:
 * printf %s "$style" | openssl dgst -sha256 -binary | base64 */
static const char page_style[] =
    ":root{color-scheme:light dark;font:90%/1.4 system-ui,sans-serif}"
    "body{margin:1rem}"
    "table{border-collapse:collapse;margin-bottom:1.5rem}"
    "caption{text-align:left;font-weight:bold;padding:.3rem 0}"
    "th,td{padding:.15rem .5rem;text-align:left;white-space:nowrap;"
    "border-bottom:1px solid #8888}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}";

#define PAGE_STYLE_SHA256 "v9jZYZ3rN3wmn7eTstUL8tlN1Y9zsZOnuFDcMVWPA3w="

const char *wheel_render_page_policy(void)
{
    return "default-src 'none'; style-src 'sha256-" PAGE_STYLE_SHA256 "'; "
           "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
}

/* A value as people read it. */
static const char *pretty(const column_t *column, const json_t *value,
                          apr_pool_t *pool)
{
    double number = json_number_value(value);

    if (json_is_null(value) || json_is_false(value)) {
        return "";
    }
    if (column->flags & COLUMN_TIME) {
        return date((apr_time_t)(number * 1e6), pool);
    }
    if (column->flags & COLUMN_COUNT) {
        return count_grouped((apr_uint64_t)number, pool);
    }
    if (json_is_real(value)) {
        return apr_psprintf(pool, "%.3f", number);
    }
    return html(plain(value, pool), pool);
}

static const char *cell_class(const column_t *column)
{
    return column->flags & (COLUMN_NUMBER | COLUMN_COUNT) ? " class=\"n\"" : "";
}

static void put_job_row(out_t *out, const wheel_record_t *job, int kind)
{
    unsigned c;

    put(out, "<tr>");
    for (c = 0; c < COLUMNS_N; c++) {
        json_t *value;

        if (!(columns[c].flags & kind)) {
            continue;
        }
        value = columns[c].value(job, out->pool);
        putf(out, "<td%s>%s</td>", cell_class(&columns[c]),
             value ? pretty(&columns[c], value, out->pool) : "");
        json_decref(value);
    }
    put(out, "</tr>\n");
}

static void put_job_table(out_t *out, const char *caption,
                          const wheel_record_t *jobs, unsigned jobs_n, int kind)
{
    unsigned n;
    unsigned c;

    putf(out, "<table>\n<caption>%s: %u</caption>\n<tr>", caption, jobs_n);
    for (c = 0; c < COLUMNS_N; c++) {
        if (columns[c].flags & kind) {
            putf(out, "<th scope=\"col\"%s>%s</th>", cell_class(&columns[c]),
                 columns[c].title);
        }
    }
    put(out, "</tr>\n");
    for (n = 0; n < jobs_n; n++) {
        put_job_row(out, &jobs[n], kind);
    }
    put(out, "</table>\n");
}

static void put_row_table(out_t *out, const wheel_facts_t *facts,
                          const wheel_snapshot_t *snapshot)
{
    row_t rows[ROWS_N];
    const row_t *row;

    fill_rows(rows, facts, snapshot);
    put(out, "<table>\n<caption>Use and limits</caption>\n");
    for (row = rows; row < rows + ROWS_N; row++) {
        putf(out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td><td>",
             row->title, row->key ? count_grouped(row->value, out->pool) : "");
        if (row->limit_key) {
            putf(out, "%s %" APR_UINT64_T_FMT, row->limit_title, row->limit);
        }
        put(out, "</td></tr>\n");
    }
    put(out, "</table>\n");
}

/* The first counter (NONE) is left out. */
static void put_counter_table(out_t *out, const char *caption,
                              const apr_uint64_t *counters, unsigned counters_n,
                              const char *(*name)(unsigned))
{
    unsigned n;

    putf(out, "<table>\n<caption>%s</caption>\n<tr>", caption);
    for (n = 1; n < counters_n; n++) {
        putf(out, "<th scope=\"col\" class=\"n\">%s</th>", name(n));
    }
    put(out, "</tr>\n<tr>");
    for (n = 1; n < counters_n; n++) {
        putf(out, "<td class=\"n\">%s</td>",
             count_grouped(counters[n], out->pool));
    }
    put(out, "</tr>\n</table>\n");
}

static void put_tables(out_t *out, const wheel_facts_t *facts,
                       const wheel_snapshot_t *snapshot)
{
    put_row_table(out, facts, snapshot);
    put_job_table(out, "Running", snapshot->jobs, snapshot->jobs_n,
                  COLUMN_RUNNING);
    put_job_table(out, "The last that ended", snapshot->recent,
                  snapshot->recent_n, COLUMN_ENDED);
    put_counter_table(out, "Ended, by reason", snapshot->ended, WHEEL_END_COUNT,
                      end_name);
    put_counter_table(out, "Refused, by reason", snapshot->refused,
                      WHEEL_REFUSED_COUNT, refusal_name);
}

static void put_page_head(out_t *out, const char *title)
{
    putf(out,
         "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
         "<meta charset=\"utf-8\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<meta name=\"viewport\" content=\"width=device-width\">\n"
         "<title>%s</title>\n<style>",
         title);
    put(out, page_style);
    putf(out, "</style>\n</head>\n<body>\n<h1>%s</h1>\n", title);
}

const char *wheel_render_page(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    out_t *out = out_make(pool);
    const char *filter = "";

    if (*facts->filter) {
        filter = html(apr_pstrcat(pool, "&", facts->filter, NULL), pool);
    }
    put_page_head(out, "Wheel status");
    putf(out, "<p>%s UTC. MPM %s, generation %d, up for %s seconds.</p>\n",
         date(snapshot->taken, pool), html(facts->mpm, pool), facts->generation,
         count_grouped(facts->uptime / 1000000, pool));
    if (facts->cluster) {
        putf(out,
             "<p>Host %s of a cluster: <a href=\"?cluster\">all hosts</a>."
             "</p>\n",
             html(wheel_render_host(facts->cluster->host, pool), pool));
    }
    if (*filter) {
        putf(out,
             "<p>Listed are those of <code>%s</code>; counted are "
             "<a href=\"?\">all</a>.</p>\n",
             filter + strlen("&amp;"));
    }
    putf(out,
         "<p>The same as <a href=\"?json%s\">JSON</a>, "
         "<a href=\"?auto%s\">text</a>, "
         "<a href=\"?openmetrics\">metrics</a>; "
         "<a href=\"?refresh=2%s\">every 2 seconds</a>.</p>\n",
         filter, filter, filter);
    put_tables(out, facts, snapshot);
    put(out, "</body>\n</html>\n");
    return out_text(out);
}

const char *wheel_render_section(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot, int tables,
                                 apr_pool_t *pool)
{
    out_t *out = out_make(pool);

    put(out, "<hr />\n<h1>Wheels</h1>\n");
    if (tables) {
        put_tables(out, facts, snapshot);
    }
    else {
        const char *lines = wheel_render_auto(facts, snapshot, pool);

        putf(out, "<pre>%s</pre>\n", html(lines, pool));
    }
    return out_text(out);
}

/* --- All hosts of a cluster ----------------------------------------------- */

/* A host as it told of itself: what it didn't is 0 or NULL. */
typedef struct host_t {
    const char *name;
    int own;
    int live;
    double age;
    const char *mpm;
    int generation;
    int rotating_max;
    int reserve;
    int per_client_max;
    int rotating;
    int stopping;
    int draining;
    json_t *running; /* an array, or NULL */
} host_t;

/* What comes from other hosts may be anything. */
static void read_beat(host_t *host, const char *beat, apr_pool_t *pool)
{
    const char *mpm = "";
    json_t *json = beat ? json_loads(beat, 0, NULL) : NULL;
    json_t *running = NULL;

    if (json_unpack(
            json, "{s:s, s:i, s:{s:i, s:i, s:i}, s:{s:i, s:i, s:i}, s:o}",
            "mpm", &mpm, "generation", &host->generation, "limits", "wheel_max",
            &host->rotating_max, "wheel_reserve", &host->reserve,
            "wheel_max_per_client", &host->per_client_max, "jobs", "rotating",
            &host->rotating, "stopping", &host->stopping, "draining",
            &host->draining, "running", &running) == 0 &&
        json_is_array(running)) {
        host->mpm = wheel_render_text(mpm, WHEEL_NAME_MAX, pool);
        host->running = json_incref(running);
    }
    json_decref(json);
}

static int by_host(const void *a, const void *b)
{
    const wheel_peer_t *left = a;
    const wheel_peer_t *right = b;

    return strcmp(left->host, right->host);
}

/* A host that was started again is not missing as what it was before. */
static int is_back(const wheel_peer_t *peers, unsigned peers_n, unsigned n)
{
    const char *slash = strrchr(peers[n].host, '/');
    size_t bytes = slash ? slash - peers[n].host + 1 : 0;
    unsigned other;

    for (other = 0; other < peers_n && bytes; other++) {
        if (peers[other].age < WHEEL_MISSING_USEC &&
            !strncmp(peers[other].host, peers[n].host, bytes)) {
            return 1;
        }
    }
    return 0;
}

/* This host as it is now, and all others as they were.
 * @return how many */
static unsigned read_hosts(host_t *hosts, const wheel_facts_t *facts,
                           const wheel_snapshot_t *snapshot,
                           wheel_peer_t *peers, unsigned peers_n,
                           apr_pool_t *pool)
{
    unsigned hosts_n = 1;
    unsigned n;

    hosts[0].name = wheel_render_host(facts->cluster->host, pool);
    hosts[0].own = hosts[0].live = 1;
    read_beat(&hosts[0], wheel_render_beat(facts, snapshot, pool), pool);
    qsort(peers, peers_n, sizeof(*peers), by_host);
    for (n = 0; n < peers_n; n++) {
        host_t *host = &hosts[hosts_n];

        host->live = peers[n].age < WHEEL_MISSING_USEC;
        if (!strcmp(peers[n].host, facts->cluster->host) ||
            (!host->live && is_back(peers, peers_n, n))) {
            continue;
        }
        host->name = wheel_render_host(peers[n].host, pool);
        host->age = peers[n].age / 1e6;
        read_beat(host, peers[n].beat, pool);
        hosts_n++;
    }
    return hosts_n;
}

/* One wheel of another host, with nothing in it but what is known. */
static json_t *peer_wheel(const json_t *wheel, apr_pool_t *pool)
{
    const char *client = json_string_value(json_object_get(wheel, "client"));

    return json_pack(
        "{s:I, s:o, s:s, s:f}", "id",
        json_integer_value(json_object_get(wheel, "id")), "name",
        json_name(json_string_value(json_object_get(wheel, "name")), pool),
        "client",
        wheel_render_text(client ? client : "", WHEEL_CLIENT_BYTES, pool),
        "started", json_number_value(json_object_get(wheel, "started")));
}

static json_t *host_json(const host_t *host, apr_pool_t *pool)
{
    json_t *running = json_array();
    size_t n;

    for (n = 0; n < json_array_size(host->running) && n < RENDER_BEAT_MAX;
         n++) {
        running = json_append(
            running, peer_wheel(json_array_get(host->running, n), pool));
    }
    return json_pack("{s:s, s:b, s:s, s:f, s:s?, s:i, s:{s:i, s:i, s:i}, "
                     "s:{s:i, s:i, s:i}, s:o}",
                     "host", host->name, "own", host->own, "state",
                     host->live ? "live" : "missing", "age", host->age, "mpm",
                     host->mpm, "generation", host->generation, "limits",
                     "wheel_max", host->rotating_max, "wheel_reserve",
                     host->reserve, "wheel_max_per_client",
                     host->per_client_max, "jobs", "rotating", host->rotating,
                     "stopping", host->stopping, "draining", host->draining,
                     "running", running);
}

static void free_hosts(host_t *hosts, unsigned hosts_n)
{
    unsigned n;

    for (n = 0; n < hosts_n; n++) {
        json_decref(hosts[n].running);
    }
}

const char *wheel_render_hosts_json(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool)
{
    host_t *hosts = apr_pcalloc(pool, (peers_n + 1) * sizeof(*hosts));
    unsigned hosts_n = read_hosts(hosts, facts, snapshot, peers, peers_n, pool);
    json_t *list = json_array();
    unsigned n;

    for (n = 0; n < hosts_n; n++) {
        list = json_append(list, host_json(&hosts[n], pool));
    }
    free_hosts(hosts, hosts_n);
    return json_text(
        json_pack("{s:i, s:f, s:o, s:s?, s:o}", "version", WHEEL_RENDER_VERSION,
                  "time", snapshot->taken / 1e6, "cluster",
                  cluster_json(facts, pool), "problem",
                  problem ? wheel_render_text(problem, RENDER_DETAIL_MAX, pool)
                          : NULL,
                  "hosts", list),
        RENDER_STATUS_BYTES + hosts_n * RENDER_STATUS_BYTES, pool);
}

static void put_host_row(out_t *out, const host_t *host)
{
    putf(out, "<tr><th scope=\"row\">%s%s</th><td>%s</td>",
         html(host->name, out->pool), host->own ? " (this one)" : "",
         host->live ? "live" : "<strong>missing</strong>");
    if (!host->mpm) {
        putf(out, "<td class=\"n\">%.1f</td><td colspan=\"7\"></td></tr>\n",
             host->age);
        return;
    }
    putf(out,
         "<td class=\"n\">%.1f</td><td class=\"n\">%d</td>"
         "<td class=\"n\">%d</td><td class=\"n\">%d</td>"
         "<td class=\"n\">%d</td><td class=\"n\">%d</td><td>%s</td>"
         "<td class=\"n\">%d</td></tr>\n",
         host->age, host->rotating, host->stopping, host->draining,
         host->rotating_max, host->reserve, html(host->mpm, out->pool),
         host->generation);
}

static void put_host_wheels(out_t *out, const host_t *host)
{
    size_t n;

    for (n = 0; n < json_array_size(host->running) && n < RENDER_BEAT_MAX;
         n++) {
        json_t *wheel = peer_wheel(json_array_get(host->running, n), out->pool);
        const char *name = json_string_value(json_object_get(wheel, "name"));
        const char *client =
            json_string_value(json_object_get(wheel, "client"));

        putf(out,
             "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td>"
             "<td>%s</td><td>%s</td><td>%s</td></tr>\n",
             html(host->name, out->pool),
             plain(json_object_get(wheel, "id"), out->pool),
             name ? html(name, out->pool) : "",
             client ? html(client, out->pool) : "",
             date((apr_time_t)(json_number_value(
                                   json_object_get(wheel, "started")) *
                               1e6),
                  out->pool));
        json_decref(wheel);
    }
}

static void put_host_tables(out_t *out, const host_t *hosts, unsigned hosts_n)
{
    unsigned n;

    putf(out, "<table>\n<caption>Hosts: %u</caption>\n<tr>", hosts_n);
    put(out, "<th scope=\"col\">Host</th><th scope=\"col\">State</th>"
             "<th scope=\"col\" class=\"n\">Seen, s ago</th>"
             "<th scope=\"col\" class=\"n\">Rotating</th>"
             "<th scope=\"col\" class=\"n\">Stopping</th>"
             "<th scope=\"col\" class=\"n\">Draining</th>"
             "<th scope=\"col\" class=\"n\">WheelMax</th>"
             "<th scope=\"col\" class=\"n\">WheelReserve</th>"
             "<th scope=\"col\">MPM</th>"
             "<th scope=\"col\" class=\"n\">Gen.</th></tr>\n");
    for (n = 0; n < hosts_n; n++) {
        put_host_row(out, &hosts[n]);
    }
    putf(out,
         "</table>\n<table>\n<caption>Rotating, the oldest %d of each "
         "host</caption>\n<tr>",
         RENDER_BEAT_MAX);
    put(out, "<th scope=\"col\">Host</th>"
             "<th scope=\"col\" class=\"n\">Id</th>"
             "<th scope=\"col\">Name</th><th scope=\"col\">Client</th>"
             "<th scope=\"col\">Started, UTC</th></tr>\n");
    for (n = 0; n < hosts_n; n++) {
        put_host_wheels(out, &hosts[n]);
    }
    put(out, "</table>\n");
}

const char *wheel_render_hosts_page(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool)
{
    host_t *hosts = apr_pcalloc(pool, (peers_n + 1) * sizeof(*hosts));
    unsigned hosts_n = read_hosts(hosts, facts, snapshot, peers, peers_n, pool);
    out_t *out = out_make(pool);

    put_page_head(out, "Hosts of the cluster");
    putf(out, "<p>%s UTC.</p>\n", date(snapshot->taken, pool));
    if (problem) {
        putf(out,
             "<p><strong>The other hosts can't be seen: %s.</strong></p>\n",
             html(wheel_render_text(problem, RENDER_DETAIL_MAX, pool), pool));
    }
    put(out, "<p>The same as <a href=\"?cluster&amp;json\">JSON</a>; "
             "<a href=\"?cluster&amp;refresh=2\">every 2 seconds</a>; "
             "<a href=\"?\">this host alone</a>.</p>\n");
    put_host_tables(out, hosts, hosts_n);
    put(out, "</body>\n</html>\n");
    free_hosts(hosts, hosts_n);
    return out_text(out);
}
