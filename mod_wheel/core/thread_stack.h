/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_stack.h: the functions of a copied stack, by name.
 *
 * By elfutils' libdw, a large parser of files that the process which is
 * examined has chosen.  Only for the process of core/thread_names.h, which has
 * no more rights than that one.
 */
#ifndef WHEEL_CORE_THREAD_STACK_H
#define WHEEL_CORE_THREAD_STACK_H

#include <stdio.h>

#include "core/thread_copy.h"

/** Frames that are shown at most. */
#define WHEEL_STACK_FRAMES_MAX 64

/** The longest text of one frame, with its NUL. */
#define WHEEL_STACK_TEXT_BYTES 256

/** One frame: "function (file:line)" or "function (library)", printable. */
typedef struct wheel_stack_frame_t {
    char text[WHEEL_STACK_TEXT_BYTES];
} wheel_stack_frame_t;

/** Load libdw.  @return 0 if this machine has none */
int wheel_stack_load(void);

/**
 * Walk a copied stack, the innermost frame first.  Once in a process.
 * @param maps of the process that was copied, or of one that it was forked
 *        from: a child has its parent's mappings at the same addresses
 * @param frames room for WHEEL_STACK_FRAMES_MAX
 * @param frames_n how many there are
 * @return NULL, or what went wrong
 */
const char *wheel_stack_walk(FILE *maps, const wheel_thread_copy_t *copy,
                             wheel_stack_frame_t *frames, unsigned *frames_n);

#endif /* WHEEL_CORE_THREAD_STACK_H */
