/* SPDX-License-Identifier: Apache-2.0 */
/* server/mpm.h: what an MPM misses where jobs hold workers for long. */
#ifndef WHEEL_SERVER_MPM_H
#define WHEEL_SERVER_MPM_H

/**
 * See to it that connections are accepted where jobs hold workers for long:
 * that event's listener accepts if this process has an idle worker, that its
 * parent has a place for a new process, and that worker's parent can start one
 * in the place of this process, if it is stopping gracefully.  For workers, now
 * and then while they wait; does nothing under other MPMs.
 */
void wheel_mpm_help(void);

#endif /* WHEEL_SERVER_MPM_H */
