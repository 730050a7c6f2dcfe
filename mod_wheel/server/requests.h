/* SPDX-License-Identifier: Apache-2.0 */
/* server/requests.h: the slots of requests, as each process of the server has
 * them. */
#ifndef WHEEL_SERVER_REQUESTS_H
#define WHEEL_SERVER_REQUESTS_H

#include "httpd.h"

#include "core/request_slots.h"

/** The slots, NULL where no WheelRequests is on.  Any thread, after
 * post_config. */
wheel_request_slots_t *wheel_requests_slots(void);

/** The slot of the calling thread, claimed when it first asks.
 * @return -1 if there is none */
int wheel_requests_own_slot(void);

/**
 * The request that the calling thread runs is a job by itself: it is no longer
 * listed, marked and limited as a request.  Harmless without one.
 */
void wheel_requests_hide(void);

/** Has wheel_requests_hide() been called since the calling thread began its
 * request?  Asking forgets it. */
int wheel_requests_hidden(void);

/** Register the hooks that make the slots and take back those of the dead. */
void wheel_requests_slots_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_REQUESTS_H */
