/* SPDX-License-Identifier: Apache-2.0 */
/* requests/processes.h: the processes that work for requests, such as those of
 * CGI scripts.  For the helper. */
#ifndef WHEEL_REQUESTS_PROCESSES_H
#define WHEEL_REQUESTS_PROCESSES_H

#include "core/job_tree.h"
#include "core/request_slots.h"

/** All processes, where they are read in this turn, NULL before: for
 * wheel_request_cpu_usec(). */
wheel_job_trees_t **wheel_processes_trees(void);

/** Send each of them a signal. */
void wheel_processes_signal(const wheel_request_t *request, int signal);

/**
 * Send what another process has started for it a signal: the worker of PHP-FPM
 * that runs its script, and is stopped meanwhile.
 */
void wheel_processes_signal_of(const wheel_request_t *request, pid_t worker,
                               int signal);

/** Have them run on CPU time that nobody else wants, until they end. */
void wheel_processes_cool(const wheel_request_t *request);

/** End what stopped requests have left behind: by TERM, and a second later by
 * KILL, until nothing is left.  Call it ten times a second. */
void wheel_processes_end_left(void);

/** What was read of /proc is old by now. */
void wheel_processes_forget(void);

#endif /* WHEEL_REQUESTS_PROCESSES_H */
