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

#include "http/reply.h"
#include "http/request.h"
#include "operations/step.h"
#include "operations/stop.h"
#include "render/render.h"
#include "server/watch.h"

APLOG_USE_MODULE(wheel);

#define STOP_ANSWER                                                   \
    "\"Wheel running job stopped. See the rotate request output now " \
    "to see the lucky number.\""

/* Numbers of wheels that still turn, in a header: this many at most. */
#define STOP_RUNNING_MAX 100

/* @return OK, or the status of the problem that has been answered */
static int read_stop(request_rec *r, wheel_stop_request_t *request)
{
    const char *name;
    const char *error;
    int status;

    wheel_stop_request_init(request);
    status = wheel_request_refuse(r, wheel_request_check_own(r));
    if (status != OK) {
        return status;
    }
    status = wheel_request_read(r, wheel_stop_params, request, &name);
    if (status != OK) {
        return status;
    }
    error = wheel_stop_request_check(request);
    if (name && request->filter.name) {
        error = "name: the path has the name already; give one or the other";
    }
    if (error) {
        wheel_reply_problem(r, HTTP_BAD_REQUEST, error);
        return HTTP_BAD_REQUEST;
    }
    if (name) {
        request->filter.name = name;
    }
    return OK;
}

/* Wheel-Running: the numbers of those that have not ended in time. */
static void put_running(request_rec *r, const wheel_stopped_t *result)
{
    const char *ids = NULL;
    unsigned listed = 0;
    unsigned n;

    for (n = 0; result->hits && n < result->hits_n && listed < STOP_RUNNING_MAX;
         n++) {
        if (result->hits[n].outcome == WHEEL_OUTCOME_RUNNING) {
            ids =
                apr_psprintf(r->pool, "%s%s%" APR_UINT64_T_FMT, ids ? ids : "",
                             ids ? ", " : "", result->hits[n].id);
            listed++;
        }
    }
    if (ids) {
        apr_table_setn(r->headers_out, "Wheel-Running", ids);
    }
}

/* What all hosts have stopped, and which have not said. */
static void put_hosts(request_rec *r, const wheel_stopped_t *result)
{
    const char *silent = wheel_stop_hosts(result, WHEEL_REPLY_NONE, r->pool);
    const char *failed = wheel_stop_hosts(result, WHEEL_REPLY_FAILED, r->pool);

    wheel_reply_fact(r, "Wheel-Stopped", "wheel-stopped",
                     apr_psprintf(r->pool, "%u", result->stopped));
    if (silent && result->round->told == WHEEL_TOLD) {
        apr_table_setn(r->headers_out, "Wheel-Unanswered", silent);
    }
    if (failed) {
        apr_table_setn(r->headers_out, "Wheel-Failed", failed);
    }
}

static void answer_stop(request_rec *r, const wheel_stop_request_t *request,
                        const wheel_stopped_t *result)
{
    if (result->status == HTTP_SERVICE_UNAVAILABLE) {
        wheel_reply_refuse(r, WHEEL_REFUSED_LOCK);
        return;
    }
    if (result->status != HTTP_NOT_FOUND) {
        put_hosts(r, result);
    }
    if (result->problem) {
        wheel_reply_problem(r, result->status, result->problem);
        return;
    }
    put_running(r, result);
    wheel_reply_text(r, request->json ? wheel_render_stopped(result, r->pool)
                                      : STOP_ANSWER);
}

/* What the helper does then stands in the status. */
static void answer_step(request_rec *r, const wheel_stop_request_t *request)
{
    const char *name = wheel_step_name(request->step);
    wheel_step_result_t result;

    wheel_step_ask(&request->filter, request->step, &result, r->pool);
    if (result.problem) {
        wheel_reply_problem(r, result.status, result.problem);
        return;
    }
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                  "WH0125: %s of request %" APR_UINT64_T_FMT
                  " in process %ld was asked for",
                  name, result.request.id, (long)result.request.pid);
    wheel_reply_text(r, wheel_render_step(&result.request, request->step,
                                          wheel_step_outcome(request->step),
                                          r->pool));
}

static int client_stays(void *watch)
{
    return wheel_watch_poll(watch) != WHEEL_WATCH_GONE;
}

static int stop(request_rec *r)
{
    wheel_stop_request_t request;
    wheel_stop_t *stop;
    wheel_watch_t watch;

    if (read_stop(r, &request) != OK) {
        return OK;
    }
    if (request.step != WHEEL_STEP_NONE) {
        answer_step(r, &request);
        return OK;
    }
    stop = wheel_stop_begin(&request, r->pool);
    wheel_watch_begin(&watch, r, WHEEL_WATCH_HALF_GONE);
    if (!wheel_stop_run(stop, client_stays, &watch)) {
        r->connection->aborted = 1; /* nobody is there to read an answer */
    }
    answer_stop(r, &request, wheel_stop_result(stop));
    ap_rflush(r);
    wheel_stop_finish(stop);
    return OK;
}

void wheel_stop_register(apr_pool_t *pconf)
{
    (void)pconf;
    wheel_request_answer("wheel-stop", stop);
}
