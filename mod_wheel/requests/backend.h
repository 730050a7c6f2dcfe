/* SPDX-License-Identifier: Apache-2.0 */
/* requests/backend.h: the backend that mod_proxy sends a request to. */
#ifndef WHEEL_REQUESTS_BACKEND_H
#define WHEEL_REQUESTS_BACKEND_H

#include "requests/run.h"

/** Its request was stopped: what came of that says nothing of the backend. */
void wheel_backend_spare(wheel_running_t *running);

/** Register the hooks. */
void wheel_backend_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_BACKEND_H */
