/* SPDX-License-Identifier: Apache-2.0 */
/* render/html.c: a snapshot as a page of HTML, and as a part of
 * mod_status's page.
 *
 * Pure functions, run by the worker that answers and never with the mutex held.
 */
#include "render/html.h"

#include "render/render.h"
#include "render/facts.h"
#include "render/requests.h"

#include <string.h>

#include "apr_strings.h"

/* In mod_status's page, which has no style sheet of ours, beside the bits of
 * WHEEL_COLUMN_x; and the jobs that are listed there. */
#define HTML_SECTION 256
#define HTML_SECTION_RUNNING_MAX 25
#define HTML_SECTION_RECENT_MAX 10

/* The page is as readable without it.  Whoever changes it changes the hash:
 * printf %s "$style" | openssl dgst -sha256 -binary | base64 */
static const char page_style[] =
    ":root{color-scheme:light dark;font:90%/1.4 system-ui,sans-serif}"
    "body{margin:1rem;overflow-wrap:anywhere}"
    ".w{overflow-x:auto;margin-bottom:1.5rem}"
    "table{border-collapse:collapse}"
    "caption{text-align:left;font-weight:bold;padding:.3rem 0}"
    "th,td{padding:.15rem .5rem;text-align:left;white-space:nowrap;"
    "border-bottom:1px solid #8888}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}";

#define PAGE_STYLE_SHA256 "hCM3HFLB7jJN1sbNQ5y3/zVR1//BmFKbkLKL1hbNnJ8="

const char *wheel_render_page_policy(void)
{
    return "default-src 'none'; style-src 'sha256-" PAGE_STYLE_SHA256 "'; "
           "base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
}

/* A table that is wider than the screen scrolls, and the page doesn't. */
void wheel_html_table(wheel_text_t *out, const char *caption)
{
    wheel_text_putf(out,
                    "<div class=\"w\" role=\"region\" aria-label=\"%s\" "
                    "tabindex=\"0\">\n<table>\n<caption>%s</caption>\n",
                    caption, caption);
}

void wheel_html_table_end(wheel_text_t *out)
{
    wheel_text_put(out, "</table>\n</div>\n");
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

/* @param kind with HTML_SECTION, if there is no style sheet of ours */
static const char *cell_attributes(const wheel_column_t *column, int kind)
{
    if (column->flags & WHEEL_COLUMN_TIME && kind & HTML_SECTION) {
        return " nowrap=\"nowrap\"";
    }
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
        wheel_text_putf(out, "<td%s>%s</td>", cell_attributes(column, kind),
                        value ? pretty(column, value, out->pool) : "");
        json_decref(value);
    }
    wheel_text_put(out, "</tr>\n");
}

/* @param listed_max 0 for all */
static void put_job_table(wheel_text_t *out, const char *caption,
                          const wheel_record_t *jobs, unsigned jobs_n,
                          unsigned listed_max, int kind)
{
    unsigned listed_n = listed_max && jobs_n > listed_max ? listed_max : jobs_n;
    const wheel_column_t *column;
    unsigned n;

    wheel_html_table(
        out, listed_n < jobs_n
                 ? apr_psprintf(out->pool, "%s: %u, of which %u are listed",
                                caption, jobs_n, listed_n)
                 : apr_psprintf(out->pool, "%s: %u", caption, jobs_n));
    wheel_text_put(out, "<tr>");
    for (column = wheel_columns; column->key; column++) {
        if (column->flags & kind) {
            wheel_text_putf(out, "<th scope=\"col\"%s>%s</th>",
                            cell_attributes(column, kind), column->title);
        }
    }
    wheel_text_put(out, "</tr>\n");
    for (n = 0; n < listed_n; n++) {
        put_job_row(out, &jobs[n], kind);
    }
    wheel_html_table_end(out);
}

static void put_row_table(wheel_text_t *out, const wheel_facts_t *facts,
                          const wheel_snapshot_t *snapshot)
{
    wheel_row_t rows[WHEEL_ROWS_N];
    const wheel_row_t *row;

    wheel_rows_fill(rows, facts, snapshot);
    wheel_html_table(out, "Use and limits");
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
    wheel_html_table_end(out);
}

static void put_privileged_table(wheel_text_t *out, const wheel_facts_t *facts)
{
    unsigned n;

    if (!facts->privileged_n) {
        return;
    }
    wheel_html_table(out, "Privileged steps");
    for (n = 0; n < facts->privileged_n; n++) {
        const wheel_privileged_fact_t *fact = &facts->privileged[n];
        const char *missing = wheel_facts_missing(fact, out->pool);

        wheel_text_putf(out,
                        "<tr><th scope=\"row\">%s</th><td>%s%s</td></tr>\n",
                        fact->step, missing ? "missing: " : "can be taken",
                        missing ? wheel_text_html(missing, out->pool) : "");
    }
    wheel_html_table_end(out);
}

/* The first counter (NONE) is left out. */
static void put_counter_table(wheel_text_t *out, const char *caption,
                              const apr_uint64_t *counters, unsigned counters_n,
                              const char *(*name)(unsigned))
{
    unsigned n;

    wheel_html_table(out, caption);
    wheel_text_put(out, "<tr>");
    for (n = 1; n < counters_n; n++) {
        wheel_text_putf(out, "<th scope=\"col\" class=\"n\">%s</th>", name(n));
    }
    wheel_text_put(out, "</tr>\n<tr>");
    for (n = 1; n < counters_n; n++) {
        wheel_text_putf(out, "<td class=\"n\">%s</td>",
                        wheel_text_grouped(counters[n], out->pool));
    }
    wheel_text_put(out, "</tr>\n");
    wheel_html_table_end(out);
}

/* What runs comes first, and what is longest last. */
static void put_tables(wheel_text_t *out, const wheel_facts_t *facts,
                       const wheel_snapshot_t *snapshot, int section)
{
    put_job_table(out, "Running", snapshot->jobs, snapshot->jobs_n,
                  section ? HTML_SECTION_RUNNING_MAX : 0,
                  WHEEL_COLUMN_RUNNING | section);
    wheel_render_requests_html(out, facts);
    put_row_table(out, facts, snapshot);
    put_privileged_table(out, facts);
    put_counter_table(out, "Ended, by reason", snapshot->ended, WHEEL_END_COUNT,
                      wheel_counter_end);
    put_counter_table(out, "Refused, by reason", snapshot->refused,
                      WHEEL_REFUSED_COUNT, wheel_counter_refusal);
    put_job_table(out, "The last that ended", snapshot->recent,
                  snapshot->recent_n, section ? HTML_SECTION_RECENT_MAX : 0,
                  WHEEL_COLUMN_ENDED | section);
}

void wheel_html_head(wheel_text_t *out, const char *title)
{
    wheel_text_putf(out,
                    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                    "<meta charset=\"utf-8\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, "
                    "initial-scale=1\">\n"
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
    wheel_html_head(out, "Wheel status");
    wheel_text_putf(out,
                    "<p>%s UTC. mod_wheel %s, MPM %s, generation %d, up for %s "
                    "seconds.</p>\n",
                    wheel_text_date(snapshot->taken, pool),
                    wheel_text_html(facts->version, pool),
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
    put_tables(out, facts, snapshot, 0);
    wheel_text_put(out, "</body>\n</html>\n");
    return wheel_text_join(out);
}

const char *wheel_render_section(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot, int tables,
                                 apr_pool_t *pool)
{
    wheel_text_t *out = wheel_text_make(pool);

    wheel_text_putf(out, "<hr />\n<h1>Wheels</h1>\n<p>mod_wheel %s</p>\n",
                    wheel_text_html(facts->version, pool));
    if (tables) {
        put_tables(out, facts, snapshot, HTML_SECTION);
    }
    else {
        const char *lines = wheel_render_auto(facts, snapshot, pool);

        wheel_text_putf(out, "<pre>%s</pre>\n", wheel_text_html(lines, pool));
    }
    return wheel_text_join(out);
}
