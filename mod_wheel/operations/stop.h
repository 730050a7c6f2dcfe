/* SPDX-License-Identifier: Apache-2.0 */
/* operations/stop.h: the one stop, for every way in which one is asked for.
 *
 * HTTP handlers, the control socket and other hosts stop jobs by these
 * functions.  A worker, which may wait, does it in four calls:
 *
 *     stop = wheel_stop_begin(&request, pool);
 *     wheel_stop_run(stop, NULL, NULL);
 *     ... answer what wheel_stop_result(stop) says ...
 *     wheel_stop_finish(stop);
 *
 * A thread that has to serve others meanwhile calls wheel_stop_publish() in
 * another thread if wheel_stop_publishes(), and then wheel_stop_poll() now and
 * then until it says 1, in place of wheel_stop_run().
 */
#ifndef WHEEL_OPERATIONS_STOP_H
#define WHEEL_OPERATIONS_STOP_H

#include "apr_pools.h"

#include "core/filter.h"
#include "core/stopped.h"

/** What is asked for. */
typedef struct wheel_stop_request_t {
    wheel_filter_t filter;
    wheel_step_e step;            /* NONE, or the one step that is asked for
                                   * with one request: operations/step.h */
    int dry;                      /* stop nothing, only list what would be */
    int json;                     /* the result is to list the jobs */
    apr_interval_time_t wait_max; /* usec to wait until the jobs have ended;
                                   * -1: don't */
} wheel_stop_request_t;

/** A stop under way.  For one thread at a time. */
typedef struct wheel_stop_t wheel_stop_t;

/** A request for all jobs, which doesn't wait. */
void wheel_stop_request_init(wheel_stop_request_t *request);

/** The parameters of a stop, for queries: fill in a wheel_stop_request_t. */
extern const wheel_param_t wheel_stop_params[];

/**
 * Check what parameters say together, and complete the request.
 * @return NULL, or what is wrong and what is allowed
 */
const char *wheel_stop_request_check(wheel_stop_request_t *request);

/**
 * Read a request for a stop from a query string.
 * @param query not decoded; NULL for none
 * @param pool holds what the request keeps, and the error
 * @return NULL, or what is wrong and what is allowed
 */
const char *wheel_stop_request_read(wheel_stop_request_t *request,
                                    const char *query, apr_pool_t *pool);

/**
 * Mark the jobs, unless the request is dry: the instant of the stop is in
 * here.  Never waits for anybody but the table's mutex.  A failure is a part of
 * the result.
 *
 * @param pool lives longer than the stop
 */
wheel_stop_t *wheel_stop_begin(const wheel_stop_request_t *request,
                               apr_pool_t *pool);

/** Does the stop go to other hosts? */
int wheel_stop_publishes(const wheel_stop_t *stop);

/** Tell the other hosts, if it goes there, and collect their replies.  Blocks:
 * for the timeout of WheelCluster at most.  Any thread. */
void wheel_stop_publish(wheel_stop_t *stop);

/**
 * See how far the jobs of this host are.  Never blocks.
 * @return 1 when there is nothing more to wait for: all have ended, the time is
 *         over, this process ends, or the stop doesn't wait
 */
int wheel_stop_poll(wheel_stop_t *stop);

/** Wait no longer: what still runs is said to run. */
void wheel_stop_cancel(wheel_stop_t *stop);

/**
 * Publish it, and wait until nothing is left to wait for.
 * @param goes_on asked now and then while it waits: 0 ends the wait; may be
 *        NULL
 * @return 0 if goes_on said so
 */
int wheel_stop_run(wheel_stop_t *stop, int (*goes_on)(void *baton),
                   void *baton);

/** What came of it, once it has been published and polled as above.
 * @return out of the stop's pool */
const wheel_stopped_t *wheel_stop_result(wheel_stop_t *stop);

/** The names of the hosts whose reply was WHEEL_REPLY_NONE, or
 * WHEEL_REPLY_FAILED: the first hundred, NULL for no host. */
const char *wheel_stop_hosts(const wheel_stopped_t *result, int reply,
                             apr_pool_t *pool);

/** Wake the workers of the jobs, unless they are awake.  Call it after the
 * answer: the marks have stopped the jobs, and waking many takes a while. */
void wheel_stop_finish(wheel_stop_t *stop);

/** Have the cluster apply the stops of other hosts by this operation, and send
 * them the facts of operations/report.h.  When hooks are registered. */
void wheel_stop_serve_hosts(void);

#endif /* WHEEL_OPERATIONS_STOP_H */
