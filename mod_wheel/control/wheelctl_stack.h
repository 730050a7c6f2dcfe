/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_stack.h: the native stack of a thread of another process.
 *
 * For wheelctl, run by root: the thread is stopped by ptrace() for as long as
 * it takes to walk its stack, a few milliseconds, and goes on then.  Names come
 * from the symbol tables and debug information on this machine.
 */
#ifndef WHEEL_CONTROL_WHEELCTL_STACK_H
#define WHEEL_CONTROL_WHEELCTL_STACK_H

#include <sys/types.h>

/** Frames that are shown at most. */
#define WHEEL_STACK_FRAMES_MAX 64

/** The longest text of one frame, with its NUL. */
#define WHEEL_STACK_TEXT_BYTES 256

/** One frame: "function (file:line)" or "function (library)", printable. */
typedef struct wheel_stack_frame_t {
    char text[WHEEL_STACK_TEXT_BYTES];
} wheel_stack_frame_t;

/**
 * Walk the stack of a thread, the innermost frame first.
 * @param frames room for WHEEL_STACK_FRAMES_MAX
 * @param frames_n how many there are
 * @return NULL, or what went wrong
 */
const char *wheel_stack_read(pid_t pid, pid_t tid, wheel_stack_frame_t *frames,
                             unsigned *frames_n);

#endif /* WHEEL_CONTROL_WHEELCTL_STACK_H */
