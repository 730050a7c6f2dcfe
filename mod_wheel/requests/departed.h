/* SPDX-License-Identifier: Apache-2.0 */
/* requests/departed.h: has the client of a request closed its connection? */
#ifndef WHEEL_REQUESTS_DEPARTED_H
#define WHEEL_REQUESTS_DEPARTED_H

#include "core/request_slots.h"

/**
 * Note which connection a request has.  In the worker that runs it; three
 * system calls.
 * @param fd of the client's socket; -1 for none
 * @param connection its family stays 0 where it can't be watched
 */
void wheel_departed_watch(int fd, wheel_request_connection_t *connection);

/**
 * Ask the kernel.  In the helper, from one thread; never waits.
 * @return 1 if the client has closed the connection, reset it, or shut its
 * sending side; 0 also if the kernel doesn't tell
 */
int wheel_departed_poll(const wheel_request_connection_t *connection);

#endif /* WHEEL_REQUESTS_DEPARTED_H */
