/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_cut.c: free a thread of another process from its wait.
 *
 * The order makes it safe: hold the process (a pidfd can't come to mean
 * another one), examine the thread, hold it where it is, examine it again.
 * While it is held, it can neither leave its call nor end its request nor give
 * a connection back, so the copy that is taken then is of the socket that it
 * waits for, for that job.  It goes on after the shutdown.
 */

#include "core/thread_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/thread_wait.h"

#define PROC_BYTES 2048
#define PATH_BYTES 64

static const char *const cut_names[WHEEL_CUT_COUNT] = {
    [WHEEL_CUT_DONE] = "cut",
    [WHEEL_CUT_RUNNING] = "not blocked",
    [WHEEL_CUT_NO_SOCKET] = "blocked on something else than one socket",
    [WHEEL_CUT_CLIENT] = "blocked on its own client",
    [WHEEL_CUT_LISTENER] = "blocked on a listening socket",
    [WHEEL_CUT_SHARED] = "blocked on a socket that another thread waits for",
    [WHEEL_CUT_TRACED] = "held by a debugger",
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

/* Without a question to the server of its file, which may be dead. */
static int find_program(pid_t pid, struct statx *info)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
    return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, info) == 0;
}

/* Do they run the same program?  A child of httpd is a copy of it. */
static int same_program(pid_t a, pid_t b)
{
    struct statx first;
    struct statx second;

    return find_program(a, &first) && find_program(b, &second) &&
           first.stx_dev_major == second.stx_dev_major &&
           first.stx_dev_minor == second.stx_dev_minor &&
           first.stx_ino == second.stx_ino;
}

int wheel_proc_is_child(pid_t pid, pid_t parent, uid_t user)
{
    return pid > 1 && wheel_proc_parent(pid) == parent && has_user(pid, user);
}

int wheel_proc_belongs(pid_t pid, pid_t parent, uid_t user)
{
    return wheel_proc_is_child(pid, parent, user) && same_program(pid, parent);
}

/* Are these two descriptors of one file? */
static int same_file(int a, int b)
{
    struct stat first;
    struct stat second;

    return fstat(a, &first) == 0 && fstat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* --- Hold a thread -------------------------------------------------------- */

/* Once it is traced, its number can't come to mean another thread; then it is
 * stopped.  That takes as long as the thread takes to run to the stop.
 * @return 0 with errno */
static int hold_thread(pid_t tid, int *status)
{
    pid_t stopped;

    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        return 0;
    }
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0) {
        return 0; /* it is about to end */
    }
    do {
        stopped = waitpid(tid, status, __WALL);
    } while (stopped < 0 && errno == EINTR);
    if (stopped == tid && WIFSTOPPED(*status)) {
        return 1;
    }
    errno = ESRCH;
    return 0;
}

/* It goes on as if nothing had been, with the signal that it was about to
 * take. */
static void release_thread(pid_t tid, int status)
{
    long signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);

    ptrace(PTRACE_DETACH, tid, NULL, (void *)signal);
}

/* --- Which socket --------------------------------------------------------- */

/* May this socket be shut down? */
static wheel_cut_e examine_socket(const wheel_thread_wait_t *wait, int pidfd,
                                  int copy, int client_fd)
{
    socklen_t bytes = sizeof(int);
    int listens = 0;
    int type = 0;
    int domain = 0;
    int client;
    int own;

    if (getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &bytes) != 0 ||
        (type != SOCK_STREAM && type != SOCK_SEQPACKET)) {
        return WHEEL_CUT_NO_SOCKET;
    }
    bytes = sizeof(domain);
    if (wait->number == SYS_connect &&
        (getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) != 0 ||
         domain == AF_UNIX)) {
        return WHEEL_CUT_NO_SOCKET; /* it waits for another's queue */
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

/* Which socket is it now, and is it for that job?
 * @param copy set if so */
static wheel_cut_e prove(int pidfd, const wheel_cut_target_t *target,
                         wheel_thread_wait_t *wait, int *copy)
{
    wheel_cut_e cut = examine(target, wait);

    if (cut == WHEEL_CUT_DONE) {
        cut = take_socket(pidfd, wait, target->client_fd, copy);
    }
    if (cut == WHEEL_CUT_DONE && !target->same_job(target->baton)) {
        close(*copy);
        cut = WHEEL_CUT_OTHER_JOB;
    }
    return cut;
}

/* One that is held would connect once more when it goes on.  That it has not
 * moved is shown by its context switches; who only connects has taken nothing
 * from a pool, and gives nothing back until it has an answer. */
static wheel_cut_e cut_connecting(int copy, const wheel_cut_target_t *target,
                                  const wheel_thread_wait_t *before)
{
    wheel_thread_wait_t after;
    wheel_cut_e cut = examine(target, &after);

    if (cut == WHEEL_CUT_DONE && !wheel_thread_wait_same(before, &after)) {
        cut = WHEEL_CUT_RUNNING;
    }
    if (cut == WHEEL_CUT_DONE) {
        shutdown(copy, SHUT_RDWR);
    }
    return cut;
}

/* With the thread held. */
static wheel_cut_e cut_held(int pidfd, const wheel_cut_target_t *target)
{
    wheel_thread_wait_t wait;
    wheel_cut_e cut = WHEEL_CUT_STRANGER;
    int copy = -1;

    if (wheel_proc_belongs(target->pid, target->parent, target->user)) {
        cut = prove(pidfd, target, &wait, &copy);
    }
    if (cut != WHEEL_CUT_DONE) {
        return cut;
    }
    if (wheel_thread_wait_shared(&wait, copy)) {
        cut = WHEEL_CUT_SHARED;
    }
    else {
        shutdown(copy, SHUT_RDWR);
    }
    close(copy);
    return cut;
}

/* With the process held by a pidfd. */
static wheel_cut_e cut_thread(int pidfd, const wheel_cut_target_t *target)
{
    wheel_thread_wait_t wait;
    wheel_cut_e cut = WHEEL_CUT_STRANGER;
    int status;
    int copy;

    if (wheel_proc_belongs(target->pid, target->parent, target->user)) {
        cut = prove(pidfd, target, &wait, &copy);
    }
    if (cut != WHEEL_CUT_DONE) {
        return cut; /* and nobody has been held */
    }
    if (wait.number == SYS_connect) {
        cut = cut_connecting(copy, target, &wait);
    }
    close(copy);
    if (wait.number == SYS_connect) {
        return cut;
    }
    if (!hold_thread(target->tid, &status)) {
        return errno == ESRCH ? WHEEL_CUT_GONE : WHEEL_CUT_TRACED;
    }
    cut = cut_held(pidfd, target);
    release_thread(target->tid, status);
    return cut;
}

wheel_cut_e wheel_thread_cut(const wheel_cut_target_t *target)
{
    int pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    wheel_cut_e cut;

    if (pidfd < 0) {
        return errno == EPERM ? WHEEL_CUT_FORBIDDEN : WHEEL_CUT_GONE;
    }
    cut = cut_thread(pidfd, target);
    close(pidfd);
    return cut;
}
