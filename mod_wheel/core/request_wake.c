/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_wake.c: how the helper is woken for a request.
 *
 * By a pair of sockets and not by an eventfd: send() and recv() are told with
 * each call not to wait.  An eventfd has the flag O_NONBLOCK for that, and all
 * processes share it: a child could clear it, and the helper or the workers of
 * other children would wait.
 */
#include "core/request_private.h"

#include <sys/socket.h>
#include <unistd.h>

/* What is read at once.  If more is there, the helper is woken once more. */
#define WAKE_BYTES 512

void slots_wake_open(wheel_request_slots_t *slots)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, slots->wake_fds)) {
        slots->wake_fds[0] = slots->wake_fds[1] = -1;
    }
}

void wheel_request_slots_wake(const wheel_request_slots_t *slots)
{
    /* If there is no room, the helper is awake. */
    (void)send(slots->wake_fds[1], "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int wheel_request_slots_wake_fd(const wheel_request_slots_t *slots)
{
    return slots->wake_fds[0];
}

void wheel_request_slots_wake_clear(const wheel_request_slots_t *slots)
{
    char read[WAKE_BYTES];

    (void)recv(slots->wake_fds[0], read, sizeof(read), MSG_DONTWAIT);
}

void wheel_request_slots_wake_close(wheel_request_slots_t *slots)
{
    if (slots->wake_fds[0] >= 0) {
        close(slots->wake_fds[0]);
        slots->wake_fds[0] = -1;
    }
}
