/* SPDX-License-Identifier: Apache-2.0 */
/* table_processes.c: several processes rotate while one stops.
 *
 * A stop is an instant: what was claimed before it is stopped by it, and what
 * is claimed after it is not.  Each claim below is held against the counts of
 * stops that had begun and ended around it.
 */
#include "children.h"
#include "table_test.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#define WORKERS 4
#define STOPS 100000
#define SLOTS 64

/* So many claims that stops overlap, and that none does. */
#define MET 100
#define BETWEEN 1000

/* Where others want the processors, there are fewer stops, until enough claims
 * are met; or too few. */
#define USUAL_SEC 10
#define MOST_SEC 400

/* Shared by all processes of a test. */
typedef struct shared_t {
    _Atomic unsigned begun;
    _Atomic unsigned ended;
    _Atomic unsigned finished;
    _Atomic unsigned claims;
    _Atomic unsigned hit;     /* claims that a stop has ended */
    _Atomic unsigned between; /* claims that no stop overlapped */
    _Atomic unsigned missed;  /* claimed before a stop, and not stopped */
    _Atomic unsigned early;   /* stopped, and no stop had begun since */
} shared_t;

static test_table_t test;
static shared_t *shared;

static unsigned seen(_Atomic unsigned *counter)
{
    return atomic_load_explicit(counter, memory_order_seq_cst);
}

static void count(_Atomic unsigned *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_seq_cst);
}

/* Some microseconds, so that the processes meet at ever other places. */
static void dawdle(unsigned *seed)
{
    volatile int left = rand_r(seed) % 4000;

    while (left > 0) {
        left--;
    }
}

static void leave(unsigned slot)
{
    wheel_record_t record;
    wheel_end_e end = wheel_table_mark(test.table, slot, WHEEL_END_FINISHED);

    if (end == WHEEL_END_STOP) {
        count(&shared->hit);
    }
    wheel_table_leave(test.table, slot, end, NULL, NULL, &record);
    wheel_table_companion_leave(test.table, slot);
    count(&shared->claims);
}

/* One rotate: claim, watch until a stop must have hit it, leave. */
static void rotate_once(const wheel_claim_t *claim)
{
    wheel_refusal_e refusal;
    apr_uint64_t id;
    unsigned slot;
    unsigned before = seen(&shared->ended);
    unsigned begun;
    unsigned marked;

    if (wheel_table_claim(test.table, claim, &slot, &id, &refusal) !=
        APR_SUCCESS) {
        return;
    }
    begun = seen(&shared->begun);
    marked = wheel_table_marked(test.table, slot);
    if (seen(&shared->begun) == before) {
        /* The stops that had begun had all ended before the claim. */
        count(&shared->between);
        if (marked) {
            count(&shared->early);
        }
    }
    /* The first stop that begins from now on ends as number begun + 1. */
    while (seen(&shared->ended) <= begun && !seen(&shared->finished)) {
        sched_yield();
    }
    if (seen(&shared->ended) > begun &&
        wheel_table_marked(test.table, slot) != WHEEL_END_STOP) {
        count(&shared->missed);
    }
    leave(slot);
}

/* Left to itself, the kernel may keep so short a test on one processor. */
static void stay_on(int n)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(n % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof(set), &set); /* if not allowed, without */
}

static void be_worker(int n)
{
    wheel_claim_t claim = claim_of("worker");
    unsigned seed = getpid();

    stay_on(n + 1);
    wheel_table_child_init(test.table, test.pool);
    while (!seen(&shared->finished)) {
        rotate_once(&claim);
        dawdle(&seed);
    }
    _exit(0);
}

/* Have claims and stops met, and missed each other?  One processor can't make
 * them meet. */
static int enough(void)
{
    unsigned between = seen(&shared->between);

    return between > BETWEEN && (sysconf(_SC_NPROCESSORS_ONLN) == 1 ||
                                 seen(&shared->claims) > between + MET);
}

/* @return how many jobs the stops say they have hit */
static unsigned stop_many_times(void)
{
    unsigned hits = 0;
    wheel_filter_t filter = {.name = NULL};
    unsigned seed = 1;
    unsigned hits_n;
    apr_int64_t begin = wheel_clock_usec();
    apr_int64_t sec = 0;
    int n;

    stay_on(0);
    for (n = 0; (n < STOPS && sec < USUAL_SEC) || (!enough() && sec < MOST_SEC);
         n++) {
        count(&shared->begun);
        if (n % 8 == 4) {
            sched_yield(); /* and let their claims overlap this stop */
        }
        assert_int_equal(wheel_table_stop(test.table, &filter, WHEEL_END_STOP,
                                          NULL, &hits_n, NULL, NULL),
                         APR_SUCCESS);
        count(&shared->ended);
        hits += hits_n;
        dawdle(&seed);
        if (n % 8 == 0) {
            sched_yield(); /* with fewer cores than workers, let them claim */
            sec = (wheel_clock_usec() - begin) / APR_USEC_PER_SEC;
        }
    }
    return hits;
}

static void every_claim_before_a_stop_is_hit_and_none_after(void **state)
{
    pid_t pids[WORKERS];
    unsigned hits;
    int status;
    int n;

    (void)state;
    assert_true(table_open(&test, SLOTS));
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    for (n = 0; n < WORKERS; n++) {
        pids[n] = start_child();
        if (pids[n] == 0) {
            be_worker(n);
        }
    }
    hits = stop_many_times();
    count(&shared->finished);
    for (n = 0; n < WORKERS; n++) {
        assert_int_equal(waitpid(pids[n], &status, 0), pids[n]);
        assert_int_equal(status, 0);
    }
    print_message("# %u claims against %u stops, %u of them between two\n",
                  seen(&shared->claims), seen(&shared->ended),
                  seen(&shared->between));
    assert_int_equal(seen(&shared->hit), hits);
    assert_int_equal(seen(&shared->missed), 0);
    assert_int_equal(seen(&shared->early), 0);
    assert_int_equal(snapshot_of(&test).jobs_n, 0);
    assert_int_equal(snapshot_of(&test).started, seen(&shared->claims));
    assert_true(enough());
    table_close(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_claim_before_a_stop_is_hit_and_none_after),
    };

    return RUN_GROUP(tests, "wheel_table between processes");
}
