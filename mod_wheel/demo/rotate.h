/* SPDX-License-Identifier: Apache-2.0 */
/* demo/rotate.h: the handler wheel-rotate. */
#ifndef WHEEL_DEMO_ROTATE_H
#define WHEEL_DEMO_ROTATE_H

#include "apr_pools.h"

/** Register the handler. */
void wheel_rotate_register(apr_pool_t *pconf);

#endif /* WHEEL_DEMO_ROTATE_H */
