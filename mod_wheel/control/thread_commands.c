/* SPDX-License-Identifier: Apache-2.0 */
/* control/thread_commands.c: wheelctl's where, cut, cool and drain: one
 * request, by its id.  Either wheelctl is root and asks which thread runs it,
 * or the privileged process does it; a drain takes neither.
 *
 * Runs in the helper.
 */

#include "control/client.h"

#include <jansson.h>
#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "core/filter.h"
#include "core/proc.h"
#include "core/request_where.h"
#include "operations/step.h"
#include "render/render.h"
#include "render/json.h"
#include "server/privileged.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

/* The privileged process takes a millisecond; a helper that waits for it serves
 * nobody else. */
#define COMMAND_WAIT_USEC (300 * 1000)

/* @return 1 if the query is one of filters, else the client has been
 * answered */
static int read_filter(client_t *client, const char *query,
                       wheel_filter_t *filter)
{
    const char *error;

    memset(filter, 0, sizeof(*filter));
    error = wheel_filter_parse(filter, query, client->pool);
    if (error) {
        client_answer_problem(client, HTTP_BAD_REQUEST, error);
    }
    return !error;
}

/* Read "id=N" and find that request.
 * @return 1 if it is there, else the client has been answered */
static int find(client_t *client, const char *query, wheel_request_t *request)
{
    wheel_step_result_t result;
    wheel_filter_t filter;

    if (!read_filter(client, query, &filter)) {
        return 0;
    }
    if (!wheel_step_find(&filter, &result, client->pool)) {
        client_answer_problem(client, result.status, result.problem);
        return 0;
    }
    *request = result.request;
    return 1;
}

/* @return 1 if it is done, else the client has been answered */
static int ask(client_t *client, wheel_privileged_do_e what, const char *step,
               const wheel_request_t *request, char *text)
{
    apr_status_t rv =
        wheel_privileged_call(what, request, text, COMMAND_WAIT_USEC);
    const char *problem = NULL;

    if (rv == APR_SUCCESS) {
        return 1;
    }
    if (rv == APR_ENOTIMPL) {
        problem = wheel_privileged_problem(what, client->pool);
    }
    if (!problem) {
        problem = apr_psprintf(
            client->pool, "the privileged process did not answer in time (%s)",
            step);
    }
    client_answer_problem(client, HTTP_SERVICE_UNAVAILABLE, problem);
    return 0;
}

static void answer(client_t *client, const wheel_request_t *request,
                   const char *member, const char *text)
{
    json_t *json =
        json_pack("{s:I, s:i, s:i, s:s}", "id", (json_int_t)request->id, "pid",
                  (int)request->pid, "thread", (int)request->tid, member, text);

    client_answer(client, HTTP_OK,
                  wheel_json_text(json, WHEEL_JSON_JOB_BYTES, client->pool));
}

/* For a wheelctl that is root and does it by itself: who runs the request. */
void client_thread(client_t *client, const char *query, int told_fd)
{
    char trace[WHEEL_REQUEST_TRACE_BYTES] = "";
    wheel_request_t request;
    json_t *json;

    (void)told_fd;
    if (!find(client, query, &request)) {
        return;
    }
    wheel_request_trace_want(wheel_requests_slots(), request.slot, request.id);
    wheel_request_trace_get(wheel_requests_slots(), request.slot, request.id,
                            trace);
    json =
        json_pack("{s:I, s:i, s:i, s:i, s:s, s:b, s:I, s:s}", "id",
                  (json_int_t)request.id, "pid", (int)request.pid, "thread",
                  (int)request.tid, "client_fd", (int)request.facts.client_fd,
                  "stopped_by", wheel_mark_name(request.mark), "cgi",
                  request.has_processes, "began_usec",
                  (json_int_t)request.facts.began_usec, "trace", trace);
    client_answer(client, HTTP_OK,
                  wheel_json_text(json, WHEEL_JSON_JOB_BYTES, client->pool));
}

void client_where(client_t *client, const char *query, int told_fd)
{
    char text[WHEEL_PRIVILEGED_TEXT_BYTES];
    wheel_request_t request;

    (void)told_fd;
    if (find(client, query, &request) &&
        ask(client, WHEEL_PRIVILEGED_DO_WHERE, "where", &request, text)) {
        answer(client, &request, "waits_for", text);
    }
}

/* Who did what stands in the log. */
static void log_act(const client_t *client, const wheel_request_t *request,
                    const char *step, const char *outcome)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "WH0124: process %ld of user %ld: %s of request "
                 "%" APR_UINT64_T_FMT " in process %ld: %s",
                 (long)client->peer.pid, (long)client->peer.uid, step,
                 request->id, (long)request->pid, outcome);
}

static void act(client_t *client, const char *query, wheel_privileged_do_e what,
                const char *step)
{
    char text[WHEEL_PRIVILEGED_TEXT_BYTES];
    wheel_request_t request;

    if (!find(client, query, &request) ||
        !ask(client, what, step, &request, text)) {
        return;
    }
    log_act(client, &request, step, text);
    answer(client, &request, "outcome", text);
}

void client_cut(client_t *client, const char *query, int told_fd)
{
    (void)told_fd;
    act(client, query, WHEEL_PRIVILEGED_DO_CUT, "cut");
}

void client_cool(client_t *client, const char *query, int told_fd)
{
    (void)told_fd;
    act(client, query, WHEEL_PRIVILEGED_DO_COOL, "cooldown");
}

/* The helper takes the step, as it takes those of a stop. */
void client_step(client_t *client, const wheel_filter_t *filter,
                 wheel_step_e step)
{
    const char *outcome = wheel_step_outcome(step);
    wheel_step_result_t result;

    wheel_step_ask(filter, step, &result, client->pool);
    if (result.problem) {
        client_answer_problem(client, result.status, result.problem);
        return;
    }
    log_act(client, &result.request, wheel_step_name(step), outcome);
    client_answer(
        client, HTTP_OK,
        wheel_render_step(&result.request, step, outcome, client->pool));
}

void client_drain(client_t *client, const char *query, int told_fd)
{
    wheel_filter_t filter;

    (void)told_fd;
    if (read_filter(client, query, &filter)) {
        client_step(client, &filter, WHEEL_STEP_DRAIN);
    }
}
