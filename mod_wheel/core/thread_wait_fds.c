/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_wait_fds.c: the descriptors that a thread of another process
 * waits for.
 *
 * All of it reads /proc, which the kernel writes; of the memory of the examined
 * process, only what poll() and select() were given, and that is checked.
 */
#include "core/thread_wait_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Bits of each set of select() that are examined, and how many sets it has. */
#define SELECT_BITS 1024
#define SELECT_SETS 3

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

/* Is a descriptor of the process of that file?  Its server is not asked: it may
 * be dead. */
static int is_file(const wheel_thread_wait_t *wait, int fd, ino_t inode)
{
    char path[WAIT_PATH_BYTES];
    struct statx info;

    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)wait->pid, fd);
    return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &info) == 0 &&
           info.stx_ino == inode;
}

/* "tfd: 5 events: 19 data: 5 pos:0 ino:c8a sdev:8", a line for each.  One that
 * was closed while a copy of it is open stays there by its old number, which
 * may be another file's by now. */
static unsigned epoll_fds(const wheel_thread_wait_t *wait, int *fds)
{
    static const char label[] = "\ntfd:";
    char name[WAIT_PATH_BYTES];
    char text[WAIT_FILE_BYTES];
    unsigned fds_n = 0;
    const char *at;

    snprintf(name, sizeof(name), "fdinfo/%d", (int)wait->args[0]);
    if (wait_read_file(wait, name, text) != APR_SUCCESS) {
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
    const wait_call_t *call = wait_call(wait);

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

int wait_fd_path(const wheel_thread_wait_t *wait, int fd, char *text,
                 size_t text_bytes)
{
    char path[WAIT_PATH_BYTES];
    ssize_t bytes;

    snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)wait->pid, fd);
    bytes = readlink(path, text, text_bytes - 1);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

int wheel_thread_wait_socket(const wheel_thread_wait_t *wait, int pidfd, int fd)
{
    char path[WAIT_PATH_BYTES];

    if (!wait_fd_path(wait, fd, path, sizeof(path))) {
        return -1;
    }
    if (strncmp(path, "socket:", strlen("socket:")) != 0) {
        errno = ENOTSOCK;
        return -1;
    }
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

/* --- Other threads -------------------------------------------------------- */

/* Does that thread wait for that file? */
static int waits_for(pid_t pid, pid_t tid, ino_t inode)
{
    wheel_thread_wait_t wait;
    char text[WAIT_FILE_BYTES];
    int fds[WHEEL_POLLED_MAX];
    unsigned fds_n;

    memset(&wait, 0, sizeof(wait));
    wait.pid = pid;
    wait.tid = tid;
    if (wait_read_file(&wait, "syscall", text) != APR_SUCCESS) {
        return 0; /* it has ended */
    }
    wait_parse_syscall(text, &wait);
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
    _Alignas(struct dirent64) char entries[WAIT_FILE_BYTES];
    char path[WAIT_PATH_BYTES];
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
