/* SPDX-License-Identifier: Apache-2.0 */
/* server/signals.h: TERM and HUP, for as long as jobs are to be answered. */
#ifndef WHEEL_SERVER_SIGNALS_H
#define WHEEL_SERVER_SIGNALS_H

#include "apr_pools.h"

/**
 * Under prefork, keep TERM and HUP from ending the process in the middle of a
 * request: they only wake its worker, and end the process before it reads the
 * next request, or when the connection ends.  With threads, does nothing.  For
 * workers, before the start of a job.
 */
void wheel_signals_hold(apr_pool_t *pool);

/** With threads: the child waits for its requests before it ends, and its MPM
 * ignores TERM meanwhile; from now on, a TERM of the parent ends its jobs. */
void wheel_signals_stop_gracefully(void);

/** With threads: the parent is gone.  From now on, a TERM of anybody ends the
 * jobs of this child and then, within seconds, the child itself.  For workers;
 * may be called again. */
void wheel_signals_lose_parent(void);

/** The process ends, and this module is about to be unmapped: no handler of
 * ours may run any more. */
void wheel_signals_leave_child(void);

/** Register the hooks that give held signals back. */
void wheel_signals_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_SIGNALS_H */
