/* SPDX-License-Identifier: Apache-2.0 */
/* requests/facts.c: what is known of a request when it begins, and what its
 * location says of it.
 *
 * Runs in the worker that runs the request.
 */
#include "requests/facts.h"

#include "apr_portable.h"
#include "http_core.h"

#include "core/proc.h"
#include "requests/departed.h"
#include "requests/kind.h"
#include "server/config.h"
#include "server/process.h"

/* Never to be cut.  A stream of HTTP/2 has a socket that leads nowhere. */
static int client_fd(conn_rec *c)
{
    apr_socket_t *socket = ap_get_conn_socket(c->master ? c->master : c);
    apr_os_sock_t fd = -1;

    return socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS ? fd : -1;
}

/* @return 0 if its location doesn't say so */
static int watch_client(const request_rec *r, wheel_request_facts_t *facts)
{
    int is_watched = wheel_config_requests_watched(r);

    if (is_watched && !facts->connection.family) {
        wheel_departed_watch(facts->client_fd, &facts->connection);
    }
    return is_watched;
}

static void take_steps(const wheel_dir_config_t *settings,
                       wheel_request_facts_t *facts)
{
    facts->interrupt_after = settings->interrupt_after;
    facts->cut_after = settings->cut_after;
    facts->cooldown_after = settings->cooldown_after;
    facts->drain_after = settings->drain_after;
}

void wheel_facts_handler(const request_rec *r, wheel_request_facts_t *facts)
{
    facts->handled_usec = wheel_clock_coarse_usec();
    wheel_request_text(facts->handler, sizeof(facts->handler), r->handler);
}

void wheel_facts_locate(const request_rec *r, wheel_request_facts_t *facts)
{
    wheel_dir_config_t settings = wheel_config_request(r);

    wheel_facts_handler(r, facts);
    facts->slow = settings.slow;
    facts->log_after = settings.where_log ? settings.slow : 0;
    facts->wait_max = settings.wait_max;
    facts->cpu_max = settings.cpu_max;
    take_steps(&settings, facts);
    facts->fpm = settings.fpm;
    if (!watch_client(r, facts)) {
        facts->connection.family = 0;
    }
    facts->wait_action = settings.wait_action;
    facts->cpu_action = settings.cpu_action;
}

void wheel_facts_fill(const request_rec *r, wheel_request_facts_t *facts)
{
    facts->client_fd = client_fd(r->connection);
    wheel_facts_locate(r, facts);
    facts->started = r->request_time;
    facts->began_usec = facts->handled_usec;
    facts->began_cpu_usec = facts->cpu_max > 0 ? wheel_clock_thread_usec() : -1;
    facts->generation = wheel_process_generation();
    wheel_request_text(facts->method, sizeof(facts->method), r->method);
    wheel_request_text(facts->host, sizeof(facts->host),
                       r->hostname ? r->hostname : r->server->server_hostname);
    wheel_request_text(facts->path, sizeof(facts->path), wheel_kind_path(r));
    wheel_request_text(facts->client, sizeof(facts->client), r->useragent_ip);
}

/* --- A redirect ---------------------------------------------------------- */

static int ends(apr_uint32_t action)
{
    return action == WHEEL_ACTION_STOP || action == WHEEL_ACTION_DRAIN;
}

/* The stricter of two limits: one that ends the request before one that does
 * not, and then the shorter. */
static void limit(apr_interval_time_t *max, apr_uint32_t *action,
                  apr_interval_time_t new_max, int new_action)
{
    apr_uint32_t new = (apr_uint32_t)new_action;

    if (new_max > 0 &&
        (*max <= 0 ||
         (ends(new) == ends(*action) ? new_max < *max : ends(new)))) {
        *max = new_max;
        *action = new;
    }
}

void wheel_facts_redirect(const request_rec *r, wheel_request_facts_t *facts)
{
    wheel_dir_config_t settings = wheel_config_request(r);

    wheel_facts_handler(r, facts);
    limit(&facts->wait_max, &facts->wait_action, settings.wait_max,
          settings.wait_action);
    limit(&facts->cpu_max, &facts->cpu_action, settings.cpu_max,
          settings.cpu_action);
    if (wheel_config_own_steps(r)) {
        take_steps(&settings, facts);
    }
    if (settings.fpm) {
        facts->fpm = settings.fpm;
    }
    (void)watch_client(r, facts);
}

const char *wheel_facts_handler_text(const wheel_request_t *request)
{
    return *request->facts.handler ? request->facts.handler : "(not known yet)";
}
