/* SPDX-License-Identifier: Apache-2.0 */
/* operations/stop.h: one stop, from what is asked to what became of each job.
 *
 * Nothing here knows of requests: workers, and threads of this process that
 * serve none, stop jobs in the same way.
 */
#ifndef WHEEL_OPERATIONS_STOP_H
#define WHEEL_OPERATIONS_STOP_H

#include "apr_pools.h"

#include "core/filter.h"
#include "core/hosts.h"
#include "core/table.h"

/** A stop: what is asked, and what was found.  Begin with zeros. */
typedef struct wheel_stop_t {
    wheel_filter_t filter;        /* which jobs */
    int dry;                      /* mark none, only tell which */
    int json;                     /* each job is to be told of */
    int waits;                    /* until the jobs have really ended, */
    apr_interval_time_t wait_max; /* so many usec at most */

    unsigned hits_n;        /* jobs that it meant */
    wheel_hit_t *hits;      /* by id; NULL if only their count was wanted */
    unsigned ended_n;       /* the first that are known to have ended */
    apr_int64_t until_usec; /* by wheel_clock_usec(): when it waits no more */

    int told;            /* other hosts were told, or should have been, */
    wheel_round_t round; /* and this is what all hosts had to say */
} wheel_stop_t;

/**
 * Read what is asked: name, id, client, handler, older, wait, json, dry.
 * @param query as in a URL, not decoded; NULL for none
 * @param pool holds what the stop keeps, and the error
 * @return NULL, or what is wrong and what is allowed, with bytes of the query
 *         in it
 */
const char *wheel_stop_read(wheel_stop_t *stop, const char *query,
                            apr_pool_t *pool);

/**
 * Mark the jobs, unless it is dry.  The instant of the stop is in here.  Their
 * workers are not woken: call wheel_stop_wake() next, or after the answer.
 * @return APR_SUCCESS, or an error of the mutex (nothing is marked then)
 */
apr_status_t wheel_stop_mark(wheel_stop_t *stop, apr_pool_t *pool);

/** Wake the workers of marked jobs. */
void wheel_stop_wake(const wheel_stop_t *stop);

/** Are there other hosts to be told of it? */
int wheel_stop_tells(const wheel_stop_t *stop);

/**
 * Tell the other hosts, if there are any, and hear how many jobs they have
 * stopped.  Blocks for the timeout of WheelCluster, or for wait_max if that is
 * more.  After wheel_stop_wake(): those of this host are not to wait for it.
 * @param wait_max usec to wait for the answers of the living hosts, -1: the
 *        timeout of WheelCluster
 */
void wheel_stop_tell(wheel_stop_t *stop, apr_interval_time_t wait_max,
                     apr_pool_t *pool);

/** How many jobs were stopped, those of other hosts included. */
unsigned wheel_stop_count(const wheel_stop_t *stop);

/** The hosts that all said the same, WHEEL_REPLY_NONE or WHEEL_REPLY_FAILED:
 * the names of the first of them, NULL for no host. */
const char *wheel_stop_hosts(const wheel_stop_t *stop, int said,
                             apr_pool_t *pool);

/**
 * What kept it from being a success: there was no job that it meant, though it
 * meant certain ones and was not dry, or other hosts are not known to have
 * done it.
 * @param status the HTTP status that says so
 * @return NULL for a success, else the words
 */
const char *wheel_stop_problem(const wheel_stop_t *stop, int *status,
                               apr_pool_t *pool);

/**
 * For a stop that waits: look once how far its jobs are.
 * @return 1 if there is nothing more to wait for: all have ended, the time is
 *         over or this process ends; each outcome is as it is now then
 */
int wheel_stop_over(wheel_stop_t *stop);

/** For a stop that waits: sleep until it is over. */
void wheel_stop_wait(wheel_stop_t *stop);

/** What became of each, as JSON. */
const char *wheel_stop_json(const wheel_stop_t *stop, apr_pool_t *pool);

#endif /* WHEEL_OPERATIONS_STOP_H */
