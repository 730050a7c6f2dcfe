/* SPDX-License-Identifier: Apache-2.0 */
/* operations/stop.c: one stop: mark, publish, wait, wake.
 *
 * Runs in whatever thread stops jobs.
 */
#include "operations/stop.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"
#include "httpd.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "cluster/cluster.h"
#include "core/parse.h"
#include "operations/report.h"
#include "operations/requests.h"
#include "render/render.h"
#include "server/config.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* How often a stop that waits checks whether its jobs have ended. */
#define STOP_POLL_FIRST_USEC 500
#define STOP_POLL_MAX_USEC (20 * 1000)

/* So many hosts are named at most. */
#define STOP_HOSTS_MAX 100

struct wheel_stop_t {
    wheel_stop_request_t request;
    apr_pool_t *pool;
    apr_status_t failed;    /* of the mutex: nothing has been marked */
    int awake;              /* the workers have been woken */
    int published;          /* it went to other hosts, or should have */
    apr_int64_t until_usec; /* by wheel_clock_usec(): when it waits no more */
    wheel_hit_t *hits;      /* by id; NULL if only their number is wanted */
    unsigned hits_n;
    unsigned stopping_n; /* of these, requests that were to end already */
    unsigned ended_n;    /* the first that are known to have ended */
    wheel_round_t round;
};

/* --- What is asked for ---------------------------------------------------- */

/* @param place a wheel_step_e */
static const char *read_step(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    static const wheel_step_e steps[] = {WHEEL_STEP_CUT, WHEEL_STEP_COOLDOWN,
                                         WHEEL_STEP_DRAIN};
    size_t n;

    for (n = 0; n < sizeof(steps) / sizeof(*steps); n++) {
        if (!strcmp(value, wheel_step_name(steps[n]))) {
            *(wheel_step_e *)place = steps[n];
            return NULL;
        }
    }
    return apr_psprintf(pool, "%s: '%.64s' is not one of: cut, cooldown, drain",
                        name, value);
}

const wheel_param_t wheel_stop_params[] = {
    {NULL, NULL, offsetof(wheel_stop_request_t, filter), wheel_filter_params},
    {"wait", wheel_parse_stop_wait, offsetof(wheel_stop_request_t, wait_max),
     NULL},
    {"json", wheel_parse_flag, offsetof(wheel_stop_request_t, json), NULL},
    {"dry", wheel_parse_flag, offsetof(wheel_stop_request_t, dry), NULL},
    {"step", read_step, offsetof(wheel_stop_request_t, step), NULL},
    {NULL, NULL, 0, NULL},
};

void wheel_stop_request_init(wheel_stop_request_t *request)
{
    memset(request, 0, sizeof(*request));
    request->wait_max = -1;
}

const char *wheel_stop_request_check(wheel_stop_request_t *request)
{
    if (request->dry && request->wait_max >= 0) {
        return "dry stops nothing, so there is nothing to wait for: give dry "
               "or wait, not both";
    }
    if (request->step != WHEEL_STEP_NONE &&
        (request->dry || request->wait_max >= 0)) {
        return "step asks for one step and waits for nothing: give step, or "
               "one of dry and wait";
    }
    request->json |= request->dry; /* a dry stop is there to list jobs */
    return NULL;
}

const char *wheel_stop_request_read(wheel_stop_request_t *request,
                                    const char *query, apr_pool_t *pool)
{
    const char *error;

    wheel_stop_request_init(request);
    error = wheel_parse_query(query, wheel_stop_params, request, pool);
    return error ? error : wheel_stop_request_check(request);
}

/* --- Mark and wake -------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const wheel_hit_t *left = a;
    const wheel_hit_t *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

static void mark_requests(void *baton)
{
    wheel_stop_t *stop = baton;

    stop->hits_n += wheel_requests_stop(
        &stop->request.filter, stop->request.dry,
        stop->hits ? stop->hits + stop->hits_n : NULL, &stop->stopping_n);
}

static void mark(wheel_stop_t *stop)
{
    const wheel_stop_request_t *request = &stop->request;
    wheel_table_t *table = wheel_process_table();

    if (request->json || request->wait_max >= 0) {
        stop->hits = apr_palloc(stop->pool, sizeof(wheel_hit_t) *
                                                (wheel_table_slots_max(table) +
                                                 wheel_requests_max()));
    }
    stop->failed = wheel_table_stop(
        table, &request->filter, request->dry ? WHEEL_END_NONE : WHEEL_END_STOP,
        stop->hits, &stop->hits_n, mark_requests, stop);
    if (stop->hits) {
        qsort(stop->hits, stop->hits_n, sizeof(wheel_hit_t), by_id);
    }
}

static void wake(wheel_stop_t *stop)
{
    if (!stop->awake && !stop->request.dry) {
        wheel_table_wake_marked(wheel_process_table());
        wheel_requests_wake();
    }
    stop->awake = 1;
}

wheel_stop_t *wheel_stop_begin(const wheel_stop_request_t *request,
                               apr_pool_t *pool)
{
    wheel_stop_t *stop = apr_pcalloc(pool, sizeof(*stop));

    stop->request = *request;
    stop->pool = pool;
    mark(stop);
    if (stop->failed != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, stop->failed, ap_server_conf,
                     "WH0042: nothing was stopped: the mutex 'wheel' failed; "
                     "check the directory and rights of Mutex");
    }
    stop->until_usec = wheel_clock_usec() + request->wait_max;
    /* Jobs don't wait for the replies of other hosts, nor for a stop that
     * waits for them. */
    if (request->wait_max >= 0 || wheel_stop_publishes(stop)) {
        wake(stop);
    }
    return stop;
}

void wheel_stop_finish(wheel_stop_t *stop)
{
    if (stop->failed == APR_SUCCESS) {
        wake(stop);
    }
}

/* --- Other hosts ---------------------------------------------------------- */

/* A stop that another host has sent. */
static apr_status_t stop_for_host(const wheel_filter_t *filter,
                                  unsigned *stopped)
{
    wheel_stop_t stop;

    memset(&stop, 0, sizeof(stop));
    wheel_stop_request_init(&stop.request);
    stop.request.filter = *filter;
    mark(&stop);
    wheel_stop_finish(&stop);
    *stopped = stop.hits_n - stop.stopping_n;
    return stop.failed;
}

void wheel_stop_serve_hosts(void)
{
    static const wheel_cluster_host_t host = {stop_for_host,
                                              wheel_report_heartbeat};

    wheel_cluster_serve(&host);
}

int wheel_stop_publishes(const wheel_stop_t *stop)
{
    const wheel_stop_request_t *request = &stop->request;

    /* An id is that of one job: if that is on this host, no other has it. */
    return wheel_cluster_on() && !request->dry && stop->failed == APR_SUCCESS &&
           !(request->filter.id && stop->hits_n);
}

/* Replies come at once or not at all: hosts that are slow, held or dead hold
 * up a stop for the timeout of WheelCluster and no longer, whatever it waits
 * for its jobs. */
void wheel_stop_publish(wheel_stop_t *stop)
{
    apr_interval_time_t wait_max = stop->request.wait_max;

    if (!wheel_stop_publishes(stop)) {
        return;
    }
    if (wait_max >= wheel_config_server().cluster->timeout) {
        wait_max = -1;
    }
    stop->published = 1;
    wheel_cluster_tell(&stop->request.filter, stop->hits_n - stop->stopping_n,
                       wait_max, &stop->round, stop->pool);
}

const char *wheel_stop_hosts(const wheel_stopped_t *result, int reply,
                             apr_pool_t *pool)
{
    const wheel_round_t *round = result->round;
    const char *hosts = NULL;
    unsigned named = 0;
    unsigned n;

    for (n = 0; round && n < round->replies_n && named < STOP_HOSTS_MAX; n++) {
        if (round->replies[n].stopped == reply) {
            hosts = apr_pstrcat(pool, hosts ? hosts : "", hosts ? ", " : "",
                                wheel_render_host(round->replies[n].host, pool),
                                NULL);
            named++;
        }
    }
    return hosts;
}

/* --- Wait ----------------------------------------------------------------- */

static int has_ended(const wheel_hit_t *hit)
{
    return hit->is_request
               ? wheel_requests_ended(hit)
               : !wheel_table_owners(wheel_process_table(), hit->slot, hit->id);
}

void wheel_stop_cancel(wheel_stop_t *stop)
{
    stop->until_usec = 0;
}

int wheel_stop_poll(wheel_stop_t *stop)
{
    unsigned n;

    if (stop->request.wait_max < 0) {
        return 1;
    }
    while (stop->ended_n < stop->hits_n &&
           has_ended(&stop->hits[stop->ended_n])) {
        stop->hits[stop->ended_n++].outcome = WHEEL_OUTCOME_ENDED;
    }
    if (stop->ended_n < stop->hits_n && !wheel_process_ending() &&
        wheel_clock_usec() < stop->until_usec) {
        return 0;
    }
    for (n = stop->ended_n; n < stop->hits_n; n++) {
        stop->hits[n].outcome = has_ended(&stop->hits[n])
                                    ? WHEEL_OUTCOME_ENDED
                                    : WHEEL_OUTCOME_RUNNING;
    }
    return 1;
}

int wheel_stop_run(wheel_stop_t *stop, int (*goes_on)(void *baton), void *baton)
{
    apr_interval_time_t nap = STOP_POLL_FIRST_USEC;
    int asked = 1;

    wheel_stop_publish(stop);
    while (!wheel_stop_poll(stop)) {
        asked = !goes_on || goes_on(baton);
        if (!asked) {
            wheel_stop_cancel(stop);
            continue;
        }
        apr_sleep(nap);
        nap = nap * 2 < STOP_POLL_MAX_USEC ? nap * 2 : STOP_POLL_MAX_USEC;
    }
    return asked;
}

/* --- What came of it ------------------------------------------------------ */

static unsigned count_stopped(const wheel_stop_t *stop)
{
    unsigned stopped = 0;
    unsigned n;

    if (!stop->published || stop->round.told != WHEEL_TOLD) {
        return stop->request.dry ? 0 : stop->hits_n - stop->stopping_n;
    }
    for (n = 0; n < stop->round.replies_n; n++) {
        int reply = stop->round.replies[n].stopped;

        stopped += reply > 0 ? reply : 0;
    }
    return stopped;
}

static const char *unpublished(const wheel_stop_t *stop)
{
    return apr_psprintf(
        stop->pool, "%u wheels of this host were stopped; %s",
        stop->hits_n - stop->stopping_n,
        stop->round.told == WHEEL_TOLD_PERHAPS
            ? "Redis, or the helper process of this host, did not answer in "
              "time, so the other hosts may or may not have been told"
            : "the other hosts were not told, since Redis, or the helper "
              "process of this host, could not be reached or refused it");
}

/* It meant certain jobs, and there was none. */
static void set_none_found(const wheel_stop_t *stop, wheel_stopped_t *result)
{
    const char *filter = wheel_filter_text(&stop->request.filter, stop->pool);
    const char *silent = wheel_stop_hosts(result, WHEEL_REPLY_NONE, stop->pool);
    const char *failed =
        wheel_stop_hosts(result, WHEEL_REPLY_FAILED, stop->pool);

    if (!silent && !failed) {
        result->status = HTTP_NOT_FOUND;
        result->problem = apr_psprintf(
            stop->pool, "no wheel rotates that matches %s", filter);
        return;
    }
    result->status = HTTP_GATEWAY_TIME_OUT;
    result->problem =
        apr_psprintf(stop->pool,
                     "no host that has answered has a wheel that matches "
                     "%s; these have not answered in time, or could not "
                     "do it: %s%s%s",
                     filter, silent ? silent : "", silent && failed ? ", " : "",
                     failed ? failed : "");
}

const wheel_stopped_t *wheel_stop_result(wheel_stop_t *stop)
{
    wheel_stopped_t *result = apr_pcalloc(stop->pool, sizeof(*result));

    result->status = HTTP_OK;
    result->dry = stop->request.dry;
    result->stopped = count_stopped(stop);
    result->hits_n = stop->hits_n;
    result->hits = stop->hits;
    result->round = stop->published ? &stop->round : NULL;
    if (stop->failed != APR_SUCCESS) {
        result->status = HTTP_SERVICE_UNAVAILABLE;
        result->problem = "the table of wheels could not be locked";
    }
    else if (stop->published && stop->round.told != WHEEL_TOLD) {
        result->status = HTTP_BAD_GATEWAY;
        result->problem = unpublished(stop);
    }
    else if (!result->stopped && !stop->hits_n && !stop->request.dry &&
             !wheel_filter_is_any(&stop->request.filter)) {
        set_none_found(stop, result);
    }
    return result;
}
