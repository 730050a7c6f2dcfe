/* SPDX-License-Identifier: Apache-2.0 */
/* core/platform.c: functions of Linux, with replacements from POSIX.
 *
 * Any thread of any process.
 */
#include "core/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "core/proc.h"

static struct timespec timespec_of(apr_int64_t usec)
{
    struct timespec time;

    time.tv_sec = usec / 1000000;
    time.tv_nsec = usec % 1000000 * 1000;
    return time;
}

const char *wheel_class_name(wheel_class_e class)
{
    static const char *const names[WHEEL_CLASS_COUNT] = {
        [WHEEL_CLASS_UNKNOWN] = "unknown", [WHEEL_CLASS_NORMAL] = "normal",
        [WHEEL_CLASS_BATCH] = "batch",     [WHEEL_CLASS_IDLE] = "idle",
        [WHEEL_CLASS_OTHER] = "other",
    };

    return names[class < WHEEL_CLASS_COUNT ? class : WHEEL_CLASS_UNKNOWN];
}

/* pthread_clockjoin_np() is of glibc, from 2.31 on. */
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 31)
#define PLATFORM_CLOCKJOIN
#endif
#endif

/* The kernel's own is 1.4 ms on two cores, and it takes 0.1 for the shortest.
 * With less than this, companions that turn already hold up others that begin:
 * doc/figures.md. */
#define PLATFORM_SLICE_NSEC (400 * 1000)

/* The first version of the kernel's struct sched_attr, which glibc has from
 * 2.41 on. */
typedef struct platform_sched_attr_t {
    apr_uint32_t bytes;
    apr_uint32_t policy;
    apr_uint64_t flags;
    apr_int32_t nice;
    apr_uint32_t priority;
    apr_uint64_t runtime_nsec;
    apr_uint64_t deadline_nsec;
    apr_uint64_t period_nsec;
} platform_sched_attr_t;

#ifndef PLATFORM_CLOCKJOIN
/* From one poll whether a thread has ended to the next. */
#define PLATFORM_JOIN_STEP_USEC 2000
#endif

long wheel_thread_number(void)
{
    return syscall(SYS_gettid);
}

void wheel_process_name(const char *name)
{
    prctl(PR_SET_NAME, name);
}

static wheel_class_e class_of(int policy)
{
    switch (policy) {
    case SCHED_OTHER:
        return WHEEL_CLASS_NORMAL;
    case SCHED_BATCH:
        return WHEEL_CLASS_BATCH;
    case SCHED_IDLE:
        return WHEEL_CLASS_IDLE;
    default:
        return WHEEL_CLASS_OTHER;
    }
}

/* At each sched_yield(), a thread loses what its slice is worth: 341 times as
 * much in the idle class.  With a shorter slice, it runs soon again beside
 * other load.  The idle class keeps a slice, and can't be given one; before
 * Linux 6.12, this changes nothing. */
static void ask_for_short_slices(void)
{
    platform_sched_attr_t attr;

    if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == 0 &&
        (attr.policy == SCHED_OTHER || attr.policy == SCHED_BATCH)) {
        attr.runtime_nsec = PLATFORM_SLICE_NSEC;
        (void)syscall(SYS_sched_setattr, 0, &attr, 0);
    }
}

int wheel_policy_get(pid_t tid)
{
    return (int)syscall(SYS_sched_getscheduler, tid);
}

int wheel_policy_set(pid_t tid, int policy, const struct sched_param *param)
{
    return (int)syscall(SYS_sched_setscheduler, tid, policy, param);
}

wheel_class_e wheel_thread_schedule(int policy)
{
    struct sched_param param = {0};
    int now;

    if (policy == SCHED_IDLE) {
        ask_for_short_slices();
    }
    if (policy != SCHED_OTHER && wheel_policy_set(0, policy, &param) != 0) {
        policy = SCHED_OTHER;
    }
    now = wheel_policy_get(0);
    return class_of(now >= 0 ? now : policy); /* a filter may refuse both */
}

void wheel_thread_normal(pthread_t thread)
{
    static const struct sched_param none;

    pthread_setschedparam(thread, SCHED_OTHER, &none);
}

int wheel_thread_join_ended(pthread_t thread)
{
    return pthread_tryjoin_np(thread, NULL);
}

int wheel_thread_join_until(pthread_t thread, apr_int64_t until_usec)
{
#ifdef PLATFORM_CLOCKJOIN
    struct timespec until = timespec_of(until_usec);

    return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until);
#else
    int error = pthread_tryjoin_np(thread, NULL);

    while (error == EBUSY && wheel_clock_usec() < until_usec) {
        usleep(PLATFORM_JOIN_STEP_USEC);
        error = pthread_tryjoin_np(thread, NULL);
    }
    return error == EBUSY ? ETIMEDOUT : error;
#endif
}

/* The operation and its numbers are ours; the kernel takes any word. */
static void futex(wheel_sem_t *sem, int operation, apr_uint32_t value,
                  const struct timespec *until)
{
    syscall(SYS_futex, &sem->posted, operation, value, until, NULL,
            FUTEX_BITSET_MATCH_ANY);
}

void wheel_sem_init(wheel_sem_t *sem)
{
    __atomic_store_n(&sem->posted, 0, __ATOMIC_RELAXED);
}

void wheel_sem_post(wheel_sem_t *sem)
{
    int error = errno;

    /* Release: who is woken sees why. */
    __atomic_store_n(&sem->posted, 1, __ATOMIC_RELEASE);
    futex(sem, FUTEX_WAKE, 1, NULL);
    errno = error;
}

void wheel_sem_wait(wheel_sem_t *sem, apr_int64_t until_usec)
{
    struct timespec until = timespec_of(until_usec);

    if (!__atomic_load_n(&sem->posted, __ATOMIC_ACQUIRE)) {
        futex(sem, FUTEX_WAIT_BITSET, 0, &until);
    }
    /* Acquire: the caller reads the reason after that. */
    (void)__atomic_exchange_n(&sem->posted, 0, __ATOMIC_ACQ_REL);
}

apr_int64_t wheel_clock_coarse_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (apr_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int wheel_peer_events(int fd)
{
    /* Never POLLIN: a pipelined request is no news. */
    struct pollfd look = {fd, POLLRDHUP, 0};

    if (poll(&look, 1, 0) <= 0) {
        return 0;
    }
    return (look.revents & ~POLLRDHUP) |
           ((look.revents & POLLRDHUP) ? POLLIN : 0);
}

int wheel_wake_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void wheel_wake_ring(int fd)
{
    (void)eventfd_write(fd, 1);
}

void wheel_wake_clear(int fd)
{
    eventfd_t number;

    (void)eventfd_read(fd, &number);
}
