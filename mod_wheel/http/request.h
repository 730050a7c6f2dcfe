/* SPDX-License-Identifier: Apache-2.0 */
/* http/request.h: what the handlers of mod_wheel read of a request: method,
 * name, query and body. */
#ifndef WHEEL_HTTP_REQUEST_H
#define WHEEL_HTTP_REQUEST_H

#include "httpd.h"

#include "core/parse.h"

/**
 * Read method and name of a request that starts or stops jobs.  What is wrong
 * has been answered at the return.
 *
 * @param name what follows the path of the handler, NULL for nothing
 * @return OK, or the status that has been answered
 */
int wheel_request_begin(request_rec *r, const char **name);

/**
 * Read the rest, before anything is done: the query, which the caller has read,
 * and the body, which nobody needs.
 *
 * @param error what is wrong with the query, NULL for nothing
 * @return OK, or the status that has been answered
 */
int wheel_request_end(request_rec *r, const char *error);

/** The wait preference of the request (RFC 7240).
 * @return usec, -1 for none */
apr_interval_time_t wheel_request_prefer_wait(const request_rec *r);

/** Register what all handlers need before they run. */
void wheel_request_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_REQUEST_H */
