/* SPDX-License-Identifier: Apache-2.0 */
/* core/apart.c: a part of a program in a process of its own, which can be given
 * up.
 *
 * Runs in wheelctl.
 */
#include "core/apart.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"

/* How often it is looked at. */
#define APART_STEP_USEC 2000

int wheel_apart(wheel_apart_run_t run, void *baton, apr_int64_t wait_max)
{
    apr_int64_t until = wheel_clock_usec() + wait_max;
    pid_t ended = 0;
    int status = 0;
    pid_t pid;

    fflush(NULL); /* or both would write it */
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(run(baton));
    }
    while (pid > 0 && (ended = waitpid(pid, &status, WNOHANG)) == 0 &&
           wheel_clock_usec() < until) {
        usleep(APART_STEP_USEC);
    }
    if (pid > 0 && ended == 0) {
        kill(pid, SIGKILL);
    }
    return pid > 0 && ended == pid && WIFEXITED(status) ? WEXITSTATUS(status)
                                                        : -1;
}
