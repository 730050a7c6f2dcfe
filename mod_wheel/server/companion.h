/* SPDX-License-Identifier: Apache-2.0 */
/* server/companion.h: companions, the threads that do the work of jobs. */
#ifndef WHEEL_SERVER_COMPANION_H
#define WHEEL_SERVER_COMPANION_H

#include "core/table.h"
#include "mod_wheel.h"

/** A companion thread and the private copy of its baton. */
typedef struct wheel_companion_t wheel_companion_t;

/**
 * Start a companion for a claimed slot.  It runs spec->work and then leaves
 * the slot.  For worker threads; takes a lock of the process for an instant.
 *
 * @param policy how it shares the CPU: a WHEEL_SCHED_ class or SCHED_OTHER
 * @return APR_SUCCESS, or why no thread could be started (the slot is as
 *         before then)
 */
apr_status_t wheel_companion_start(wheel_companion_t **companion,
                                   const wheel_spec_t *spec, unsigned slot,
                                   int policy);

/** The companion's copy of the baton: only to be read once the companion has
 * left its slot. */
const void *wheel_companion_baton(const wheel_companion_t *companion);

/**
 * Take what the work has handed over so far; what it hands over later is
 * refused.  Once for each companion, by its worker.  Never waits.
 * @param result room for spec->result_bytes
 * @return how many bytes there were
 */
apr_size_t wheel_companion_take(wheel_companion_t *companion, void *result);

/** The worker has no more use for a companion: it is joined and its memory
 * freed once it has ended, by whoever comes next.  Never waits. */
void wheel_companion_release(wheel_companion_t *companion);

/**
 * Wait for every companion to end.  For the end of a child: those of the idle
 * class are put back to the normal one, if the kernel allows it, so that other
 * load doesn't keep them from ending.
 * @param wait_max usec
 * @return how many are left after so long
 */
int wheel_companion_join_all(apr_interval_time_t wait_max);

#endif /* WHEEL_SERVER_COMPANION_H */
