/* SPDX-License-Identifier: Apache-2.0 */
/* render/auto.c: a snapshot as lines of text, for monitors.
 *
 * Pure functions, run by the worker that answers and never with the mutex held.
 */
#include "render/render.h"

#include "render/facts.h"
#include "render/requests.h"
#include "render/text.h"

#include <ctype.h>

static void put_row_lines(wheel_text_t *out, const wheel_facts_t *facts,
                          const wheel_snapshot_t *snapshot)
{
    wheel_row_t rows[WHEEL_ROWS_N];
    const wheel_row_t *row;

    wheel_rows_fill(rows, facts, snapshot);
    for (row = rows; row < rows + WHEEL_ROWS_N; row++) {
        if (row->key) {
            wheel_text_putf(out, "%s: %" APR_UINT64_T_FMT "\n", row->key,
                            row->value);
        }
        if (row->limit_key) {
            wheel_text_putf(out, "%s: %" APR_UINT64_T_FMT "\n", row->limit_key,
                            row->limit);
        }
    }
}

/* The first counter (NONE) is left out. */
static void put_counter_lines(wheel_text_t *out, const char *prefix,
                              const apr_uint64_t *counters, unsigned counters_n,
                              const char *(*name)(unsigned))
{
    unsigned n;

    for (n = 1; n < counters_n; n++) {
        const char *word = name(n);

        wheel_text_putf(out, "Wheel%s%c%s: %" APR_UINT64_T_FMT "\n", prefix,
                        toupper((unsigned char)word[0]), word + 1, counters[n]);
    }
}

/* Nothing where WheelPrivileged names none. */
static void put_privileged_lines(wheel_text_t *out, const wheel_facts_t *facts)
{
    unsigned n;

    for (n = 0; n < facts->privileged_n; n++) {
        const wheel_privileged_fact_t *fact = &facts->privileged[n];
        const char *missing = wheel_facts_missing(fact, out->pool);

        wheel_text_putf(out, "WheelPrivileged: step=%s missing=%s\n",
                        fact->step, missing ? missing : "");
    }
}

static void put_job_line(wheel_text_t *out, const char *key,
                         const wheel_record_t *job, int kind)
{
    const wheel_column_t *column;
    const char *gap = ": ";

    wheel_text_put(out, key);
    for (column = wheel_columns; column->key; column++) {
        json_t *value;

        if (!(column->flags & kind)) {
            continue;
        }
        value = column->value(job, out->pool);
        wheel_text_putf(
            out, "%s%s=%s", gap, column->key,
            value ? wheel_text_word(wheel_value_plain(value, out->pool),
                                    out->pool)
                  : "");
        json_decref(value);
        gap = " ";
    }
    wheel_text_put(out, "\n");
}

static void put_job_lines(wheel_text_t *out, const char *key,
                          const wheel_record_t *jobs, unsigned jobs_n, int kind)
{
    unsigned n;

    for (n = 0; n < jobs_n; n++) {
        put_job_line(out, key, &jobs[n], kind);
    }
}

const char *wheel_render_section_auto(const wheel_facts_t *facts,
                                      const wheel_snapshot_t *snapshot,
                                      apr_pool_t *pool)
{
    wheel_text_t *out = wheel_text_make(pool);

    wheel_text_putf(out, "WheelVersion: %s\n", facts->version);
    put_privileged_lines(out, facts);
    put_row_lines(out, facts, snapshot);
    put_counter_lines(out, "Ended", snapshot->ended, WHEEL_END_COUNT,
                      wheel_counter_end);
    put_counter_lines(out, "Refused", snapshot->refused, WHEEL_REFUSED_COUNT,
                      wheel_counter_refusal);
    return wheel_text_join(out);
}

const char *wheel_render_auto(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool)
{
    wheel_text_t *out = wheel_text_make(pool);

    wheel_text_putf(out, "WheelStatusVersion: %d\n", WHEEL_RENDER_VERSION);
    wheel_text_putf(out, "WheelFilter: %s\n", facts->filter);
    wheel_text_putf(out, "WheelTime: %s\nWheelMPM: %s\n",
                    wheel_text_seconds(snapshot->taken, pool), facts->mpm);
    wheel_text_putf(out, "WheelGeneration: %d\nWheelUptime: %s\n",
                    facts->generation, wheel_text_seconds(facts->uptime, pool));
    wheel_text_put(out, wheel_render_section_auto(facts, snapshot, pool));
    if (facts->cluster) {
        wheel_text_putf(out,
                        "WheelClusterHost: %s\nWheelClusterLinked: %d\n"
                        "WheelClusterApplied: %" APR_UINT64_T_FMT "\n"
                        "WheelClusterLost: %" APR_UINT64_T_FMT "\n",
                        wheel_render_host(facts->cluster->host, pool),
                        facts->cluster->linked, facts->cluster->applied,
                        facts->cluster->lost);
    }
    put_job_lines(out, "WheelRunning", snapshot->jobs, snapshot->jobs_n,
                  WHEEL_COLUMN_RUNNING);
    wheel_render_requests_auto(out, facts);
    put_job_lines(out, "WheelRecent", snapshot->recent, snapshot->recent_n,
                  WHEEL_COLUMN_ENDED);
    return wheel_text_join(out);
}
