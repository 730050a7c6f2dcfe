/* SPDX-License-Identifier: Apache-2.0 */
/* operations/requests.h: the requests that are jobs, as stops and reports see
 * them. */
#ifndef WHEEL_OPERATIONS_REQUESTS_H
#define WHEEL_OPERATIONS_REQUESTS_H

#include "apr_pools.h"

#include "core/filter.h"
#include "core/request_slots.h"
#include "core/table.h"

/**
 * The requests that have run for longer than slow= says, or are marked, with
 * their CPU time and the steps of a stop.  Reads /proc.  Any thread.
 *
 * @param filter the requests that are listed
 * @param requests out of the pool; the oldest first
 * @return how many
 */
unsigned wheel_requests_list(const wheel_filter_t *filter,
                             wheel_request_t **requests, apr_pool_t *pool);

/**
 * Fill in where the requests of a list are stuck, as the helper has seen it
 * last: not everybody may know the addresses of backends.
 */
void wheel_requests_add_where(wheel_request_t *requests, unsigned requests_n,
                              apr_pool_t *pool);

/** Sort a list by CPU time, the most first. */
void wheel_requests_sort_by_cpu(wheel_request_t *requests, unsigned requests_n);

/**
 * Mark the requests that a filter means, and interrupt at once those that a
 * stop may interrupt at once.  With the mutex of the table held: none of them
 * begins or ends a job of its own meanwhile.
 *
 * @param dry mark none
 * @param hits room for so many as there are slots; NULL if nobody wants them
 * @param stopping_n how many of these were marked before, and have not ended
 * @return how many
 */
unsigned wheel_requests_stop(const wheel_filter_t *filter, int dry,
                             wheel_hit_t *hits, unsigned *stopping_n);

/** Let the helper go on with requests that were stopped. */
void wheel_requests_wake(void);

/** Room that wheel_requests_stop() wants. */
unsigned wheel_requests_max(void);

/** The request that has an id.  @return 1 if it runs */
int wheel_requests_find(apr_uint64_t id, wheel_request_t *request);

/** Has a request that was stopped ended? */
int wheel_requests_ended(const wheel_hit_t *hit);

/** The steps that a stop of a request takes, or would take: as WheelOnStop and
 * the actions of its limits say for it, and as somebody has asked for, but for
 * those that can't be taken.  Any thread. */
void wheel_requests_steps(const wheel_request_t *request,
                          wheel_step_times_t *steps);

#endif /* WHEEL_OPERATIONS_REQUESTS_H */
