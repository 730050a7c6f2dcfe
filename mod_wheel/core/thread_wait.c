/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_wait.c: which system call a thread of another process is in.
 *
 * Runs in whatever process has the right to trace the one that is examined.
 * All of it reads /proc, which the kernel writes.
 */
#include "core/thread_wait_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/proc.h"

static const wait_call_t calls[] = {
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

const wait_call_t *wait_call(const wheel_thread_wait_t *wait)
{
    size_t n;

    for (n = 0; wait->in_syscall && n < CALLS_N; n++) {
        if (calls[n].number == wait->number) {
            return &calls[n];
        }
    }
    return NULL;
}

int wheel_thread_wait_known(const wheel_thread_wait_t *wait)
{
    return wait_call(wait) != NULL;
}

const char *wheel_thread_wait_name(const wheel_thread_wait_t *wait)
{
    const wait_call_t *call = wait_call(wait);

    if (!wait->in_syscall) {
        return "running";
    }
    return call ? call->name : "another call";
}

/* --- Reading /proc -------------------------------------------------------- */

apr_status_t wait_read_file(const wheel_thread_wait_t *wait, const char *name,
                            char *text)
{
    char path[WAIT_PATH_BYTES];
    ssize_t bytes;
    int error;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/%s", (long)wait->pid,
             (long)wait->tid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    bytes = read(fd, text, WAIT_FILE_BYTES - 1);
    error = errno;
    close(fd);
    if (bytes < 0) {
        return error == ESRCH ? APR_ENOENT : error;
    }
    text[bytes] = '\0';
    return APR_SUCCESS;
}

/* "running", "-1 ..." outside of a call, or "NUMBER ARG ... SP PC". */
void wait_parse_syscall(const char *text, wheel_thread_wait_t *wait)
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

/* The kernel escapes ends of lines in the name, which comes first. */
static void parse_status(const char *text, wheel_thread_wait_t *wait)
{
    static const char label[] = "\nState:\t";
    const char *state = strstr(text, label);

    wait->state = '?';
    if (state && state[sizeof(label) - 1]) {
        wait->state = state[sizeof(label) - 1];
    }
    wait->switches = number_after(text, "\nvoluntary_ctxt_switches:") +
                     number_after(text, "\nnonvoluntary_ctxt_switches:");
}

apr_status_t wheel_thread_wait_read(pid_t pid, pid_t tid,
                                    wheel_thread_wait_t *wait)
{
    char text[WAIT_FILE_BYTES];
    apr_status_t rv;
    int asleep;

    memset(wait, 0, sizeof(*wait));
    wait->pid = pid;
    wait->tid = tid;
    rv = wait_read_file(wait, "status", text);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    parse_status(text, wait);
    wait->cpu_usec = wheel_proc_thread_usec(pid, tid, &asleep);
    rv = wait_read_file(wait, "syscall", text);
    if (rv != APR_SUCCESS) {
        return rv == EPERM ? APR_EACCES : rv;
    }
    wait_parse_syscall(text, wait);
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
