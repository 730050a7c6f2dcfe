/* SPDX-License-Identifier: Apache-2.0 */
/* requests/drain.h: let a child take nothing new, end what it has, and then
 * itself. */
#ifndef WHEEL_REQUESTS_DRAIN_H
#define WHEEL_REQUESTS_DRAIN_H

/**
 * From now on, this child accepts no connection: with the next one that comes,
 * which another child gets, its MPM ends it gracefully.  Async-signal-safe.
 */
void wheel_drain_here(void);

#endif /* WHEEL_REQUESTS_DRAIN_H */
