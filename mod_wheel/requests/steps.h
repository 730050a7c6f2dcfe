/* SPDX-License-Identifier: Apache-2.0 */
/* requests/steps.h: the upper steps of a stop: cut, cooldown, drain.  For the
 * helper. */
#ifndef WHEEL_REQUESTS_STEPS_H
#define WHEEL_REQUESTS_STEPS_H

#include "core/request_slots.h"

/** The step that a marked request is at, by the time since its mark, and by
 * what somebody has asked for. */
wheel_step_e wheel_steps_due(const wheel_request_t *request);

/** Has it come so far that processes are killed?  Not at once with a drain. */
int wheel_steps_force(const wheel_request_t *request);

/** Take a step, or go on with it.  Called at each tick while the request
 * runs. */
void wheel_steps_take(const wheel_request_t *request, wheel_step_e step);

/** Take the steps that somebody has asked for with a request, marked or not,
 * and log those that were taken.  Called at each tick while it runs. */
void wheel_steps_take_asked(const wheel_request_t *request);

/** Cool a request down.  @return 0 if that is not to be had */
int wheel_steps_cool(const wheel_request_t *request);

#endif /* WHEEL_REQUESTS_STEPS_H */
