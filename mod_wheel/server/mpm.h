/* SPDX-License-Identifier: Apache-2.0 */
/* server/mpm.h: what keeps an MPM from accepting connections, and what happens
 * to jobs that nobody can reach. */
#ifndef WHEEL_SERVER_MPM_H
#define WHEEL_SERVER_MPM_H

#include "apr_pools.h"

/**
 * See to it that connections are accepted where jobs hold workers for long:
 * event's listener is woken if this process has an idle worker, and as long as
 * it does not accept, connections are closed after their answers; and where
 * processes that are about to end hold all places, so that no new one can
 * start, the oldest jobs end.  For workers, now and then while they wait; does
 * nothing under prefork.
 */
void wheel_mpm_help(void);

/**
 * For a process whose parent has ended: if nobody listens at the server's
 * address any more, and so nobody could stop the jobs of this process, they
 * end.  For workers, now and then while they wait.
 */
void wheel_mpm_end_unreachable(void);

void wheel_mpm_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_MPM_H */
