/* wheel_render.c: answers and snapshots as text.
 *
 * Pure functions from facts to strings; any thread, but none that holds the
 * mutex.
 */
#include "wheel_render.h"

#include "wheel_render_facts.h"
#include "wheel_render_json.h"
#include "wheel_render_text.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

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

const char *wheel_render_rotate(const wheel_result_t *result, const char *name,
                                apr_pool_t *pool)
{
    json_t *answer = json_pack(
        "{s:i, s:I, s:o, s:I, s:f, s:s}", "number", (int)result->value, "id",
        (json_int_t)result->id, "name", wheel_json_name(name, pool), "turns",
        (json_int_t)result->done, "elapsed", result->elapsed / 1e6,
        "stopped_by", wheel_end_name(result->end));

    return wheel_json_text(answer, WHEEL_JSON_ANSWER_BYTES, pool);
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

        wheels = wheel_json_append(
            wheels,
            json_pack("{s:I, s:o, s:o, s:o, s:s}", "id", (json_int_t)hit->id,
                      "name", wheel_json_name(hit->name, pool), "client",
                      wheel_json_client(hit->client, pool), "handler",
                      wheel_json_name(hit->handler, pool), "outcome",
                      outcomes[hit->outcome]));
    }
    return wheel_json_text(
        json_pack("{s:i, s:o}", "stopped", dry ? 0 : (int)hits_n, "wheels",
                  wheels),
        WHEEL_JSON_ANSWER_BYTES + hits_n * WHEEL_JSON_JOB_BYTES / 2, pool);
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
        json_pack("{s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                  "version", WHEEL_RENDER_VERSION, "time",
                  snapshot->taken / 1e6, "filter", json_filter(facts->filter),
                  "server", server_json(facts), "cluster",
                  wheel_json_cluster(facts, pool), "limits",
                  limits_json(facts, snapshot), "workers", workers_json(facts),
                  "jobs", jobs, "running",
                  jobs_json(snapshot->jobs, snapshot->jobs_n,
                            WHEEL_COLUMN_RUNNING, pool),
                  "recent",
                  jobs_json(snapshot->recent, snapshot->recent_n,
                            WHEEL_COLUMN_ENDED, pool),
                  "totals", totals_json(snapshot)),
        WHEEL_JSON_STATUS_BYTES +
            (snapshot->jobs_n + snapshot->recent_n) * WHEEL_JSON_JOB_BYTES,
        pool);
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
static const char *pretty(const wheel_column_t *column, const json_t *value,
                          apr_pool_t *pool)
{
    double number = json_number_value(value);

    if (json_is_null(value) || json_is_false(value)) {
        return "";
    }
    if (column->flags & WHEEL_COLUMN_TIME) {
        return wheel_text_date((apr_time_t)(number * 1e6), pool);
    }
    if (column->flags & WHEEL_COLUMN_COUNT) {
        return wheel_text_grouped((apr_uint64_t)number, pool);
    }
    if (json_is_real(value)) {
        return apr_psprintf(pool, "%.3f", number);
    }
    return wheel_text_html(wheel_value_plain(value, pool), pool);
}

static const char *cell_class(const wheel_column_t *column)
{
    return column->flags & (WHEEL_COLUMN_NUMBER | WHEEL_COLUMN_COUNT)
               ? " class=\"n\""
               : "";
}

static void put_job_row(wheel_text_t *out, const wheel_record_t *job, int kind)
{
    const wheel_column_t *column;

    wheel_text_put(out, "<tr>");
    for (column = wheel_columns; column->key; column++) {
        json_t *value;

        if (!(column->flags & kind)) {
            continue;
        }
        value = column->value(job, out->pool);
        wheel_text_putf(out, "<td%s>%s</td>", cell_class(column),
                        value ? pretty(column, value, out->pool) : "");
        json_decref(value);
    }
    wheel_text_put(out, "</tr>\n");
}

static void put_job_table(wheel_text_t *out, const char *caption,
                          const wheel_record_t *jobs, unsigned jobs_n, int kind)
{
    const wheel_column_t *column;
    unsigned n;

    wheel_text_putf(out, "<table>\n<caption>%s: %u</caption>\n<tr>", caption,
                    jobs_n);
    for (column = wheel_columns; column->key; column++) {
        if (column->flags & kind) {
            wheel_text_putf(out, "<th scope=\"col\"%s>%s</th>",
                            cell_class(column), column->title);
        }
    }
    wheel_text_put(out, "</tr>\n");
    for (n = 0; n < jobs_n; n++) {
        put_job_row(out, &jobs[n], kind);
    }
    wheel_text_put(out, "</table>\n");
}

static void put_row_table(wheel_text_t *out, const wheel_facts_t *facts,
                          const wheel_snapshot_t *snapshot)
{
    wheel_row_t rows[WHEEL_ROWS_N];
    const wheel_row_t *row;

    wheel_rows_fill(rows, facts, snapshot);
    wheel_text_put(out, "<table>\n<caption>Use and limits</caption>\n");
    for (row = rows; row < rows + WHEEL_ROWS_N; row++) {
        wheel_text_putf(
            out, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td><td>",
            row->title,
            row->key ? wheel_text_grouped(row->value, out->pool) : "");
        if (row->limit_key) {
            wheel_text_putf(out, "%s %" APR_UINT64_T_FMT, row->limit_title,
                            row->limit);
        }
        wheel_text_put(out, "</td></tr>\n");
    }
    wheel_text_put(out, "</table>\n");
}

/* The first counter (NONE) is left out. */
static void put_counter_table(wheel_text_t *out, const char *caption,
                              const apr_uint64_t *counters, unsigned counters_n,
                              const char *(*name)(unsigned))
{
    unsigned n;

    wheel_text_putf(out, "<table>\n<caption>%s</caption>\n<tr>", caption);
    for (n = 1; n < counters_n; n++) {
        wheel_text_putf(out, "<th scope=\"col\" class=\"n\">%s</th>", name(n));
    }
    wheel_text_put(out, "</tr>\n<tr>");
    for (n = 1; n < counters_n; n++) {
        wheel_text_putf(out, "<td class=\"n\">%s</td>",
                        wheel_text_grouped(counters[n], out->pool));
    }
    wheel_text_put(out, "</tr>\n</table>\n");
}

static void put_tables(wheel_text_t *out, const wheel_facts_t *facts,
                       const wheel_snapshot_t *snapshot)
{
    put_row_table(out, facts, snapshot);
    put_job_table(out, "Running", snapshot->jobs, snapshot->jobs_n,
                  WHEEL_COLUMN_RUNNING);
    put_job_table(out, "The last that ended", snapshot->recent,
                  snapshot->recent_n, WHEEL_COLUMN_ENDED);
    put_counter_table(out, "Ended, by reason", snapshot->ended, WHEEL_END_COUNT,
                      wheel_counter_end);
    put_counter_table(out, "Refused, by reason", snapshot->refused,
                      WHEEL_REFUSED_COUNT, wheel_counter_refusal);
}

static void put_page_head(wheel_text_t *out, const char *title)
{
    wheel_text_putf(out,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                    "<meta charset=\"utf-8\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n"
                    "<title>%s</title>\n<style>",
                    title);
    wheel_text_put(out, page_style);
    wheel_text_putf(out, "</style>\n</head>\n<body>\n<h1>%s</h1>\n", title);
}

const char *wheel_render_page(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    wheel_text_t *out = wheel_text_make(pool);
    const char *filter = "";

    if (*facts->filter) {
        filter =
            wheel_text_html(apr_pstrcat(pool, "&", facts->filter, NULL), pool);
    }
    put_page_head(out, "Wheel status");
    wheel_text_putf(
        out, "<p>%s UTC. MPM %s, generation %d, up for %s seconds.</p>\n",
        wheel_text_date(snapshot->taken, pool),
        wheel_text_html(facts->mpm, pool), facts->generation,
        wheel_text_grouped(facts->uptime / 1000000, pool));
    if (facts->cluster) {
        wheel_text_putf(
            out,
            "<p>Host %s of a cluster: <a href=\"?cluster\">all hosts</a>."
            "</p>\n",
            wheel_text_html(wheel_render_host(facts->cluster->host, pool),
                            pool));
    }
    if (*filter) {
        wheel_text_putf(out,
                        "<p>Listed are those of <code>%s</code>; counted are "
                        "<a href=\"?\">all</a>.</p>\n",
                        filter + strlen("&amp;"));
    }
    wheel_text_putf(out,
                    "<p>The same as <a href=\"?json%s\">JSON</a>, "
                    "<a href=\"?auto%s\">text</a>, "
                    "<a href=\"?openmetrics\">metrics</a>; "
                    "<a href=\"?refresh=2%s\">every 2 seconds</a>.</p>\n",
                    filter, filter, filter);
    put_tables(out, facts, snapshot);
    wheel_text_put(out, "</body>\n</html>\n");
    return wheel_text_join(out);
}

const char *wheel_render_section(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot, int tables,
                                 apr_pool_t *pool)
{
    wheel_text_t *out = wheel_text_make(pool);

    wheel_text_put(out, "<hr />\n<h1>Wheels</h1>\n");
    if (tables) {
        put_tables(out, facts, snapshot);
    }
    else {
        const char *lines = wheel_render_auto(facts, snapshot, pool);

        wheel_text_putf(out, "<pre>%s</pre>\n", wheel_text_html(lines, pool));
    }
    return wheel_text_join(out);
}

/* --- All hosts of a cluster ---------------------------------------------- */

/* Jobs that a host tells the others of, the oldest ones. */
#define RENDER_BEAT_MAX 64

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

/* --- A stop -------------------------------------------------------------- */

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
        hosts = wheel_json_append(hosts, reply_json(reply, pool));
    }
    if (json_object_set_new(answer, "hosts", hosts) ||
        json_object_set_new(answer, "stopped", json_integer(stopped))) {
        json_decref(answer);
        answer = NULL;
    }
    return wheel_json_text(answer,
                           strlen(wheels) + WHEEL_JSON_ANSWER_BYTES +
                               round->replies_n * WHEEL_JSON_JOB_BYTES / 4,
                           pool);
}

/* --- What this host tells ------------------------------------------------ */

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
            wheels = wheel_json_append(
                wheels,
                json_pack(
                    "{s:I, s:o, s:s, s:f}", "id", (json_int_t)job->id, "name",
                    wheel_json_name(job->name, pool), "client",
                    wheel_render_text(job->client, WHEEL_CLIENT_BYTES, pool),
                    "started", job->started / 1e6));
            told++;
        }
    }
    return wheel_json_text(
        json_pack("{s:i, s:s, s:i, s:{s:i, s:i, s:i}, s:{s:i, s:i, s:i}, s:o}",
                  "version", WHEEL_RENDER_VERSION, "mpm", facts->mpm,
                  "generation", facts->generation, "limits", "wheel_max",
                  facts->rotating_max, "wheel_reserve", facts->reserve,
                  "wheel_max_per_client", facts->per_client_max, "jobs",
                  "rotating", (int)snapshot->rotating, "stopping",
                  (int)snapshot->stopping, "draining", (int)snapshot->draining,
                  "running", wheels),
        WHEEL_JSON_ANSWER_BYTES + told * WHEEL_JSON_JOB_BYTES / 2, pool);
}

/* --- What all have told -------------------------------------------------- */

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

static void free_hosts(host_t *hosts, unsigned hosts_n)
{
    unsigned n;

    for (n = 0; n < hosts_n; n++) {
        json_decref(hosts[n].running);
    }
}

/* --- All of them as JSON ------------------------------------------------- */

/* One wheel of another host, with nothing in it but what is known. */
static json_t *peer_wheel(const json_t *wheel, apr_pool_t *pool)
{
    const char *client = json_string_value(json_object_get(wheel, "client"));

    return json_pack(
        "{s:I, s:o, s:s, s:f}", "id",
        json_integer_value(json_object_get(wheel, "id")), "name",
        wheel_json_name(json_string_value(json_object_get(wheel, "name")),
                        pool),
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
        running = wheel_json_append(
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
        list = wheel_json_append(list, host_json(&hosts[n], pool));
    }
    free_hosts(hosts, hosts_n);
    return wheel_json_text(
        json_pack("{s:i, s:f, s:o, s:s?, s:o}", "version", WHEEL_RENDER_VERSION,
                  "time", snapshot->taken / 1e6, "cluster",
                  wheel_json_cluster(facts, pool), "problem",
                  problem ? wheel_render_text(problem, WHEEL_DETAIL_MAX, pool)
                          : NULL,
                  "hosts", list),
        WHEEL_JSON_STATUS_BYTES + hosts_n * WHEEL_JSON_STATUS_BYTES, pool);
}

/* --- All of them as HTML ------------------------------------------------- */

static void put_host_row(wheel_text_t *out, const host_t *host)
{
    wheel_text_putf(out, "<tr><th scope=\"row\">%s%s</th><td>%s</td>",
                    wheel_text_html(host->name, out->pool),
                    host->own ? " (this one)" : "",
                    host->live ? "live" : "<strong>missing</strong>");
    if (!host->mpm) {
        wheel_text_putf(
            out, "<td class=\"n\">%.1f</td><td colspan=\"7\"></td></tr>\n",
            host->age);
        return;
    }
    wheel_text_putf(out,
                    "<td class=\"n\">%.1f</td><td class=\"n\">%d</td>"
                    "<td class=\"n\">%d</td><td class=\"n\">%d</td>"
                    "<td class=\"n\">%d</td><td class=\"n\">%d</td><td>%s</td>"
                    "<td class=\"n\">%d</td></tr>\n",
                    host->age, host->rotating, host->stopping, host->draining,
                    host->rotating_max, host->reserve,
                    wheel_text_html(host->mpm, out->pool), host->generation);
}

static void put_host_wheels(wheel_text_t *out, const host_t *host)
{
    size_t n;

    for (n = 0; n < json_array_size(host->running) && n < RENDER_BEAT_MAX;
         n++) {
        json_t *wheel = peer_wheel(json_array_get(host->running, n), out->pool);
        const char *name = json_string_value(json_object_get(wheel, "name"));
        const char *client =
            json_string_value(json_object_get(wheel, "client"));

        wheel_text_putf(
            out,
            "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td>"
            "<td>%s</td><td>%s</td><td>%s</td></tr>\n",
            wheel_text_html(host->name, out->pool),
            wheel_value_plain(json_object_get(wheel, "id"), out->pool),
            name ? wheel_text_html(name, out->pool) : "",
            client ? wheel_text_html(client, out->pool) : "",
            wheel_text_date((apr_time_t)(json_number_value(json_object_get(
                                             wheel, "started")) *
                                         1e6),
                            out->pool));
        json_decref(wheel);
    }
}

static void put_host_tables(wheel_text_t *out, const host_t *hosts,
                            unsigned hosts_n)
{
    unsigned n;

    wheel_text_putf(out, "<table>\n<caption>Hosts: %u</caption>\n<tr>",
                    hosts_n);
    wheel_text_put(out,
                   "<th scope=\"col\">Host</th><th scope=\"col\">State</th>"
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
    wheel_text_putf(
        out,
        "</table>\n<table>\n<caption>Rotating, the oldest %d of each "
        "host</caption>\n<tr>",
        RENDER_BEAT_MAX);
    wheel_text_put(out,
                   "<th scope=\"col\">Host</th>"
                   "<th scope=\"col\" class=\"n\">Id</th>"
                   "<th scope=\"col\">Name</th><th scope=\"col\">Client</th>"
                   "<th scope=\"col\">Started, UTC</th></tr>\n");
    for (n = 0; n < hosts_n; n++) {
        put_host_wheels(out, &hosts[n]);
    }
    wheel_text_put(out, "</table>\n");
}

const char *wheel_render_hosts_page(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool)
{
    host_t *hosts = apr_pcalloc(pool, (peers_n + 1) * sizeof(*hosts));
    unsigned hosts_n = read_hosts(hosts, facts, snapshot, peers, peers_n, pool);
    wheel_text_t *out = wheel_text_make(pool);

    put_page_head(out, "Hosts of the cluster");
    wheel_text_putf(out, "<p>%s UTC.</p>\n",
                    wheel_text_date(snapshot->taken, pool));
    if (problem) {
        wheel_text_putf(
            out, "<p><strong>The other hosts can't be seen: %s.</strong></p>\n",
            wheel_text_html(wheel_render_text(problem, WHEEL_DETAIL_MAX, pool),
                            pool));
    }
    wheel_text_put(out,
                   "<p>The same as <a href=\"?cluster&amp;json\">JSON</a>; "
                   "<a href=\"?cluster&amp;refresh=2\">every 2 seconds</a>; "
                   "<a href=\"?\">this host alone</a>.</p>\n");
    put_host_tables(out, hosts, hosts_n);
    wheel_text_put(out, "</body>\n</html>\n");
    free_hosts(hosts, hosts_n);
    return wheel_text_join(out);
}
