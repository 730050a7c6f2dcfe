/* SPDX-License-Identifier: Apache-2.0 */
/* operations/step.h: one step with one request, because somebody says so.
 *
 * HTTP and the control socket ask for it here.  The helper takes the step, as
 * it takes those of a stop.
 */
#ifndef WHEEL_OPERATIONS_STEP_H
#define WHEEL_OPERATIONS_STEP_H

#include "apr_pools.h"

#include "core/filter.h"
#include "core/request_slots.h"

/** What came of it. */
typedef struct wheel_step_result_t {
    int status;          /* as in HTTP: 200, 400, 404, 409 or 503 */
    const char *problem; /* NULL for 200, else what went wrong */
    wheel_request_t request;
} wheel_step_result_t;

/**
 * The request that a filter names: by its id, and by nothing else, so that
 * nobody hits more or others than they have named.
 * @return 1 if it runs, else result says why not
 */
int wheel_step_find(const wheel_filter_t *filter, wheel_step_result_t *result,
                    apr_pool_t *pool);

/**
 * Find it, and ask for a step: CUT and DRAIN stop the request as well.  Never
 * waits.  Processes that run as the server's user.
 *
 * @param pool holds the problem
 */
void wheel_step_ask(const wheel_filter_t *filter, wheel_step_e step,
                    wheel_step_result_t *result, apr_pool_t *pool);

/** What becomes of a request after a step: cutting, cooling down, draining. */
const char *wheel_step_outcome(wheel_step_e step);

#endif /* WHEEL_OPERATIONS_STEP_H */
