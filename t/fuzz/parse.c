/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: fuzz what reads a request and what repeats its bytes.
 *
 * libFuzzer calls LLVMFuzzerTestOneInput() with ever other bytes.  Each call
 * hands them, as a string, to the whole of wheel_parse and to all that renders
 * text, and holds the results against what their headers promise.  Memory of
 * pools comes from malloc here, so that AddressSanitizer sees where it ends.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "apr_general.h"
#include "apr_strings.h"

#include "core/filter.h"
#include "server/job.h"
#include "core/parse.h"
#include "render/facts.h"
#include "render/render.h"
#include "must.h"

/* Longest text that is repeated, and the room that its escapes may take. */
#define REPEAT_MAX 300
#define ESCAPED_MAX (REPEAT_MAX * 4 + 3)

/* --- Pools ---------------------------------------------------------------- */

/* What apr_palloc() below has given out: what libapr keeps for itself, and what
 * is freed after each input. */
typedef struct chunk_t {
    struct chunk_t *next;
    max_align_t bytes[];
} chunk_t;

static chunk_t *kept;
static chunk_t *chunks;
static chunk_t **list = &kept;

static apr_pool_t *input_pool;

static void *chunk_alloc(apr_size_t bytes)
{
    chunk_t *chunk = malloc(sizeof(*chunk) + bytes);

    MUST(chunk);
    chunk->next = *list;
    *list = chunk;
    return chunk->bytes;
}

/* These take the place of libapr's own. */
void *apr_palloc(apr_pool_t *pool, apr_size_t bytes)
{
    (void)pool;
    return chunk_alloc(bytes);
}

#undef apr_pcalloc
void *apr_pcalloc(apr_pool_t *pool, apr_size_t bytes)
{
    (void)pool;
    return memset(chunk_alloc(bytes), 0, bytes);
}

static void chunks_free(void)
{
    while (chunks) {
        chunk_t *next = chunks->next;

        free(chunks);
        chunks = next;
    }
}

/* --- What of the module needs httpd, and its words do not matter here ----- */

const char *wheel_refusal_name(wheel_refusal_e refusal)
{
    (void)refusal;
    return "refusal";
}

/* --- What must be true of any text ---------------------------------------- */

static int printable(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            return 0;
        }
    }
    return 1;
}

/* Valid JSON on one line of printable ASCII.  The caller frees it. */
static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    MUST(json);
    return json;
}

static void problem_holds(const char *detail, apr_pool_t *pool)
{
    const char *text = wheel_render_problem(404, "Not Found", detail, pool);
    json_t *json = json_of(text);
    const char *said = json_string_value(json_object_get(json, "detail"));

    MUST(printable(text));
    MUST(said && printable(said) && strlen(said) <= ESCAPED_MAX);
    MUST(!strcmp(said, wheel_render_text(detail, REPEAT_MAX, pool)));
    json_decref(json);
}

/* The escapes of wheel_render_text() can be taken back. */
static void text_holds(const char *text, apr_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";
    const char *safe = wheel_render_text(text, REPEAT_MAX, pool);
    size_t bytes = strnlen(text, REPEAT_MAX);
    size_t n;

    MUST(printable(safe));
    for (n = 0; n < bytes; n++) {
        if (*safe != '\\') {
            MUST(*safe++ == text[n]);
        }
        else if (safe[1] == '\\') {
            MUST(text[n] == '\\');
            safe += 2;
        }
        else {
            MUST(safe[1] == 'x' &&
                 digits[(unsigned char)text[n] >> 4] == safe[2] &&
                 digits[text[n] & 15] == safe[3]);
            safe += 4;
        }
    }
    MUST(!strcmp(safe, text[bytes] ? "..." : ""));
}

/* --- What must be true of what is parsed ---------------------------------- */

static void name_holds(const char *text, apr_pool_t *pool)
{
    wheel_stopped_t stopped;
    wheel_hit_t hit;
    const char *c;

    if (!wheel_parse_name(text)) {
        return;
    }
    MUST(strlen(text) >= 1 && strlen(text) <= WHEEL_NAME_MAX);
    for (c = text; *c; c++) {
        MUST((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
             (*c >= '0' && *c <= '9') || *c == '.' || *c == '_' || *c == '-');
    }
    memset(&hit, 0, sizeof(hit));
    memcpy(hit.name, text, strlen(text));
    memset(&stopped, 0, sizeof(stopped));
    stopped.hits_n = 1;
    stopped.hits = &hit;
    json_decref(json_of(wheel_render_stopped(&stopped, pool)));
}

static void seconds_hold(const char *text)
{
    apr_interval_time_t usec = -1;

    if (wheel_parse_seconds(text, &usec)) {
        MUST(usec >= 0 && usec <= apr_time_from_sec(WHEEL_SECONDS_MAX));
        MUST(fabs(strtod(text, NULL) * 1e6 - usec) < 1);
    }
    else {
        MUST(usec == -1);
    }
}

static void id_holds(const char *text)
{
    apr_uint64_t id = 0;

    if (wheel_parse_id(text, &id)) {
        MUST(id >= 1 && id <= UINT64_C(1) << 53);
        MUST(id == strtoull(text, NULL, 10));
    }
}

static void load_holds(const char *text, apr_pool_t *pool)
{
    unsigned load = 0;

    if (!wheel_parse_load("load", text, &load, pool)) {
        MUST(load >= 1 && load <= WHEEL_LOAD_MAX);
        MUST(load == strtoul(text, NULL, 10));
    }
    else {
        MUST(load == 0);
    }
}

static void prefer_holds(const char *text)
{
    apr_interval_time_t usec = -1;

    if (wheel_parse_prefer_wait(text, &usec)) {
        MUST(usec >= 0 && usec <= apr_time_from_sec(WHEEL_SECONDS_MAX));
        MUST(usec % APR_USEC_PER_SEC == 0);
    }
    else {
        MUST(usec == -1);
    }
}

/* What a query may hold, as text. */
typedef struct values_t {
    const char *id;
    const char *wait;
    const char *load;
} values_t;

static const char *keep_text(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    (void)name;
    *(const char **)place = apr_pstrdup(pool, value);
    return NULL;
}

static void query_holds(const char *text, apr_pool_t *pool)
{
    static const wheel_param_t params[] = {
        {"id", keep_text, offsetof(values_t, id), NULL},
        {"wait", keep_text, offsetof(values_t, wait), NULL},
        {"load", keep_text, offsetof(values_t, load), NULL},
        {NULL, NULL, 0, NULL},
    };
    values_t values = {NULL, NULL, NULL};
    const char *error = wheel_parse_query(text, params, &values, pool);
    const wheel_param_t *param;

    if (error) {
        problem_holds(error, pool);
        return;
    }
    MUST(!*text || values.id || values.wait || values.load);
    for (param = params; param->name; param++) {
        const char *value =
            *(const char *const *)((char *)&values + param->offset);

        if (value) {
            MUST(strstr(text, param->name));
            MUST(strlen(value) <= strlen(text));
            seconds_hold(value);
            id_holds(value);
            load_holds(value, pool);
        }
    }
}

/* A filter's own text gives the same filter again. */
static void filter_survives(const wheel_filter_t *filter, apr_pool_t *pool)
{
    const char *text = wheel_filter_text(filter, pool);
    wheel_filter_t again;

    MUST(printable(text));
    MUST(wheel_filter_is_any(filter) == !*text);
    memset(&again, 0, sizeof(again));
    MUST(!wheel_filter_parse(&again, text, pool));
    MUST(!strcmp(wheel_filter_text(&again, pool), text));
    MUST(again.id == filter->id && again.older == filter->older);
}

/* Each of its parameters with this text alone, and all of a query. */
static void filter_holds(const char *text, apr_pool_t *pool)
{
    const wheel_param_t *param;
    wheel_filter_t filter;

    for (param = wheel_filter_params; param->name; param++) {
        const char *error;

        memset(&filter, 0, sizeof(filter));
        error = wheel_filter_read(&filter, param->name, text, pool);
        if (error) {
            problem_holds(error, pool);
            continue;
        }
        filter_survives(&filter, pool);
    }
    memset(&filter, 0, sizeof(filter));
    if (!wheel_filter_parse(&filter, text, pool)) {
        filter_survives(&filter, pool);
    }
}

/* --- The status ----------------------------------------------------------- */

static int printable_lines(const char *text)
{
    while (*text == '\n' || (*text >= ' ' && *text <= '~')) {
        text++;
    }
    return !*text;
}

/* No value of a job's line has a blank, which would end it. */
static void line_holds(const char *text, const char *key, int kind)
{
    const wheel_column_t *column;
    unsigned blanks = 0;

    for (column = wheel_columns; column->key; column++) {
        blanks += (column->flags & kind) != 0;
    }
    for (text = strstr(text, key) + 1; *text != '\n'; text++) {
        blanks -= *text == ' ';
    }
    MUST(!blanks);
}

/* One job that nobody could have begun, as far as names go, and a step that is
 * missing for a reason in any charset. */
static void status_holds(const char *text, apr_pool_t *pool)
{
    const wheel_facts_t facts = {.mpm = "fuzz",
                                 .filter = "",
                                 .version = "0",
                                 .privileged = {{"cut", text}},
                                 .privileged_n = 1};
    wheel_record_t job;
    wheel_snapshot_t snapshot;
    const char *line;
    json_t *json;

    memset(&job, 0, sizeof(job));
    job.owners = WHEEL_OWNER_WORKER;
    apr_cpystrn(job.name, text, sizeof(job.name));
    apr_cpystrn(job.client, text, sizeof(job.client));
    apr_cpystrn(job.handler, text, sizeof(job.handler));
    job.elapsed = job.marked = job.polled = -2;
    memset(&snapshot, 0, sizeof(snapshot));
    snapshot.jobs_n = snapshot.recent_n = 1;
    snapshot.jobs = snapshot.recent = &job;
    snapshot.names_n = 2;
    memcpy(snapshot.names[1].name, job.name, sizeof(job.name));

    json = json_of(wheel_render_json(&facts, &snapshot, pool));
    MUST(json_number_value(json_object_get(
             json_array_get(json_object_get(json, "running"), 0), "elapsed")) >=
         0);
    json_decref(json);
    line = wheel_render_metrics(&facts, &snapshot, WHEEL_METRICS_OPENMETRICS,
                                pool);
    MUST(printable_lines(line));
    /* No tag of the page has a name of one capital letter. */
    if (strstr(job.name, "<Q")) {
        MUST(!strstr(wheel_render_page(&facts, &snapshot, pool), "<Q"));
        MUST(!strstr(wheel_render_section(&facts, &snapshot, 1, pool), "<Q"));
    }
    line = wheel_render_auto(&facts, &snapshot, pool);
    MUST(printable_lines(line));
    line_holds(line, "\nWheelRunning:", WHEEL_COLUMN_RUNNING);
    line_holds(line, "\nWheelRecent:", WHEEL_COLUMN_ENDED);
}

/* --- libFuzzer ------------------------------------------------------------ */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    MUST(apr_initialize() == APR_SUCCESS);
    MUST(apr_pool_create(&input_pool, NULL) == APR_SUCCESS);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    /* As long as it is, so that a byte too far is seen. */
    char *text = malloc(bytes + 1);
    apr_pool_t *pool = input_pool;

    MUST(text);
    memcpy(text, data, bytes);
    text[bytes] = '\0';
    list = &chunks;

    text_holds(text, pool);
    problem_holds(text, pool);
    name_holds(text, pool);
    seconds_hold(text);
    id_holds(text);
    load_holds(text, pool);
    prefer_holds(text);
    query_holds(text, pool);
    filter_holds(text, pool);
    status_holds(text, pool);

    list = &kept;
    apr_pool_clear(pool);
    chunks_free();
    free(text);
    return 0;
}
