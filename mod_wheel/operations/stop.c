/* SPDX-License-Identifier: Apache-2.0 */
/* operations/stop.c: one stop, from what is asked to what became of each job.
 *
 * Runs in whatever thread stops jobs.
 */
#include "operations/stop.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"
#include "httpd.h"

#include "cluster/cluster.h"
#include "core/parse.h"
#include "server/process.h"
#include "render/render.h"

/* How often a stop that waits looks whether its jobs have ended. */
#define STOP_POLL_FIRST_USEC 500
#define STOP_POLL_MAX_USEC (20 * 1000)

/* So many hosts are named at most. */
#define STOP_HOSTS_MAX 100

/* --- What is asked ------------------------------------------------------- */

/* The parameters, in the order of the readers below. */
enum {
    PARAM_NAME,
    PARAM_OLDER = 4,
    PARAM_WAIT,
    PARAM_JSON,
    PARAM_DRY
};

const char *wheel_stop_read(wheel_stop_t *stop, const char *query,
                            apr_pool_t *pool)
{
    wheel_param_t params[] = {
        {"name", NULL},    {"id", NULL},    {"client", NULL},
        {"handler", NULL}, {"older", NULL}, {"wait", NULL},
        {"json", NULL},    {"dry", NULL},   {NULL, NULL}};
    const char *error = wheel_parse_query(query, params, pool);
    int n;

    for (n = PARAM_NAME; n <= PARAM_OLDER && !error; n++) {
        error = wheel_filter_read(&stop->filter, params[n].name,
                                  params[n].value, pool);
    }
    if (!error) {
        stop->waits = params[PARAM_WAIT].value != NULL;
        error = wheel_parse_time("wait", params[PARAM_WAIT].value,
                                 &stop->wait_max, pool);
    }
    if (!error) {
        error = wheel_parse_flag("json", params[PARAM_JSON].value, &stop->json,
                                 pool);
    }
    if (!error) {
        error =
            wheel_parse_flag("dry", params[PARAM_DRY].value, &stop->dry, pool);
    }
    if (!error && stop->dry && stop->waits) {
        return "dry stops nothing, so there is nothing to wait for: give dry "
               "or wait, not both";
    }
    stop->json |= stop->dry; /* to tell which is all that it is for */
    return error;
}

/* --- Mark and wake ------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const wheel_hit_t *left = a;
    const wheel_hit_t *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

apr_status_t wheel_stop_mark(wheel_stop_t *stop, apr_pool_t *pool)
{
    wheel_table_t *table = wheel_process_table();
    wheel_end_e end = stop->dry ? WHEEL_END_NONE : WHEEL_END_STOP;
    apr_status_t rv;

    if (stop->json || stop->waits) {
        stop->hits = apr_palloc(pool, sizeof(wheel_hit_t) *
                                          wheel_table_slots_max(table));
    }
    rv = wheel_table_stop(table, &stop->filter, end, stop->hits, &stop->hits_n);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    stop->until_usec = wheel_clock_usec() + stop->wait_max;
    if (stop->hits) {
        qsort(stop->hits, stop->hits_n, sizeof(wheel_hit_t), by_id);
    }
    return APR_SUCCESS;
}

void wheel_stop_wake(const wheel_stop_t *stop)
{
    if (!stop->dry) {
        wheel_table_ring_marked(wheel_process_table());
    }
}

/* --- Other hosts --------------------------------------------------------- */

int wheel_stop_tells(const wheel_stop_t *stop)
{
    /* An id is that of one job: where that was here, nobody else has it. */
    return wheel_cluster_on() && !stop->dry &&
           !(stop->filter.id && stop->hits_n);
}

void wheel_stop_tell(wheel_stop_t *stop, apr_interval_time_t wait_max,
                     apr_pool_t *pool)
{
    if (wheel_stop_tells(stop)) {
        stop->told = 1;
        wheel_cluster_tell(&stop->filter, stop->hits_n, wait_max, &stop->round,
                           pool);
    }
}

unsigned wheel_stop_count(const wheel_stop_t *stop)
{
    unsigned stopped = 0;
    unsigned n;

    if (!stop->told || stop->round.told != WHEEL_TOLD) {
        return stop->dry ? 0 : stop->hits_n;
    }
    for (n = 0; n < stop->round.replies_n; n++) {
        int said = stop->round.replies[n].stopped;

        stopped += said > 0 ? said : 0;
    }
    return stopped;
}

const char *wheel_stop_hosts(const wheel_stop_t *stop, int said,
                             apr_pool_t *pool)
{
    const char *hosts = NULL;
    unsigned named = 0;
    unsigned n;

    for (n = 0; n < stop->round.replies_n && named < STOP_HOSTS_MAX; n++) {
        const wheel_reply_t *reply = &stop->round.replies[n];

        if (reply->stopped == said) {
            hosts = apr_pstrcat(pool, hosts ? hosts : "", hosts ? ", " : "",
                                wheel_render_host(reply->host, pool), NULL);
            named++;
        }
    }
    return hosts;
}

static const char *untold(const wheel_stop_t *stop, apr_pool_t *pool)
{
    return apr_psprintf(
        pool, "%u wheels of this host were stopped; %s", stop->hits_n,
        stop->round.told == WHEEL_TOLD_PERHAPS
            ? "Redis did not answer in time, so the other hosts may or may "
              "not have been told"
            : "the other hosts were not told, since Redis could not be "
              "reached or refused it");
}

const char *wheel_stop_problem(const wheel_stop_t *stop, int *status,
                               apr_pool_t *pool)
{
    const char *silent;
    const char *failed;

    if (stop->told && stop->round.told != WHEEL_TOLD) {
        *status = HTTP_BAD_GATEWAY;
        return untold(stop, pool);
    }
    if (wheel_stop_count(stop) || stop->dry ||
        wheel_filter_is_any(&stop->filter)) {
        return NULL;
    }
    silent = wheel_stop_hosts(stop, WHEEL_REPLY_NONE, pool);
    failed = wheel_stop_hosts(stop, WHEEL_REPLY_FAILED, pool);
    if (!silent && !failed) {
        *status = HTTP_NOT_FOUND;
        return apr_psprintf(pool, "no wheel rotates that matches %s",
                            wheel_filter_text(&stop->filter, pool));
    }
    *status = HTTP_GATEWAY_TIME_OUT;
    return apr_psprintf(pool,
                        "no host that has answered has a wheel that matches "
                        "%s; these have not answered in time, or could not "
                        "do it: %s%s%s",
                        wheel_filter_text(&stop->filter, pool),
                        silent ? silent : "", silent && failed ? ", " : "",
                        failed ? failed : "");
}

/* --- Wait ---------------------------------------------------------------- */

static int has_ended(const wheel_hit_t *hit)
{
    return !wheel_table_owners(wheel_process_table(), hit->slot, hit->id);
}

int wheel_stop_over(wheel_stop_t *stop)
{
    unsigned n;

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

void wheel_stop_wait(wheel_stop_t *stop)
{
    apr_interval_time_t nap = STOP_POLL_FIRST_USEC;

    while (!wheel_stop_over(stop)) {
        apr_sleep(nap);
        nap = nap * 2 < STOP_POLL_MAX_USEC ? nap * 2 : STOP_POLL_MAX_USEC;
    }
}

/* --- What became of it --------------------------------------------------- */

const char *wheel_stop_json(const wheel_stop_t *stop, apr_pool_t *pool)
{
    const char *json =
        wheel_render_stop(stop->hits, stop->hits_n, stop->dry, pool);

    return stop->told ? wheel_render_stop_hosts(json, &stop->round, pool)
                      : json;
}
