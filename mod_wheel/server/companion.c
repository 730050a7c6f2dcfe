/* SPDX-License-Identifier: Apache-2.0 */
/* server/companion.c: companions, the threads that do the work of jobs.
 *
 * Workers start, release and join them.  A child ends only when its companions
 * are gone: code and memory go with the process's pools, and a thread may still
 * run in them.
 */
#include "server/companion.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/platform.h"
#include "server/process.h"

/* A companion's stack.  Sanitizers need more of it than work does. */
#define COMPANION_STACK_BYTES (256 * 1024)

/* A companion that was stopped ends so much later than its work. */
#define COMPANION_END_LATER_USEC 2000

/* All that its work may touch is one piece of memory with it, made and freed
 * by workers. */
struct wheel_companion_t {
    wheel_job_t job;         /* first: by its address the work finds the rest */
    wheel_companion_t *next; /* in the list of those that have started */
    pthread_t thread;
    int released; /* the worker has left it */
    int policy;
    unsigned slot;
    apr_int64_t polled_usec;
    wheel_work_fn *work;
    void *memory; /* NULL if the spec asks for none */
    wheel_area_t area;
    max_align_t baton[];
};

/* Companions of this process that have not been joined. */
static struct {
    pthread_mutex_t mutex; /* guards the rest */
    wheel_companion_t *first;
    apr_int64_t joined_usec; /* when those that ended were last joined */
} companions = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* --- What the work of a companion calls ----------------------------------- */

/* The kernel's tick is fine enough, and most polls come within the same. */
static void note_poll(wheel_companion_t *companion)
{
    apr_int64_t now = wheel_clock_coarse_usec();

    if (now != companion->polled_usec) {
        companion->polled_usec = now;
        wheel_table_polled(wheel_process_table(), companion->slot, now,
                           wheel_clock_thread_usec());
    }
}

static wheel_end_e poll_mark(wheel_job_t *job)
{
    wheel_companion_t *companion = (wheel_companion_t *)job;

    note_poll(companion);
    sched_yield();
    return wheel_table_marked(wheel_process_table(), companion->slot);
}

static int hand_over(wheel_job_t *job, const void *data, apr_size_t bytes,
                     int append)
{
    return wheel_area_put(&((wheel_companion_t *)job)->area, data, bytes,
                          append);
}

static void *memory_of(wheel_job_t *job)
{
    return ((wheel_companion_t *)job)->memory;
}

static const wheel_job_calls_t companion_calls = {poll_mark, hand_over,
                                                  memory_of};

/* --- Life of a companion ------------------------------------------------- */

static void *companion_main(void *data)
{
    wheel_companion_t *companion = data;
    unsigned slot = companion->slot;
    int stopped;

    wheel_table_set_thread(wheel_process_table(), slot, wheel_thread_number(),
                           wheel_thread_schedule(companion->policy));
    note_poll(companion);
    companion->work(&companion->job, companion->baton);
    stopped = wheel_job_stopped(&companion->job);
    wheel_table_companion_leave(wheel_process_table(), slot);
    if (stopped) {
        /* The end of a thread disturbs the process on all processors (its
         * stack is unmapped): let the stop be answered first. */
        usleep(COMPANION_END_LATER_USEC);
    }
    else {
        wheel_table_wake(wheel_process_table(), slot);
    }
    return NULL;
}

/* Join the companions that have ended: once in a tick of the kernel's, or the
 * workers of many that are stopped together would each go through them all.
 * With the mutex held. */
static void join_ended(void)
{
    wheel_companion_t **link = &companions.first;
    apr_int64_t now = wheel_clock_coarse_usec();

    if (now == companions.joined_usec) {
        return;
    }
    companions.joined_usec = now;
    while (*link) {
        wheel_companion_t *companion = *link;

        if (!companion->released ||
            wheel_thread_join_ended(companion->thread) != 0) {
            link = &companion->next;
            continue;
        }
        *link = companion->next;
        free(companion);
    }
}

/* Room for so many bytes, so that what is behind them is aligned. */
static apr_size_t room(apr_size_t bytes)
{
    return (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
}

/* Everything that a companion needs; memory that it doesn't touch costs
 * nothing. */
static wheel_companion_t *make_companion(const wheel_spec_t *spec,
                                         unsigned slot)
{
    apr_size_t baton = room(spec->baton_bytes);
    apr_size_t memory = room(spec->memory_bytes);
    wheel_companion_t *made;
    char *at;

    made = calloc(1, sizeof(*made) + baton + memory + 2 * spec->result_bytes);
    if (!made) {
        return NULL;
    }
    at = (char *)made->baton;
    if (spec->baton_bytes) {
        memcpy(at, spec->baton, spec->baton_bytes);
    }
    made->memory = memory ? at + baton : NULL;
    wheel_area_init(&made->area, at + baton + memory, spec->result_bytes);
    made->slot = slot;
    made->job = wheel_table_job(wheel_process_table(), slot);
    made->job.calls = &companion_calls;
    made->work = spec->work;
    wheel_job_progress(&made->job, 0, spec->value);
    return made;
}

apr_status_t wheel_companion_start(wheel_companion_t **companion,
                                   const wheel_spec_t *spec, unsigned slot,
                                   int policy)
{
    wheel_companion_t *made = make_companion(spec, slot);
    int error;

    if (!made) {
        return APR_ENOMEM;
    }
    made->policy = policy;

    pthread_mutex_lock(&companions.mutex);
    join_ended();
    error = wheel_process_thread(&made->thread, COMPANION_STACK_BYTES,
                                 companion_main, made);
    if (!error) {
        made->next = companions.first;
        companions.first = made;
    }
    pthread_mutex_unlock(&companions.mutex);
    if (error) {
        free(made);
        return error;
    }
    *companion = made;
    return APR_SUCCESS;
}

const void *wheel_companion_baton(const wheel_companion_t *companion)
{
    return companion->baton;
}

apr_size_t wheel_companion_take(wheel_companion_t *companion, void *result)
{
    return wheel_area_take(&companion->area, result);
}

void wheel_companion_release(wheel_companion_t *companion)
{
    pthread_mutex_lock(&companions.mutex);
    companion->released = 1;
    join_ended();
    pthread_mutex_unlock(&companions.mutex);
}

int wheel_companion_join_all(apr_interval_time_t wait_max)
{
    apr_int64_t until_usec = wheel_clock_usec() + wait_max;
    wheel_companion_t *companion;
    int left = 0;

    for (companion = companions.first; companion; companion = companion->next) {
        /* A filter of system calls may kill who changes a class. */
        if (companion->policy != SCHED_OTHER) {
            wheel_thread_normal(companion->thread);
        }
    }
    for (companion = companions.first; companion; companion = companion->next) {
        left += wheel_thread_join_until(companion->thread, until_usec) != 0;
    }
    companions.first = NULL;
    return left;
}
