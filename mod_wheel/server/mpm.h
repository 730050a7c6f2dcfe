/* SPDX-License-Identifier: Apache-2.0 */
/* server/mpm.h: what keeps an MPM from accepting connections. */
#ifndef WHEEL_SERVER_MPM_H
#define WHEEL_SERVER_MPM_H

/**
 * See to it that connections are accepted where jobs hold workers for long:
 * event's listener is woken if this process has an idle worker; and where
 * processes that are about to end hold all places, so that no new one can
 * start, the oldest jobs end.  For workers, now and then while they wait; does
 * nothing under prefork.
 */
void wheel_mpm_help(void);

#endif /* WHEEL_SERVER_MPM_H */
