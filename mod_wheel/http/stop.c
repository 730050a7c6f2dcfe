/* SPDX-License-Identifier: Apache-2.0 */
/* http/stop.c: the handler wheel-stop.
 *
 * Runs in the worker that runs the request.
 */
#include "http/stop.h"

#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_protocol.h"

#include "cluster/cluster.h"
#include "http/reply.h"
#include "http/request.h"
#include "operations/stop.h"

APLOG_USE_MODULE(wheel);

#define STOP_ANSWER                                                   \
    "\"Wheel running job stopped. See the rotate request output now " \
    "to see the lucky number.\""

/* Numbers of wheels that still turn, in a header: this many at most. */
#define STOP_RUNNING_MAX 100

/* @return OK, or the status of the problem that has been answered */
static int read_stop(request_rec *r, wheel_stop_t *stop)
{
    const char *name;
    const char *error;
    int status = wheel_request_begin(r, &name);

    if (status != OK) {
        return status;
    }
    memset(stop, 0, sizeof(*stop));
    error = wheel_stop_read(stop, r->args, r->pool);
    if (!error && name && stop->filter.name) {
        error = "name: the path has the name already; give one or the other";
    }
    if (name) {
        stop->filter.name = name;
    }
    return wheel_request_end(r, error);
}

/* Wheel-Running: the numbers of those that have not ended in time. */
static void put_running(request_rec *r, const wheel_stop_t *stop)
{
    const char *ids = NULL;
    unsigned told = 0;
    unsigned n;

    for (n = 0; n < stop->hits_n && told < STOP_RUNNING_MAX; n++) {
        if (stop->hits[n].outcome == WHEEL_OUTCOME_RUNNING) {
            ids =
                apr_psprintf(r->pool, "%s%s%" APR_UINT64_T_FMT, ids ? ids : "",
                             ids ? ", " : "", stop->hits[n].id);
            told++;
        }
    }
    if (ids) {
        apr_table_setn(r->headers_out, "Wheel-Running", ids);
    }
}

/* What is known of all hosts. */
static void put_hosts(request_rec *r, const wheel_stop_t *stop)
{
    const char *silent = wheel_stop_hosts(stop, WHEEL_REPLY_NONE, r->pool);
    const char *failed = wheel_stop_hosts(stop, WHEEL_REPLY_FAILED, r->pool);

    wheel_reply_fact(r, "Wheel-Stopped", "wheel-stopped",
                     apr_psprintf(r->pool, "%u", wheel_stop_count(stop)));
    if (silent && stop->round.told == WHEEL_TOLD) {
        apr_table_setn(r->headers_out, "Wheel-Unanswered", silent);
    }
    if (failed) {
        apr_table_setn(r->headers_out, "Wheel-Failed", failed);
    }
}

static int answer_stopped(request_rec *r, wheel_stop_t *stop)
{
    int wakes = !stop->waits && !stop->told; /* else they are awake */

    if (stop->waits) {
        wheel_stop_wake(stop);
        wheel_stop_wait(stop);
        put_running(r, stop);
    }
    wheel_reply_text(r,
                     stop->json ? wheel_stop_json(stop, r->pool) : STOP_ANSWER);
    if (wakes) {
        /* The marks have stopped the wheels already; waking their workers
         * comes after the answer. */
        ap_rflush(r);
        wheel_stop_wake(stop);
    }
    return OK;
}

static int stop(request_rec *r)
{
    wheel_stop_t stop;
    const char *problem;
    int status;
    apr_status_t rv;

    if (strcmp(r->handler, "wheel-stop")) {
        return DECLINED;
    }
    if (read_stop(r, &stop) != OK) {
        return OK;
    }
    rv = wheel_stop_mark(&stop, r->pool);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0042: the mutex 'wheel' failed");
        return wheel_reply_refuse(r, WHEEL_REFUSED_LOCK);
    }
    if (wheel_cluster_on()) {
        wheel_stop_wake(&stop);
        wheel_stop_tell(&stop, stop.waits ? stop.wait_max : -1, r->pool);
    }
    problem = wheel_stop_problem(&stop, &status, r->pool);
    if (!problem || status != HTTP_NOT_FOUND) {
        put_hosts(r, &stop);
    }
    if (problem) {
        return wheel_reply_problem(r, status, problem);
    }
    return answer_stopped(r, &stop);
}

void wheel_stop_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_handler(stop, NULL, NULL, APR_HOOK_MIDDLE);
}
