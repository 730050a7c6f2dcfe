/* SPDX-License-Identifier: Apache-2.0 */
/* http/request.h: what the handlers of mod_wheel read of a request: method,
 * name, query and body. */
#ifndef WHEEL_HTTP_REQUEST_H
#define WHEEL_HTTP_REQUEST_H

#include "httpd.h"

#include "core/parse.h"

/**
 * Read a request that starts or stops jobs: method, name, query, and the body,
 * which nobody needs.  What is wrong has been answered at the return, and
 * nothing is to be done then.
 *
 * @param params what its query may have
 * @param to the struct that the query fills in
 * @param name what follows the path of the handler, NULL for nothing
 * @return OK, or the status that has been answered
 */
int wheel_request_read(request_rec *r, const wheel_param_t *params, void *to,
                       const char **name);

/** Answer 403, and log it, if there is a reason.
 * @param why see http/site.h; NULL for none
 * @return OK if there is none, else the status that has been answered */
int wheel_request_refuse(request_rec *r, const char *why);

/** Has a client asked for what the path says?  Not so for subrequests, the
 * documents of errors, what HTTP/2 pushes, and what an index or a fallback
 * names; what a rule of mod_rewrite leads to is asked for.
 * @return NULL, or why not */
const char *wheel_request_check_own(request_rec *r);

/** The wait preference of the request (RFC 7240).
 * @return usec, -1 for none */
apr_interval_time_t wheel_request_prefer_wait(const request_rec *r);

/** The most handlers. */
#define WHEEL_REQUEST_HANDLERS_MAX 3

/**
 * Answer the requests of a handler, from when a configuration is read until it
 * is forgotten.  One hook asks for all of them: httpd asks each hook for each
 * request of the server.
 * @param name wheel-..., a constant
 * @param answer does what a function of ap_hook_handler() does for that name
 */
void wheel_request_answer(const char *name, int (*answer)(request_rec *r));

/** Register what all handlers need.  Before wheel_request_answer(). */
void wheel_request_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_REQUEST_H */
