/* SPDX-License-Identifier: Apache-2.0 */
/* render/metrics.c: a snapshot as metrics, in the two formats that
 * Prometheus reads.
 *
 * Pure functions, run by the worker that answers and never with the mutex held.
 */
#include "render/render.h"

#include "render/facts.h"
#include "render/text.h"

#include <string.h>

/* The value of the label name for what shares a counter.  No job can have it:
 * names have no parentheses. */
#define RENDER_NAME_OTHER "(other)"
#define RENDER_NAME_NONE "(none)"

typedef struct metrics_t {
    wheel_text_t *out;
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
    wheel_text_putf(to->out, "# TYPE %s%s %s\n", name, total, type);
    if (unit && to->format == WHEEL_METRICS_OPENMETRICS) {
        wheel_text_putf(to->out, "# UNIT %s %s\n", name, unit);
    }
    wheel_text_putf(to->out, "# HELP %s%s %s\n", name, total, help);
}

/* A family that is one number. */
static void put_number(const metrics_t *to, const char *name, const char *type,
                       const char *help, apr_uint64_t number)
{
    put_family(to, name, type, NULL, help);
    wheel_text_putf(to->out, "%s%s %" APR_UINT64_T_FMT "\n", name,
                    strcmp(type, "counter") ? "" : "_total", number);
}

static void put_build(const metrics_t *to, const wheel_facts_t *facts)
{
    put_family(to, "wheel_build_info", "gauge", NULL,
               "The version of mod_wheel; always 1.");
    wheel_text_putf(to->out, "wheel_build_info{version=\"%s\"} 1\n",
                    wheel_text_label(facts->version, to->out->pool));
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
        {"wheel_stopping",
         "Wheels that are marked to stop and not yet answered.",
         snapshot->stopping},
        {"wheel_draining", "Answered wheels whose thread has not left.",
         snapshot->draining},
        {"wheel_stuck", "Wheels that don't check whether they are to end.",
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
        put_number(to, gauges[n].name, "gauge", gauges[n].help,
                   gauges[n].value);
    }
    put_family(to, "wheel_load_cores", "gauge", "cores",
               "Cores that wheels with load= are asked to take.");
    wheel_text_putf(to->out, "wheel_load_cores %u.%02u\n", snapshot->load / 100,
                    snapshot->load % 100);
    put_family(to, "wheel_workers", "gauge", NULL,
               "Workers of the live processes, by state.");
    wheel_text_putf(to->out, "wheel_workers{state=\"idle\"} %u\n",
                    facts->workers_idle);
    wheel_text_putf(to->out, "wheel_workers{state=\"busy\"} %u\n",
                    facts->workers_busy);
}

static void put_classes(const metrics_t *to, const wheel_snapshot_t *snapshot)
{
    unsigned counts[WHEEL_CLASS_COUNT] = {0};
    unsigned class;
    unsigned n;

    for (n = 0; n < snapshot->jobs_n; n++) {
        counts[snapshot->jobs[n].class]++;
    }
    put_family(to, "wheel_threads", "gauge", NULL,
               "Threads of running jobs, by how the kernel schedules them.");
    for (class = WHEEL_CLASS_UNKNOWN + 1; class < WHEEL_CLASS_COUNT; class ++) {
        wheel_text_putf(to->out, "wheel_threads{class=\"%s\"} %u\n",
                        wheel_class_name(class), counts[class]);
    }
}

static void put_ended_name(const metrics_t *to, const char *name,
                           const apr_uint64_t *ended)
{
    unsigned end;

    for (end = WHEEL_END_NONE + 1; end < WHEEL_END_COUNT; end++) {
        wheel_text_putf(to->out,
                        "wheel_ended_total{reason=\"%s\",name=\"%s\"} "
                        "%" APR_UINT64_T_FMT "\n",
                        wheel_counter_end(end),
                        wheel_text_label(name, to->out->pool), ended[end]);
    }
}

/* The table counts a bounded number of names, so there are as few series. */
static void put_ended(const metrics_t *to, const wheel_snapshot_t *snapshot)
{
    unsigned n;

    put_family(to, "wheel_ended", "counter", NULL,
               "Wheels that ended, by reason and name; " RENDER_NAME_OTHER
               " sums up the names that were not "
               "used lately, " RENDER_NAME_NONE " those without a name.");
    put_ended_name(to, RENDER_NAME_NONE,
                   snapshot->names[WHEEL_NAME_NONE].ended);
    for (n = WHEEL_NAME_NONE + 1; n < snapshot->names_n; n++) {
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

    put_number(to, "wheel_started", "counter", "Wheels that began.",
               snapshot->started);
    put_ended(to, snapshot);
    put_family(to, "wheel_refused", "counter", NULL,
               "Wheels that were refused, by reason.");
    for (n = WHEEL_REFUSED_NONE + 1; n < WHEEL_REFUSED_COUNT; n++) {
        wheel_text_putf(to->out,
                        "wheel_refused_total{reason=\"%s\"} %" APR_UINT64_T_FMT
                        "\n",
                        wheel_counter_refusal(n), snapshot->refused[n]);
    }
    put_number(to, "wheel_turns", "counter",
               "Turns of all wheels, those under way included.",
               snapshot->done);
}

/* Counts alone: paths come from clients. */
static void put_requests(const metrics_t *to, const wheel_facts_t *facts)
{
    unsigned n;

    put_family(to, "wheel_requests_stopped", "counter", NULL,
               "Requests that are jobs and were told to end, by what.");
    for (n = WHEEL_MARK_NONE + 1; n < WHEEL_MARK_COUNT; n++) {
        wheel_text_putf(to->out,
                        "wheel_requests_stopped_total{by=\"%s\"} "
                        "%" APR_UINT64_T_FMT "\n",
                        wheel_mark_name(n), facts->requests_marked[n]);
    }
    put_family(to, "wheel_requests_logged", "counter", NULL,
               "Requests that reached a limit with action=log, by limit.");
    for (n = WHEEL_MARK_DEADLINE; n <= WHEEL_MARK_CPU; n++) {
        wheel_text_putf(to->out,
                        "wheel_requests_logged_total{limit=\"%s\"} "
                        "%" APR_UINT64_T_FMT "\n",
                        wheel_mark_name(n), facts->requests_logged[n]);
    }
    put_family(to, "wheel_request_steps", "counter", NULL,
               "Steps of stops that were taken, each once a request.");
    for (n = WHEEL_STEP_REFUSE; n < WHEEL_STEP_COUNT; n++) {
        if (n != WHEEL_STEP_FORCE) { /* a part of interrupt */
            wheel_text_putf(to->out,
                            "wheel_request_steps_total{step=\"%s\"} "
                            "%" APR_UINT64_T_FMT "\n",
                            wheel_step_name(n), facts->requests_steps[n]);
        }
    }
    put_number(to, "wheel_requests_listed", "gauge",
               "Requests that are jobs and have run for longer than slow=.",
               facts->requests_n);
}

static void put_privileged(const metrics_t *to, const wheel_facts_t *facts)
{
    unsigned n;

    put_family(to, "wheel_privileged", "gauge", NULL,
               "Steps of WheelPrivileged: 1 if they can be taken, else 0.");
    for (n = 0; n < facts->privileged_n; n++) {
        wheel_text_putf(to->out, "wheel_privileged{step=\"%s\"} %d\n",
                        facts->privileged[n].step,
                        facts->privileged[n].missing == NULL);
    }
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
        {"wheel_cluster_told", "Stops that were sent to other hosts.",
         cluster->told},
        {"wheel_cluster_untold", "Stops that could not be sent to other hosts.",
         cluster->untold},
    };
    size_t n;

    put_number(to, "wheel_cluster_linked", "gauge",
               "1 when the stops of other hosts can be read, else 0.",
               cluster->linked != 0);
    for (n = 0; n < sizeof(counters) / sizeof(*counters); n++) {
        put_number(to, counters[n].name, "counter", counters[n].help,
                   counters[n].value);
    }
}

static void put_latency(const metrics_t *to, const wheel_snapshot_t *snapshot)
{
    static const apr_int64_t bounds_usec[] = {WHEEL_LATENCY_BOUNDS};
    static const char name[] = "wheel_stop_latency_seconds";
    apr_uint64_t below = 0;
    unsigned n;

    put_family(to, name, "histogram", "seconds",
               "From a wheel's mark to the answer of its worker.");
    for (n = 0; n < WHEEL_LATENCY_BUCKETS; n++) {
        const char *bound =
            n == WHEEL_LATENCY_BUCKETS - 1
                ? "+Inf"
                : wheel_text_seconds_short(bounds_usec[n], to->out->pool);

        below += snapshot->latency[n];
        wheel_text_putf(to->out, "%s_bucket{le=\"%s\"} %" APR_UINT64_T_FMT "\n",
                        name, bound, below);
    }
    wheel_text_putf(to->out, "%s_sum %s\n", name,
                    wheel_text_seconds((apr_int64_t)snapshot->latency_sum_usec,
                                       to->out->pool));
    wheel_text_putf(to->out, "%s_count %" APR_UINT64_T_FMT "\n", name, below);
}

const char *wheel_render_metrics(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot,
                                 wheel_metrics_e format, apr_pool_t *pool)
{
    const metrics_t to = {wheel_text_make(pool), format};

    put_build(&to, facts);
    put_counters(&to, snapshot);
    put_gauges(&to, facts, snapshot);
    put_classes(&to, snapshot);
    put_latency(&to, snapshot);
    if (facts->requests) {
        put_requests(&to, facts);
    }
    if (facts->privileged_n) {
        put_privileged(&to, facts);
    }
    if (facts->cluster) {
        put_cluster(&to, facts->cluster);
    }
    if (format == WHEEL_METRICS_OPENMETRICS) {
        wheel_text_put(to.out, "# EOF\n");
    }
    return wheel_text_join(to.out);
}
