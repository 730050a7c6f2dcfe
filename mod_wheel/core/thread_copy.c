/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_copy.c: registers and stack of a thread of another process.
 *
 * Runs in whatever process has the right to trace the one that is examined.
 */
#include "core/thread_copy.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/thread_wait.h"

/* Memory is read page by page: what lies behind the stack may not be mapped. */
#define COPY_PAGE_BYTES 4096
#define COPY_STACK_MIN 64
#define COPY_PAGES (WHEEL_COPY_STACK_BYTES / COPY_PAGE_BYTES + 1)

size_t wheel_thread_copy_bytes(const wheel_thread_copy_t *copy)
{
    return offsetof(wheel_thread_copy_t, stack) + copy->stack_bytes;
}

/* --- Memory --------------------------------------------------------------- */

/* @return an error if there is none: the thread has no use for it */
static apr_status_t copy_stack(pid_t pid, wheel_thread_copy_t *copy)
{
    struct iovec local = {copy->stack, sizeof(copy->stack)};
    struct iovec remote[COPY_PAGES];
    apr_uint64_t at = copy->sp;
    size_t left = sizeof(copy->stack);
    size_t pages = 0;
    ssize_t bytes;

    while (left && pages < COPY_PAGES) {
        size_t here = COPY_PAGE_BYTES - at % COPY_PAGE_BYTES;

        here = here < left ? here : left;
        remote[pages].iov_base = (void *)(uintptr_t)at;
        remote[pages++].iov_len = here;
        at += here;
        left -= here;
    }
    bytes = process_vm_readv(pid, &local, 1, remote, pages, 0);
    copy->stack_bytes = bytes > 0 ? (apr_uint32_t)bytes : 0;
    return copy->stack_bytes < COPY_STACK_MIN ? APR_EGENERAL : APR_SUCCESS;
}

/* --- May it be stopped? --------------------------------------------------- */

/* Calls that end early when their thread is stopped.  What has sent or received
 * a part tells so, and its caller may take the rest for lost.  Sleeps and locks
 * go on, but then nobody can tell any more which call it is; their callers are
 * found without a stop. */
static const long ended[] = {
    SYS_write,           SYS_writev,      SYS_sendto,    SYS_sendmsg,
    SYS_sendfile,        SYS_recvmsg,     SYS_recvmmsg,  SYS_semop,
    SYS_semtimedop,      SYS_epoll_pwait, SYS_nanosleep, SYS_clock_nanosleep,
    SYS_rt_sigtimedwait, SYS_futex,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
};

/* Those that wait on the descriptor of their first argument, and end early if
 * that is a socket with a limit of time. */
static const long limited[] = {
    SYS_read,   SYS_readv, SYS_recvfrom, SYS_connect, SYS_accept4,
#ifdef SYS_accept
    SYS_accept,
#endif
};

static int is_one_of(const long *calls, size_t calls_n, long number)
{
    size_t n;

    for (n = 0; n < calls_n; n++) {
        if (calls[n] == number) {
            return 1;
        }
    }
    return 0;
}

static int has_limit(int socket, int option)
{
    struct timeval limit = {0, 0};
    socklen_t bytes = sizeof(limit);

    return getsockopt(socket, SOL_SOCKET, option, &limit, &bytes) != 0 ||
           limit.tv_sec || limit.tv_usec;
}

/* What can't be found out is taken for limited. */
static int is_limited(const wheel_thread_wait_t *wait, int fd)
{
    int pidfd = (int)syscall(SYS_pidfd_open, wait->pid, 0);
    int copy;
    int found;

    if (pidfd < 0) {
        return 1;
    }
    copy = wheel_thread_wait_socket(wait, pidfd, fd);
    found = copy >= 0
                ? has_limit(copy, SO_RCVTIMEO) || has_limit(copy, SO_SNDTIMEO)
                : errno != ENOTSOCK;
    if (copy >= 0) {
        close(copy);
    }
    close(pidfd);
    return found;
}

/* A thread in state D can't be stopped at once, and nothing is known of a call
 * that has no name here. */
static int is_stoppable(const wheel_thread_wait_t *wait)
{
    if (!wait->in_syscall) {
        return wait->state == 'R' || wait->state == 'S';
    }
    if (wait->state == 'D' || !wheel_thread_wait_known(wait) ||
        is_one_of(ended, sizeof(ended) / sizeof(*ended), wait->number) ||
        (wait->number == SYS_recvfrom && wait->args[3] & MSG_WAITALL)) {
        return 0;
    }
    return !is_one_of(limited, sizeof(limited) / sizeof(*limited),
                      wait->number) ||
           !is_limited(wait, (int)wait->args[0]);
}

/* --- A thread that is stopped --------------------------------------------- */

#if defined(__x86_64__)

/* DWARF numbers: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15. */
static void take_registers(const struct user_regs_struct *regs,
                           wheel_thread_copy_t *copy)
{
    const apr_uint64_t registers[] = {
        regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi, regs->rdi,
        regs->rbp, regs->rsp, regs->r8,  regs->r9,  regs->r10, regs->r11,
        regs->r12, regs->r13, regs->r14, regs->r15,
    };

    memcpy(copy->registers, registers, sizeof(registers));
    copy->registers_n = sizeof(registers) / sizeof(*registers);
    copy->pc = regs->rip;
    copy->sp = regs->rsp;
}

#elif defined(__aarch64__)

/* DWARF numbers: x0 to x30, sp. */
static void take_registers(const struct user_regs_struct *regs,
                           wheel_thread_copy_t *copy)
{
    memcpy(copy->registers, regs->regs, sizeof(regs->regs));
    copy->registers[31] = regs->sp;
    copy->registers_n = WHEEL_COPY_REGISTERS;
    copy->pc = regs->pc;
    copy->sp = regs->sp;
}

#else
#define COPY_NOT_HERE 1
static void take_registers(const struct user_regs_struct *regs,
                           wheel_thread_copy_t *copy)
{
    (void)regs;
    (void)copy;
}
#endif

static apr_int64_t now_nsec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static apr_status_t copy_stopped(pid_t pid, pid_t tid,
                                 wheel_thread_copy_t *copy)
{
    struct user_regs_struct regs;
    struct iovec place = {&regs, sizeof(regs)};

    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &place) != 0) {
        return errno;
    }
    take_registers(&regs, copy);
    return copy_stack(pid, copy);
}

/* A signal that came meanwhile is delivered.  If this process dies, the kernel
 * lets the thread go on. */
static apr_status_t stop_and_copy(pid_t pid, pid_t tid,
                                  wheel_thread_copy_t *copy)
{
    int status = 0;
    int signal = 0;
    apr_status_t rv;
    apr_int64_t began;

    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        return errno == ESRCH ? APR_ENOENT : APR_EACCES;
    }
    began = now_nsec();
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status)) {
        return APR_ENOENT;
    }
    rv = copy_stopped(pid, tid, copy);
    if (status >> 16 != PTRACE_EVENT_STOP) {
        signal = WSTOPSIG(status);
    }
    ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)signal);
    copy->stopped_nsec = now_nsec() - began;
    return rv;
}

/* --- A thread that waits -------------------------------------------------- */

/* It is left alone: what it waits in says where its stack is. */
static apr_status_t copy_waiting(const wheel_thread_wait_t *before,
                                 wheel_thread_copy_t *copy)
{
    wheel_thread_wait_t after;
    apr_status_t rv;

    copy->pc = before->pc;
    copy->sp = before->sp;
    rv = copy_stack(before->pid, copy);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return wheel_thread_wait_read(before->pid, before->tid, &after) ==
                       APR_SUCCESS &&
                   wheel_thread_wait_same(before, &after)
               ? APR_SUCCESS
               : APR_EAGAIN;
}

apr_status_t wheel_thread_copy(pid_t pid, pid_t tid, wheel_thread_copy_t *copy)
{
    wheel_thread_wait_t wait;
    apr_status_t rv;

    memset(copy, 0, offsetof(wheel_thread_copy_t, stack));
#ifdef COPY_NOT_HERE
    (void)stop_and_copy;
    (void)copy_waiting;
    return APR_ENOTIMPL;
#endif
    rv = wheel_thread_wait_read(pid, tid, &wait);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return is_stoppable(&wait) ? stop_and_copy(pid, tid, copy)
                               : copy_waiting(&wait, copy);
}
