/* SPDX-License-Identifier: Apache-2.0 */
/* core/buffer.c: what a job's work hands over to its worker.
 *
 * One word says which buffer holds it, how long it is, and whether it has been
 * taken.  The thread that puts writes where the word doesn't say that there is
 * anything: into the other buffer, or behind the end.  Then it changes the
 * word, unless that has been taken meanwhile; taken, it stays as it is.  So
 * what is copied out is not written to any more.
 */
#include "core/buffer.h"

#include <string.h>

#define AREA_TAKEN ((apr_uint64_t)1 << 63)
#define AREA_SECOND ((apr_uint64_t)1 << 62)
#define AREA_LENGTH (AREA_SECOND - 1)

void wheel_area_init(wheel_area_t *area, char *memory, apr_size_t bytes_max)
{
    area->buffers[0] = memory;
    area->buffers[1] = memory + bytes_max;
    area->bytes_max = bytes_max;
    atomic_init(&area->state, 0);
}

int wheel_area_put(wheel_area_t *area, const void *data, apr_size_t bytes,
                   int append)
{
    /* Relaxed: this thread has written it, or it has been taken. */
    apr_uint64_t before =
        atomic_load_explicit(&area->state, memory_order_relaxed);
    apr_uint64_t second = before & AREA_SECOND;
    apr_size_t from = before & AREA_LENGTH;

    if (before & AREA_TAKEN) {
        return 0;
    }
    if (!append) {
        second ^= AREA_SECOND;
        from = 0;
    }
    if (bytes > area->bytes_max - from) {
        return 0;
    }
    if (bytes) {
        memcpy(area->buffers[second != 0] + from, data, bytes);
    }
    /* Release: whoever reads the length reads the bytes. */
    return atomic_compare_exchange_strong_explicit(
        &area->state, &before, second | (from + bytes), memory_order_release,
        memory_order_relaxed);
}

apr_size_t wheel_area_take(wheel_area_t *area, void *to)
{
    /* Acquire: with the length come the bytes. */
    apr_uint64_t taken = atomic_fetch_or_explicit(&area->state, AREA_TAKEN,
                                                  memory_order_acquire);
    apr_size_t bytes = taken & AREA_LENGTH;

    if (bytes) {
        memcpy(to, area->buffers[(taken & AREA_SECOND) != 0], bytes);
    }
    return bytes;
}
