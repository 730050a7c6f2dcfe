/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_held.c: processes that have held the privileged process,
 * and are examined no more.
 *
 * Whoever reads a stack, the system call of a thread or the list of an epoll
 * may have to wait for the process; some of that ends at a signal, and some
 * doesn't.  So the privileged process notes whom it examines, and since when,
 * where its parent and its successor see it.  It parses nothing there.
 */
#include "server/privileged_private.h"

#include <unistd.h>

#include "core/proc.h"

void privileged_held_begin(privileged_shared_t *shared, pid_t pid)
{
    shared->examined = pid;
    atomic_store_explicit(&shared->since_usec, wheel_clock_usec(),
                          memory_order_release);
    alarm(PRIVILEGED_SERVE_SEC);
}

void privileged_held_end(privileged_shared_t *shared)
{
    alarm(0);
    atomic_store_explicit(&shared->since_usec, 0, memory_order_release);
}

/* A restart may have ended the one before at any moment: that alone says
 * nothing of the process. */
void privileged_held_learn(privileged_shared_t *shared)
{
    apr_int64_t since =
        atomic_load_explicit(&shared->since_usec, memory_order_acquire);
    unsigned n = 0;

    if (since &&
        wheel_clock_usec() - since >= PRIVILEGED_SERVE_SEC * APR_USEC_PER_SEC) {
        while (n < PRIVILEGED_HELD_MAX - 1 && shared->held_by[n]) {
            n++;
        }
        shared->held_by[n] = shared->examined;
    }
    atomic_store_explicit(&shared->since_usec, 0, memory_order_release);
}

/* Until it is gone: its number may be another's then. */
int privileged_held_by(const privileged_start_t *start, pid_t pid)
{
    apr_int32_t *held_by = start->shared->held_by;
    int found = 0;
    unsigned n;

    for (n = 0; n < PRIVILEGED_HELD_MAX; n++) {
        if (held_by[n] && wheel_proc_parent(held_by[n]) != start->parent) {
            held_by[n] = 0;
        }
        found |= held_by[n] && held_by[n] == pid;
    }
    return found;
}
