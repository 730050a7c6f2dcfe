/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_wait.c: what a thread of another process waits for.
 *
 * Runs in whatever process has the right to trace the one that is examined.
 * All of it reads /proc, which the kernel writes; of the memory of the examined
 * process, only what poll() and select() were given, and that is checked.
 */

#include "core/thread_wait.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define FILE_BYTES 4096
#define PATH_BYTES 64

/* Bits of the sets of select() that are examined, and bytes of one. */
#define SELECT_BITS 1024
#define SELECT_SETS 3

/* Where the descriptors of a call stand. */
enum {
    FD_NONE,
    FD_FIRST,  /* its first argument */
    FD_POLL,   /* an array of struct pollfd */
    FD_SELECT, /* three sets of bits */
    FD_EPOLL   /* what its first argument has been told */
};

typedef struct call_t {
    long number;
    const char *name;
    int where;
} call_t;

static const call_t calls[] = {
    {SYS_read, "read", FD_FIRST},
    {SYS_write, "write", FD_FIRST},
    {SYS_readv, "readv", FD_FIRST},
    {SYS_writev, "writev", FD_FIRST},
    {SYS_pread64, "pread", FD_FIRST},
    {SYS_recvfrom, "recvfrom", FD_FIRST},
    {SYS_recvmsg, "recvmsg", FD_FIRST},
    {SYS_recvmmsg, "recvmmsg", FD_FIRST},
    {SYS_sendto, "sendto", FD_FIRST},
    {SYS_sendmsg, "sendmsg", FD_FIRST},
    {SYS_connect, "connect", FD_FIRST},
    {SYS_sendfile, "sendfile", FD_FIRST},
    {SYS_accept4, "accept", FD_FIRST},
    {SYS_ppoll, "poll", FD_POLL},
    {SYS_flock, "flock", FD_FIRST},
    {SYS_fcntl, "fcntl", FD_FIRST},
    {SYS_fsync, "fsync", FD_FIRST},
    {SYS_futex, "futex", FD_NONE},
    {SYS_nanosleep, "nanosleep", FD_NONE},
    {SYS_clock_nanosleep, "clock_nanosleep", FD_NONE},
    {SYS_wait4, "wait4", FD_NONE},
    {SYS_waitid, "waitid", FD_NONE},
    {SYS_pselect6, "select", FD_SELECT},
    {SYS_epoll_pwait, "epoll_wait", FD_EPOLL},
    {SYS_rt_sigtimedwait, "sigwait", FD_NONE},
    {SYS_semop, "semop", FD_NONE},
    {SYS_semtimedop, "semop", FD_NONE},
#ifdef SYS_poll /* newer architectures have the longer forms alone */
    {SYS_poll, "poll", FD_POLL},
    {SYS_select, "select", FD_SELECT},
    {SYS_epoll_wait, "epoll_wait", FD_EPOLL},
    {SYS_accept, "accept", FD_FIRST},
    {SYS_open, "open", FD_NONE},
    {SYS_pause, "pause", FD_NONE},
#endif
    {SYS_openat, "open", FD_NONE},
    /* A poll() that a signal or a tracer has interrupted goes on so, with its
     * own arguments; what else does has none that could be taken for these. */
    {SYS_restart_syscall, "poll", FD_POLL},
};

#define CALLS_N (sizeof(calls) / sizeof(calls[0]))

static const call_t *find_call(const wheel_thread_wait_t *wait)
{
    size_t n;

    for (n = 0; wait->in_syscall && n < CALLS_N; n++) {
        if (calls[n].number == wait->number) {
            return &calls[n];
        }
    }
    return NULL;
}

/* --- Reading /proc -------------------------------------------------------- */

/* Read a file of the thread.  @return APR_SUCCESS, with a string in text */
static apr_status_t read_file(const wheel_thread_wait_t *wait, const char *name,
                              char *text)
{
    char path[PATH_BYTES];
    ssize_t bytes;
    int error;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/%s", (long)wait->pid,
             (long)wait->tid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    bytes = read(fd, text, FILE_BYTES - 1);
    error = errno;
    close(fd);
    if (bytes < 0) {
        return error == ESRCH ? APR_ENOENT : error;
    }
    text[bytes] = '\0';
    return APR_SUCCESS;
}

/* "running", "-1 ..." outside of a call, or "NUMBER ARG ... SP PC". */
static void parse_syscall(const char *text, wheel_thread_wait_t *wait)
{
    char *end;
    unsigned n;

    wait->number = strtol(text, &end, 10);
    wait->in_syscall = end != text && wait->number >= 0;
    for (n = 0; wait->in_syscall && n < WHEEL_SYSCALL_ARGS; n++) {
        wait->args[n] = strtoull(end, &end, 16);
    }
    if (wait->in_syscall) {
        wait->sp = strtoull(end, &end, 16);
        wait->pc = strtoull(end, &end, 16);
    }
}

static apr_uint64_t number_after(const char *text, const char *label)
{
    const char *at = strstr(text, label);

    return at ? strtoull(at + strlen(label), NULL, 10) : 0;
}

/* State and CPU time stand behind the name, which may hold anything. */
static void parse_stat(const char *text, wheel_thread_wait_t *wait)
{
    const char *at = strrchr(text, ')');
    unsigned long user = 0;
    unsigned long system = 0;
    long ticks = sysconf(_SC_CLK_TCK);

    wait->state = '?';
    if (at &&
        sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu",
               &wait->state, &user, &system) == 3 &&
        ticks > 0) {
        wait->cpu_usec = (apr_int64_t)(user + system) * 1000000 / ticks;
    }
}

/* The scheduler's own count is finer than the ticks of stat. */
static void parse_schedstat(const char *text, wheel_thread_wait_t *wait)
{
    unsigned long long nsec;

    if (sscanf(text, "%llu", &nsec) == 1 && nsec) {
        wait->cpu_usec = (apr_int64_t)(nsec / 1000);
    }
}

apr_status_t wheel_thread_wait_read(pid_t pid, pid_t tid,
                                    wheel_thread_wait_t *wait)
{
    char text[FILE_BYTES];
    apr_status_t rv;

    memset(wait, 0, sizeof(*wait));
    wait->pid = pid;
    wait->tid = tid;
    rv = read_file(wait, "stat", text);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    parse_stat(text, wait);
    if (read_file(wait, "schedstat", text) == APR_SUCCESS) {
        parse_schedstat(text, wait);
    }
    rv = read_file(wait, "status", text);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    wait->switches = number_after(text, "\nvoluntary_ctxt_switches:") +
                     number_after(text, "\nnonvoluntary_ctxt_switches:");
    rv = read_file(wait, "syscall", text);
    if (rv != APR_SUCCESS) {
        return rv == EPERM ? APR_EACCES : rv;
    }
    parse_syscall(text, wait);
    return APR_SUCCESS;
}

int wheel_thread_wait_same(const wheel_thread_wait_t *a,
                           const wheel_thread_wait_t *b)
{
    return a->in_syscall && b->in_syscall && a->pid == b->pid &&
           a->tid == b->tid && a->number == b->number &&
           a->switches == b->switches &&
           !memcmp(a->args, b->args, sizeof(a->args));
}

/* --- Descriptors ---------------------------------------------------------- */

/* Read the memory of the process.  @return 0 if it can't be had whole */
static int read_memory(const wheel_thread_wait_t *wait, apr_uint64_t at,
                       void *to, size_t bytes)
{
    struct iovec local = {to, bytes};
    struct iovec remote = {(void *)(uintptr_t)at, bytes};

    return process_vm_readv(wait->pid, &local, 1, &remote, 1, 0) ==
           (ssize_t)bytes;
}

static unsigned polled_fds(const wheel_thread_wait_t *wait, int *fds)
{
    struct pollfd polled[WHEEL_POLLED_MAX];
    apr_uint64_t count = wait->args[1];
    unsigned n;

    if (count < 1 || count > WHEEL_POLLED_MAX ||
        !read_memory(wait, wait->args[0], polled, count * sizeof(*polled))) {
        return 0;
    }
    for (n = 0; n < count; n++) {
        fds[n] = polled[n].fd;
    }
    return (unsigned)count;
}

/* The bits of all sets together.  The kernel reads whole words. */
static unsigned selected_fds(const wheel_thread_wait_t *wait, int *fds)
{
    unsigned long bits[SELECT_BITS / 8 / sizeof(unsigned long)] = {0};
    const unsigned word_bits = 8 * sizeof(*bits);
    unsigned words = (unsigned)(wait->args[0] + word_bits - 1) / word_bits;
    unsigned fds_n = 0;
    unsigned set;
    unsigned n;

    if (wait->args[0] < 1 || wait->args[0] > SELECT_BITS) {
        return 0;
    }
    for (set = 1; set <= SELECT_SETS; set++) {
        unsigned long some[SELECT_BITS / 8 / sizeof(unsigned long)];

        if (wait->args[set] &&
            !read_memory(wait, wait->args[set], some, words * sizeof(*some))) {
            return 0;
        }
        for (n = 0; n < words && wait->args[set]; n++) {
            bits[n] |= some[n];
        }
    }
    for (n = 0; n < wait->args[0]; n++) {
        if (bits[n / word_bits] >> n % word_bits & 1) {
            if (fds_n == WHEEL_POLLED_MAX) {
                return 0;
            }
            fds[fds_n++] = (int)n;
        }
    }
    return fds_n;
}

/* Is a descriptor of the process of that file? */
static int is_file(const wheel_thread_wait_t *wait, int fd, ino_t inode)
{
    char path[PATH_BYTES];
    struct stat info;

    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)wait->pid, fd);
    return stat(path, &info) == 0 && info.st_ino == inode;
}

/* "tfd: 5 events: 19 data: 5 pos:0 ino:c8a sdev:8", a line for each.  One that
 * was closed while a copy of it is open stays there by its old number, which
 * may be another file's by now. */
static unsigned epoll_fds(const wheel_thread_wait_t *wait, int *fds)
{
    static const char label[] = "\ntfd:";
    char name[PATH_BYTES];
    char text[FILE_BYTES];
    unsigned fds_n = 0;
    const char *at;

    snprintf(name, sizeof(name), "fdinfo/%d", (int)wait->args[0]);
    if (read_file(wait, name, text) != APR_SUCCESS) {
        return 0;
    }
    for (at = strstr(text, label); at; at = strstr(at + 1, label)) {
        unsigned long inode;

        if (fds_n == WHEEL_POLLED_MAX ||
            sscanf(at, "\ntfd: %d events: %*x data: %*x pos:%*u ino:%lx",
                   &fds[fds_n], &inode) != 2 ||
            !is_file(wait, fds[fds_n], inode)) {
            return 0;
        }
        fds_n++;
    }
    return fds_n;
}

unsigned wheel_thread_wait_fds(const wheel_thread_wait_t *wait, int *fds)
{
    const call_t *call = find_call(wait);

    switch (call ? call->where : FD_NONE) {
    case FD_FIRST:
        fds[0] = (int)wait->args[0];
        return fds[0] >= 0;
    case FD_POLL:
        return polled_fds(wait, fds);
    case FD_SELECT:
        return selected_fds(wait, fds);
    case FD_EPOLL:
        return epoll_fds(wait, fds);
    default:
        return 0;
    }
}

/* --- Other threads -------------------------------------------------------- */

/* Does that thread wait for that file? */
static int waits_for(pid_t pid, pid_t tid, ino_t inode)
{
    wheel_thread_wait_t wait;
    char text[FILE_BYTES];
    int fds[WHEEL_POLLED_MAX];
    unsigned fds_n;

    memset(&wait, 0, sizeof(wait));
    wait.pid = pid;
    wait.tid = tid;
    if (read_file(&wait, "syscall", text) != APR_SUCCESS) {
        return 0; /* it has ended */
    }
    parse_syscall(text, &wait);
    fds_n = wheel_thread_wait_fds(&wait, fds);
    while (fds_n > 0) {
        if (is_file(&wait, fds[--fds_n], inode)) {
            return 1;
        }
    }
    return 0;
}

/* readdir() would want memory, which the privileged process can't have more
 * of. */
int wheel_thread_wait_shared(const wheel_thread_wait_t *wait, int copy)
{
    _Alignas(struct dirent64) char entries[FILE_BYTES];
    char path[PATH_BYTES];
    struct stat info;
    ssize_t bytes = -1;
    int shared = 0;
    int dir;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)wait->pid);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fstat(copy, &info) != 0) {
        shared = 1;
    }
    while (!shared && (bytes = getdents64(dir, entries, sizeof(entries))) > 0) {
        ssize_t at = 0;

        while (at < bytes && !shared) {
            const struct dirent64 *entry = (const void *)(entries + at);
            pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

            shared = tid > 0 && tid != wait->tid &&
                     waits_for(wait->pid, tid, info.st_ino);
            at += entry->d_reclen;
        }
    }
    if (dir >= 0) {
        close(dir);
    }
    return shared || bytes < 0;
}

/* --- In words ------------------------------------------------------------- */

int wheel_thread_wait_known(const wheel_thread_wait_t *wait)
{
    return find_call(wait) != NULL;
}

const char *wheel_thread_wait_name(const wheel_thread_wait_t *wait)
{
    const call_t *call = find_call(wait);

    if (!wait->in_syscall) {
        return "running";
    }
    return call ? call->name : "another call";
}

static void peer_text(const struct sockaddr_storage *peer, socklen_t bytes,
                      char *text, size_t text_bytes)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_un *un = (const struct sockaddr_un *)peer;
    size_t path_at = offsetof(struct sockaddr_un, sun_path);
    char ip[INET6_ADDRSTRLEN] = "";

    if (peer->ss_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
        snprintf(text, text_bytes, "%s:%u", ip, ntohs(in->sin_port));
    }
    else if (peer->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
        snprintf(text, text_bytes, "[%s]:%u", ip, ntohs(in6->sin6_port));
    }
    else if (peer->ss_family == AF_UNIX && bytes > path_at && un->sun_path[0]) {
        snprintf(text, text_bytes, "%.*s", (int)(bytes - path_at),
                 un->sun_path);
    }
    else {
        snprintf(text, text_bytes, "a socket without an address");
    }
}

/* The path of a descriptor, as /proc has it.  @return 0 if it can't be had */
static int fd_path(const wheel_thread_wait_t *wait, int fd, char *text,
                   size_t text_bytes)
{
    char path[PATH_BYTES];
    ssize_t bytes;

    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)wait->pid, fd);
    bytes = readlink(path, text, text_bytes - 1);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

int wheel_thread_wait_socket(const wheel_thread_wait_t *wait, int pidfd, int fd)
{
    char path[PATH_BYTES];

    if (!fd_path(wait, fd, path, sizeof(path))) {
        return -1;
    }
    if (strncmp(path, "socket:", strlen("socket:")) != 0) {
        errno = ENOTSOCK;
        return -1;
    }
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

/* The peer of a socket of that process.  @return 0 if it can't be had */
static int socket_text(const wheel_thread_wait_t *wait, int fd, char *text,
                       size_t text_bytes)
{
    struct sockaddr_storage peer;
    socklen_t bytes = sizeof(peer);
    int pidfd = (int)syscall(SYS_pidfd_open, wait->pid, 0);
    int copy = -1;
    int found = 0;

    if (pidfd >= 0) {
        copy = wheel_thread_wait_socket(wait, pidfd, fd);
        close(pidfd);
    }
    if (copy >= 0) {
        memset(&peer, 0, sizeof(peer));
        found = getpeername(copy, (struct sockaddr *)&peer, &bytes) == 0;
        close(copy);
    }
    if (found) {
        peer_text(&peer, bytes, text, text_bytes);
    }
    return found;
}

/* A descriptor as a person wants it: the peer of a socket, else the path. */
static void fd_text(const wheel_thread_wait_t *wait, int fd, char *text,
                    size_t text_bytes)
{
    if (!socket_text(wait, fd, text, text_bytes) &&
        !fd_path(wait, fd, text, text_bytes)) {
        snprintf(text, text_bytes, "descriptor %d", fd);
    }
}

static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

void wheel_thread_wait_text(const wheel_thread_wait_t *wait, char *text)
{
    const char *name = wheel_thread_wait_name(wait);
    int fds[WHEEL_POLLED_MAX];
    unsigned fds_n = wheel_thread_wait_fds(wait, fds);
    size_t used = (size_t)snprintf(text, WHEEL_WAIT_TEXT_BYTES, "%s", name);
    unsigned n;

    if (wait->in_syscall && !strcmp(name, "futex")) {
        snprintf(text, WHEEL_WAIT_TEXT_BYTES, "futex: a lock at 0x%llx",
                 (unsigned long long)wait->args[0]);
    }
    else if (wait->in_syscall && !strcmp(name, "another call")) {
        snprintf(text, WHEEL_WAIT_TEXT_BYTES, "system call %ld", wait->number);
    }
    else if (wait->in_syscall && wait->number == SYS_restart_syscall &&
             !fds_n) {
        snprintf(text, WHEEL_WAIT_TEXT_BYTES,
                 "a wait with a time limit, interrupted by a debugger before");
    }
    for (n = 0; n < fds_n && used + 4 < WHEEL_WAIT_TEXT_BYTES; n++) {
        used += (size_t)snprintf(text + used, WHEEL_WAIT_TEXT_BYTES - used,
                                 "%s", n ? ", " : ": ");
        fd_text(wait, fds[n], text + used, WHEEL_WAIT_TEXT_BYTES - used);
        used += strlen(text + used);
    }
    make_printable(text);
}
