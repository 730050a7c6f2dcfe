/* SPDX-License-Identifier: Apache-2.0 */
/* server/process.h: what one process of the server has of mod_wheel: the way
 * to the table, its companion threads, and how both end with it. */
#ifndef WHEEL_SERVER_PROCESS_H
#define WHEEL_SERVER_PROCESS_H

#include <pthread.h>

#include "httpd.h"

#include "core/table.h"

/** A companion thread and the private copy of its baton. */
typedef struct wheel_companion_t wheel_companion_t;

/** The table, NULL before the first post_config.  Any thread. */
wheel_table_t *wheel_process_table(void);

/** This child.  Any thread, after child_init. */
wheel_proc_t wheel_process_self(void);

/** The generation that this child belongs to. */
int wheel_process_generation(void);

/** Does the MPM run requests in threads? */
int wheel_process_threaded(void);

/** Is this process about to end without waiting for its requests?  Any
 * thread. */
int wheel_process_ending(void);

/**
 * Under prefork, keep TERM and HUP from ending the process in the middle of a
 * request: they only wake its worker, and end the process when pool is
 * destroyed.  With threads, see to it that a TERM of the parent is noticed,
 * which the MPM ignores.  For workers, before the start of a job.
 */
void wheel_process_hold_signals(apr_pool_t *pool);

/**
 * The process ends, and this request is the last of its connection: once it
 * has been answered, close the connection without waiting for the client to
 * hang up.
 */
void wheel_process_hasten(request_rec *r);

/**
 * Start a companion for a claimed slot.  It runs spec->work and then leaves
 * the slot.  For worker threads; takes a lock of the process for an instant.
 *
 * @param policy how it shares the CPU: a WHEEL_SCHED_ class or SCHED_OTHER
 * @return APR_SUCCESS, or why no thread could be started (the slot is as
 *         before then)
 */
apr_status_t wheel_process_start(wheel_companion_t **companion,
                                 const wheel_spec_t *spec, unsigned slot,
                                 int policy);

/** The companion's copy of the baton: only to be read once the companion has
 * left its slot. */
const void *wheel_process_baton(const wheel_companion_t *companion);

/**
 * Take what the work has handed over so far; what it hands over later is
 * refused.  Once for each companion, by its worker.  Never waits.
 * @param result room for spec->result_bytes
 * @return how many bytes there were
 */
apr_size_t wheel_process_take(wheel_companion_t *companion, void *result);

/** The worker has no more use for a companion: it is joined and its memory
 * freed once it has ended, by whoever comes next.  Never waits. */
void wheel_process_release(wheel_companion_t *companion);

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

/** Register the hooks that make the table, and set up and end children. */
void wheel_process_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_PROCESS_H */
