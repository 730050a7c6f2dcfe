/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_cut.h: free a thread of another process from its wait.
 *
 * The socket that the thread is blocked on is shut down, as if its peer had
 * closed it: the thread's own code sees the end of its connection and returns.
 * Linux only; the caller needs the right to trace the process.
 */
#ifndef WHEEL_CORE_THREAD_CUT_H
#define WHEEL_CORE_THREAD_CUT_H

#include <sys/types.h>

#include "apr.h"

/** What became of a cut. */
typedef enum {
    WHEEL_CUT_DONE,      /* the socket is shut down */
    WHEEL_CUT_RUNNING,   /* the thread is not blocked, or has just moved */
    WHEEL_CUT_NO_SOCKET, /* it waits for something else than one socket */
    WHEEL_CUT_CLIENT,    /* it waits for the request's own client */
    WHEEL_CUT_LISTENER,  /* it waits for new connections */
    WHEEL_CUT_SHARED,    /* so does another thread of its process */
    WHEEL_CUT_TRACED,    /* it is held by a debugger, or by another who cuts */
    WHEEL_CUT_OTHER_JOB, /* the thread runs another request by now */
    WHEEL_CUT_STRANGER,  /* the process is no child of that parent and user */
    WHEEL_CUT_FORBIDDEN, /* the right to do it is missing */
    WHEEL_CUT_GONE,      /* process or thread is gone */
    WHEEL_CUT_COUNT
} wheel_cut_e;

/** The name of what became of it, for logs and answers. */
const char *wheel_cut_name(wheel_cut_e cut);

/** Any user but root. */
#define WHEEL_NOT_ROOT ((uid_t)-1)

/** Whom to free. */
typedef struct wheel_cut_target_t {
    pid_t parent; /* of the process */
    uid_t user;   /* of the process; WHEEL_NOT_ROOT */
    pid_t pid;
    pid_t tid;
    int client_fd; /* the descriptor of the request's client in that process,
                    * which is never cut; -1 for none */

    /** Does the thread still run the request that is to be freed?  Called
     * while the thread is held, too. */
    int (*same_job)(void *baton);
    void *baton;
} wheel_cut_target_t;

/**
 * Free a thread.  Proves before it acts that the process is a child of that
 * parent; then, with the thread held by ptrace, that the job is still the same
 * and that it waits for a connected socket, which is not a listening one, not
 * the client's, and which no other thread of the process waits for.
 *
 * The thread is held for a millisecond at most, and only if all of this
 * seemed so before; then it goes on in its call.  Calls that are not restarted
 * by the kernel, such as epoll_wait(), return EINTR.  Blocks until the thread
 * has come to the point where it is held: set an alarm.
 */
wheel_cut_e wheel_thread_cut(const wheel_cut_target_t *target);

/** Is that process a child of this parent, with no other user than this one?
 * Never waits for it.
 * @param user WHEEL_NOT_ROOT for any but root */
int wheel_proc_is_child(pid_t pid, pid_t parent, uid_t user);

/** And is it of the same program?  A server has other children, such as its log
 * programs.  Takes the right to trace it, and may wait for it. */
int wheel_proc_belongs(pid_t pid, pid_t parent, uid_t user);

#endif /* WHEEL_CORE_THREAD_CUT_H */
