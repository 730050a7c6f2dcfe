/* SPDX-License-Identifier: Apache-2.0 */
/* requests/proxy.c: requests that mod_proxy answers, with WheelProxy on.
 *
 * mod_proxy waits for the first byte of an answer and doesn't notice meanwhile
 * that its own client has left.  A filter on the connection to the other server
 * does that waiting instead, and polls the client: when it has left, the read
 * fails, mod_proxy closes the connection, and the other server sees that its
 * own client is gone.  A proxied request holds a worker: WheelReserve is kept
 * as for wheels of this server.
 *
 * Runs in the worker that runs the proxied request.
 */
#include "requests/proxy.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "apr_portable.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "util_filter.h"

#include "core/each_request.h"
#include "server/admit.h"
#include "server/config.h"
#include "http/reply.h"
#include "server/mpm.h"
#include "server/process.h"
#include "core/table.h"
#include "server/watch.h"

APLOG_USE_MODULE(wheel);

/* From one poll of the client to the next. */
#define PROXY_TICK_USEC (250 * 1000)

/* The request that mod_proxy answers in this thread, or NULL.  It is set while
 * the request's handler runs and no longer: neither the request nor a
 * connection that mod_proxy keeps for the next one is ever found by it
 * afterwards. */
static _Thread_local request_rec *proxied;

static ap_filter_rec_t *filter_handle;

/* Wait until there is something to read, for a tick at most. */
static apr_status_t wait_tick(apr_socket_t *socket, apr_interval_time_t tick)
{
    struct pollfd backend = {-1, POLLIN, 0};

    apr_os_sock_get(&backend.fd, socket);
    return poll(&backend, 1, (int)apr_time_as_msec(tick)) < 0 && errno != EINTR
               ? apr_get_os_error()
               : APR_SUCCESS;
}

/* Wait until there is something to read.
 * @return APR_TIMEUP after the socket's own timeout, APR_ECONNABORTED when the
 *     client is gone */
static apr_status_t wait_watching(wheel_watch_t *watch, apr_socket_t *socket,
                                  apr_int64_t end_usec)
{
    apr_interval_time_t tick = PROXY_TICK_USEC;

    if (wheel_process_ending()) {
        return APR_ECONNABORTED; /* the MPM has closed its connection */
    }
    wheel_mpm_help();
    switch (wheel_watch_poll(watch)) {
    case WHEEL_WATCH_GONE:
        return APR_ECONNABORTED;
    case WHEEL_WATCH_UNSURE:
        tick = WHEEL_WATCH_UNSURE_USEC;
        break;
    default:
        break;
    }
    if (end_usec) {
        apr_interval_time_t left = end_usec - wheel_clock_usec();

        if (left <= 0) {
            return APR_TIMEUP;
        }
        tick = left < tick ? left : tick;
    }
    return wait_tick(socket, tick);
}

static apr_status_t client_gone(request_rec *r)
{
    r->connection->aborted = 1;
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  "WH0090: the client of a proxied request is gone");
    return APR_ECONNABORTED;
}

/* APR_BRIGADE_EMPTY() subtracts from NULL, which clang warns of. */
static int is_empty(apr_bucket_brigade *brigade)
{
    apr_off_t length = 0;

    return apr_brigade_length(brigade, 0, &length) == APR_SUCCESS &&
           length == 0;
}

/* Does the waiting of a blocking read.  What is read already, here or in the
 * filters below, comes first: nothing more might follow.
 *
 * The connection may be one that another thread opened for another request:
 * whose client is polled is decided anew at each read. */
static apr_status_t read_filter(ap_filter_t *f, apr_bucket_brigade *brigade,
                                ap_input_mode_t mode, apr_read_type_e block,
                                apr_off_t bytes)
{
    apr_socket_t *socket = ap_get_conn_socket(f->c);
    apr_interval_time_t timeout = -1;
    apr_int64_t end_usec = 0;
    wheel_watch_t watch;
    apr_status_t rv;

    if (block != APR_BLOCK_READ || !proxied || !socket) {
        return ap_get_brigade(f->next, brigade, mode, block, bytes);
    }
    apr_socket_timeout_get(socket, &timeout);
    if (timeout >= 0) {
        end_usec = wheel_clock_usec() + timeout;
    }
    wheel_watch_begin(&watch, proxied, WHEEL_WATCH_HALF_BEGUN);
    for (;;) {
        rv = ap_get_brigade(f->next, brigade, mode, APR_NONBLOCK_READ, bytes);
        if (!APR_STATUS_IS_EAGAIN(rv) &&
            (rv != APR_SUCCESS || !is_empty(brigade))) {
            return rv;
        }
        rv = wait_watching(&watch, socket, end_usec);
        if (rv == APR_ECONNABORTED) {
            return client_gone(proxied);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
}

/* mod_proxy runs this hook for a connection that it opens, whatever request
 * that is for: it may keep it for one where WheelProxy is on. */
WHEEL_EACH_REQUEST static int watch_connection(conn_rec *c, void *socket)
{
    (void)socket;
    if (c->outgoing) {
        ap_add_input_filter_handle(filter_handle, NULL, NULL, c);
    }
    return OK;
}

/* SetHandler "proxy:..." is not marked before mod_proxy's own handler. */
static int is_proxied(const request_rec *r)
{
    return r->proxyreq || (r->handler && !strncmp(r->handler, "proxy:", 6));
}

/* Run the handlers of a request.
 * @param watched the request, or NULL if its client is not to be polled */
static int run_handlers(request_rec *r, request_rec *watched)
{
    request_rec *outer = proxied; /* r may be a part of its answer */
    int status;

    proxied = watched;
    status = ap_run_handler(r);
    proxied = outer;
    return status;
}

/* Before the handler of mod_proxy, which it runs itself. */
WHEEL_EACH_REQUEST static int handle_proxied(request_rec *r)
{
    wheel_refusal_e refusal;
    int reserve;

    if (!is_proxied(r) || proxied == r) {
        return DECLINED;
    }
    if (!wheel_config_request(r).proxy) {
        return proxied ? run_handlers(r, NULL) : DECLINED;
    }
    reserve = wheel_config_server().reserve;
    refusal = wheel_admit_reserve(&reserve, 0);
    if (refusal != WHEEL_REFUSED_NONE) {
        wheel_table_refuse(wheel_process_table(), refusal);
        return wheel_reply_refuse(r, refusal);
    }
    return run_handlers(r, r);
}

void wheel_proxy_register(apr_pool_t *pconf)
{
    (void)pconf;
    /* Below TLS, so that what it has read already is no news. */
    filter_handle = ap_register_input_filter("WHEEL_PROXY", read_filter, NULL,
                                             AP_FTYPE_NETWORK - 1);
    ap_hook_pre_connection(watch_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle_proxied, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
