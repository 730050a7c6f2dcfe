/* wheel_handler.h: /rotate and /stop. */
#ifndef WHEEL_HANDLER_H
#define WHEEL_HANDLER_H

#include "httpd.h"

#include "wheel_table.h"

/**
 * Answer 503 with the reason, and let the connection end without a worker that
 * waits for the client.
 * @return OK, for the handler to return
 */
int wheel_handler_refuse(request_rec *r, wheel_refusal_e refusal);

/** Register the handlers wheel-rotate and wheel-stop. */
void wheel_handler_register(apr_pool_t *pconf);

#endif /* WHEEL_HANDLER_H */
