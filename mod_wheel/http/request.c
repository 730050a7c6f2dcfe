/* SPDX-License-Identifier: Apache-2.0 */
/* http/request.c: reads method, name, query and body of a request.
 *
 * Runs in the worker that runs the request.
 */
#include "http/request.h"

#include <string.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "core/each_request.h"
#include "http/path.h"
#include "http/reply.h"
#include "http/site.h"
#include "mod_wheel.h"
#include "render/render.h"

APLOG_USE_MODULE(wheel);

#define REQUEST_METHODS "GET, POST"

/* Bytes of a reason that the log repeats. */
#define REQUEST_LOG_MAX 300

/* All handlers of mod_wheel begin so. */
#define REQUEST_HANDLER_PREFIX "wheel-"

/* A note of the path that a request is for, once that is translated. */
#define REQUEST_PATH_NOTE "wheel-path"

/* mod_http2 sets this variable where it pushes an answer to a client. */
#define REQUEST_PUSHED "H2_PUSHED"

/* The handler by which a rule of mod_rewrite for a directory leads on. */
#define REQUEST_REWRITTEN "redirect-handler"

static struct {
    const char *name;
    int (*answer)(request_rec *r);
} handlers[WHEEL_REQUEST_HANDLERS_MAX];
static unsigned handlers_n;

/* @return OK, or the status that has been answered */
static int read_name(request_rec *r, const char **name)
{
    const char *detail;

    switch (wheel_path_split(r, name)) {
    case WHEEL_PATH_OWN:
        *name = NULL;
        return OK;
    case WHEEL_PATH_NAME:
        if (wheel_parse_name(*name)) {
            return OK;
        }
        detail = apr_psprintf(
            r->pool,
            "'%.64s' is not the name of a wheel: allowed are 1 to %d of "
            "A-Z a-z 0-9 . _ -",
            *name, WHEEL_NAME_MAX);
        break;
    default:
        detail = apr_psprintf(r->pool,
                              "'%.64s' is more than a path of this handler "
                              "and one name",
                              r->uri);
        break;
    }
    wheel_reply_problem(r, HTTP_NOT_FOUND, detail);
    return HTTP_NOT_FOUND;
}

/* --- The request ---------------------------------------------------------- */

static int read_method(request_rec *r)
{
    if (!r->header_only &&
        (r->method_number == M_GET || r->method_number == M_POST)) {
        return OK;
    }
    return wheel_reply_method(r, REQUEST_METHODS);
}

static int read_query(request_rec *r, const wheel_param_t *params, void *to)
{
    const char *error = wheel_parse_query(r->args, params, to, r->pool);

    if (!error) {
        return OK;
    }
    wheel_reply_problem(r, HTTP_BAD_REQUEST, error);
    return HTTP_BAD_REQUEST;
}

static int discard_body(request_rec *r)
{
    int status = ap_discard_request_body(r);

    if (status != OK) {
        r->connection->keepalive = AP_CONN_CLOSE;
        wheel_reply_problem(r, status, "the body could not be read");
    }
    return status;
}

int wheel_request_refuse(request_rec *r, const char *why)
{
    if (!why) {
        return OK;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "WH0044: refused: %s",
                  wheel_render_text(why, REQUEST_LOG_MAX, r->pool));
    wheel_reply_problem(r, HTTP_FORBIDDEN, why);
    return HTTP_FORBIDDEN;
}

int wheel_request_read(request_rec *r, const wheel_param_t *params, void *to,
                       const char **name)
{
    int status = read_method(r);

    if (status == OK) {
        status = wheel_request_refuse(r, wheel_site_check_change(r));
    }
    if (status == OK) {
        status = read_name(r, name);
    }
    if (status == OK) {
        status = read_query(r, params, to);
    }
    return status == OK ? discard_body(r) : status;
}

/* What a client has asked for, where something else than a rule of mod_rewrite
 * has put another path in its place.  @return NULL for nothing else */
static const char *replaced_path(const request_rec *r)
{
    const char *path = apr_table_get(r->notes, REQUEST_PATH_NOTE);
    const request_rec *from;

    for (from = r->prev; from; from = from->prev) {
        if (!from->handler || strcmp(from->handler, REQUEST_REWRITTEN)) {
            return from->uri;
        }
    }
    return path && strcmp(path, r->uri) ? path : NULL;
}

const char *wheel_request_check_own(request_rec *r)
{
    const char *pushed = apr_table_get(r->subprocess_env, REQUEST_PUSHED);
    const request_rec *from = r;
    const char *path;

    if (r->main || (pushed && *pushed)) {
        return "a page or a handler of this server has made the request, and "
               "not a client; a stop is a request of its own";
    }
    while (from && from->status == HTTP_OK) {
        from = from->prev;
    }
    if (from) {
        return apr_psprintf(r->pool,
                            "an error (%d) has led here, as by ErrorDocument; "
                            "a stop is a request of its own",
                            from->status);
    }
    path = replaced_path(r);
    return path ? apr_psprintf(r->pool,
                               "the request is for '%.64s', which has led "
                               "here, as by DirectoryIndex; a stop is a "
                               "request of its own",
                               path)
                : NULL;
}

apr_interval_time_t wheel_request_prefer_wait(const request_rec *r)
{
    const char *prefer = apr_table_get(r->headers_in, "Prefer");
    apr_interval_time_t wait_max = -1;
    const char *item = prefer ? ap_get_list_item(r->pool, &prefer) : NULL;

    while (item && !wheel_parse_prefer_wait(item, &wait_max)) {
        item = ap_get_list_item(r->pool, &prefer);
    }
    return wait_max;
}

static int is_for_us(const request_rec *r)
{
    return r->handler && !strncmp(r->handler, REQUEST_HANDLER_PREFIX,
                                  strlen(REQUEST_HANDLER_PREFIX));
}

/* Where our path is that of a directory, too, mod_dir would send the client to
 * the same path with a slash behind it, which names no wheel. */
WHEEL_EACH_REQUEST static int forget_directory(request_rec *r)
{
    if (r->finfo.filetype == APR_DIR && is_for_us(r)) {
        r->finfo.filetype = APR_NOFILE;
    }
    return DECLINED;
}

/* Where there is no file, mod_dir and mod_negotiation may put another request
 * in the place of this one later. */
WHEEL_EACH_REQUEST static int note_path(request_rec *r)
{
    if (r->finfo.filetype != APR_REG) {
        apr_table_setn(r->notes, REQUEST_PATH_NOTE, r->uri);
    }
    return DECLINED;
}

void wheel_request_answer(const char *name, int (*answer)(request_rec *r))
{
    ap_assert(handlers_n < WHEEL_REQUEST_HANDLERS_MAX);
    handlers[handlers_n].name = name;
    handlers[handlers_n].answer = answer;
    handlers_n++;
}

WHEEL_EACH_REQUEST static int answer(request_rec *r)
{
    unsigned n;

    if (!is_for_us(r)) {
        return DECLINED;
    }
    for (n = 0; n < handlers_n; n++) {
        if (!strcmp(r->handler, handlers[n].name)) {
            return handlers[n].answer(r);
        }
    }
    return DECLINED;
}

void wheel_request_register(apr_pool_t *pconf)
{
    (void)pconf;
    handlers_n = 0;
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_header_parser(note_path, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(forget_directory, NULL, NULL, APR_HOOK_MIDDLE);
}
