/* SPDX-License-Identifier: Apache-2.0 */
/* server/admit.h: may one more job begin without taking the last workers? */
#ifndef WHEEL_SERVER_ADMIT_H
#define WHEEL_SERVER_ADMIT_H

#include "httpd.h"

#include "core/table.h"

/** Workers of the processes that live now, as the scoreboard has them. */
typedef struct wheel_workers_t {
    unsigned idle;       /* wait for a request, in processes that accept */
    unsigned busy;       /* every other one that has started */
    unsigned own_idle;   /* of the calling process: those that wait, also
                          * when it accepts no more connections */
    int own_has_several; /* it has more than one, and isn't about to end */
} wheel_workers_t;

/** Count the workers as they are at this moment.  Any thread. */
void wheel_admit_count(wheel_workers_t *workers);

/**
 * Are enough workers idle for one more job?  A wheel_admit_fn: baton points
 * to an int, WheelReserve.
 */
wheel_refusal_e wheel_admit_reserve(void *baton, unsigned rotating);

/**
 * Take a place among the HTTP/2 jobs of this process: one for each
 * connection, and half as many as mod_http2 has workers.  Further jobs of a
 * request that has one share its place.  Does nothing for a request of another
 * protocol.
 * @return 1 if there was a place; give it back with wheel_admit_http2_leave()
 */
int wheel_admit_http2_enter(const request_rec *r, int reserve);

/** Give the place back. */
void wheel_admit_http2_leave(const request_rec *r);

/** Register the hook that learns how many workers mod_http2 has. */
void wheel_admit_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_ADMIT_H */
