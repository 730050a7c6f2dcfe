/* SPDX-License-Identifier: Apache-2.0 */
/* server/signals.h: TERM and HUP, for as long as jobs are to be answered. */
#ifndef WHEEL_SERVER_SIGNALS_H
#define WHEEL_SERVER_SIGNALS_H

#include "apr_pools.h"

/** The process ends, and this module is about to be unmapped: no handler of
 * ours may run any more. */
void wheel_signals_leave_child(void);

/**
 * Under prefork, keep TERM and HUP from ending the process in the middle of a
 * request: they only wake its worker, and end the process when pool is
 * destroyed.  With threads, see to it that a TERM of the parent is noticed,
 * which the MPM ignores.  For workers, before the start of a job.
 */
void wheel_signals_hold(apr_pool_t *pool);

/** With threads: the child waits for its requests before it ends; from now on,
 * a TERM of the parent, or one that came before, ends its jobs. */
void wheel_signals_stop_gracefully(void);

#endif /* WHEEL_SERVER_SIGNALS_H */
