/* SPDX-License-Identifier: Apache-2.0 */
/* core/reader.c: threads that read what may make them wait, and that can be
 * given up.
 *
 * Runs in the helper, and in workers that report.
 */
#include "core/reader.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/platform.h"
#include "core/proc.h"

#define READER_STACK_BYTES (256 * 1024)
#define READER_WAIT_USEC (1000 * 1000)

/* Readers at once, with those that were given up and still wait. */
#define READERS_MAX 64

typedef enum {
    READER_RUNS,
    READER_DONE,
    READER_GIVEN_UP
} reader_state_e;

typedef struct reader_t {
    wheel_reader_work_t work;
    wheel_reader_work_t release;
    void *baton;
    atomic_int state; /* who changes it first leaves the rest to the other */
    _Atomic pid_t at; /* whose files it reads */
    wheel_sem_t ended;
} reader_t;

/* One that is listed is not freed before it is not. */
static struct {
    pthread_mutex_t mutex; /* held for moments, by nobody who waits */
    reader_t *list[READERS_MAX];
} readers = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local reader_t *own;

/* Replace one in the list.  @return 0 if it isn't there */
static int replace(const reader_t *old, reader_t *new)
{
    unsigned n = 0;

    pthread_mutex_lock(&readers.mutex);
    while (n < READERS_MAX && readers.list[n] != old) {
        n++;
    }
    if (n < READERS_MAX) {
        readers.list[n] = new;
    }
    pthread_mutex_unlock(&readers.mutex);
    return n < READERS_MAX;
}

int wheel_reader_begin(pid_t pid)
{
    int is_free = 1;
    unsigned n;

    pthread_mutex_lock(&readers.mutex);
    for (n = 0; n < READERS_MAX && is_free; n++) {
        const reader_t *other = readers.list[n];

        is_free =
            !other ||
            atomic_load_explicit(&other->at, memory_order_relaxed) != pid ||
            atomic_load_explicit(&other->state, memory_order_relaxed) !=
                READER_GIVEN_UP;
    }
    if (is_free && own) {
        atomic_store_explicit(&own->at, pid, memory_order_relaxed);
    }
    pthread_mutex_unlock(&readers.mutex);
    return is_free;
}

/* @return 0 if the other one has changed it before */
static int leave(reader_t *reader, reader_state_e state)
{
    int runs = READER_RUNS;

    return atomic_compare_exchange_strong_explicit(&reader->state, &runs, state,
                                                   memory_order_acq_rel,
                                                   memory_order_acquire);
}

static void *reader_main(void *data)
{
    reader_t *reader = data;

    own = reader;
    reader->work(reader->baton);
    replace(reader, NULL);
    if (leave(reader, READER_DONE)) {
        wheel_sem_post(&reader->ended);
        return NULL;
    }
    reader->release(reader->baton);
    free(reader);
    return NULL;
}

/* No signal of httpd is for it. */
static int start(reader_t *reader, pthread_t *thread)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int error = pthread_attr_init(&attr);

    if (error) {
        return 0;
    }
    pthread_attr_setstacksize(&attr, READER_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, &attr, reader_main, reader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return !error;
}

/* @return 0 if it is given up */
static int await(reader_t *reader, pthread_t thread, apr_int64_t until_usec)
{
    while (atomic_load_explicit(&reader->state, memory_order_acquire) !=
               READER_DONE &&
           wheel_clock_usec() < until_usec) {
        wheel_sem_wait(&reader->ended, until_usec);
    }
    if (leave(reader, READER_GIVEN_UP)) {
        pthread_detach(thread);
        return 0;
    }
    pthread_join(thread, NULL);
    return 1;
}

int wheel_reader_run(wheel_reader_work_t work, wheel_reader_work_t release,
                     void *baton)
{
    apr_int64_t until = wheel_clock_usec() + READER_WAIT_USEC;
    reader_t *reader = calloc(1, sizeof(*reader));
    int is_listed;
    pthread_t thread;

    if (reader) {
        reader->work = work;
        reader->release = release;
        reader->baton = baton;
        wheel_sem_init(&reader->ended);
    }
    is_listed = reader && replace(NULL, reader);
    if (!is_listed || !start(reader, &thread)) {
        if (is_listed) {
            replace(reader, NULL);
        }
        free(reader);
        release(baton);
        return 0;
    }
    if (!await(reader, thread, until)) {
        return 0;
    }
    free(reader);
    return 1;
}
