/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper_supervisor.c: the supervisor, which starts the helper and waits
 * for its death or for the end of its own time; it does nothing else.
 *
 * It runs no hooks of other modules but those that give privileges away, and
 * leaves by _exit(): the pools are the parent's.
 */
#include "server/helper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_listen.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"

#include "core/proc.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* What ps and top call it; the kernel keeps 15 characters. */
#define SUPERVISOR_NAME "wheel-supervise"

/* After so many helpers in a row that have lived for less, the next one is
 * started after a pause, which doubles each time. */
#define HELPER_BRIEF_USEC APR_USEC_PER_SEC
#define HELPER_BRIEF_MAX 8
#define HELPER_PAUSE_FIRST_USEC (10 * 1000)
#define HELPER_PAUSE_MAX_USEC (2 * APR_USEC_PER_SEC)

/* A helper that doesn't end in its time gets so much more, and is killed. */
#define HELPER_MORE_USEC (500 * 1000)

/* @param alive_fd hangs up when the helper is dead
 * @return 0 if none could be started, with errno */
static pid_t start_helper(const helper_start_t *start, int *alive_fd,
                          apr_pool_t *pool)
{
    pid_t supervisor = getpid();
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return 0;
    }
    pid = fork();
    if (pid == 0) {
        close(ends[0]); /* the other one stays until its end */
        helper_run(start, supervisor, pool);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return 0;
    }
    *alive_fd = ends[0];
    return pid;
}

/* Wait until the helper is dead (if there is one), the time is over, or this
 * process is to end.
 * @return 1 if the helper is dead */
static int wait_for_death(const helper_start_t *start, int alive_fd,
                          apr_int64_t until_usec, wheel_helper_why_e *told)
{
    struct pollfd fds[3] = {{alive_fd, POLLIN, 0}};

    helper_told_fds(fds + 1);
    while (*told == WHEEL_HELPER_STAYS && wheel_clock_usec() < until_usec) {
        apr_int64_t check = wheel_clock_usec() + HELPER_CHECK_USEC;
        int ready = poll(
            fds, 3, helper_left_ms(check < until_usec ? check : until_usec));

        *told = getppid() == start->parent ? helper_told() : WHEEL_HELPER_ALONE;
        if (*told == WHEEL_HELPER_STAYS && ready > 0 && fds[0].revents) {
            return 1;
        }
    }
    return 0;
}

static void note_failure(int error)
{
    ap_log_error(APLOG_MARK, APLOG_CRIT, APR_FROM_OS_ERROR(error),
                 ap_server_conf,
                 "WH0070: the helper process could not be started; it is "
                 "tried again: raise the limits of processes and memory");
}

static void note_death(pid_t pid)
{
    int status = 0;

    waitpid(pid, &status, 0);
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "WH0072: the helper process %ld has ended (%s %d): another "
                 "one takes its place",
                 (long)pid, WIFSIGNALED(status) ? "signal" : "exit code",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* The helper may have heard the same by the socket, but not what a signal has
 * told, or that this process has another parent. */
static void pass_on(pid_t pid, wheel_helper_why_e told)
{
    if (told == WHEEL_HELPER_ENDS) {
        kill(pid, SIGTERM);
    }
    else if (told == WHEEL_HELPER_ALONE) {
        kill(pid, HELPER_ALONE_SIGNAL);
    }
}

static void end_helper(pid_t pid, int alive_fd, wheel_helper_why_e told)
{
    struct pollfd dead = {alive_fd, POLLIN, 0};
    apr_int64_t until =
        wheel_clock_usec() + helper_told_time(told) + HELPER_MORE_USEC;

    pass_on(pid, told);
    wheel_helper_hand_over();
    while (poll(&dead, 1, helper_left_ms(until)) < 0 && errno == EINTR) {
        pass_on(pid, helper_told_by_signal());
    }
    if (!dead.revents) {
        kill(pid, SIGKILL);
    }
    waitpid(pid, NULL, 0);
}

static apr_interval_time_t pause_after(unsigned brief_n)
{
    apr_interval_time_t pause = HELPER_PAUSE_FIRST_USEC;

    if (brief_n < HELPER_BRIEF_MAX) {
        return 0;
    }
    for (; brief_n > HELPER_BRIEF_MAX && pause < HELPER_PAUSE_MAX_USEC;
         brief_n--) {
        pause *= 2;
    }
    return pause < HELPER_PAUSE_MAX_USEC ? pause : HELPER_PAUSE_MAX_USEC;
}

static void supervise(const helper_start_t *start, apr_pool_t *pool)
{
    wheel_helper_why_e told = WHEEL_HELPER_STAYS;
    unsigned brief_n = 0;
    int has_failed = 0; /* which the log has */

    while (told == WHEEL_HELPER_STAYS) {
        apr_int64_t began = wheel_clock_usec();
        int alive_fd = -1;
        pid_t pid = start_helper(start, &alive_fd, pool);

        if (!pid && !has_failed) {
            note_failure(errno);
        }
        has_failed = !pid;
        if (pid && !wait_for_death(start, alive_fd, INT64_MAX, &told)) {
            end_helper(pid, alive_fd, told);
            return;
        }
        if (pid) {
            close(alive_fd);
            note_death(pid);
        }
        brief_n =
            wheel_clock_usec() - began < HELPER_BRIEF_USEC ? brief_n + 1 : 0;
        wait_for_death(start, -1, wheel_clock_usec() + pause_after(brief_n),
                       &told);
    }
}

/* Where a server of root's has a CoreDumpDirectory, processes of its user may
 * trace each other and take each other's sockets.  These have those that no
 * child is to have. */
void helper_supervise(const helper_start_t *start)
{
    int was_root = geteuid() == 0;
    int can_be_told = helper_told_begin(start->life);
    apr_pool_t *pool;

    ap_close_listeners();
    wheel_process_name(SUPERVISOR_NAME);
    if (!can_be_told ||
        apr_pool_create(&pool, start->server->process->pconf) != APR_SUCCESS ||
        ap_run_drop_privileges(pool, start->server)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, start->server,
                     "WH0073: the helper process can't be the user of the "
                     "server, and ends: check User and Group");
        _exit(1);
    }
    if (was_root) {
        prctl(PR_SET_DUMPABLE, 0);
    }
    supervise(start, pool);
    _exit(0);
}
