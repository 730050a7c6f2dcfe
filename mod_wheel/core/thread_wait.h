/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_wait.h: what a thread of another process waits for.
 *
 * Linux only, by /proc.  The caller needs the right to trace the process: root,
 * or CAP_SYS_PTRACE where the process is not dumpable, as httpd's children are
 * not.  Nothing here stops or changes the thread that is examined.
 */
#ifndef WHEEL_CORE_THREAD_WAIT_H
#define WHEEL_CORE_THREAD_WAIT_H

#include <sys/types.h>

#include "apr.h"
#include "apr_errno.h"

/** Arguments of a system call. */
#define WHEEL_SYSCALL_ARGS 6

/** Descriptors of one poll() that are examined. */
#define WHEEL_POLLED_MAX 8

/** The longest text of wheel_thread_wait_text(), with its NUL. */
#define WHEEL_WAIT_TEXT_BYTES 256

/** A thread at one moment.  Two of them that are equal, with the thread inside
 * a system call, show that it has not run in between: a thread can't return
 * from a call and enter it again without a context switch. */
typedef struct wheel_thread_wait_t {
    pid_t pid;
    pid_t tid;
    char state;     /* as in /proc/PID/stat: R, S, D, T, Z */
    int in_syscall; /* it is blocked in one */
    long number;    /* of the call */
    apr_uint64_t args[WHEEL_SYSCALL_ARGS];
    apr_uint64_t sp; /* stack and instruction, when it is in a call */
    apr_uint64_t pc;
    apr_uint64_t switches; /* context switches of both kinds */
    apr_int64_t cpu_usec;  /* CPU time of the thread so far */
} wheel_thread_wait_t;

/**
 * Examine a thread.
 * @return APR_SUCCESS, APR_ENOENT if it is gone, APR_EACCES without the right
 */
apr_status_t wheel_thread_wait_read(pid_t pid, pid_t tid,
                                    wheel_thread_wait_t *wait);

/** Has the thread been in the same call between these two? */
int wheel_thread_wait_same(const wheel_thread_wait_t *a,
                           const wheel_thread_wait_t *b);

/**
 * The descriptors that the call waits for.
 * @param fds room for WHEEL_POLLED_MAX
 * @return how many; 0 if it waits for none, or for more than fit
 */
unsigned wheel_thread_wait_fds(const wheel_thread_wait_t *wait, int *fds);

/**
 * A copy of a descriptor of the process, if it is a socket.  No other is
 * copied: to close a copy of what some file system serves may block.
 * @param pidfd of that process
 * @return -1 with errno, ENOTSOCK for another descriptor
 */
int wheel_thread_wait_socket(const wheel_thread_wait_t *wait, int pidfd,
                             int fd);

/** Is it in a call that has a name here? */
int wheel_thread_wait_known(const wheel_thread_wait_t *wait);

/**
 * Does another thread of the process wait for the same socket?
 * @param copy of it, in this process
 * @return 1 also if that can't be found out
 */
int wheel_thread_wait_shared(const wheel_thread_wait_t *wait, int copy);

/** The name of the call, "running" outside of one. */
const char *wheel_thread_wait_name(const wheel_thread_wait_t *wait);

/**
 * What it waits for, in words: the call, and the peer of a socket, the path of
 * a file, or the address of a lock.  Printable ASCII.
 * @param text room for WHEEL_WAIT_TEXT_BYTES
 */
void wheel_thread_wait_text(const wheel_thread_wait_t *wait, char *text);

#endif /* WHEEL_CORE_THREAD_WAIT_H */
