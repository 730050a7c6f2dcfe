/* SPDX-License-Identifier: Apache-2.0 */
/* http/reply.c: how the handlers of mod_wheel answer.
 *
 * Runs in the worker that runs the request.
 */
#include "http/reply.h"

#include <poll.h>
#include <string.h>

#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "render/json.h"
#include "render/render.h"
#include "core/each_request.h"
#include "server/config.h"
#include "server/job.h"

APLOG_USE_MODULE(wheel);

/* Seconds after which a client that was refused may come again. */
#define REPLY_RETRY_AFTER "1"

/* A note on a connection whose last request was refused. */
#define REPLY_REFUSED "wheel-refused"

static const char *const refusal_details[WHEEL_REFUSED_COUNT] = {
    [WHEEL_REFUSED_MAX] = "as many wheels rotate as WheelMax allows",
    [WHEEL_REFUSED_RESERVE] =
        "no more workers are idle than are kept for other requests",
    [WHEEL_REFUSED_CLIENT] =
        "as many wheels of this client rotate as WheelMaxPerClient allows",
    [WHEEL_REFUSED_HTTP2] =
        "over HTTP/2, one wheel can rotate on each connection, and in each "
        "process half as many as it has HTTP/2 workers",
    [WHEEL_REFUSED_SLOTS] = "every slot of the wheel table is taken",
    [WHEEL_REFUSED_THREAD] = "no thread for a wheel could be started",
    [WHEEL_REFUSED_LOCK] = "the table of wheels could not be locked",
    [WHEEL_REFUSED_STOPPING] = "the server is stopping",
};

/* Headers that mod_headers may set for errors, too ("Header always"): those
 * are in a table of their own, and each table is sent. */
static const char *const own_headers[] = {
    "Allow",   "Cache-Control", "Content-Security-Policy",
    "Refresh", "Retry-After",   "X-Content-Type-Options"};

static ap_filter_rec_t *once_filter;

/* Send each of them once: as the configuration says, if it does. */
static apr_status_t send_once(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    request_rec *r = f->r;
    size_t n;

    for (n = 0; n < sizeof(own_headers) / sizeof(own_headers[0]); n++) {
        if (apr_table_get(r->err_headers_out, own_headers[n])) {
            apr_table_unset(r->headers_out, own_headers[n]);
        }
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, brigade);
}

int wheel_reply(request_rec *r, int status, const char *type, const char *body)
{
    r->status = status;
    ap_add_output_filter_handle(once_filter, NULL, r, r->connection);
    if (type) {
        ap_set_content_type(r, type);
    }
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_set_content_length(r, strlen(body));
    ap_rputs(body, r);
    return OK;
}

int wheel_reply_text(request_rec *r, const char *body)
{
    return wheel_reply(r, HTTP_OK, WHEEL_TYPE_JSON, body);
}

int wheel_reply_json(request_rec *r, json_t *json)
{
    return wheel_reply_text(
        r, wheel_json_text(json, WHEEL_JSON_ANSWER_BYTES, r->pool));
}

int wheel_reply_problem(request_rec *r, int status, const char *detail)
{
    /* The status line is "404 Not Found". */
    const char *title = ap_get_status_line(status) + 4;

    return wheel_reply(r, status, WHEEL_TYPE_PROBLEM,
                       wheel_render_problem(status, title, detail, r->pool));
}

int wheel_reply_method(request_rec *r, const char *allowed)
{
    if (r->method_number == M_OPTIONS) {
        apr_table_setn(r->headers_out, "Allow",
                       apr_pstrcat(r->pool, allowed, ", OPTIONS", NULL));
        wheel_reply(r, HTTP_OK, NULL, "");
        return DONE;
    }
    apr_table_setn(r->headers_out, "Allow", allowed);
    wheel_reply_problem(r, HTTP_METHOD_NOT_ALLOWED,
                        apr_psprintf(r->pool,
                                     "the method %.64s is not one of: %s",
                                     r->method, allowed));
    return HTTP_METHOD_NOT_ALLOWED;
}

/* --- Facts in headers and notes ------------------------------------------- */

void wheel_reply_fact(request_rec *r, const char *header, const char *note,
                      const char *value)
{
    apr_table_setn(r->headers_out, header, value);
    apr_table_setn(r->notes, note, value);
}

void wheel_reply_job_headers(request_rec *r)
{
    static const char *const facts[][2] = {
        {"Wheel-Id", "wheel-id"},
        {"Wheel-Turns", "wheel-turns"},
        {"Wheel-Elapsed", "wheel-elapsed"},
        {"Wheel-Stopped-By", "wheel-stopped-by"},
    };
    unsigned n;

    for (n = 0; n < sizeof(facts) / sizeof(facts[0]); n++) {
        apr_table_setn(r->headers_out, facts[n][0],
                       apr_table_get(r->notes, facts[n][1]));
    }
}

void wheel_reply_preference(request_rec *r, apr_interval_time_t preferred)
{
    apr_interval_time_t allowed = wheel_config_request(r).wait_max;

    if (preferred >= 0 && (allowed == 0 || preferred <= allowed)) {
        apr_table_setn(r->headers_out, "Preference-Applied",
                       apr_psprintf(r->pool, "wait=%" APR_TIME_T_FMT,
                                    apr_time_sec(preferred)));
    }
}

/* --- Refusals ------------------------------------------------------------- */

int wheel_reply_refuse(request_rec *r, wheel_refusal_e refusal)
{
    apr_table_setn(r->connection->notes, REPLY_REFUSED, "");
    apr_table_setn(r->notes, "wheel-refused", wheel_refusal_name(refusal));
    apr_table_setn(r->headers_out, "Retry-After", REPLY_RETRY_AFTER);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "WH0040: refused: %s",
                  refusal_details[refusal]);
    return wheel_reply_problem(r, HTTP_SERVICE_UNAVAILABLE,
                               refusal_details[refusal]);
}

/* Is there something that the client has sent and nobody has read? */
static int unread(const conn_rec *c)
{
    struct pollfd check = {-1, POLLIN, 0};
    apr_socket_t *socket = ap_get_conn_socket((conn_rec *)c);

    return !socket || apr_os_sock_get(&check.fd, socket) != APR_SUCCESS ||
           poll(&check, 1, 0) != 0;
}

/* httpd ends a connection by waiting two seconds for the client to close it,
 * too, and under prefork and worker a worker does that.  Where there are none
 * to spare, a client that takes its time must not hold one.  (Closing with
 * something unread would be a reset, which could overtake the answer.) */
WHEEL_EACH_REQUEST static int close_refused(conn_rec *c)
{
    if (!c->master && apr_table_get(c->notes, REPLY_REFUSED)) {
        ap_flush_conn(c);
        if (!unread(c)) {
            c->aborted = 1; /* which means: don't linger */
        }
    }
    return OK;
}

void wheel_reply_register(apr_pool_t *pconf)
{
    (void)pconf;
    /* Behind the filter of mod_headers. */
    once_filter = ap_register_output_filter("WHEEL_ONCE", send_once, NULL,
                                            AP_FTYPE_CONTENT_SET + 1);
    ap_hook_pre_close_connection(close_refused, NULL, NULL, APR_HOOK_LAST);
}
