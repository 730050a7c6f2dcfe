/* SPDX-License-Identifier: Apache-2.0 */
/* core/job_tree.h: the processes that work for a request: those that have its
 * id in their environment, and what these have started.
 *
 * Reads all of /proc: for the helper and for reports, not for workers that
 * answer others.  Sees processes of the same user alone.  Elsewhere than on
 * Linux it finds none.
 */
#ifndef WHEEL_CORE_JOB_TREE_H
#define WHEEL_CORE_JOB_TREE_H

#include <sys/types.h>

#include "apr.h"

/** The variable that holds the id, in decimal. */
#define WHEEL_JOB_VARIABLE "WHEEL_JOB"

/** The longest command of a process, as the kernel keeps it, with its NUL. */
#define WHEEL_JOB_COMMAND_BYTES 16

/** What a look at the processes of one job has found. */
typedef struct wheel_job_tree_t {
    unsigned processes;
    apr_int64_t cpu_usec; /* that they and their ended children have used */
} wheel_job_tree_t;

/**
 * Find the processes of a job, and send each a signal.  A process that has
 * ended, and whose number another has got meanwhile, is not signalled.
 * @param signal 0 for none
 */
void wheel_job_tree_signal(apr_uint64_t id, int signal, wheel_job_tree_t *tree);

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
 * @param processes room for max
 * @return how many there are; those beyond max are not in the list
 */
unsigned wheel_job_tree_list(apr_uint64_t id, wheel_job_process_t *processes,
                             unsigned max);

/** Send a signal to a process whose command begins with this name.  @param
 * check called once the process is held: 0 sends nothing; may be NULL
 * @return 1 if it was sent */
int wheel_job_tree_signal_one(apr_int64_t pid, const char *command, int signal,
                              int (*check)(void *baton), void *baton);

#endif /* WHEEL_CORE_JOB_TREE_H */
