/* wheel_stop.h: one stop, from what is asked to what became of each job.
 *
 * Nothing here knows of requests: workers, and threads of this process that
 * serve none, stop jobs in the same way.
 */
#ifndef WHEEL_STOP_H
#define WHEEL_STOP_H

#include "apr_pools.h"

#include "wheel_filter.h"
#include "wheel_table.h"

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

/** Did it mean certain jobs, and there were none?  A dry stop may well find
 * none. */
int wheel_stop_missed(const wheel_stop_t *stop);

/** What to tell whoever asked for a stop that missed. */
const char *wheel_stop_missed_text(const wheel_stop_t *stop, apr_pool_t *pool);

/** Wake the workers of marked jobs. */
void wheel_stop_wake(const wheel_stop_t *stop);

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

#endif /* WHEEL_STOP_H */
