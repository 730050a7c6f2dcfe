/* SPDX-License-Identifier: Apache-2.0 */
/* control/commands.c: what a client of WheelControl's socket can ask for: list
 * jobs, and stop them.
 *
 * In the helper's main thread, but for the threads that tell other hosts of a
 * stop: these may block, and nobody else is to wait for that.
 */

#include "control/client.h"

#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "http_protocol.h"

#include "core/filter.h"
#include "core/platform.h"
#include "operations/report.h"
#include "operations/requests.h"
#include "render/render.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

#define TELLER_STACK_BYTES (256 * 1024)

/* --- List ----------------------------------------------------------------- */

static void list(client_t *client, const char *query, int told_fd)
{
    wheel_filter_t filter;
    wheel_report_t report;
    const char *error;
    apr_status_t rv;

    (void)told_fd;
    memset(&filter, 0, sizeof(filter));
    error = wheel_filter_parse(&filter, query, client->pool);
    if (error) {
        client_answer_problem(client, HTTP_BAD_REQUEST, error);
        return;
    }
    rv = wheel_report_take(&filter, &report, client->pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     "WH0065: wheelctl was refused: the mutex 'wheel' failed; "
                     "check the directory and rights of Mutex");
        client_answer_problem(client, HTTP_SERVICE_UNAVAILABLE,
                              "the table of wheels could not be locked");
        return;
    }
    /* Whoever may stop requests may know where they are stuck. */
    if (report.facts.requests) {
        wheel_requests_add_where(report.facts.requests, report.facts.requests_n,
                                 client->pool);
    }
    client_answer(
        client, HTTP_OK,
        wheel_render_json(&report.facts, &report.snapshot, client->pool));
}

/* --- Stop ----------------------------------------------------------------- */

/* Everybody who is to know of the stop does, or can't be reached; and its jobs
 * have ended, or it waits for them no more. */
static void answer_stop(client_t *client)
{
    const wheel_stopped_t *result = wheel_stop_result(client->stop);

    if (result->problem) {
        client_answer_problem(client, result->status, result->problem);
    }
    else {
        client_answer(client, HTTP_OK,
                      wheel_render_stopped(result, client->pool));
    }
    wheel_stop_finish(client->stop);
}

void client_poll(client_t *client, int at_once)
{
    if (at_once) {
        wheel_stop_cancel(client->stop);
    }
    if (wheel_stop_poll(client->stop)) {
        answer_stop(client);
    }
}

static void answer_told(client_t *client)
{
    client->state = CLIENT_WAITS;
    client_poll(client, 0);
}

void client_told(client_t *client)
{
    pthread_join(client->teller, NULL);
    answer_told(client);
}

typedef struct teller_t {
    client_t *client;
    int told_fd;
} teller_t;

static void *teller_main(void *data)
{
    const teller_t *teller = data;
    int told_fd = teller->told_fd;
    client_t *client = teller->client;

    wheel_stop_publish(client->stop);
    /* Release: the main thread reads what was said. */
    atomic_store_explicit(&client->told, 1, memory_order_release);
    wheel_wake_ring(told_fd);
    return NULL;
}

static void tell_hosts(client_t *client, int told_fd)
{
    teller_t *teller = apr_palloc(client->pool, sizeof(*teller));

    teller->client = client;
    teller->told_fd = told_fd;
    if (wheel_stop_publishes(client->stop) &&
        wheel_process_thread(&client->teller, TELLER_STACK_BYTES, teller_main,
                             teller) == 0) {
        client->state = CLIENT_TELLS;
        return;
    }
    wheel_stop_publish(client->stop);
    answer_told(client);
}

static void stop(client_t *client, const char *query, int told_fd)
{
    wheel_stop_request_t request;
    const char *error = wheel_stop_request_read(&request, query, client->pool);
    const wheel_stopped_t *result;

    if (error) {
        client_answer_problem(client, HTTP_BAD_REQUEST, error);
        return;
    }
    if (request.step != WHEEL_STEP_NONE) {
        client_step(client, &request.filter, request.step);
        return;
    }
    request.json = 1;
    client->stop = wheel_stop_begin(&request, client->pool);
    result = wheel_stop_result(client->stop);
    if (result->stopped) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
                     "WH0063: process %ld of user %ld has stopped jobs (%u) by "
                     "wheelctl: stop %s",
                     (long)client->peer.pid, (long)client->peer.uid,
                     result->stopped,
                     wheel_filter_text(&request.filter, client->pool));
    }
    tell_hosts(client, told_fd);
}

/* --- Which of them -------------------------------------------------------- */

typedef struct command_t {
    const char *name;
    void (*run)(client_t *client, const char *query, int told_fd);
} command_t;

static const command_t commands[] = {
    {"list", list},          {"stop", stop},      {"thread", client_thread},
    {"where", client_where}, {"cut", client_cut}, {"cool", client_cool},
    {"drain", client_drain},
};

#define COMMANDS_N (sizeof(commands) / sizeof(commands[0]))

void client_command(client_t *client, char *line, int told_fd)
{
    char *query = strchr(line, ' ');
    size_t n = 0;

    if (!client->admitted) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0062: process %ld of user %ld may not use the socket "
                     "of WheelControl",
                     (long)client->peer.pid, (long)client->peer.uid);
        client_answer_problem(
            client, HTTP_FORBIDDEN,
            "only root, the user who started the server and members of "
            "WheelControl's group may list and stop; the user that serves "
            "requests may not");
        return;
    }
    if (query) {
        *query++ = '\0';
    }
    while (n < COMMANDS_N && strcmp(commands[n].name, line)) {
        n++;
    }
    if (n == COMMANDS_N) {
        client_answer_problem(
            client, HTTP_BAD_REQUEST,
            apr_psprintf(client->pool,
                         "'%.64s' is not one of: list, stop, thread, "
                         "where, cut, cool, drain",
                         line));
        return;
    }
    commands[n].run(client, query, told_fd);
}
