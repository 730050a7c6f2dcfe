/* SPDX-License-Identifier: Apache-2.0 */
/* children.h: children of a unit program, which end with it whatever happens:
 * an assertion that fails leaves its test at once. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/** How long a child lives at most, or a test that hangs: longer than either
 * takes beside much load, and less than t/run grants. */
#define CHILD_MAX_SEC 550

/** For the child itself, also after a change of its user, which undoes it. */
static inline void end_with_parent(pid_t parent)
{
    alarm(CHILD_MAX_SEC);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(1);
    }
}

/** fork(), with a child that ends when this process does. */
static inline pid_t start_child(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        end_with_parent(parent);
    }
    assert_true(pid >= 0);
    return pid;
}

static inline void kill_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#endif /* CHILDREN_H */
