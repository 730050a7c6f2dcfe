/* SPDX-License-Identifier: Apache-2.0 */
/* http/reply.c: how the handlers of mod_wheel answer.
 *
 * Runs in the worker that runs the request.
 */
#include "http/reply.h"

#include <string.h>

#include "apr_strings.h"
#include "http_protocol.h"

#include "render/render.h"

int wheel_answer(request_rec *r, int status, const char *type, const char *body)
{
    r->status = status;
    ap_set_content_type(r, type);
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    ap_set_content_length(r, strlen(body));
    ap_rputs(body, r);
    return OK;
}

int wheel_answer_problem(request_rec *r, int status, const char *detail)
{
    /* The status line is "404 Not Found". */
    const char *title = ap_get_status_line(status) + 4;

    return wheel_answer(r, status, WHEEL_TYPE_PROBLEM,
                        wheel_render_problem(status, title, detail, r->pool));
}

int wheel_answer_method(request_rec *r, const char *allowed)
{
    apr_table_setn(r->headers_out, "Allow", allowed);
    return wheel_answer_problem(
        r, HTTP_METHOD_NOT_ALLOWED,
        apr_psprintf(r->pool, "the method %.64s is not one of: %s", r->method,
                     allowed));
}
