/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_rights.c: the rights that the privileged process keeps.
 *
 * It stays root, who owns the files in /proc of processes that are not
 * dumpable, and whom no child can signal; but with two of root's capabilities,
 * and behind a filter of system calls.
 */
#include "server/privileged_private.h"

#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/rights.h"

static const int rights_calls[] = {
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(read),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getsockopt),
    SCMP_SYS(getpeername),
    SCMP_SYS(shutdown),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(wait4),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(alarm),
    SCMP_SYS(setitimer),
    SCMP_SYS(getppid),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit_group),
};

/* Where the server has one of the two alone, the steps that take the other are
 * left out. */
static int keep_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    apr_uint32_t kept = 1u << CAP_SYS_PTRACE | 1u << CAP_SYS_NICE;

    if (syscall(SYS_capget, &header, data) != 0) {
        return 0;
    }
    kept &= data[0].permitted;
    memset(data, 0, sizeof(data));
    data[0].effective = data[0].permitted = kept;
    return syscall(SYS_capset, &header, data) == 0;
}

/* Stop a thread, read its registers, let it go on: nothing that writes. */
static int allow_ptrace(scmp_filter_ctx filter)
{
    static const int requests[] = {PTRACE_SEIZE, PTRACE_INTERRUPT,
                                   PTRACE_GETREGSET, PTRACE_DETACH};
    int error = 0;
    size_t n;

    for (n = 0; n < sizeof(requests) / sizeof(*requests) && !error; n++) {
        error = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(ptrace), 1,
            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)requests[n], 0));
    }
    return error;
}

/* The calls that are allowed with some arguments alone. */
static int allow_some(void *filter, int policy)
{
    int error = allow_ptrace(filter);

    if (!error) {
        error = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_setscheduler), 1,
            SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)SCHED_IDLE, 0));
    }
    if (!error && policy != SCHED_IDLE) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
                                 SCMP_SYS(sched_setscheduler), 1,
                                 SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)policy, 0));
    }
    return error;
}

/* Descriptors of the parent, such as the sockets that it listens on, must not
 * stay open with this process. */
int privileged_give_up_rights(int fd, int policy)
{
    return wheel_rights_close_all_but(fd, fd) && keep_capabilities() &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
           wheel_rights_filter(rights_calls,
                               sizeof(rights_calls) / sizeof(*rights_calls),
                               allow_some, policy);
}
