/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper_process.c: the helper, seen by itself, and its supervisor.
 *
 * The supervisor starts the helper and waits for its death or for the end of
 * its own time; it does nothing else.  The helper's main thread waits for what
 * its parts wait for.  Neither runs hooks of other modules but those that give
 * privileges away, and both leave by _exit(): the pools are the parent's.
 */
#include "server/helper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_listen.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"

#include "core/platform.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* What ps and top call them; the kernel keeps 15 characters. */
#define SUPERVISOR_NAME "wheel-supervise"
#define HELPER_NAME "wheel-helper"

/* Descriptors that the helper waits for at once. */
#define HELPER_FDS_MAX 512

/* How often both look whether who has started them is still there.  A helper
 * without a supervisor serves on until the parent has replaced it. */
#define HELPER_LOOK_USEC APR_USEC_PER_SEC
#define HELPER_ORPHAN_USEC (15 * APR_USEC_PER_SEC)

/* After so many helpers in a row that have lived for less, the next one is
 * started after a pause, which doubles each time. */
#define HELPER_BRIEF_USEC APR_USEC_PER_SEC
#define HELPER_BRIEF_MAX 8
#define HELPER_PAUSE_FIRST_USEC (10 * 1000)
#define HELPER_PAUSE_MAX_USEC (2 * APR_USEC_PER_SEC)

/* How long it waits for the table's mutex: a child may be held with it. */
#define HELPER_LOCK_USEC APR_USEC_PER_SEC

/* A helper that doesn't end in its time gets so much more, and is killed. */
#define HELPER_MORE_USEC (500 * 1000)

/* Why a process is to end. */
typedef enum {
    STAY,
    REPLACED,
    LAST
} leave_e;

/* Of this process, which is a supervisor or a helper. */
static struct {
    const helper_start_t *start;
    int here; /* it is the helper */
    pid_t above;
    int wake_fd;                /* rung by the signal */
    volatile sig_atomic_t told; /* a wheel_helper_why_e, by a signal */
    atomic_int life;            /* -1: handed over */
    apr_int64_t alone_usec; /* since when its supervisor is gone; 0: it isn't */
} own;

int wheel_helper_here(void)
{
    return own.here;
}

int wheel_helper_before(void)
{
    return own.start->before;
}

void wheel_helper_hand_over(void)
{
    int fd = atomic_exchange_explicit(&own.life, -1, memory_order_relaxed);

    if (fd >= 0) {
        close(fd);
    }
}

apr_pool_t *wheel_helper_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

/* --- Both ----------------------------------------------------------------- */

static void on_signal(int signal)
{
    own.told = signal == SIGTERM ? WHEEL_HELPER_ENDS : WHEEL_HELPER_ALONE;
    wheel_wake_ring(own.wake_fd);
}

/* Signals of the MPM go to the whole process group.  Of these, TERM alone ends
 * us; the parent tells of restarts by its socket. */
static void set_signals(void)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGUSR1, SIGWINCH, SIGPIPE};
    struct sigaction action;
    sigset_t none;
    size_t n;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_IGN;
    for (n = 0; n < sizeof(ignored) / sizeof(*ignored); n++) {
        sigaction(ignored[n], &action, NULL);
    }
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(HELPER_ALONE_SIGNAL, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the parent says: by a byte, or by its death. */
static wheel_helper_why_e told_to_leave(void)
{
    int life = atomic_load_explicit(&own.life, memory_order_relaxed);
    char byte = 0;
    ssize_t bytes;

    if (own.told) {
        return (wheel_helper_why_e)own.told;
    }
    bytes = recv(life, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
        return WHEEL_HELPER_STAYS;
    }
    if (bytes > 0 && byte == HELPER_SAYS_REPLACED) {
        return WHEEL_HELPER_REPLACED;
    }
    return bytes > 0 ? WHEEL_HELPER_ENDS : WHEEL_HELPER_ALONE;
}

static int left_ms(apr_int64_t until_usec)
{
    apr_int64_t left = (until_usec - wheel_clock_usec() + 999) / 1000;

    if (left <= 0) {
        return 0;
    }
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

/* --- The helper ----------------------------------------------------------- */

/* The supervisor is gone.  The parent will notice, unless it is gone, too. */
static int is_orphan(void)
{
    apr_int64_t now = wheel_clock_usec();

    if (getppid() == own.above) {
        return 0;
    }
    if (!own.alone_usec) {
        own.alone_usec = now;
    }
    return now - own.alone_usec > HELPER_ORPHAN_USEC;
}

/* One wait, and what comes of it. */
static void serve_round(apr_int64_t until_usec, int watches_life)
{
    static struct pollfd fds[HELPER_FDS_MAX];
    const helper_parts_t *parts = own.start->parts;
    unsigned counts[HELPER_PARTS_MAX];
    unsigned fds_n = 2;
    unsigned at = 2;
    unsigned n;

    memset(fds, 0, sizeof(fds));
    fds[0].fd = watches_life ? own.life : -1;
    fds[0].events = POLLIN;
    fds[1].fd = own.wake_fd;
    fds[1].events = POLLIN;
    for (n = 0; n < parts->n; n++) {
        counts[n] = parts->part[n]->prepare(fds + fds_n, HELPER_FDS_MAX - fds_n,
                                            &until_usec);
        fds_n += counts[n];
    }
    if (poll(fds, fds_n, left_ms(until_usec)) < 0) {
        return; /* a signal, which has rung */
    }
    if (fds[1].revents) {
        wheel_wake_clear(own.wake_fd);
    }
    for (n = 0; n < parts->n; n++) {
        parts->part[n]->serve(fds + at, counts[n]);
        at += counts[n];
    }
}

static int parts_busy(void)
{
    const helper_parts_t *parts = own.start->parts;
    unsigned n = 0;

    while (n < parts->n && !parts->part[n]->busy()) {
        n++;
    }
    return n < parts->n;
}

static apr_interval_time_t time_for(wheel_helper_why_e why)
{
    return why == WHEEL_HELPER_REPLACED ? WHEEL_HELPER_REPLACED_USEC
                                        : WHEEL_HELPER_ENDS_USEC;
}

static void leave(wheel_helper_why_e why)
{
    const helper_parts_t *parts = own.start->parts;
    apr_int64_t until = wheel_clock_usec() + time_for(why);
    unsigned n;

    if (why != WHEEL_HELPER_REPLACED) {
        wheel_process_set_ending(); /* threads that tell other hosts see it */
    }
    for (n = 0; n < parts->n; n++) {
        parts->part[n]->leave(why);
    }
    while (parts_busy() && wheel_clock_usec() < until) {
        serve_round(until, 0);
        /* The server may end while this one is being replaced. */
        if (why == WHEEL_HELPER_REPLACED && own.told) {
            leave((wheel_helper_why_e)own.told);
            return;
        }
    }
}

__attribute__((noreturn)) static void be_helper(apr_pool_t *pool)
{
    const helper_parts_t *parts = own.start->parts;
    wheel_helper_why_e told = WHEEL_HELPER_STAYS;
    apr_status_t rv;
    unsigned n;

    own.here = 1;
    close(own.wake_fd);
    own.wake_fd = wheel_wake_open();
    wheel_process_name(HELPER_NAME);
    rv = wheel_process_enter(pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, ap_server_conf,
                     "WH0007: the mutex 'wheel' can't be used in the helper "
                     "process; it lists and stops nothing");
    }
    wheel_table_lock_limit_set(wheel_process_table(), HELPER_LOCK_USEC);
    for (n = 0; n < parts->n; n++) {
        if (parts->part[n]->wanted()) {
            parts->part[n]->begin(pool);
        }
    }
    while (told == WHEEL_HELPER_STAYS) {
        serve_round(wheel_clock_usec() + HELPER_LOOK_USEC, 1);
        told = is_orphan() ? WHEEL_HELPER_ALONE : told_to_leave();
    }
    leave(told);
    _exit(0);
}

/* --- The supervisor ------------------------------------------------------- */

/* @param alive_fd hangs up when the helper is dead
 * @return 0 if none could be started */
static pid_t start_helper(int *alive_fd, apr_pool_t *pool)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0) {
        return 0;
    }
    own.above = getpid();
    pid = fork();
    if (pid == 0) {
        close(ends[0]); /* the other one stays until its end */
        be_helper(pool);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return 0;
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    *alive_fd = ends[0];
    return pid;
}

/* Wait until the helper is dead (if there is one), the time is over, or this
 * process is to end.
 * @return 1 if the helper is dead */
static int wait_for_death(int alive_fd, apr_int64_t until_usec,
                          wheel_helper_why_e *told)
{
    struct pollfd fds[3] = {
        {alive_fd, POLLIN, 0}, {own.life, POLLIN, 0}, {own.wake_fd, POLLIN, 0}};

    while (*told == WHEEL_HELPER_STAYS && wheel_clock_usec() < until_usec) {
        apr_int64_t look = wheel_clock_usec() + HELPER_LOOK_USEC;
        int ready =
            poll(fds, 3, left_ms(look < until_usec ? look : until_usec));

        *told = getppid() == own.start->parent ? told_to_leave()
                                               : WHEEL_HELPER_ALONE;
        if (*told == WHEEL_HELPER_STAYS && ready > 0 && fds[0].revents) {
            return 1;
        }
    }
    return 0;
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
    apr_int64_t until = wheel_clock_usec() + time_for(told) + HELPER_MORE_USEC;

    pass_on(pid, told);
    wheel_helper_hand_over();
    while (poll(&dead, 1, left_ms(until)) < 0 && errno == EINTR) {
        pass_on(pid, (wheel_helper_why_e)own.told);
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

static void supervise(apr_pool_t *pool)
{
    unsigned brief_n = 0;
    wheel_helper_why_e told = WHEEL_HELPER_STAYS;

    while (told == WHEEL_HELPER_STAYS) {
        apr_int64_t began = wheel_clock_usec();
        int alive_fd = -1;
        pid_t pid = start_helper(&alive_fd, pool);

        if (pid && !wait_for_death(alive_fd, INT64_MAX, &told)) {
            end_helper(pid, alive_fd, told);
            return;
        }
        if (pid) {
            close(alive_fd);
            note_death(pid);
        }
        brief_n =
            wheel_clock_usec() - began < HELPER_BRIEF_USEC ? brief_n + 1 : 0;
        wait_for_death(-1, wheel_clock_usec() + pause_after(brief_n), &told);
    }
}

void helper_supervise(const helper_start_t *start)
{
    apr_pool_t *pool;

    own.start = start;
    own.life = start->life;
    ap_close_listeners();
    own.wake_fd = wheel_wake_open();
    set_signals();
    wheel_process_name(SUPERVISOR_NAME);
    if (own.wake_fd < 0 ||
        apr_pool_create(&pool, start->server->process->pconf) != APR_SUCCESS ||
        ap_run_drop_privileges(pool, start->server)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, start->server,
                     "WH0073: the helper process can't be the user of the "
                     "server, and ends: check User and Group");
        _exit(1);
    }
    supervise(pool);
    _exit(0);
}
