/* SPDX-License-Identifier: Apache-2.0 */
/* core/apart.h: a part of a program in a process of its own, which can be given
 * up.
 *
 * Whoever examines a process may have to wait for it, even out of reach of
 * signals: core/reader.h says why.  For a program of one thread.
 */
#ifndef WHEEL_CORE_APART_H
#define WHEEL_CORE_APART_H

#include "apr.h"

/** @return an exit code */
typedef int (*wheel_apart_run_t)(void *baton);

/**
 * Run something in a process of its own, which may print, and wait for it.
 * What it changes in memory is lost.
 * @param wait_max usec; after that it is killed, and left alone if it can't be
 * @return its exit code; -1 if it was killed, or could not be started
 */
int wheel_apart(wheel_apart_run_t run, void *baton, apr_int64_t wait_max);

#endif /* WHEEL_CORE_APART_H */
