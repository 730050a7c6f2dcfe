/* SPDX-License-Identifier: Apache-2.0 */
/* render/requests.c: the requests that are jobs, in each form of the status.
 *
 * JSON, lines of text and HTML tell the same because all of them read this
 * table.  Pure functions; any thread.
 */
#include "render/requests.h"

#include <string.h>

#include "apr_strings.h"

#include "core/request_slots.h"
#include "render/facts.h"
#include "render/html.h"
#include "render/json.h"

/* Where a request is stuck: what it waits for, and the trace of its script. */
#define WHERE_TEXT_BYTES 512

/* --- What is told of each request --------------------------------------- */

/* Its texts come from strangers; httpd bounds them no more than this. */
static json_t *text(const char *value, apr_pool_t *pool)
{
    return json_string(
        wheel_render_text(value, WHEEL_REQUEST_PATH_BYTES, pool));
}

static json_t *request_id(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_integer((json_int_t)request->id);
}

static json_t *request_method(const wheel_request_t *request, apr_pool_t *pool)
{
    return text(request->facts.method, pool);
}

static json_t *request_host(const wheel_request_t *request, apr_pool_t *pool)
{
    return text(request->facts.host, pool);
}

static json_t *request_path(const wheel_request_t *request, apr_pool_t *pool)
{
    return text(request->facts.path, pool);
}

static json_t *request_client(const wheel_request_t *request, apr_pool_t *pool)
{
    return text(request->facts.client, pool);
}

static json_t *request_handler(const wheel_request_t *request, apr_pool_t *pool)
{
    return text(request->facts.handler, pool);
}

static json_t *request_pid(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_integer(request->pid);
}

static json_t *request_thread(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return request->tid ? json_integer(request->tid) : json_null();
}

static json_t *request_generation(const wheel_request_t *request,
                                  apr_pool_t *pool)
{
    (void)pool;
    return json_integer(request->facts.generation);
}

static json_t *request_state(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_string(wheel_doing_name(request->doing));
}

static json_t *request_started(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_real(request->facts.started / 1e6);
}

static json_t *request_elapsed(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_real(request->elapsed / 1e6);
}

static json_t *request_cpu(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_real(request->cpu_usec / 1e6);
}

static json_t *request_sent(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return json_integer((json_int_t)request->sent_bytes);
}

static json_t *limit(apr_interval_time_t usec)
{
    return usec > 0 ? json_real(usec / 1e6) : json_null();
}

static json_t *request_deadline(const wheel_request_t *request,
                                apr_pool_t *pool)
{
    (void)pool;
    return limit(request->facts.wait_max);
}

static json_t *request_cpu_limit(const wheel_request_t *request,
                                 apr_pool_t *pool)
{
    (void)pool;
    return limit(request->facts.cpu_max);
}

static json_t *request_stopped_by(const wheel_request_t *request,
                                  apr_pool_t *pool)
{
    (void)pool;
    return request->mark == WHEEL_MARK_NONE
               ? json_null()
               : json_string(wheel_mark_name(request->mark));
}

static json_t *request_step(const wheel_request_t *request, apr_pool_t *pool)
{
    wheel_step_e step = request->step;

    (void)pool;
    if (step < WHEEL_STEP_COOLDOWN && request->cooled) {
        step = WHEEL_STEP_COOLDOWN; /* by a limit, or somebody's word */
    }
    return step == WHEEL_STEP_NONE ? json_null()
                                   : json_string(wheel_step_name(step));
}

/* FORCE is a part of INTERRUPT. */
json_t *wheel_render_steps_json(const wheel_step_times_t *steps)
{
    json_t *list = json_array();
    wheel_step_e step;

    for (step = WHEEL_STEP_REFUSE; step < WHEEL_STEP_COUNT; step++) {
        if (step != WHEEL_STEP_FORCE &&
            steps->after[step] != WHEEL_STEP_NEVER) {
            list = wheel_json_append(
                list, json_pack("{s:s, s:f}", "step", wheel_step_name(step),
                                "after", steps->after[step] / 1e6));
        }
    }
    return list;
}

static json_t *request_steps(const wheel_request_t *request, apr_pool_t *pool)
{
    (void)pool;
    return wheel_render_steps_json(&request->steps);
}

/* The same as WheelOnStop has it: refuse interrupt cut=500ms drain=5s */
static const char *steps_text(const json_t *steps, apr_pool_t *pool)
{
    wheel_text_t *out = wheel_text_make(pool);
    const json_t *one;
    size_t n;

    json_array_foreach(steps, n, one)
    {
        apr_int64_t msec =
            (apr_int64_t)(json_real_value(json_object_get(one, "after")) * 1e3);

        wheel_text_putf(out, "%s%s", n ? " " : "",
                        json_string_value(json_object_get(one, "step")));
        if (msec > 0) {
            wheel_text_putf(out, "=%" APR_INT64_T_FMT "%s",
                            msec % 1000 ? msec : msec / 1000,
                            msec % 1000 ? "ms" : "s");
        }
    }
    return wheel_text_join(out);
}

/* NULL also if the reader may not know it. */
static json_t *request_where(const wheel_request_t *request, apr_pool_t *pool)
{
    return request->where ? json_string(wheel_render_text(
                                request->where, WHERE_TEXT_BYTES, pool))
                          : json_null();
}

/* One thing that is told of a request: its key for programs and its title for
 * people. */
typedef struct requests_column_t {
    const char *key;
    const char *title;
    int is_number;
    json_t *(*value)(const wheel_request_t *request, apr_pool_t *pool);
} requests_column_t;

static const requests_column_t columns[] = {
    {"id", "Id", 1, request_id},
    {"method", "Method", 0, request_method},
    {"host", "Host", 0, request_host},
    {"path", "Path", 0, request_path},
    {"client", "Client", 0, request_client},
    {"handler", "Handler", 0, request_handler},
    {"pid", "Pid", 1, request_pid},
    {"thread", "Thread", 1, request_thread},
    {"generation", "Gen.", 1, request_generation},
    {"state", "State", 0, request_state},
    {"started", "Started, UTC", 1, request_started},
    {"elapsed", "Elapsed, s", 1, request_elapsed},
    {"cpu", "CPU, s", 1, request_cpu},
    {"sent_bytes", "Sent, bytes", 1, request_sent},
    {"deadline", "Deadline, s", 1, request_deadline},
    {"cpu_limit", "CPU limit, s", 1, request_cpu_limit},
    {"stopped_by", "Stopped by", 0, request_stopped_by},
    {"step", "Step", 0, request_step},
    {"steps", "A stop would", 0, request_steps},
    {"where", "Where", 0, request_where},
};

#define COLUMNS_N (sizeof(columns) / sizeof(columns[0]))

/* --- Forms -------------------------------------------------------------- */

static json_t *request_json(const wheel_request_t *request, apr_pool_t *pool)
{
    json_t *object = json_object();
    size_t n;

    for (n = 0; n < COLUMNS_N; n++) {
        if (json_object_set_new(object, columns[n].key,
                                columns[n].value(request, pool)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *wheel_render_requests_json(const wheel_facts_t *facts, apr_pool_t *pool)
{
    json_t *requests = json_array();
    unsigned n;

    for (n = 0; n < facts->requests_n; n++) {
        requests = wheel_json_append(requests,
                                     request_json(&facts->requests[n], pool));
    }
    return requests;
}

static const char *words_of(const json_t *value, apr_pool_t *pool)
{
    if (json_is_array(value)) {
        return steps_text(value, pool);
    }
    return value ? wheel_value_plain(value, pool) : "";
}

/* A value as monitors read it. */
static const char *plain(const requests_column_t *column,
                         const wheel_request_t *request, apr_pool_t *pool)
{
    json_t *value = column->value(request, pool);
    const char *word = wheel_text_word(words_of(value, pool), pool);

    json_decref(value);
    return word;
}

void wheel_render_requests_auto(wheel_text_t *out, const wheel_facts_t *facts)
{
    unsigned n;
    size_t column;

    for (n = 0; n < facts->requests_n; n++) {
        wheel_text_put(out, "WheelRequest:");
        for (column = 0; column < COLUMNS_N; column++) {
            wheel_text_putf(
                out, " %s=%s", columns[column].key,
                plain(&columns[column], &facts->requests[n], out->pool));
        }
        wheel_text_put(out, "\n");
    }
}

/* A value as people read it. */
static const char *pretty(const requests_column_t *column,
                          const wheel_request_t *request, apr_pool_t *pool)
{
    json_t *value = column->value(request, pool);
    const char *words = "";

    if (!strcmp(column->key, "started")) {
        words = wheel_text_date(request->facts.started, pool);
    }
    else if (json_is_real(value)) {
        words = apr_psprintf(pool, "%.3f", json_real_value(value));
    }
    else if (value) {
        words = wheel_text_html(words_of(value, pool), pool);
    }
    json_decref(value);
    return words;
}

void wheel_render_requests_html(wheel_text_t *out, const wheel_facts_t *facts)
{
    unsigned n;
    size_t column;

    if (!facts->requests) {
        return;
    }
    wheel_html_table(
        out, apr_psprintf(out->pool, "Requests: %u", facts->requests_n));
    wheel_text_put(out, "<tr>");
    for (column = 0; column < COLUMNS_N; column++) {
        wheel_text_putf(out, "<th scope=\"col\"%s>%s</th>",
                        columns[column].is_number ? " class=\"n\"" : "",
                        columns[column].title);
    }
    wheel_text_put(out, "</tr>\n");
    for (n = 0; n < facts->requests_n; n++) {
        wheel_text_put(out, "<tr>");
        for (column = 0; column < COLUMNS_N; column++) {
            wheel_text_putf(
                out, "<td%s>%s</td>",
                columns[column].is_number ? " class=\"n\"" : "",
                pretty(&columns[column], &facts->requests[n], out->pool));
        }
        wheel_text_put(out, "</tr>\n");
    }
    wheel_html_table_end(out);
}
