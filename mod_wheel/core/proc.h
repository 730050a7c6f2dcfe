/* SPDX-License-Identifier: Apache-2.0 */
/* core/proc.h: monotonic clocks and process identity.
 *
 * Some files of /proc/PID make whoever reads them wait for that process: on
 * newer kernels stat does so while it is about to run another program, and one
 * that closes a file of a dead server then is so for as long as it likes.  A
 * birth stands nowhere else; all the rest is read from other files. */
#ifndef WHEEL_CORE_PROC_H
#define WHEEL_CORE_PROC_H

#include <sys/types.h>

#include "apr.h"

/** A process, distinct from a later one with the same pid. */
typedef struct wheel_proc_t {
    pid_t pid;
    apr_uint64_t birth; /* clock ticks from boot to its start, 0 if unknown */
} wheel_proc_t;

/** Monotonic time in usec.  Async-signal-safe. */
apr_int64_t wheel_clock_usec(void);

/** CPU time of the calling thread in usec. */
apr_int64_t wheel_clock_thread_usec(void);

/** The process that has this number now.  Its birth is 0 if there is none.  May
 * wait for the process. */
wheel_proc_t wheel_proc_of(pid_t pid);

/** This process. */
wheel_proc_t wheel_proc_self(void);

/** The birth of a process that starts at this time of wheel_clock_usec(). */
apr_uint64_t wheel_proc_birth_at(apr_int64_t usec);

/** The state of a process, or of a thread of one, as in the third field of
 * proc(5)'s stat; NUL where /proc doesn't say. */
char wheel_proc_state(pid_t pid);
char wheel_proc_thread_state(pid_t pid, pid_t tid);

/** The parent of a process; -1 where /proc doesn't say. */
pid_t wheel_proc_parent(pid_t pid);

/** The effective user of a process.  @return 0 where /proc doesn't say */
int wheel_proc_user(pid_t pid, uid_t *user);

/**
 * Does /proc hide from this process that there are others of this server, as
 * with hidepid=, or is none mounted?  For a process whose parent has the same
 * user.
 */
int wheel_proc_hidden(void);

/**
 * Is it dead?  A pid alone is no proof of life: another process may have it by
 * now.  Reads /proc, so not for a holder of locks, and may wait for the process
 * if its birth is known.
 * @return 0 also where /proc doesn't say
 */
int wheel_proc_dead(const wheel_proc_t *proc);

/** What tells the dead from the living: wheel_proc_dead(), or what a parent
 * knows of its children. */
typedef int (*wheel_proc_dead_t)(const wheel_proc_t *proc);

/**
 * What a thread of any process has used of the CPU.  Reads /proc, so not for a
 * holder of locks.
 * @param asleep whether it waits for something else than the CPU
 * @return usec, in steps of a clock tick where the kernel keeps nothing finer;
 *         -1 where /proc doesn't say
 */
apr_int64_t wheel_proc_thread_usec(pid_t pid, pid_t tid, int *asleep);

#endif /* WHEEL_CORE_PROC_H */
