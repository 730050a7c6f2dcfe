/* SPDX-License-Identifier: Apache-2.0 */
/* requests/engine.h: limits of requests, and the steps of their stops, in the
 * helper. */
#ifndef WHEEL_REQUESTS_ENGINE_H
#define WHEEL_REQUESTS_ENGINE_H

#include "apr_pools.h"

/** Let the helper do it.  After wheel_helper_register(). */
void wheel_engine_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_ENGINE_H */
