/* SPDX-License-Identifier: Apache-2.0 */
/* core/job_tree.h: the processes that work for a request: those that have its
 * id in their environment, those that its thread has started, and what these
 * have started.
 *
 * Reads all of /proc: for the helper and for reports, not for workers that
 * answer others.  Looks at processes of one user alone, the server's: others
 * can say of themselves what they like.
 */
#ifndef WHEEL_CORE_JOB_TREE_H
#define WHEEL_CORE_JOB_TREE_H

#include <sys/types.h>

#include "apr.h"

#include "core/job_children.h"

/** The variable that holds the id, in decimal. */
#define WHEEL_JOB_VARIABLE "WHEEL_JOB"

/** The longest command of a process, as the kernel keeps it, with its NUL. */
#define WHEEL_JOB_COMMAND_BYTES 16

/** What a look at the processes of one job has found. */
typedef struct wheel_job_tree_t {
    unsigned processes;
    apr_int64_t cpu_usec; /* that they and their ended children have used */
} wheel_job_tree_t;

/** All processes of a user, at one time. */
typedef struct wheel_job_trees_t wheel_job_trees_t;

/** Read /proc.
 * @param user whose processes
 * @return NULL without memory, or if one of these keeps its reader waiting: the
 *         next time it is left out.  See wheel_job_trees_free() */
wheel_job_trees_t *wheel_job_trees_read(uid_t user);

/**
 * Take processes for those of a job, by what its thread has started.  One whose
 * environment names another job stays that one's.
 * @param trees NULL for none
 */
void wheel_job_trees_adopt(wheel_job_trees_t *trees, apr_uint64_t id,
                           const wheel_job_children_t *children);

/**
 * Find the processes of a job among these, and send each a signal.  A process
 * that has ended, and whose number another has got meanwhile, is not signalled.
 * @param trees NULL finds none
 * @param signal 0 for none
 */
void wheel_job_trees_signal(wheel_job_trees_t *trees, apr_uint64_t id,
                            int signal, wheel_job_tree_t *found);

/**
 * Have the processes of a job run on CPU time that nobody else wants: all of
 * their threads get the class SCHED_IDLE.  What they start is of it, too.
 * @param trees NULL finds none
 */
void wheel_job_trees_cool(const wheel_job_trees_t *trees, apr_uint64_t id);

/** One process of a job. */
typedef struct wheel_job_process_t {
    pid_t pid;
    pid_t parent;
    char command[WHEEL_JOB_COMMAND_BYTES]; /* printable */
} wheel_job_process_t;

/**
 * List the processes of a job, in the order of their pids.  A process is listed
 * because it says so of itself, or its parent did: not to be believed, but
 * shown.
 * @param user whose processes
 * @param children that its thread has started
 * @param processes room for max
 * @return how many there are; those beyond max are not in the list
 */
unsigned wheel_job_tree_list(apr_uint64_t id, uid_t user,
                             const wheel_job_children_t *children,
                             wheel_job_process_t *processes, unsigned max);

/** Forget them.  @param trees may be NULL */
void wheel_job_trees_free(wheel_job_trees_t *trees);

/** What to do with a process that is held, see wheel_job_tree_hold(). */
typedef int (*wheel_job_tree_held_t)(int pidfd, void *baton);

/**
 * Hold a process whose command begins with this name, and do something with it:
 * it can't become another one meanwhile.
 * @return what held() returns, 0 if there is no such process
 */
int wheel_job_tree_hold(apr_int64_t pid, const char *command,
                        wheel_job_tree_held_t held, void *baton);

/** Send a signal to a process that is held.  @return 1 if it was sent */
int wheel_job_tree_send(int pidfd, int signal);

#endif /* WHEEL_CORE_JOB_TREE_H */
