/* SPDX-License-Identifier: Apache-2.0 */
/* requests/filters.c: the filters of requests that are jobs.
 *
 * Those of a request refuse its reads and writes once it is marked.  Those of
 * a connection, the client's or a backend's, note for how long the thread that
 * runs the request waits in them.
 *
 * Run in the worker that runs the request.
 */
#include "requests/run.h"

#ifdef __clang__
/* APR's brigades find their ends so. */
#pragma clang diagnostic ignored "-Wnull-pointer-subtraction"
#endif

#include "apr_portable.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "util_filter.h"

#include "requests/guard.h"
#include "core/each_request.h"
#include "server/requests.h"

static struct {
    ap_filter_rec_t *request_in;
    ap_filter_rec_t *request_out;
    ap_filter_rec_t *connection_in;
    ap_filter_rec_t *connection_out;
} filters;

/* --- Of a request ------------------------------------------------------- */

/* Does an answer end with this brigade?  What guards its end is taken away. */
static int has_end(const apr_bucket_brigade *brigade)
{
    apr_bucket *bucket;
    apr_bucket *next;

    for (bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade); bucket = next) {
        next = APR_BUCKET_NEXT(bucket);
        if (APR_BUCKET_IS_EOS(bucket)) {
            return 1;
        }
        if (wheel_guard_is(bucket)) {
            apr_bucket_delete(bucket);
        }
    }
    return 0;
}

/* What a marked request would send is dropped. */
static apr_status_t refuse_brigade(wheel_running_t *running,
                                   apr_bucket_brigade *brigade)
{
    wheel_run_refuse(running);
    apr_brigade_cleanup(brigade);
    return APR_ECONNABORTED;
}

static apr_status_t request_out(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    wheel_running_t *running = f->ctx;

    if (running->answering || running->over) {
        return ap_pass_brigade(f->next, brigade);
    }
    if (wheel_run_marked(running) != WHEEL_MARK_NONE && !running->complete) {
        return refuse_brigade(running, brigade);
    }
    if (!running->passed) {
        wheel_run_leave_tunnel(running);
    }
    running->passed = 1;
    if (has_end(brigade)) {
        running->complete = 1;
    }
    return ap_pass_brigade(f->next, brigade);
}

static apr_status_t request_in(ap_filter_t *f, apr_bucket_brigade *brigade,
                               ap_input_mode_t mode, apr_read_type_e block,
                               apr_off_t bytes)
{
    wheel_running_t *running = f->ctx;
    apr_status_t rv;

    if (running->answering || running->over) {
        return ap_get_brigade(f->next, brigade, mode, block, bytes);
    }
    if (wheel_run_marked(running) == WHEEL_MARK_NONE) {
        rv = ap_get_brigade(f->next, brigade, mode, block, bytes);
        if (rv == APR_SUCCESS || wheel_run_marked(running) == WHEEL_MARK_NONE) {
            return rv;
        }
    }
    wheel_run_refuse(running);
    return APR_ECONNABORTED;
}

void wheel_run_add_filters(wheel_running_t *running, request_rec *r)
{
    ap_add_output_filter_handle(filters.request_out, running, r, r->connection);
    ap_add_input_filter_handle(filters.request_in, running, r, r->connection);
}

void wheel_run_remove_filters(request_rec *r)
{
    ap_filter_t *out = r->output_filters;
    ap_filter_t *in = r->input_filters;

    while (out && out->frec != filters.request_out) {
        out = out->next;
    }
    while (in && in->frec != filters.request_in) {
        in = in->next;
    }
    if (out) {
        ap_remove_output_filter(out);
    }
    if (in) {
        ap_remove_input_filter(in);
    }
}

/* The document of an error skips the filters of its request.  An error that a
 * redirect within a handler ends in is sent before that handler returns. */
static void insert_error_filter(request_rec *r)
{
    wheel_running_t *running = wheel_run_current();

    if (running && !running->answering && !r->main) {
        ap_add_output_filter_handle(filters.request_out, running, r,
                                    r->connection);
    }
}

/* --- Of a connection ---------------------------------------------------- */

/* @return -1 for none */
static int descriptor(apr_socket_t *socket)
{
    apr_os_sock_t fd = -1;

    return socket && apr_os_sock_get(&fd, socket) == APR_SUCCESS ? fd : -1;
}

/* @return 0 if the thread must not wait */
static int enter(wheel_running_t *running, wheel_blocked_e what,
                 wheel_doing_e doing, conn_rec *c)
{
    int fd = descriptor(ap_get_conn_socket(c));

    if (fd < 0) {
        return wheel_run_marked(running) == WHEEL_MARK_NONE;
    }
    if (!wheel_blocked_enter(running->wait, what, fd)) {
        return 0;
    }
    wheel_request_slots_doing(wheel_requests_slots(), running->slot, doing);
    return 1;
}

static void leave(const wheel_running_t *running, wheel_blocked_e what)
{
    wheel_blocked_leave(running->wait, what);
    wheel_request_slots_doing(wheel_requests_slots(), running->slot,
                              WHEEL_DOING_HANDLER);
}

static void keep(wheel_running_t *running, wheel_blocked_e what,
                 apr_socket_t *socket)
{
    int fd = descriptor(socket);

    wheel_blocked_drop(running->wait, what);
    if (fd >= 0) {
        wheel_blocked_keep(running->wait, what, fd);
    }
}

/* A request that asks for a tunnel gets one, or an answer: then the connection
 * may serve another request soon, while this one still sends.  A tunnel waits
 * without any filter, and mod_proxy closes it before the handler returns. */
static void watch_tunnel(wheel_running_t *running, conn_rec *backend,
                         apr_socket_t *socket)
{
    const request_rec *r = running->r;

    if (running->tunnel == backend || running->passed ||
        (r->method_number != M_CONNECT &&
         !apr_table_get(r->headers_in, "Upgrade"))) {
        return;
    }
    running->tunnel = backend;
    keep(running, WHEEL_BLOCKED_TUNNEL, socket);
    if (!running->c->master) {
        keep(running, WHEEL_BLOCKED_TUNNEL_CLIENT,
             ap_get_conn_socket(running->c));
    }
}

void wheel_run_leave_tunnel(wheel_running_t *running)
{
    running->tunnel = NULL;
    wheel_blocked_drop(running->wait, WHEEL_BLOCKED_TUNNEL);
    wheel_blocked_drop(running->wait, WHEEL_BLOCKED_TUNNEL_CLIENT);
}

/* mod_proxy waits until both sides of a tunnel are closed.  The backend's is by
 * the stop.  The client's of a stream can't be, since its socket is of others:
 * the tunnel ends by an error. */
static int is_stopped_stream(const wheel_running_t *running, const conn_rec *c)
{
    return running->tunnel == c && running->c->master &&
           wheel_run_marked(running) != WHEEL_MARK_NONE;
}

static apr_status_t connection_in(ap_filter_t *f, apr_bucket_brigade *brigade,
                                  ap_input_mode_t mode, apr_read_type_e block,
                                  apr_off_t bytes)
{
    wheel_running_t *running = wheel_run_current();
    int is_client = running && f->c == running->c;
    wheel_blocked_e what =
        is_client ? WHEEL_BLOCKED_CLIENT_READ : WHEEL_BLOCKED_BACKEND;
    apr_status_t rv;

    if (running && is_stopped_stream(running, f->c)) {
        return APR_ECONNABORTED;
    }
    if (!running || block != APR_BLOCK_READ) {
        return ap_get_brigade(f->next, brigade, mode, block, bytes);
    }
    if (!enter(running, what,
               is_client ? WHEEL_DOING_READING : WHEEL_DOING_WAITING, f->c)) {
        return APR_ECONNABORTED;
    }
    rv = ap_get_brigade(f->next, brigade, mode, block, bytes);
    leave(running, what);
    return rv;
}

/* The end of an answer of HTTP/2: its socket is of others.  A script that is
 * ended closes its output, and the client would take a part for the whole. */
static apr_status_t stream_out(wheel_running_t *running, ap_filter_t *f,
                               apr_bucket_brigade *brigade)
{
    return wheel_run_marked(running) == WHEEL_MARK_NONE
               ? ap_pass_brigade(f->next, brigade)
               : refuse_brigade(running, brigade);
}

static apr_status_t connection_out(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    wheel_running_t *running = wheel_run_current();
    int is_client = running && f->c == running->c;
    wheel_blocked_e what =
        is_client ? WHEEL_BLOCKED_CLIENT_WRITE : WHEEL_BLOCKED_BACKEND;
    apr_status_t rv;

    if (!running || running->answering) {
        return ap_pass_brigade(f->next, brigade);
    }
    if (is_client) {
        /* Here, since a script's output is read below the filter of its
         * request. */
        wheel_request_slots_sent(wheel_requests_slots(), running->slot,
                                 (apr_uint64_t)running->r->bytes_sent);
    }
    else {
        watch_tunnel(running, f->c, ap_get_conn_socket(f->c));
    }
    if (f->c->master) {
        return stream_out(running, f, brigade);
    }
    if (!enter(running, what,
               is_client ? WHEEL_DOING_SENDING : WHEEL_DOING_WAITING, f->c)) {
        /* The filter below gives up by itself. */
        if (is_client) {
            wheel_run_refuse(running);
        }
        else {
            f->c->aborted = 1;
        }
        return ap_pass_brigade(f->next, brigade);
    }
    rv = ap_pass_brigade(f->next, brigade);
    leave(running, what);
    return rv;
}

WHEEL_EACH_REQUEST static int add_connection_filters(conn_rec *c, void *socket)
{
    wheel_running_t *running;

    if (!wheel_requests_slots()) {
        return DECLINED;
    }
    running = wheel_run_current();
    ap_add_output_filter_handle(filters.connection_out, NULL, NULL, c);
    if (c->master) {
        return OK; /* a stream of HTTP/2 */
    }
    ap_add_input_filter_handle(filters.connection_in, NULL, NULL, c);
    if (running) {
        running->tunnel = NULL; /* c may be where an earlier one was */
        watch_tunnel(running, c, socket);
    }
    return OK;
}

void wheel_run_register_filters(void)
{
    /* Above what makes HTTP of an answer, below all that changes it. */
    filters.request_out = ap_register_output_filter(
        "WHEEL_REQUEST", request_out, NULL, AP_FTYPE_PROTOCOL - 1);
    filters.request_in = ap_register_input_filter("WHEEL_REQUEST", request_in,
                                                  NULL, AP_FTYPE_PROTOCOL - 1);
    /* Below TLS, next to the socket. */
    filters.connection_in = ap_register_input_filter(
        "WHEEL_WAIT", connection_in, NULL, AP_FTYPE_NETWORK - 1);
    filters.connection_out = ap_register_output_filter(
        "WHEEL_WAIT", connection_out, NULL, AP_FTYPE_NETWORK - 1);
    ap_hook_insert_error_filter(insert_error_filter, NULL, NULL,
                                APR_HOOK_MIDDLE);
    ap_hook_pre_connection(add_connection_filters, NULL, NULL, APR_HOOK_MIDDLE);
}
