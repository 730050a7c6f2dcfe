/* SPDX-License-Identifier: Apache-2.0 */
/* http/handler.h: /rotate and /stop. */
#ifndef WHEEL_HTTP_HANDLER_H
#define WHEEL_HTTP_HANDLER_H

#include "httpd.h"

#include "core/table.h"

/**
 * Answer 503 with the reason, and let the connection end without a worker that
 * waits for the client.
 * @return OK, for the handler to return
 */
int wheel_handler_refuse(request_rec *r, wheel_refusal_e refusal);

/** Register the handlers wheel-rotate and wheel-stop. */
void wheel_handler_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_HANDLER_H */
