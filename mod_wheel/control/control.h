/* SPDX-License-Identifier: Apache-2.0 */
/* control/control.h: list and stop jobs over WheelControl's socket, when no
 * worker is left for a request. */
#ifndef WHEEL_CONTROL_CONTROL_H
#define WHEEL_CONTROL_CONTROL_H

#include "httpd.h"

/** Have the helper serve the socket. */
void wheel_control_register(apr_pool_t *pconf);

#endif /* WHEEL_CONTROL_CONTROL_H */
