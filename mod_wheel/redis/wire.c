/* SPDX-License-Identifier: Apache-2.0 */
/* redis/wire.c: what stands in Redis, written and read. */
#include "redis/wire.h"

#include <limits.h>
#include <string.h>

#include <jansson.h>

#include "apr_strings.h"

/* Of the heartbeat's JSON. */
#define WIRE_VERSION 1

/* Longest text of a heartbeat: 64 jobs take 10 kB. */
#define WIRE_HEARTBEAT_BYTES_MAX 65536

/* Last second of the year 9999. */
#define WIRE_SECONDS_MAX 253402300799.0

/* --- Heartbeats ----------------------------------------------------------- */

/* JSON takes UTF-8 alone. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    char ascii[256];
    size_t n;

    if (json || !text) {
        return json;
    }
    for (n = 0; text[n] && n + 1 < sizeof(ascii); n++) {
        ascii[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    }
    return json_stringn(ascii, n);
}

static json_t *job_json(const wheel_heartbeat_job_t *job)
{
    return json_pack("{s:I, s:o, s:o, s:f}", "id", (json_int_t)job->id, "name",
                     *job->name ? text_json(job->name) : json_null(), "client",
                     text_json(job->client), "started", job->started / 1e6);
}

const char *wheel_wire_heartbeat(const wheel_heartbeat_t *heartbeat,
                                 apr_pool_t *pool)
{
    json_t *jobs = json_array();
    json_t *json;
    const char *text = NULL;
    char *dump;
    unsigned n;

    for (n = 0; n < heartbeat->jobs_n; n++) {
        json_array_append_new(jobs, job_json(&heartbeat->jobs[n]));
    }
    json = json_pack(
        "{s:i, s:s, s:i, s:{s:i, s:i, s:i}, s:{s:i, s:i, s:i}, s:o}", "version",
        WIRE_VERSION, "mpm", heartbeat->mpm, "generation",
        heartbeat->generation, "limits", "wheel_max", heartbeat->rotating_max,
        "wheel_reserve", heartbeat->reserve, "wheel_max_per_client",
        heartbeat->per_client_max, "jobs", "rotating", heartbeat->rotating,
        "stopping", heartbeat->stopping, "draining", heartbeat->draining,
        "running", jobs);
    dump = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (dump) {
        text = apr_pstrdup(pool, dump);
        free(dump);
    }
    json_decref(json);
    return text ? text : "{}";
}

/* A whole number that an int holds, and none below zero. */
static int read_count(const json_t *object, const char *name, int *count)
{
    const json_t *value = json_object_get(object, name);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || number > INT_MAX) {
        return 0;
    }
    *count = (int)number;
    return 1;
}

/* A string of so many bytes at most; null is an empty one. */
static int read_text(const json_t *object, const char *name, size_t bytes_max,
                     const char **text, apr_pool_t *pool)
{
    const json_t *value = json_object_get(object, name);

    if (json_is_null(value)) {
        *text = "";
        return 1;
    }
    if (!json_is_string(value) || json_string_length(value) > bytes_max) {
        return 0;
    }
    *text = apr_pstrmemdup(pool, json_string_value(value),
                           json_string_length(value));
    return 1;
}

static int read_job(const json_t *json, wheel_heartbeat_job_t *job,
                    apr_pool_t *pool)
{
    const json_t *id = json_object_get(json, "id");
    const json_t *started = json_object_get(json, "started");
    double seconds = json_number_value(started);

    if (!json_is_integer(id) || json_integer_value(id) <= 0 ||
        !json_is_number(started) ||
        !(seconds >= 0 && seconds <= WIRE_SECONDS_MAX)) {
        return 0;
    }
    job->id = (apr_uint64_t)json_integer_value(id);
    job->started = (apr_time_t)(seconds * 1e6);
    return read_text(json, "name", WHEEL_NAME_MAX, &job->name, pool) &&
           read_text(json, "client", WHEEL_CLIENT_BYTES, &job->client, pool);
}

static int read_jobs(const json_t *list, wheel_heartbeat_t *heartbeat,
                     apr_pool_t *pool)
{
    size_t jobs_n = json_array_size(list);
    wheel_heartbeat_job_t *jobs;
    size_t n;

    if (!json_is_array(list) || jobs_n > WHEEL_HEARTBEAT_JOBS_MAX) {
        return 0;
    }
    jobs = apr_pcalloc(pool, (jobs_n + 1) * sizeof(*jobs));
    for (n = 0; n < jobs_n; n++) {
        if (!read_job(json_array_get(list, n), &jobs[n], pool)) {
            return 0;
        }
    }
    heartbeat->jobs = jobs;
    heartbeat->jobs_n = (unsigned)jobs_n;
    return 1;
}

int wheel_wire_read_heartbeat(wheel_heartbeat_t *heartbeat, const char *text,
                              size_t bytes, apr_pool_t *pool)
{
    wheel_heartbeat_t read;
    const json_t *limits;
    const json_t *jobs;
    json_t *json;
    int good;

    if (bytes > WIRE_HEARTBEAT_BYTES_MAX) {
        return 0;
    }
    memset(&read, 0, sizeof(read));
    json = json_loadb(text, bytes, 0, NULL);
    limits = json_object_get(json, "limits");
    jobs = json_object_get(json, "jobs");
    good = read_text(json, "mpm", WHEEL_NAME_MAX, &read.mpm, pool) &&
           read_count(json, "generation", &read.generation) &&
           read_count(limits, "wheel_max", &read.rotating_max) &&
           read_count(limits, "wheel_reserve", &read.reserve) &&
           read_count(limits, "wheel_max_per_client", &read.per_client_max) &&
           read_count(jobs, "rotating", &read.rotating) &&
           read_count(jobs, "stopping", &read.stopping) &&
           read_count(jobs, "draining", &read.draining) &&
           read_jobs(json_object_get(json, "running"), &read, pool);
    json_decref(json);
    if (good) {
        *heartbeat = read;
    }
    return good;
}
