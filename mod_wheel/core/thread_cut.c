/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_cut.c: free a thread of another process from its wait.
 *
 * The order makes it safe: hold the process (a pidfd can't come to mean
 * another one), examine the thread, take a copy of the descriptor, ask whether
 * the job is the same, examine the thread again.  If nothing has changed, the
 * thread has been in that call all the time, so the copy is of the socket that
 * it waits for, for that job.
 */

#include "core/thread_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/thread_wait.h"

#define PROC_BYTES 2048
#define PATH_BYTES 64

static const char *const cut_names[WHEEL_CUT_COUNT] = {
    [WHEEL_CUT_DONE] = "cut",
    [WHEEL_CUT_RUNNING] = "not blocked",
    [WHEEL_CUT_NO_SOCKET] = "blocked on something else than one socket",
    [WHEEL_CUT_CLIENT] = "blocked on its own client",
    [WHEEL_CUT_LISTENER] = "blocked on a listening socket",
    [WHEEL_CUT_OTHER_JOB] = "the job has ended",
    [WHEEL_CUT_STRANGER] = "not a process of this server",
    [WHEEL_CUT_FORBIDDEN] = "not permitted",
    [WHEEL_CUT_GONE] = "the process is gone",
};

const char *wheel_cut_name(wheel_cut_e cut)
{
    return cut < WHEEL_CUT_COUNT ? cut_names[cut] : "unknown";
}

/* Read a file of a process.  @return 0 if it is gone, else 1 with a string */
static int read_proc(pid_t pid, const char *name, char *text)
{
    char path[PATH_BYTES];
    ssize_t bytes;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    bytes = read(fd, text, PROC_BYTES - 1);
    close(fd);
    if (bytes <= 0) {
        return 0;
    }
    text[bytes] = '\0';
    return 1;
}

pid_t wheel_proc_parent(pid_t pid)
{
    char text[PROC_BYTES];
    long parent = -1;
    const char *at;

    if (!read_proc(pid, "stat", text)) {
        return -1;
    }
    at = strrchr(text, ')'); /* the name before may hold anything */
    return at && sscanf(at + 1, " %*c %ld", &parent) == 1 ? (pid_t)parent : -1;
}

/* All of its four: real, effective, saved, and for files. */
static int has_user(pid_t pid, uid_t user)
{
    static const char label[] = "\nUid:";
    char text[PROC_BYTES];
    const char *at;
    char *end;
    int n;

    at = read_proc(pid, "status", text) ? strstr(text, label) : NULL;
    if (!at) {
        return 0;
    }
    at += sizeof(label) - 1;
    for (n = 0; n < 4; n++) {
        uid_t found = (uid_t)strtoul(at, &end, 10);

        if (end == at ||
            (user == WHEEL_NOT_ROOT ? found == 0 : found != user)) {
            return 0;
        }
        at = end;
    }
    return 1;
}

int wheel_proc_belongs(pid_t pid, pid_t parent, uid_t user)
{
    return pid > 1 && wheel_proc_parent(pid) == parent && has_user(pid, user);
}

/* Are these two descriptors of one file? */
static int same_file(int a, int b)
{
    struct stat first;
    struct stat second;

    return fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* May this socket be shut down? */
static wheel_cut_e examine_socket(const wheel_thread_wait_t *wait, int pidfd,
                                  int copy, int client_fd)
{
    socklen_t bytes = sizeof(int);
    int listens = 0;
    int type = 0;
    int client;
    int own;

    if (getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 ||
        (type != SOCK_STREAM && type != SOCK_SEQPACKET)) {
        return WHEEL_CUT_NO_SOCKET;
    }
    bytes = sizeof(listens);
    if (getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) != 0 ||
        listens) {
        return WHEEL_CUT_LISTENER;
    }
    if (client_fd < 0) {
        return WHEEL_CUT_DONE;
    }
    client = wheel_thread_wait_socket(wait, pidfd, client_fd);
    if (client < 0) {
        return WHEEL_CUT_DONE; /* it is closed already */
    }
    own = same_file(copy, client);
    close(client);
    return own ? WHEEL_CUT_CLIENT : WHEEL_CUT_DONE;
}

/* A copy of the one socket that the thread waits for and that may be shut
 * down.  A tunnel waits for its client, too.
 * @param copy set if so */
static wheel_cut_e take_socket(int pidfd, const wheel_thread_wait_t *wait,
                               int client_fd, int *copy)
{
    int fds[WHEEL_POLLED_MAX];
    unsigned fds_n = wheel_thread_wait_fds(wait, fds);
    wheel_cut_e refused = WHEEL_CUT_NO_SOCKET;
    unsigned n;

    *copy = -1;
    for (n = 0; n < fds_n; n++) {
        int fd = wheel_thread_wait_socket(wait, pidfd, fds[n]);
        wheel_cut_e cut;

        if (fd < 0 && errno == ENOTSOCK) {
            continue;
        }
        if (fd < 0) {
            return errno == EPERM ? WHEEL_CUT_FORBIDDEN : WHEEL_CUT_RUNNING;
        }
        cut = examine_socket(wait, pidfd, fd, client_fd);
        if (cut != WHEEL_CUT_DONE) {
            refused = cut;
            close(fd);
        }
        else if (*copy >= 0) { /* two of them: which one is not known */
            close(fd);
            close(*copy);
            *copy = -1;
            return WHEEL_CUT_NO_SOCKET;
        }
        else {
            *copy = fd;
        }
    }
    return *copy >= 0 ? WHEEL_CUT_DONE : refused;
}

static wheel_cut_e examine(const wheel_cut_target_t *target,
                           wheel_thread_wait_t *wait)
{
    apr_status_t rv = wheel_thread_wait_read(target->pid, target->tid, wait);

    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_EACCES(rv) ? WHEEL_CUT_FORBIDDEN : WHEEL_CUT_GONE;
    }
    return wait->in_syscall ? WHEEL_CUT_DONE : WHEEL_CUT_RUNNING;
}

/* With the process held by a pidfd. */
static wheel_cut_e cut_held(int pidfd, const wheel_cut_target_t *target)
{
    wheel_thread_wait_t before;
    wheel_thread_wait_t after;
    wheel_cut_e cut;
    int copy;

    if (!wheel_proc_belongs(target->pid, target->parent, target->user)) {
        return WHEEL_CUT_STRANGER;
    }
    cut = examine(target, &before);
    if (cut != WHEEL_CUT_DONE) {
        return cut;
    }
    cut = take_socket(pidfd, &before, target->client_fd, &copy);
    if (cut != WHEEL_CUT_DONE) {
        return cut;
    }
    if (!target->same_job(target->baton)) {
        cut = WHEEL_CUT_OTHER_JOB;
    }
    else {
        cut = examine(target, &after);
    }
    if (cut == WHEEL_CUT_DONE && !wheel_thread_wait_same(&before, &after)) {
        cut = WHEEL_CUT_RUNNING;
    }
    if (cut == WHEEL_CUT_DONE) {
        shutdown(copy, SHUT_RDWR);
    }
    close(copy);
    return cut;
}

wheel_cut_e wheel_thread_cut(const wheel_cut_target_t *target)
{
    int pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    wheel_cut_e cut;

    if (pidfd < 0) {
        return errno == EPERM ? WHEEL_CUT_FORBIDDEN : WHEEL_CUT_GONE;
    }
    cut = cut_held(pidfd, target);
    close(pidfd);
    return cut;
}
