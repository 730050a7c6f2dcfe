/* SPDX-License-Identifier: Apache-2.0 */
/* core/buffer.h: what a job's work hands over to its worker.
 *
 * One thread puts, another takes once.  Neither ever waits for the other, and
 * what is taken is whole, wherever the thread that puts happens to be.
 */
#ifndef WHEEL_CORE_BUFFER_H
#define WHEEL_CORE_BUFFER_H

#include <stdatomic.h>

#include "apr.h"

/** Two buffers, and which of them holds what has been handed over last. */
typedef struct wheel_area_t {
    char *buffers[2];
    apr_size_t bytes_max;
    _Atomic apr_uint64_t state; /* see wheel_area.c */
} wheel_area_t;

/** Set up an area in memory for twice bytes_max, of which nothing is touched
 * before it is needed.  The memory lives as long as the area. */
void wheel_area_init(wheel_area_t *area, char *memory, apr_size_t bytes_max);

/**
 * Hand over in place of what was handed over before, or behind it.  For the
 * thread that does the work.
 * @return 0 if it doesn't fit, or has been taken
 */
int wheel_area_put(wheel_area_t *area, const void *data, apr_size_t bytes,
                   int append);

/**
 * Take what was handed over last; from now on nothing more is.  Once.
 * @param to room for bytes_max
 * @return how many bytes there were
 */
apr_size_t wheel_area_take(wheel_area_t *area, void *to);

#endif /* WHEEL_CORE_BUFFER_H */
