/* SPDX-License-Identifier: Apache-2.0 */
/* core/rights.c: what a process gives up before it reads what others have
 * written.
 *
 * Runs in the privileged process, and in those that name stacks.
 */
#include "core/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opening a file changes nothing. */
#define RIGHTS_OPEN_MASK ((scmp_datum_t)(O_ACCMODE | O_CREAT | O_TRUNC))

/* From the first to the one before the end. */
static int close_some(unsigned first, unsigned end)
{
    return first >= end || syscall(SYS_close_range, first, end - 1, 0u) == 0;
}

int wheel_rights_close_all_but(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b);
    unsigned high = (unsigned)(a < b ? b : a);

    return close_some(0, low) && close_some(low + 1, high) &&
           close_some(high + 1, ~0u);
}

/* musl has the older of both calls. */
static int allow_reading(scmp_filter_ctx filter)
{
    int error = seccomp_rule_add(
        filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
        SCMP_A2(SCMP_CMP_MASKED_EQ, RIGHTS_OPEN_MASK, (scmp_datum_t)O_RDONLY));

    return error
               ? error
               : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, RIGHTS_OPEN_MASK,
                                          (scmp_datum_t)O_RDONLY));
}

int wheel_rights_filter(const int *calls, size_t calls_n,
                        wheel_rights_rules_t rules, int baton)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter ? 0 : -ENOMEM;
    size_t n;

    if (!error) {
        error = allow_reading(filter);
    }
    for (n = 0; n < calls_n && !error; n++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[n], 0);
    }
    if (!error && rules) {
        error = rules(filter, baton);
    }
    if (!error) {
        error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                    ? seccomp_load(filter)
                    : -errno;
    }
    if (filter) {
        seccomp_release(filter);
    }
    errno = -error;
    return !error;
}
