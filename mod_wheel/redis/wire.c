/* SPDX-License-Identifier: Apache-2.0 */
/* redis/wire.c: what stands in Redis, written and read. */
#include "redis/wire.h"

#include "redis/place.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "apr_strings.h"

/* Of the heartbeat's JSON. */
#define WIRE_VERSION 1

/* Longest text of a heartbeat: 64 jobs take 10 kB. */
#define WIRE_HEARTBEAT_BYTES_MAX 65536

/* Last second of the year 9999. */
#define WIRE_SECONDS_MAX 253402300799.0

/* Seconds since the epoch in a reply of TIME: it is no clock of another
 * century that is believed, and sums of it don't overflow. */
#define WIRE_TIME_MAX 253402300799

/* --- Any reply ------------------------------------------------------------ */

const char *wheel_wire_string(const redisReply *reply)
{
    int is_string = reply && (reply->type == REDIS_REPLY_STRING ||
                              reply->type == REDIS_REPLY_STATUS);

    if (!is_string || strlen(reply->str) != (size_t)reply->len) {
        return NULL;
    }
    return reply->str;
}

size_t wheel_wire_count(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

const redisReply *wheel_wire_item(const redisReply *reply, size_t n)
{
    return n < wheel_wire_count(reply) ? reply->element[n] : NULL;
}

/* Digits alone.  @return -1 if it is something else */
static apr_int64_t number_of(const char *text, apr_int64_t number_max)
{
    apr_int64_t number = 0;

    if (!text || !*text) {
        return -1;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9') {
            return -1;
        }
        number = number * 10 + (*text - '0');
        if (number > number_max) {
            return -1;
        }
    }
    return number;
}

apr_int64_t wheel_wire_time(const redisReply *reply)
{
    apr_int64_t sec =
        number_of(wheel_wire_string(wheel_wire_item(reply, 0)), WIRE_TIME_MAX);
    apr_int64_t usec =
        number_of(wheel_wire_string(wheel_wire_item(reply, 1)), 999999);

    return sec > 0 && usec >= 0 ? sec * 1000000 + usec : 0;
}

const char *wheel_wire_stream(const redisReply *reply, wheel_place_t *last)
{
    int has_id = 0;
    int has_added = 0;
    size_t n;

    for (n = 0; n + 1 < wheel_wire_count(reply); n += 2) {
        const char *name = wheel_wire_string(wheel_wire_item(reply, n));
        const redisReply *value = wheel_wire_item(reply, n + 1);
        const char *text = wheel_wire_string(value);

        if (name && !strcmp(name, "last-generated-id")) {
            has_id = text && wheel_place_read(last, text);
        }
        else if (name && !strcmp(name, "entries-added")) {
            has_added =
                value->type == REDIS_REPLY_INTEGER && value->integer >= 0;
            last->added = has_added ? (apr_uint64_t)value->integer : 0;
        }
    }
    if (!has_id) {
        return "XINFO STREAM has no last-generated-id";
    }
    return has_added ? NULL
                     : "XINFO STREAM has no entries-added: Redis 7.0 or "
                       "later is needed";
}

const redisReply *wheel_wire_entries(const redisReply *reply)
{
    return wheel_wire_item(wheel_wire_item(reply, 0), 1);
}

int wheel_wire_place(const redisReply *entry, wheel_place_t *place)
{
    const char *id = wheel_wire_string(wheel_wire_item(entry, 0));

    return id && wheel_place_read(place, id);
}

/* An entry of a stream is its id and a list of fields and values. */
static const char *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = wheel_wire_item(entry, 1);
    size_t n;

    for (n = 0; n + 1 < wheel_wire_count(fields); n += 2) {
        const char *field = wheel_wire_string(wheel_wire_item(fields, n));

        if (field && !strcmp(field, name)) {
            return wheel_wire_string(wheel_wire_item(fields, n + 1));
        }
    }
    return NULL;
}

/* --- Hosts ---------------------------------------------------------------- */

int wheel_wire_is_host(const char *host)
{
    const char *slash = strrchr(host, '/');
    size_t n;

    if (!slash || slash == host || !slash[1]) {
        return 0;
    }
    for (n = 0; host[n]; n++) {
        if (host[n] <= ' ' || host[n] > '~' || n + 1 >= WHEEL_HOST_BYTES) {
            return 0;
        }
    }
    return 1;
}

int wheel_wire_same_host(const char *a, const char *b)
{
    const char *a_unique = strrchr(a, '/');
    const char *b_unique = strrchr(b, '/');

    return !strcmp(a_unique ? a_unique : a, b_unique ? b_unique : b);
}

const char *wheel_wire_live(const redisReply *reply, size_t n,
                            apr_int64_t redis_usec, apr_interval_time_t *age)
{
    const char *host = wheel_wire_string(wheel_wire_item(reply, 2 * n));
    const char *score = wheel_wire_string(wheel_wire_item(reply, 2 * n + 1));
    double ms = score ? strtod(score, NULL) : NAN;

    if (!host || !wheel_wire_is_host(host) || isnan(ms)) {
        return NULL;
    }
    /* Within what can be a time: any double may stand there. */
    ms = ms < 0 ? 0 : ms;
    ms = ms > WIRE_SECONDS_MAX * 1e3 ? WIRE_SECONDS_MAX * 1e3 : ms;
    *age = redis_usec - (apr_int64_t)(ms * 1e3);
    return host;
}

int wheel_wire_is_live(apr_interval_time_t age)
{
    return age < WHEEL_MISSING_USEC && age > -WHEEL_MISSING_USEC;
}

/* --- Stops ---------------------------------------------------------------- */

static int is_stop(const char *stop)
{
    size_t digits = strspn(stop, "0123456789abcdef");

    return digits && digits < WHEEL_STOP_BYTES && !stop[digits];
}

void wheel_wire_append_stop(redisContext *redis, const char *key,
                            unsigned length_max, const wheel_notice_t *notice)
{
    redisAppendCommand(redis, "XADD %s MAXLEN ~ %u * host %s stop %s filter %s",
                       key, length_max, notice->host, notice->stop,
                       notice->filter);
}

int wheel_wire_read_stop(const redisReply *entry, wheel_notice_t *notice)
{
    notice->host = field_of(entry, "host");
    notice->stop = field_of(entry, "stop");
    notice->filter = field_of(entry, "filter");
    return notice->host && wheel_wire_is_host(notice->host) && notice->stop &&
           is_stop(notice->stop) && notice->filter &&
           strlen(notice->filter) <= WHEEL_WIRE_FILTER_MAX;
}

const char *wheel_wire_replies_key(const char *key, const char *stop,
                                   apr_pool_t *pool)
{
    return apr_pstrcat(pool, key, ":stop:", stop, NULL);
}

void wheel_wire_append_reply(redisContext *redis, const char *replies_key,
                             const char *host, int stopped, int make)
{
    redisAppendCommand(redis,
                       make ? "XADD %s * host %s n %d"
                            : "XADD %s NOMKSTREAM * host %s n %d",
                       replies_key, host, stopped);
}

int wheel_wire_read_reply(const redisReply *entry, wheel_reply_t *reply)
{
    const char *host = field_of(entry, "host");
    const char *n = field_of(entry, "n");
    apr_int64_t stopped = number_of(n, INT_MAX);

    if (!host || !wheel_wire_is_host(host) || !n) {
        return 0;
    }
    reply->host = host;
    reply->stopped = stopped < 0 ? WHEEL_REPLY_FAILED : (int)stopped;
    return 1;
}

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
