/* SPDX-License-Identifier: Apache-2.0 */
/* core/reader.h: threads that read what may make them wait, and that can be
 * given up.
 *
 * Whoever reads some files of /proc/PID waits for that process: to map a file,
 * or to close one on its way into another program, it holds a lock, and on a
 * dead file server for as long as that is dead.  Nothing but a fatal signal
 * ends the wait of the reader.
 */
#ifndef WHEEL_CORE_READER_H
#define WHEEL_CORE_READER_H

#include <sys/types.h>

typedef void (*wheel_reader_work_t)(void *baton);

/**
 * Do something in a thread of its own, and wait for it.  Any thread, without a
 * lock.
 * @param work has to ask wheel_reader_begin() before it reads of a process
 * @param release frees the baton where it is given up, perhaps much later
 * @return 1 if it is done; 0 if it took more than a second and is given up, or
 *         could not be started: then the baton is the caller's no more
 */
int wheel_reader_run(wheel_reader_work_t work, wheel_reader_work_t release,
                     void *baton);

/** For the work, before it reads of a process.
 * @return 0 if a reader that was given up still waits for that one */
int wheel_reader_begin(pid_t pid);

#endif /* WHEEL_CORE_READER_H */
