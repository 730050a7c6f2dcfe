/* SPDX-License-Identifier: Apache-2.0 */
/* core/job_children.h: the processes that a thread has started while it runs a
 * request: a script's exec() or system(), whatever its engine.
 *
 * Reads /proc: for the helper and for reports.  Where the kernel does not list
 * the children of a thread (CONFIG_PROC_CHILDREN), there are none.
 */
#ifndef WHEEL_CORE_JOB_CHILDREN_H
#define WHEEL_CORE_JOB_CHILDREN_H

#include "core/proc.h"

/** So many are seen. */
#define WHEEL_JOB_CHILDREN_MAX 64

/** What one look has found. */
typedef struct wheel_job_children_t {
    wheel_proc_t list[WHEEL_JOB_CHILDREN_MAX];
    unsigned n;
} wheel_job_children_t;

/**
 * Look for them.  One that keeps whoever reads its birth waiting is not seen,
 * and the first time no other.  What has left its parent, as a daemon does, is
 * not seen.
 * @param since_usec when the thread began with its request, by
 *     wheel_clock_usec(): what it started before is none of it.  Births have
 *     the resolution of a clock tick, 10 ms
 */
void wheel_job_children_read(pid_t pid, pid_t tid, apr_int64_t since_usec,
                             wheel_job_children_t *children);

#endif /* WHEEL_CORE_JOB_CHILDREN_H */
