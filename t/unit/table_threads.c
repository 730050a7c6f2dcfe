/* SPDX-License-Identifier: Apache-2.0 */
/* table_threads.c: the threads of one process, all at once on one table.
 *
 * Workers claim, start a companion for each job, wait to be woken and leave;
 * companions publish; others stop by every filter, mark from where no lock may
 * be taken, sweep and read.  Every job must be counted once, and as what its
 * worker was told; a build with ThreadSanitizer sees whether each access that
 * others make is ordered.
 */
#include "table_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS 6
#define JOBS 200 /* of each worker */
#define SLOTS 16

static test_table_t test;

/* What the threads have seen, to be held against the table's own counters. */
static _Atomic unsigned working;
static _Atomic unsigned ended[WHEEL_END_COUNT];
static _Atomic unsigned refused;
static _Atomic unsigned hits;
static _Atomic unsigned done;
static _Atomic unsigned wrong; /* cmocka's asserts are for the main thread */

static void expect(int what)
{
    if (!what) {
        atomic_fetch_add(&wrong, 1);
    }
}

/* --- A job ---------------------------------------------------------------- */

typedef struct job_t {
    unsigned slot;
    unsigned turns_max; /* it is finished then */
    unsigned turns;
} job_t;

static void *be_companion(void *data)
{
    job_t *own = data;
    wheel_job_t job = wheel_table_job(test.table, own->slot);
    unsigned slot = own->slot;

    wheel_table_set_thread(test.table, slot, gettid(), WHEEL_CLASS_NORMAL);
    while (own->turns < own->turns_max && !wheel_job_stopped(&job)) {
        own->turns++;
        wheel_job_progress(&job, own->turns, own->turns % 10);
        if (own->turns % 16 == 0) {
            wheel_table_polled(test.table, slot, wheel_clock_usec(),
                               wheel_clock_thread_usec());
            sched_yield();
        }
    }
    wheel_table_companion_leave(test.table, slot);
    wheel_table_wake(test.table, slot);
    return NULL;
}

static wheel_end_e wait_for_end(unsigned slot, apr_uint64_t id)
{
    wheel_end_e end = wheel_table_marked(test.table, slot);

    while (end == WHEEL_END_NONE) {
        if (!(wheel_table_owners(test.table, slot, id) &
              WHEEL_OWNER_COMPANION)) {
            return wheel_table_mark(test.table, slot, WHEEL_END_FINISHED);
        }
        wheel_table_wait(test.table, slot, 20 * 1000);
        end = wheel_table_marked(test.table, slot);
    }
    return end;
}

static void work_once(const wheel_claim_t *claim, unsigned turns_max)
{
    wheel_refusal_e refusal;
    wheel_record_t record;
    wheel_end_e end;
    pthread_t companion;
    apr_uint64_t id;
    job_t job = {0, turns_max, 0};

    if (wheel_table_claim(test.table, claim, &job.slot, &id, &refusal) !=
        APR_SUCCESS) {
        atomic_fetch_add(&refused, 1);
        return;
    }
    if (pthread_create(&companion, NULL, be_companion, &job) != 0) {
        wheel_table_unclaim(test.table, job.slot, WHEEL_REFUSED_THREAD, NULL,
                            NULL);
        atomic_fetch_add(&refused, 1);
        return;
    }
    end = wait_for_end(job.slot, id);
    expect(wheel_table_leave(test.table, job.slot, end, NULL, NULL, &record) ==
           APR_SUCCESS);
    expect(record.id == id && record.end == end);
    atomic_fetch_add(&ended[end], 1);
    /* What it had published is the answer; it may have gone on a little. */
    pthread_join(companion, NULL);
    expect(record.done <= job.turns);
    expect(end != WHEEL_END_FINISHED || record.done == turns_max);
    atomic_fetch_add(&done, (unsigned)record.done);
}

static void *be_worker(void *data)
{
    static const char *const names[] = {"red", "blue", NULL};
    unsigned seed = (unsigned)(size_t)data;
    unsigned n;

    for (n = 0; n < JOBS; n++) {
        wheel_claim_t claim = claim_of(names[rand_r(&seed) % 3]);

        /* Some are finished at once, or beside other load none would be before
         * somebody stops it. */
        work_once(&claim, rand_r(&seed) % 4 ? rand_r(&seed) % 4000 : 0);
    }
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* --- Those who disturb them ----------------------------------------------- */

static void wake_hits(const wheel_hit_t *hit, unsigned hits_n)
{
    unsigned n;

    for (n = 0; n < hits_n; n++) {
        wheel_table_wake(test.table, hit[n].slot);
    }
    atomic_fetch_add(&hits, hits_n);
}

static void *be_stopper(void *data)
{
    wheel_hit_t hit[SLOTS];
    unsigned seed = (unsigned)(size_t)data;
    apr_uint64_t id = 0;
    unsigned hits_n;

    while (atomic_load(&working)) {
        wheel_filter_t filters[] = {
            {.id = 0}, {.name = "red"}, {.id = id}, {.name = "gr*"}};

        expect(wheel_table_stop(test.table, &filters[rand_r(&seed) % 4],
                                WHEEL_END_STOP, hit, &hits_n, NULL,
                                NULL) == APR_SUCCESS);
        wake_hits(hit, hits_n);
        id = hits_n ? hit[0].id + 1 + rand_r(&seed) % 4 : id;
        usleep(rand_r(&seed) % 2000);
    }
    return NULL;
}

static void *be_reader(void *data)
{
    apr_pool_t *pool;
    unsigned n;

    (void)data;
    apr_pool_create(&pool, NULL);
    while (atomic_load(&working)) {
        wheel_snapshot_t snapshot;
        apr_uint64_t sum = 0;

        expect(wheel_table_snapshot(test.table, &snapshot, pool) ==
               APR_SUCCESS);
        for (n = 0; n < WHEEL_END_COUNT; n++) {
            sum += snapshot.ended[n];
        }
        /* One instant: what has begun turns, is stopping or has ended. */
        expect(snapshot.started == sum + snapshot.rotating + snapshot.stopping);
        expect(snapshot.jobs_n ==
               snapshot.rotating + snapshot.stopping + snapshot.draining);
        for (n = 1; n < snapshot.jobs_n; n++) {
            expect(snapshot.jobs[n - 1].id < snapshot.jobs[n].id);
        }
        apr_pool_clear(pool);
        usleep(500);
    }
    apr_pool_destroy(pool);
    return NULL;
}

/* As a child does that is about to end, and a parent that looks for dead
 * children.  Nobody is dead. */
static void *be_parent(void *data)
{
    unsigned seed = (unsigned)(size_t)data;
    unsigned taken;

    while (atomic_load(&working)) {
        if (rand_r(&seed) % 2) {
            wheel_table_mark_own(test.table, getpid(), WHEEL_END_SHUTDOWN);
        }
        expect(wheel_table_sweep(test.table, &taken) == APR_SUCCESS);
        expect(taken == 0);
        usleep(2000);
    }
    return NULL;
}

/* --- The test ------------------------------------------------------------- */

static void threads_that_do_everything_at_once_lose_nothing(void **state)
{
    static void *(*const others[])(void *) = {be_stopper, be_reader, be_parent};
    pthread_t threads[WORKERS + 3];
    wheel_snapshot_t snapshot;
    size_t n;

    (void)state;
    assert_true(table_open(&test, SLOTS));
    atomic_store(&working, WORKERS);
    for (n = 0; n < WORKERS; n++) {
        assert_int_equal(
            pthread_create(&threads[n], NULL, be_worker, (void *)(n + 1)), 0);
    }
    for (n = 0; n < 3; n++) {
        assert_int_equal(
            pthread_create(&threads[WORKERS + n], NULL, others[n], (void *)n),
            0);
    }
    for (n = 0; n < WORKERS + 3; n++) {
        assert_int_equal(pthread_join(threads[n], NULL), 0);
    }
    print_message("# ended: %u finished, %u stop, %u shutdown; %u refused\n",
                  ended[WHEEL_END_FINISHED], ended[WHEEL_END_STOP],
                  ended[WHEEL_END_SHUTDOWN], refused);
    assert_int_equal(wrong, 0);
    snapshot = snapshot_of(&test);
    assert_int_equal(snapshot.jobs_n, 0);
    assert_int_equal(snapshot.started + refused, WORKERS * JOBS);
    for (n = 0; n < WHEEL_END_COUNT; n++) {
        assert_int_equal(snapshot.ended[n], ended[n]);
    }
    assert_int_equal(snapshot.done, done);
    assert_int_equal(ended[WHEEL_END_STOP], hits);
    assert_true(ended[WHEEL_END_STOP] > 10);
    assert_true(ended[WHEEL_END_FINISHED] > 10);
    assert_true(ended[WHEEL_END_SHUTDOWN] > 10);
    table_close(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_do_everything_at_once_lose_nothing),
    };

    return RUN_GROUP(tests, "wheel_table between threads");
}
