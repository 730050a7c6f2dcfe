/* SPDX-License-Identifier: Apache-2.0 */
/* requests/run.c: a request as a job, from the start of its handler to its
 * end.
 *
 * A handler hook at the very front runs all the other handlers and then tells.
 * What the request is redirected to, and its subrequests, run within.  Runs in
 * the worker that runs the request.
 */
#include "requests/run.h"

#ifdef __clang__
/* APR's brigades find their ends so. */
#pragma clang diagnostic ignored "-Wnull-pointer-subtraction"
#endif

#include <string.h>
#include <sys/socket.h>

#include "apr_optional.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "mod_wheel.h"
#include "core/job_tree.h"
#include "core/platform.h"
#include "core/proc.h"
#include "core/request_where.h"
#include "http/reply.h"
#include "requests/backend.h"
#include "requests/facts.h"
#include "requests/kind.h"
#include "server/config.h"
#include "server/privileged.h"
#include "server/process.h"
#include "server/requests.h"
#include "server/watch.h"

APLOG_USE_MODULE(wheel);

/* The CGI variable by which the processes of a request are found. */
#define RUN_VARIABLE WHEEL_JOB_VARIABLE

/* So many bytes that are not sent yet mean that the client takes none: httpd
 * keeps fewer back by itself. */
#define RUN_UNSENT_BYTES 4096

/* Handlers that show or stop jobs, or list their own: no jobs themselves. */
static const char *const excluded[] = {"wheel-", "server-status"};

/* An answer that is sent after its handler has returned: by the MPM, or by this
 * worker, which may run the client's next request before.  It keeps the slot
 * and the entry in the list of waits; the thread gets others. */
typedef struct run_tail_t {
    apr_uint64_t id;
    wheel_blocked_t *wait;
    unsigned slot;
} run_tail_t;

static _Thread_local wheel_running_t *current;

/* This thread's entry in the list of waits. */
static _Thread_local wheel_blocked_t *own_wait;

wheel_running_t *wheel_run_current(void)
{
    return current;
}

wheel_mark_e wheel_run_marked(const wheel_running_t *running)
{
    return wheel_request_slots_marked(wheel_requests_slots(), running->slot);
}

/* Many handlers look at nothing else.  If the client is still to be told why,
 * end_marked() takes it back. */
void wheel_run_refuse(wheel_running_t *running)
{
    if (!running->c->aborted) {
        running->c->aborted = 1;
        running->aborted = 1;
    }
}

/* --- Begin -------------------------------------------------------------- */

static int is_excluded(const request_rec *r)
{
    size_t n;

    for (n = 0; n < sizeof(excluded) / sizeof(excluded[0]); n++) {
        if (r->handler &&
            !strncmp(r->handler, excluded[n], strlen(excluded[n]))) {
            return 1;
        }
    }
    return 0;
}

/* Processes that work for it, such as those of a CGI script or of a filter, get
 * its id. */
static void name_processes(wheel_running_t *running, request_rec *r)
{
    apr_table_setn(r->subprocess_env, RUN_VARIABLE,
                   apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, running->id));
    running->has_processes = 1;
    wheel_request_slots_has_processes(wheel_requests_slots(), running->slot);
}

static void be_interrupted_as(wheel_running_t *running, wheel_kind_e kind)
{
    running->kind = kind;
    wheel_request_slots_kind(wheel_requests_slots(), running->slot, kind);
    wheel_blocked_php(running->wait, kind == WHEEL_KIND_PHP);
}

/* How its handler can be interrupted: once for each that the request gets. */
static void prepare_interrupt(wheel_running_t *running, request_rec *r)
{
    be_interrupted_as(running, wheel_kind_of(r));
    /* Filters that change a page, or what a client sends, may start
     * processes. */
    if (running->kind == WHEEL_KIND_CGI ||
        r->output_filters != r->proto_output_filters ||
        r->input_filters != r->proto_input_filters) {
        name_processes(running, r);
    }
    /* A balancer chooses its member later. */
    if ((running->kind == WHEEL_KIND_FCGI ||
         running->kind == WHEEL_KIND_PROXY) &&
        wheel_config_request(r).fpm) {
        wheel_request_slots_script(wheel_requests_slots(), running->slot,
                                   running->id, wheel_kind_script(r),
                                   wheel_request_query_hash(r->args));
    }
}

/* @return NULL if there is no slot or memory for it: it is no job then */
static wheel_running_t *begin(request_rec *r)
{
    int slot = wheel_requests_own_slot();
    wheel_running_t *running;

    if (slot >= 0 && !own_wait) {
        own_wait = wheel_blocked_take((unsigned)slot);
    }
    if (slot < 0 || !own_wait) {
        return NULL;
    }
    running = apr_pcalloc(r->pool, sizeof(*running));
    running->id = wheel_table_next_id(wheel_process_table());
    running->slot = (unsigned)slot;
    running->wait = own_wait;
    running->c = r->connection;
    wheel_facts_fill(r, &running->facts);
    wheel_requests_hidden();
    wheel_request_slots_begin(wheel_requests_slots(), running->slot,
                              running->id, WHEEL_MARK_NONE, &running->facts);
    return running;
}

/* --- End ---------------------------------------------------------------- */

void wheel_run_leave_tunnel(wheel_running_t *running)
{
    running->tunnel = NULL;
    wheel_blocked_drop(running->wait, WHEEL_BLOCKED_TUNNEL);
    wheel_blocked_drop(running->wait, WHEEL_BLOCKED_TUNNEL_CLIENT);
}

/* This thread has nothing to do with it any more. */
static void let_go(wheel_running_t *running)
{
    running->over = 1;
    current = NULL;
    wheel_blocked_php(running->wait, 0);
    wheel_run_leave_tunnel(running);
    if (wheel_request_slots_cooled(wheel_requests_slots(), running->slot,
                                   running->id)) {
        wheel_privileged_be_warm(running->slot, running->id);
    }
}

static void end_job(wheel_running_t *running)
{
    wheel_request_slots_end(wheel_requests_slots(), running->slot);
    let_go(running);
}

static apr_status_t end_tail(void *data)
{
    const run_tail_t *tail = data;

    wheel_blocked_drop(tail->wait, WHEEL_BLOCKED_CLIENT_WRITE);
    wheel_blocked_give(tail->wait);
    wheel_request_slots_release(wheel_requests_slots(), tail->slot);
    return APR_SUCCESS;
}

/* The rest of its answer is sent later.
 * @return 0 if it can't be a job meanwhile */
static int send_later(wheel_running_t *running, request_rec *r)
{
    run_tail_t *tail;
    apr_os_sock_t fd;

    if (apr_os_sock_get(&fd, ap_get_conn_socket(running->c)) != APR_SUCCESS ||
        !wheel_requests_leave_slot()) {
        return 0;
    }
    let_go(running);
    own_wait = NULL;
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
           running->sent_bytes >= RUN_UNSENT_BYTES;
}

/* The request is answered as far as its handler is concerned. */
static void end_unmarked(wheel_running_t *running, request_rec *r)
{
    if (!is_unsent(running) || !send_later(running, r)) {
        end_job(running);
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
    end_job(running);
}

/* A request that was marked while the rest of its answer was sent. */
static int note_tail(request_rec *r)
{
    const run_tail_t *tail =
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

/* --- The handler -------------------------------------------------------- */

/* A redirect or a subrequest within a job.  What is around it goes on later. */
static int run_within(wheel_running_t *running, request_rec *r)
{
    wheel_kind_e around = running->kind;
    int status;

    if (running->own == r) {
        running->own = NULL;
        return DECLINED; /* the others are to handle it */
    }
    if (!r->main) {
        wheel_run_add_filters(running, r);
        running->r = r;
        wheel_facts_redirect(r, &running->facts);
        wheel_request_slots_redirect(wheel_requests_slots(), running->slot,
                                     &running->facts);
    }
    else if (wheel_run_marked(running) != WHEEL_MARK_NONE) {
        return HTTP_SERVICE_UNAVAILABLE; /* no further part of a page */
    }
    running->own = r;
    prepare_interrupt(running, r);
    status = ap_run_handler(r);
    wheel_run_leave_tunnel(running);
    be_interrupted_as(running, around);
    return status;
}

static int run_as_job(request_rec *r)
{
    wheel_running_t *running = current;
    wheel_mark_e mark;
    int status;

    if (running) {
        return run_within(running, r);
    }
    if (!wheel_config_requests_on(r) || !wheel_requests_slots() || r->main ||
        is_excluded(r)) {
        return DECLINED;
    }
    running = begin(r);
    if (!running) {
        return DECLINED;
    }
    current = running;
    running->own = running->r = r;
    prepare_interrupt(running, r);
    wheel_run_add_filters(running, r);
    status = ap_run_handler(r);
    if (wheel_requests_hidden()) {
        end_job(running); /* its handler has not ended a job of its own */
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

static int wheel_request_interrupted(void)
{
    return current &&
           wheel_request_slots_step(wheel_requests_slots(), current->slot) >=
               WHEEL_STEP_INTERRUPT;
}

static int wheel_request_trace_wanted(void)
{
    return current && wheel_request_trace_wanted_in(wheel_requests_slots(),
                                                    current->slot, current->id);
}

static void wheel_request_trace(const char *text)
{
    if (current) {
        wheel_request_trace_set(wheel_requests_slots(), current->slot,
                                current->id, text);
    }
}

void wheel_run_register(apr_pool_t *pconf)
{
    (void)pconf;
    wheel_run_register_filters();
    APR_REGISTER_OPTIONAL_FN(wheel_request_interrupted);
    APR_REGISTER_OPTIONAL_FN(wheel_request_trace_wanted);
    APR_REGISTER_OPTIONAL_FN(wheel_request_trace);
    ap_hook_log_transaction(note_tail, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(run_as_job, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
