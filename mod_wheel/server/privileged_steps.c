/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_steps.c: which privileged steps are on, which of them this
 * machine allows, and why the others are missing.
 *
 * The parent finds that out at each start and restart; any process reads it.
 */
#include "server/privileged_private.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"

#include "server/config.h"

APLOG_USE_MODULE(wheel);

/* Of the parent, and what its children inherit. */
static struct {
    unsigned steps;
    unsigned missing;
    unsigned lost; /* out of these, with the process */
    atomic_int
        *is_lost;    /* shared, for those that were forked before; or NULL */
    const char *why; /* the others are missing, NULL: for lack of a right */
    char calls[128]; /* what is wrong with the calls of a cut, "" if not */
} own;

/* @return a privileged_lost_e */
static int is_lost(void)
{
    return own.is_lost ? atomic_load_explicit(own.is_lost, memory_order_relaxed)
                       : PRIVILEGED_LOST_NOT;
}

const char *privileged_lost_why(void)
{
    return is_lost() == PRIVILEGED_LOST_HELD
               ? "processes of this server hold one privileged process after "
                 "the other"
               : "the system has refused the privileged process a call that it "
                 "needs";
}

unsigned wheel_privileged_steps(void)
{
    return is_lost() ? 0 : own.steps;
}

/* The parent doesn't believe what others may have written. */
unsigned privileged_steps_kept(void)
{
    return own.steps;
}

unsigned wheel_privileged_missing(void)
{
    return own.missing | (is_lost() ? own.steps : 0);
}

const char *wheel_privileged_why(unsigned step)
{
    if ((own.steps | own.lost) & step) {
        return privileged_lost_why();
    }
    if (own.why) {
        return own.why;
    }
    if (step == WHEEL_PRIVILEGED_COOLDOWN) {
        return "this server has no CAP_SYS_NICE";
    }
    return *own.calls ? own.calls : "this server has no CAP_SYS_PTRACE";
}

const char *wheel_privileged_name(unsigned step)
{
    switch (step) {
    case WHEEL_PRIVILEGED_CUT:
        return "cut";
    case WHEEL_PRIVILEGED_COOLDOWN:
        return "cooldown";
    case WHEEL_PRIVILEGED_WHERE:
        return "where";
    default:
        return "unknown";
    }
}

const char *wheel_privileged_problem(wheel_privileged_do_e what,
                                     apr_pool_t *pool)
{
    unsigned step = privileged_step_of(what);
    const char *name = wheel_privileged_name(step);

    if (wheel_privileged_steps() & step) {
        return NULL;
    }
    return (wheel_privileged_missing() & step)
               ? apr_psprintf(pool, "WheelPrivileged %s is set, but %s", name,
                              wheel_privileged_why(step))
               : apr_psprintf(pool, "WheelPrivileged %s is not set", name);
}

/* --- What this machine allows --------------------------------------------- */

static int has_capability(unsigned number)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    memset(data, 0, sizeof(data));
    return syscall(SYS_capget, &header, data) == 0 &&
           (data[0].effective >> number & 1);
}

/* On the process itself, which needs no right for that. */
static int copy_own_fd(void)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    return pidfd >= 0 && syscall(SYS_pidfd_getfd, pidfd, pidfd, 0) >= 0;
}

/* Are the calls there, does no filter refuse them, and are there descriptors?
 * In a process of its own, since a filter may kill who makes them. */
static int has_calls(void)
{
    pid_t pid = fork();
    int error = pid < 0 ? errno : 0;
    int status = -1;

    if (pid == 0) {
        _exit(copy_own_fd() ? 0 : errno);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0) {
        /* A filter that kills refuses, too. */
        error = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
    }
    if (error) {
        apr_snprintf(own.calls, sizeof(own.calls),
                     "pidfd_getfd() fails: %s: %s", strerror(error),
                     error == EMFILE || error == ENFILE
                         ? "raise the limit of open files"
                         : "allow it in the filter of system calls");
    }
    return !error;
}

/* The steps that this machine allows. */
static unsigned find_allowed(void)
{
    unsigned allowed = 0;

    if (has_capability(CAP_SYS_PTRACE) && has_calls()) {
        allowed |= WHEEL_PRIVILEGED_CUT | WHEEL_PRIVILEGED_WHERE;
    }
    if (has_capability(CAP_SYS_NICE)) {
        allowed |= WHEEL_PRIVILEGED_COOLDOWN;
    }
    return allowed;
}

void privileged_steps_set(const char *why, server_rec *s)
{
    unsigned allowed = why ? 0 : find_allowed();
    unsigned wanted = wheel_config_server().privileged;
    unsigned step;

    own.why = why;
    own.steps = wanted & allowed;
    own.missing = wanted & ~allowed;
    for (step = 1; step <= own.missing; step <<= 1) {
        if (own.missing & step) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                         "WH0120: WheelPrivileged %s: the step is left out: "
                         "%s",
                         wheel_privileged_name(step),
                         wheel_privileged_why(step));
        }
    }
}

/* --- The process is lost -------------------------------------------------- */

void privileged_steps_reset(void)
{
    memset(&own, 0, sizeof(own));
}

void privileged_steps_share(atomic_int *lost)
{
    own.is_lost = lost;
    atomic_store_explicit(own.is_lost, PRIVILEGED_LOST_NOT,
                          memory_order_relaxed);
}

void privileged_steps_lose(privileged_lost_e why)
{
    own.lost = own.steps;
    own.missing |= own.steps;
    own.steps = 0;
    atomic_store_explicit(own.is_lost, (int)why, memory_order_relaxed);
}
