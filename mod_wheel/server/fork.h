/* SPDX-License-Identifier: Apache-2.0 */
/* server/fork.h: the processes that the parent forks, and which of them inherit
 * what it shares with its helper.
 */
#ifndef WHEEL_SERVER_FORK_H
#define WHEEL_SERVER_FORK_H

#include "apr_thread_proc.h"
#include "httpd.h"

/** How a process closes what the parent shares with its helper alone.  It finds
 * that by itself: a restart may not have come to our post_config yet. */
typedef void (*wheel_fork_close_t)(void);

/**
 * Have this called in each process that the parent forks but for those of
 * wheel_fork(): in children, log programs, and daemons of other modules, such
 * as mod_cgid's or mod_wsgi's.  For the functions that register hooks, after
 * wheel_fork_register().
 */
void wheel_fork_closes(wheel_fork_close_t close_own);

/** Fork a process that keeps what is the helper's, as do those that it forks.
 * For the parent.
 * @return as apr_proc_fork() */
apr_status_t wheel_fork(apr_proc_t *proc, apr_pool_t *pool);

/** Forget the functions of the configuration before this one, and register the
 * hook.  Before all wheel_fork_closes(). */
void wheel_fork_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_FORK_H */
