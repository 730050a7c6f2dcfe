/* SPDX-License-Identifier: Apache-2.0 */
/* requests/run.c: a request as a job, from the time when its head has been read
 * to the end of its handler.
 *
 * A quick handler at the very front runs all the rest, and then tells.  Where
 * only the location of a request makes it a job, that begins with its handler:
 * a handler hook at the very front runs all the other handlers.  What the
 * request is redirected to, and its subrequests, run within.  Runs in the
 * worker that runs the request.
 */
#include "requests/run.h"

#include <string.h>

#include "apr_optional.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "http_request.h"

#include "mod_wheel.h"
#include "core/each_request.h"
#include "core/job_tree.h"
#include "core/request_where.h"
#include "core/table.h"
#include "requests/facts.h"
#include "requests/finish.h"
#include "requests/guard.h"
#include "requests/kind.h"
#include "server/config.h"
#include "server/process.h"
#include "server/requests.h"

/* The CGI variable by which the processes of a request are found. */
#define RUN_VARIABLE WHEEL_JOB_VARIABLE

/* Handlers that show or stop jobs, or list their own: no jobs themselves. */
static const char *const excluded[] = {"wheel-", "server-status"};

static _Thread_local wheel_running_t *current;

/* This thread's entry in the list of waits. */
static _Thread_local wheel_blocked_t *own_wait;

wheel_running_t *wheel_run_current(void)
{
    return current;
}

void wheel_run_leave(void)
{
    current = NULL;
}

void wheel_run_leave_wait(void)
{
    own_wait = NULL;
}

wheel_mark_e wheel_run_marked(const wheel_running_t *running)
{
    return wheel_request_slots_marked(wheel_requests_slots(), running->slot);
}

/* Many handlers look at nothing else.  If the client is still to be told why,
 * wheel_finish() takes it back. */
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

/* What others have added to its filters is looked at before there are those of
 * this module. */
static void begin_handler(wheel_running_t *running, request_rec *r)
{
    prepare_interrupt(running, r);
    wheel_run_add_filters(running, r);
    wheel_guard_add(running, r);
}

static int is_job(request_rec *r)
{
    return !r->main && wheel_config_requests_on(r);
}

/* Most requests have a location without settings of its own.
 * @return 1 if this one has such, which hold now */
static int locate(wheel_running_t *running, request_rec *r)
{
    if (running->location == wheel_config_location(r)) {
        return 0;
    }
    running->location = wheel_config_location(r);
    wheel_facts_locate(r, &running->facts);
    wheel_request_slots_location(wheel_requests_slots(), running->slot,
                                 &running->facts);
    return 1;
}

/* Its handler is known. */
static void note_handler(wheel_running_t *running, request_rec *r)
{
    if (!locate(running, r)) {
        wheel_facts_handler(r, &running->facts);
        wheel_request_slots_handler(wheel_requests_slots(), running->slot,
                                    &running->facts);
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
    running->location = wheel_config_location(r);
    wheel_facts_fill(r, &running->facts);
    wheel_requests_hidden();
    wheel_request_slots_begin(wheel_requests_slots(), running->slot,
                              running->id, WHEEL_MARK_NONE, &running->facts);
    running->r = r;
    running->own = r;
    current = running;
    return running;
}

/* --- Its phases --------------------------------------------------------- */

/* A redirect or a subrequest within a job.  What is around it goes on later. */
static int run_within(wheel_running_t *running, request_rec *r)
{
    wheel_kind_e around = running->kind;
    int status;

    if (!r->main) {
        wheel_run_add_filters(running, r);
        running->r = r;
        wheel_facts_redirect(r, &running->facts);
        wheel_request_slots_location(wheel_requests_slots(), running->slot,
                                     &running->facts);
    }
    else if (wheel_run_marked(running) != WHEEL_MARK_NONE) {
        return HTTP_SERVICE_UNAVAILABLE; /* no further part of a page */
    }
    running->own = r;
    prepare_interrupt(running, r);
    wheel_guard_add(running, r);
    status = ap_run_handler(r);
    wheel_run_leave_tunnel(running);
    be_interrupted_as(running, around);
    return status;
}

/* A job that began before its handler was known. */
static int go_on_in_handler(wheel_running_t *running, request_rec *r)
{
    running->is_ahead = 0;
    if (wheel_run_marked(running) != WHEEL_MARK_NONE) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (!is_job(r) || is_excluded(r)) {
        wheel_finish_silently(running);
        return DECLINED;
    }
    note_handler(running, r);
    begin_handler(running, r);
    return DECLINED;
}

/* Runs all the other handlers, unless that is done around this. */
WHEEL_EACH_REQUEST static int run_handler(request_rec *r)
{
    wheel_running_t *running;

    if (!wheel_requests_slots()) {
        return DECLINED; /* WheelRequests is on nowhere */
    }
    running = current;
    if (running && running->own == r) {
        running->own = NULL;
        return DECLINED; /* the others are to handle it */
    }
    if (running && running->is_ahead && running->r == r) {
        return go_on_in_handler(running, r);
    }
    if (running) {
        return run_within(running, r);
    }
    if (!is_job(r) || is_excluded(r)) {
        return DECLINED;
    }
    running = begin(r);
    if (!running) {
        return DECLINED;
    }
    begin_handler(running, r);
    return wheel_finish(running, r, ap_run_handler(r));
}

/* Runs all that comes after the head of a request has been read, as httpd does
 * it after the quick handlers. */
WHEEL_EACH_REQUEST static int run_from_head(request_rec *r, int lookup)
{
    wheel_running_t *running;
    int status;

    if (!wheel_requests_slots()) {
        return DECLINED;
    }
    running = current;
    if (running && running->own == r) {
        running->own = NULL;
        return DECLINED;
    }
    if (running || lookup || !is_job(r)) {
        return DECLINED;
    }
    running = begin(r);
    if (!running) {
        return DECLINED;
    }
    running->is_ahead = 1;
    wheel_run_add_filters(running, r);
    status = ap_run_quick_handler(r, 0);
    if (status == DECLINED) {
        wheel_run_remove_filters(r);
        status = ap_process_request_internal(r);
        if (status == OK) {
            status = ap_invoke_handler(r);
        }
    }
    return running->over ? status : wheel_finish(running, r, status);
}

/* Its location is known, and who may ask for it is not. */
WHEEL_EACH_REQUEST static int look_at_location(request_rec *r)
{
    wheel_running_t *running;

    if (!wheel_requests_slots()) {
        return DECLINED;
    }
    running = current;
    if (running && running->is_ahead && running->r == r) {
        if (is_job(r)) {
            (void)locate(running, r);
        }
        else {
            wheel_finish_silently(running);
        }
    }
    return DECLINED;
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
    wheel_run_register_filters();
    wheel_guard_register(pconf);
    wheel_finish_register(pconf);
    APR_REGISTER_OPTIONAL_FN(wheel_request_interrupted);
    APR_REGISTER_OPTIONAL_FN(wheel_request_trace_wanted);
    APR_REGISTER_OPTIONAL_FN(wheel_request_trace);
    ap_hook_quick_handler(run_from_head, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_header_parser(look_at_location, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(run_handler, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
