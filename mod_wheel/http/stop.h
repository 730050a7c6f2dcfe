/* SPDX-License-Identifier: Apache-2.0 */
/* http/stop.h: the handler wheel-stop. */
#ifndef WHEEL_HTTP_STOP_H
#define WHEEL_HTTP_STOP_H

#include "httpd.h"

/** Register the handler. */
void wheel_stop_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_STOP_H */
