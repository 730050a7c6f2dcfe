/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper_private.h: what the files of the helper share:
 *
 *   helper.c             the parent's side
 *   helper_supervisor.c  the supervisor
 *   helper_process.c     the helper itself
 *   helper_told.c        how the last two learn that they are to end
 */
#ifndef WHEEL_SERVER_HELPER_PRIVATE_H
#define WHEEL_SERVER_HELPER_PRIVATE_H

#include "server/helper.h"

#define HELPER_PARTS_MAX 8

/** How often supervisor and helper check whether who has started them is still
 * there. */
#define HELPER_CHECK_USEC APR_USEC_PER_SEC

/** The parts that were added.  Read-only after the hooks are registered. */
typedef struct helper_parts_t {
    const wheel_helper_part_t *part[HELPER_PARTS_MAX];
    unsigned n;
} helper_parts_t;

/** What the parent writes to the supervisor and helper of a generation before
 * it hangs up: whether others take their place, or the server ends.  Without
 * either, the parent is dead, or has no such module any more. */
#define HELPER_SAYS_REPLACED 'r'
#define HELPER_SAYS_ENDS 'e'

/** By this, the supervisor tells the helper that the parent is dead. */
#define HELPER_ALONE_SIGNAL SIGUSR2

/** What a supervisor is given. */
typedef struct helper_start_t {
    server_rec *server;
    pid_t parent;
    int life;   /* hangs up, or can be read, when it is to end */
    int before; /* that of the generation before, the parent's side; or -1 */
    const helper_parts_t *parts;
} helper_start_t;

/* --- helper_supervisor.c -------------------------------------------------- */

/** Be the supervisor, in a process of its own. */
__attribute__((noreturn)) void helper_supervise(const helper_start_t *start);

/* --- helper_process.c ----------------------------------------------------- */

/** Be the helper, in a process of its own.
 * @param supervisor who has forked it */
__attribute__((noreturn)) void helper_run(const helper_start_t *start,
                                          pid_t supervisor, apr_pool_t *pool);

/* --- helper_told.c -------------------------------------------------------- */

/** From now on, signals and the parent's socket tell this process when it is to
 * end.  For the supervisor.
 * @return 0 without a descriptor */
int helper_told_begin(int life);

/** The same goes for the helper, which the supervisor has forked. */
void helper_told_begin_helper(void);

/** What this process has been told, by the parent or a signal. */
wheel_helper_why_e helper_told(void);

/** What a signal has told it. */
wheel_helper_why_e helper_told_by_signal(void);

/** Two descriptors, of which one can be read when it is told something. */
void helper_told_fds(struct pollfd *fds);

/** It has waited for these. */
void helper_told_clear(const struct pollfd *fds);

/** How long the helper may take to end. */
apr_interval_time_t helper_told_time(wheel_helper_why_e why);

/** Milliseconds until then, for poll(). */
int helper_left_ms(apr_int64_t until_usec);

#endif /* WHEEL_SERVER_HELPER_PRIVATE_H */
