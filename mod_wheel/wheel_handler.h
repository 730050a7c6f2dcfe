/* wheel_handler.h: /rotate and /stop. */
#ifndef WHEEL_HANDLER_H
#define WHEEL_HANDLER_H

#include "httpd.h"

/** Register the handlers wheel-rotate and wheel-stop. */
void wheel_handler_register(apr_pool_t *pconf);

#endif /* WHEEL_HANDLER_H */
