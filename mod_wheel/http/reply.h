/* SPDX-License-Identifier: Apache-2.0 */
/* http/reply.h: how the handlers of mod_wheel answer. */
#ifndef WHEEL_HTTP_REPLY_H
#define WHEEL_HTTP_REPLY_H

#include "httpd.h"

#include <jansson.h>

#include "mod_wheel.h"

/**
 * Answer with a body, its length and Cache-Control: no-store.
 * @param type NULL for none
 * @return OK, for the handler to return
 */
int wheel_reply(request_rec *r, int status, const char *type, const char *body);

/**
 * Answer 200 with JSON.
 * @param body as in wheel_reply(), or
 * @param json an object, whose reference is used up; NULL: no memory
 */
int wheel_reply_text(request_rec *r, const char *body);
int wheel_reply_json(request_rec *r, json_t *json);

/**
 * Answer with an application/problem+json body.
 * @param detail what was wrong and what is allowed; may hold any bytes
 * @return OK, for the handler to return
 */
int wheel_reply_problem(request_rec *r, int status, const char *detail);

/**
 * Answer a method that the handler doesn't have: OPTIONS with those that it
 * has, anything else with 405.
 * @param allowed the methods, as in "GET, POST"
 * @return DONE, or the status of the problem
 */
int wheel_reply_method(request_rec *r, const char *allowed);

/**
 * Answer 503 with the reason, and close the connection without a worker that
 * waits for the client to do the same.
 */
int wheel_reply_refuse(request_rec *r, wheel_refusal_e refusal);

/** Tell one fact: as a header of the answer, and as a note for CustomLog. */
void wheel_reply_fact(request_rec *r, const char *header, const char *note,
                      const char *value);

/** The facts of a job that has run, which are notes of the request already,
 * as headers. */
void wheel_reply_job_headers(request_rec *r);

/**
 * RFC 7240: say that the wait of a Prefer header was what limited a job, unless
 * WheelTimeout is less.
 * @param preferred from wheel_request_prefer_wait()
 */
void wheel_reply_preference(request_rec *r, apr_interval_time_t preferred);

/** Register what closes the connections of refused clients. */
void wheel_reply_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_REPLY_H */
