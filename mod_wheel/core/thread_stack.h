/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_stack.h: the functions of a copied stack, by name.
 *
 * By elfutils' libdw, which is loaded when it is first used.  What it reads may
 * come from a hostile process: never with more rights than that has, but for
 * root, who has asked for it.
 */
#ifndef WHEEL_CORE_THREAD_STACK_H
#define WHEEL_CORE_THREAD_STACK_H

#include <sys/types.h>

#include "core/thread_copy.h"

/** Frames that are shown at most. */
#define WHEEL_STACK_FRAMES_MAX 64

/** The longest text of one frame, with its NUL. */
#define WHEEL_STACK_TEXT_BYTES 256

/** One frame: "function (file:line)" or "function (library)", printable. */
typedef struct wheel_stack_frame_t {
    char text[WHEEL_STACK_TEXT_BYTES];
} wheel_stack_frame_t;

/** Mappings of one process, and what has been read of their files.  It may be
 * kept for many stacks. */
typedef struct wheel_stack_t wheel_stack_t;

/**
 * Read which files a process has mapped.
 * @param pid that of the thread that was copied, or of a process that has
 *        forked it: a child has its parent's mappings at the same addresses
 * @param error what went wrong
 * @return NULL with an error; else to be closed
 */
wheel_stack_t *wheel_stack_open(pid_t pid, const char **error);

/**
 * Walk a copied stack, the innermost frame first.
 * @param frames room for WHEEL_STACK_FRAMES_MAX
 * @param frames_n how many there are
 * @return NULL, or what went wrong
 */
const char *wheel_stack_walk(wheel_stack_t *stack,
                             const wheel_thread_copy_t *copy,
                             wheel_stack_frame_t *frames, unsigned *frames_n);

void wheel_stack_close(wheel_stack_t *stack);

#endif /* WHEEL_CORE_THREAD_STACK_H */
