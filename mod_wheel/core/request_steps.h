/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_steps.h: which steps of a stop somebody has asked for with a
 * request, which were taken, and which the log has.
 *
 * Each is a word of the request's slot: the id of the request and a bit for
 * each step, so that none of them is ever another request's, and any process
 * may set one, without a lock, once.
 */
#ifndef WHEEL_CORE_REQUEST_STEPS_H
#define WHEEL_CORE_REQUEST_STEPS_H

#include "core/request_slots.h"

/** The bit of a step. */
#define WHEEL_STEP_BIT(step) (1u << (step))

/**
 * Ask for a step of a request, which the helper takes then.
 * @param step CUT, COOLDOWN or DRAIN
 * @return 1 if the request is still there
 */
int wheel_request_steps_ask(wheel_request_slots_t *slots, unsigned n,
                            apr_uint64_t id, wheel_step_e step);

/** Note that a step was taken, and count it if it is the first time. */
void wheel_request_steps_taken(wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id, wheel_step_e step);

/** Note that the log has a step. */
void wheel_request_steps_logged(wheel_request_slots_t *slots, unsigned n,
                                apr_uint64_t id, wheel_step_e step);

/** The steps that were taken and that the log has not, as bits: for the one
 * who logs them now. */
unsigned wheel_request_steps_unlogged(wheel_request_slots_t *slots, unsigned n,
                                      apr_uint64_t id);

/** How often each step was taken, since the slots were made. */
void wheel_request_steps_counts(const wheel_request_slots_t *slots,
                                apr_uint64_t taken[WHEEL_STEP_COUNT]);

/** Copy what stands in a slot for a request: asked, and drained. */
void wheel_request_steps_copy(const wheel_request_slots_t *slots, unsigned n,
                              apr_int64_t now_usec, wheel_request_t *request);

#endif /* WHEEL_CORE_REQUEST_STEPS_H */
