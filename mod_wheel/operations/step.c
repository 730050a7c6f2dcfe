/* SPDX-License-Identifier: Apache-2.0 */
/* operations/step.c: one step with one request, because somebody says so.
 *
 * Runs in whatever thread asks.
 */
#include "operations/step.h"

#include <string.h>

#include "apr_strings.h"
#include "httpd.h"

#include "core/request_steps.h"
#include "operations/requests.h"
#include "server/privileged.h"
#include "server/requests.h"

const char *wheel_step_outcome(wheel_step_e step)
{
    switch (step) {
    case WHEEL_STEP_CUT:
        return "cutting";
    case WHEEL_STEP_COOLDOWN:
        return "cooling down";
    default:
        return "draining";
    }
}

/* Why a step can't be taken by anybody now.  @return NULL: it can */
static const char *find_problem(wheel_step_e step, apr_pool_t *pool)
{
    switch (step) {
    case WHEEL_STEP_CUT:
        return wheel_privileged_problem(WHEEL_PRIVILEGED_DO_CUT, pool);
    case WHEEL_STEP_COOLDOWN:
        return wheel_privileged_problem(WHEEL_PRIVILEGED_DO_COOL, pool);
    default:
        return NULL;
    }
}

static int fail(wheel_step_result_t *result, int status, const char *problem)
{
    result->status = status;
    result->problem = problem;
    return 0;
}

static const char *not_found(apr_uint64_t id, apr_pool_t *pool)
{
    return apr_psprintf(pool,
                        "no request runs that has the id %" APR_UINT64_T_FMT
                        ": it has ended, or is none of this host",
                        id);
}

int wheel_step_find(const wheel_filter_t *filter, wheel_step_result_t *result,
                    apr_pool_t *pool)
{
    wheel_filter_t only;

    memset(result, 0, sizeof(*result));
    memset(&only, 0, sizeof(only));
    only.id = filter->id;
    if (!only.id || memcmp(&only, filter, sizeof(only)) != 0) {
        return fail(result, HTTP_BAD_REQUEST,
                    "a step is for one request: give its id, and no "
                    "other filter");
    }
    if (!wheel_requests_find(only.id, &result->request)) {
        return fail(result, HTTP_NOT_FOUND, not_found(only.id, pool));
    }
    result->status = HTTP_OK;
    return 1;
}

static int can_take(wheel_step_e step, wheel_step_result_t *result,
                    apr_pool_t *pool)
{
    const char *problem = find_problem(step, pool);

    if (problem) {
        return fail(result, HTTP_SERVICE_UNAVAILABLE, problem);
    }
    if (step != WHEEL_STEP_DRAIN && result->request.tid <= 0) {
        return fail(result, HTTP_CONFLICT,
                    "no thread runs this request: its handler has returned, "
                    "and httpd sends the rest of its answer");
    }
    return 1;
}

/* A request that has a mark keeps it. */
static int take(const wheel_request_t *request, wheel_step_e step)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    int taken;

    if (step != WHEEL_STEP_COOLDOWN) {
        wheel_request_slots_mark(slots, request->slot, request->id,
                                 WHEEL_MARK_STOP);
    }
    taken = wheel_request_steps_ask(slots, request->slot, request->id, step) &&
            (step != WHEEL_STEP_DRAIN ||
             wheel_request_slots_interrupt(slots, request->slot, request->id,
                                           step));
    wheel_request_slots_wake(slots);
    return taken;
}

void wheel_step_ask(const wheel_filter_t *filter, wheel_step_e step,
                    wheel_step_result_t *result, apr_pool_t *pool)
{
    if (wheel_step_find(filter, result, pool) && can_take(step, result, pool) &&
        !take(&result->request, step)) {
        fail(result, HTTP_NOT_FOUND, not_found(result->request.id, pool));
    }
}
