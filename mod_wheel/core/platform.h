/* SPDX-License-Identifier: Apache-2.0 */
/* core/platform.h: functions of Linux that neither POSIX nor APR has. */
#ifndef WHEEL_CORE_PLATFORM_H
#define WHEEL_CORE_PLATFORM_H

#include <pthread.h>
#include <sched.h>

#include "apr.h"

/* Classes of scheduling that a thread can give itself. */
#define WHEEL_SCHED_IDLE SCHED_IDLE
#define WHEEL_SCHED_BATCH SCHED_BATCH

/** The number of the thread that asks, as top and ps have it. */
long wheel_thread_number(void);

/** What ps and top call this process from now on: 15 characters of it. */
void wheel_process_name(const char *name);

/** How the kernel schedules a thread. */
typedef enum {
    WHEEL_CLASS_UNKNOWN, /* nobody has asked, or the kernel doesn't say */
    WHEEL_CLASS_NORMAL,
    WHEEL_CLASS_BATCH,
    WHEEL_CLASS_IDLE,
    WHEEL_CLASS_OTHER, /* a class of real time */
    WHEEL_CLASS_COUNT
} wheel_class_e;

/** normal, batch, idle, other; unknown. */
const char *wheel_class_name(wheel_class_e class);

/**
 * Give the thread that asks another class.  A kernel, or a filter of system
 * calls, may refuse.
 * @param policy a WHEEL_SCHED_ class, or SCHED_OTHER to leave it as it is
 * @return the class that the thread has now, as the kernel says
 */
wheel_class_e wheel_thread_schedule(int policy);

/** The policy of a thread of any process, and another one.  System calls, since
 * musl's functions of these names always fail.
 * @param tid 0 for the thread that asks
 * @return -1 with errno set if the kernel refuses */
int wheel_policy_get(pid_t tid);
int wheel_policy_set(pid_t tid, int policy, const struct sched_param *param);

/** Let a thread of this process end soon beside other load: of the class that
 * threads have by default.  The kernel may refuse; then nothing changes. */
void wheel_thread_normal(pthread_t thread);

/** Join a thread if it has ended.
 * @return 0 if it is joined, EBUSY if it has not ended */
int wheel_thread_join_ended(pthread_t thread);

/** Join a thread when it ends.
 * @param until_usec the time to give up, as wheel_clock_usec() has it
 * @return 0 if it is joined, else ETIMEDOUT */
int wheel_thread_join_until(pthread_t thread, apr_int64_t until_usec);

/** A semaphore that processes share and that counts to one.  Not sem_t:
 * sem_post() takes flags of a system call from the memory of the semaphore,
 * which others may write. */
typedef struct wheel_sem_t {
    apr_uint32_t posted;
} wheel_sem_t;

void wheel_sem_init(wheel_sem_t *sem);

/** Wake who waits, or the next who does.  Async-signal-safe. */
void wheel_sem_post(wheel_sem_t *sem);

/** Wait for a semaphore; a signal may end the wait early.
 * @param until_usec the time to give up, as wheel_clock_usec() has it */
void wheel_sem_wait(wheel_sem_t *sem, apr_int64_t until_usec);

/** A clock that ticks, for less than wheel_clock_usec() costs. */
apr_int64_t wheel_clock_coarse_usec(void);

/** Has the client on this socket shut its sending side, or gone?  Never
 * blocks.
 * @return POLLERR, POLLHUP and POLLNVAL as poll() has them, POLLIN for a shut
 *         sending side, 0 for none of that */
int wheel_peer_events(int fd);

/** A descriptor by which threads and processes wake each other: it can be read
 * once somebody has written to it.  Closed over exec; never blocks.
 * @return -1 with errno set if there is none */
int wheel_wake_open(void);
void wheel_wake_ring(int fd);
void wheel_wake_clear(int fd);

#endif /* WHEEL_CORE_PLATFORM_H */
