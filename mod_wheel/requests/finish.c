/* SPDX-License-Identifier: Apache-2.0 */
/* requests/finish.c: the end of a request that is a job: its client is told why
 * it was stopped, or the rest of its answer is sent later.
 *
 * Runs in the worker that runs the request.
 */
#include "requests/finish.h"

#ifdef __clang__
/* APR's brigades find their ends so. */
#pragma clang diagnostic ignored "-Wnull-pointer-subtraction"
#endif

#include <sys/socket.h>

#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"

#include "mod_wheel.h"
#include "core/each_request.h"
#include "http/reply.h"
#include "requests/backend.h"
#include "server/privileged.h"
#include "server/requests.h"
#include "server/watch.h"

APLOG_USE_MODULE(wheel);

/* So many bytes that are not sent yet mean that the client takes none: httpd
 * keeps fewer back by itself. */
#define FINISH_UNSENT_BYTES 4096

/* An answer that is sent after its handler has returned: by the MPM, or by this
 * worker, which may run the client's next request before.  It keeps the slot
 * and the entry in the list of waits; the thread gets others. */
typedef struct finish_tail_t {
    apr_uint64_t id;
    wheel_blocked_t *wait;
    unsigned slot;
} finish_tail_t;

/* This thread has nothing to do with it any more. */
static void let_go(wheel_running_t *running)
{
    running->over = 1;
    wheel_run_leave();
    wheel_blocked_php(running->wait, 0);
    wheel_run_leave_tunnel(running);
    if (wheel_request_slots_cooled(wheel_requests_slots(), running->slot,
                                   running->id)) {
        wheel_privileged_be_warm(running->slot, running->id);
    }
}

void wheel_finish_silently(wheel_running_t *running)
{
    wheel_request_slots_end(wheel_requests_slots(), running->slot);
    let_go(running);
}

static apr_status_t end_tail(void *data)
{
    const finish_tail_t *tail = data;

    wheel_blocked_drop(tail->wait, WHEEL_BLOCKED_CLIENT_WRITE);
    wheel_blocked_give(tail->wait);
    wheel_request_slots_release(wheel_requests_slots(), tail->slot);
    return APR_SUCCESS;
}

/* The rest of its answer is sent later.
 * @return 0 if it can't be a job meanwhile */
static int send_later(wheel_running_t *running, request_rec *r)
{
    finish_tail_t *tail;
    apr_os_sock_t fd;

    if (apr_os_sock_get(&fd, ap_get_conn_socket(running->c)) != APR_SUCCESS ||
        !wheel_requests_leave_slot()) {
        return 0;
    }
    let_go(running);
    wheel_run_leave_wait();
    tail = apr_palloc(r->pool, sizeof(*tail));
    tail->id = running->id;
    tail->slot = running->slot;
    tail->wait = running->wait;
    ap_set_module_config(r->request_config, &wheel_module, tail);
    apr_pool_pre_cleanup_register(r->pool, tail, end_tail);
    /* httpd may close the connection before r->pool ends. */
    if (!wheel_blocked_keep(tail->wait, WHEEL_BLOCKED_CLIENT_WRITE, fd)) {
        running->c->aborted = 1; /* marked meanwhile */
    }
    return 1;
}

/* Does the client not take what it is sent? */
static int is_unsent(const wheel_running_t *running)
{
    return running->c->data_in_output_filters && !running->c->master &&
           running->r->bytes_sent >= FINISH_UNSENT_BYTES;
}

/* The request is answered as far as its handler is concerned. */
static void end_unmarked(wheel_running_t *running, request_rec *r)
{
    if (!is_unsent(running) || !send_later(running, r)) {
        wheel_finish_silently(running);
    }
}

static int is_measured(const request_rec *r)
{
    return r->chunked || apr_table_get(r->headers_out, "Content-Length");
}

/* A part has been sent: the client must not take it for the whole. */
static void cut(wheel_running_t *running)
{
    static const struct linger reset = {1, 0};
    request_rec *r = running->r;
    conn_rec *c = running->c;
    apr_socket_t *socket = c->master ? NULL : ap_get_conn_socket(c);
    apr_bucket_brigade *brigade;
    apr_os_sock_t fd;

    c->keepalive = AP_CONN_CLOSE;
    if (c->master) {
        /* What HTTP/2 takes for a reset of the stream. */
        running->answering = 1;
        c->aborted = 0;
        brigade = apr_brigade_create(r->pool, c->bucket_alloc);
        APR_BRIGADE_INSERT_TAIL(
            brigade, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool,
                                            c->bucket_alloc));
        APR_BRIGADE_INSERT_TAIL(brigade,
                                apr_bucket_eos_create(c->bucket_alloc));
        ap_pass_brigade(r->output_filters, brigade);
    }
    c->aborted = 1;
    if (socket && !is_measured(r) &&
        apr_os_sock_get(&fd, socket) == APR_SUCCESS) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
}

static const char *reason(apr_uint64_t id, wheel_mark_e mark, apr_pool_t *pool)
{
    static const char *const reasons[WHEEL_MARK_COUNT] = {
        [WHEEL_MARK_NONE] = "has ended",
        [WHEEL_MARK_STOP] = "was stopped",
        [WHEEL_MARK_DEADLINE] = "took longer than WheelTimeout allows",
        [WHEEL_MARK_CPU] = "used more CPU time than WheelCpuLimit allows",
        [WHEEL_MARK_GONE] = "has lost its client",
    };

    return apr_psprintf(pool, "request %" APR_UINT64_T_FMT " %s", id,
                        reasons[mark]);
}

/* Nothing has been sent: the client is told why, in place of whatever the
 * handler has made of its end. */
static void answer(wheel_running_t *running, wheel_mark_e mark)
{
    request_rec *r = running->r;

    if (running->aborted) {
        running->c->aborted = 0;
    }
    running->answering = 1;
    r->output_filters = r->proto_output_filters;
    r->eos_sent = 0;
    r->status_line = NULL;
    r->clength = 0;
    apr_table_clear(r->headers_out);
    apr_table_clear(r->err_headers_out);
    apr_table_setn(r->headers_out, "Wheel-Id",
                   apr_table_get(r->notes, "wheel-id"));
    apr_table_setn(r->headers_out, "Wheel-Stopped-By", wheel_mark_name(mark));
    running->c->keepalive = AP_CONN_CLOSE;
    wheel_reply_problem(r,
                        mark == WHEEL_MARK_DEADLINE || mark == WHEEL_MARK_CPU
                            ? HTTP_GATEWAY_TIME_OUT
                            : HTTP_SERVICE_UNAVAILABLE,
                        reason(running->id, mark, r->pool));
    /* httpd takes what a request was redirected to for finished. */
    ap_finalize_request_protocol(r);
}

static void note_mark(apr_uint64_t id, request_rec *r, wheel_mark_e mark)
{
    apr_table_setn(r->notes, "wheel-id",
                   apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, id));
    apr_table_setn(r->notes, "wheel-stopped-by", wheel_mark_name(mark));
}

static void end_marked(wheel_running_t *running, request_rec *r,
                       wheel_mark_e mark)
{
    note_mark(running->id, r, mark);
    if (running->r != r) {
        note_mark(running->id, running->r, mark);
    }
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "WH0102: %s: %s",
                  reason(running->id, mark, r->pool), r->uri);
    /* The head may have gone out below our filter, from a subrequest that was
     * given none, say. */
    if (running->passed || wheel_watch_begun(running->r)) {
        cut(running);
    }
    else {
        answer(running, mark);
    }
    wheel_finish_silently(running);
}

/* A request that was marked while the rest of its answer was sent. */
WHEEL_EACH_REQUEST static int note_tail(request_rec *r)
{
    const finish_tail_t *tail =
        ap_get_module_config(r->request_config, &wheel_module);
    wheel_mark_e mark =
        tail ? wheel_request_slots_marked(wheel_requests_slots(), tail->slot)
             : WHEEL_MARK_NONE;

    if (mark != WHEEL_MARK_NONE) {
        note_mark(tail->id, r, mark);
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "WH0102: %s: %s",
                      reason(tail->id, mark, r->pool), r->uri);
    }
    return DECLINED;
}

int wheel_finish(wheel_running_t *running, request_rec *r, int status)
{
    wheel_mark_e mark;

    if (wheel_requests_hidden()) {
        wheel_finish_silently(running); /* a job of its own has not ended */
        return status;
    }
    mark = wheel_run_marked(running);
    if (mark != WHEEL_MARK_NONE) {
        wheel_backend_spare(running);
    }
    if (mark != WHEEL_MARK_NONE && running->has_processes) {
        wheel_request_slots_leave_processes(wheel_requests_slots(),
                                            running->id);
    }
    /* What was passed as complete may have waited for a script at its end. */
    if (mark == WHEEL_MARK_NONE ||
        (running->complete && !running->c->aborted)) {
        end_unmarked(running, r);
        return status;
    }
    end_marked(running, r, mark);
    return OK;
}

void wheel_finish_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_log_transaction(note_tail, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
