/* SPDX-License-Identifier: Apache-2.0 */
/* http/reply.h: what the handlers of mod_wheel share: how they answer. */
#ifndef WHEEL_HTTP_REPLY_H
#define WHEEL_HTTP_REPLY_H

#include "httpd.h"

/**
 * Answer with a body, with its length and Cache-Control: no-store.
 * @return OK, for the handler to return
 */
int wheel_answer(request_rec *r, int status, const char *type,
                 const char *body);

/**
 * Answer with an application/problem+json body.
 * @param detail what was wrong and what is allowed; may hold any bytes
 * @return OK, for the handler to return
 */
int wheel_answer_problem(request_rec *r, int status, const char *detail);

/** Answer 405.  @param allowed the methods, as in "GET, POST" */
int wheel_answer_method(request_rec *r, const char *allowed);

#endif /* WHEEL_HTTP_REPLY_H */
