/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper_told.c: how the supervisor and the helper learn that they are
 * to end: the parent writes to their socket, or dies, or a signal comes.
 */
#include "server/helper_private.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/platform.h"
#include "core/proc.h"

/* Of this process, which is a supervisor or a helper. */
static struct {
    int wake_fd;                /* written to by the signal */
    volatile sig_atomic_t told; /* a wheel_helper_why_e, by a signal */
    atomic_int life;            /* -1: handed over */
} own;

void wheel_helper_hand_over(void)
{
    int fd = atomic_exchange_explicit(&own.life, -1, memory_order_relaxed);

    if (fd >= 0) {
        close(fd);
    }
}

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

int helper_told_begin(int life)
{
    own.life = life;
    own.wake_fd = wheel_wake_open();
    set_signals();
    return own.wake_fd >= 0;
}

void helper_told_begin_helper(void)
{
    close(own.wake_fd);
    own.wake_fd = wheel_wake_open();
}

wheel_helper_why_e helper_told_by_signal(void)
{
    return (wheel_helper_why_e)own.told;
}

/* What the parent says: by a byte, or by its death. */
wheel_helper_why_e helper_told(void)
{
    int life = atomic_load_explicit(&own.life, memory_order_relaxed);
    char byte = 0;
    ssize_t bytes;

    if (own.told) {
        return helper_told_by_signal();
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

void helper_told_fds(struct pollfd *fds)
{
    fds[0].fd = own.life;
    fds[0].events = POLLIN;
    fds[1].fd = own.wake_fd;
    fds[1].events = POLLIN;
}

void helper_told_clear(const struct pollfd *fds)
{
    if (fds[1].revents) {
        wheel_wake_clear(own.wake_fd);
    }
}

apr_interval_time_t helper_told_time(wheel_helper_why_e why)
{
    return why == WHEEL_HELPER_REPLACED ? WHEEL_HELPER_REPLACED_USEC
                                        : WHEEL_HELPER_ENDS_USEC;
}

int helper_left_ms(apr_int64_t until_usec)
{
    apr_int64_t left = (until_usec - wheel_clock_usec() + 999) / 1000;

    if (left <= 0) {
        return 0;
    }
    return left < INT32_MAX ? (int)left : INT32_MAX;
}
