/* SPDX-License-Identifier: Apache-2.0 */
/* server/mpm.h: what keeps an MPM from accepting connections. */
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

void wheel_mpm_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_MPM_H */
