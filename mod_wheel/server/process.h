/* SPDX-License-Identifier: Apache-2.0 */
/* server/process.h: what one process of the server knows of itself: the table,
 * who it is, whether it is about to end; and how it starts threads. */
#ifndef WHEEL_SERVER_PROCESS_H
#define WHEEL_SERVER_PROCESS_H

#include <pthread.h>

#include "httpd.h"

#include "core/table.h"

/** The table, NULL before the first post_config.  Any thread. */
wheel_table_t *wheel_process_table(void);

/** This child.  Any thread, after child_init. */
wheel_proc_t wheel_process_self(void);

/** The process that has forked this one; 0 in a server of one process, which
 * is for debugging. */
pid_t wheel_process_parent(void);

/** Is this a child of this process that has not ended?  While it stops or
 * restarts, httpd takes one that is held by SIGSTOP for one that has. */
int wheel_process_has_child(pid_t pid);

/**
 * End a child by SIGKILL and wait for it, for a second at most: one that the
 * kernel or a debugger holds would keep its parent waiting for as long.  httpd
 * reaps that one later.
 */
void wheel_process_kill_child(pid_t pid);

/** Is this neither this process nor a child of it that lives?  As of
 * wheel_proc_dead_t, for the parent: what owns a slot is its child, or was.  A
 * child may have written any number there, and by /proc the parent could be
 * made to wait for the process that has it. */
int wheel_process_lost(const wheel_proc_t *proc);

/** Has the parent ended without this child?  Async-signal-safe. */
int wheel_process_orphaned(void);

/** The generation that this child belongs to. */
int wheel_process_generation(void);

/** Time since the start or restart that has made this process, in usec.  Not by
 * the wall clock, which may be set back. */
apr_interval_time_t wheel_process_uptime(void);

/** Places of the scoreboard for processes, and in each for threads, as the MPM
 * knows them.  Children can write over those that stand in the scoreboard. */
void wheel_process_places(int *processes, int *threads);

/** Does the MPM run requests in threads? */
int wheel_process_threaded(void);

/** Is this process about to end without waiting for its requests?  Any
 * thread. */
int wheel_process_ending(void);

/**
 * Data on the process pool, which outlives restarts.  Another build of the
 * module, with structs of other sizes, has its own.
 * @param shared_bytes of the structs that it points to
 * @param makes make it, all zeros, if there is none
 */
void *wheel_process_retained(const char *name, apr_size_t bytes,
                             apr_size_t shared_bytes, int makes);

/**
 * Has another build of the module retained data by this name, and this one
 * none?  To be asked before wheel_process_retained() makes it.
 */
int wheel_process_replaced(const char *name, apr_size_t bytes,
                           apr_size_t shared_bytes);

/**
 * At the end of a configuration, in the parent: have a descriptor closed unless
 * the next configuration takes it back in its pre_config.  httpd closes it when
 * it clears plog, also where the module is loaded no more, or is another build
 * that doesn't find what this one has kept.
 * @param fd -1 for none, and from now on
 */
void wheel_process_lend(const char *key, int *fd, apr_pool_t *plog);

/** @return the descriptor, with another number; -1 for none */
int wheel_process_take_back(const char *key, apr_pool_t *plog);

/** For the parent, in post_config: its children use this table. */
void wheel_process_set_table(wheel_table_t *table);

/**
 * Take the table over into this process, and note which process it is.
 * Children do so in child_init; for processes of ours that are no children of
 * an MPM, after the fork.
 * @param pool lives as long as the process
 * @return APR_SUCCESS, or an error of the mutex
 */
apr_status_t wheel_process_enter(apr_pool_t *pool);

/** From now on, wheel_process_ending() is true.  Async-signal-safe. */
void wheel_process_set_ending(void);

/** The same, and every job of this process ends by a shutdown.
 * Async-signal-safe. */
void wheel_process_end_jobs(void);

/**
 * Start a thread of this module.  Threads inherit the mask of their maker:
 * this one blocks all signals, so that the MPM's never end up in it.
 * @return 0, or an error number
 */
int wheel_process_thread(pthread_t *thread, size_t stack_bytes,
                         void *(*run)(void *), void *data);

/** A thread of this module could not be joined: let the other modules clean
 * up, and end the process before this one is unmapped.  For cleanups of
 * pchild. */
void wheel_process_exit_early(server_rec *s);

/**
 * The process ends, and this request is the last of its connection: once it
 * has been answered, close the connection without waiting for the client to
 * hang up.
 */
void wheel_process_hasten(request_rec *r);

#endif /* WHEEL_SERVER_PROCESS_H */
