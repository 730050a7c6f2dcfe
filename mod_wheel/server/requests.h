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

/** The handler of a request has returned, and the rest of its answer is sent
 * later: it keeps the slot of the calling thread, which gets another one.
 * @return 0 if all slots are taken: nothing has changed */
int wheel_requests_leave_slot(void);

/**
 * A job runs in the request of the calling thread: until that ends, it alone is
 * listed, marked and limited.  Harmless without a request.
 * @param mark that the request has
 * @return what shows it again; 0 without a request, or if it is hidden
 */
apr_uint64_t wheel_requests_hide(wheel_mark_e *mark);

/** The job has ended.  Harmless in another thread, or after the request. */
void wheel_requests_show(apr_uint64_t request);

/** Is the request of the calling thread hidden?  Asking forgets it. */
int wheel_requests_hidden(void);

/** Register the hooks that make the slots and take back those of the dead. */
void wheel_requests_slots_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_REQUESTS_H */
