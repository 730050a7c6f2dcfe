/* SPDX-License-Identifier: Apache-2.0 */
/* table.c: what the shared table costs, by its size and by what is in it.
 *
 * Prints a line for each: slots of the table, jobs that run, and the median
 * usec of a claim with its leave, of a stop of nothing, of a stop for each job
 * and of a snapshot.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apr_general.h"
#include "apr_global_mutex.h"

#include "core/table.h"

#define BENCH_ROUNDS 1001
#define BENCH_STOPS 21

/* A table with jobs in it, and a place for figures. */
typedef struct bench_t {
    wheel_table_t *table;
    wheel_proc_t self; /* read from /proc once, as a child does at its start */
    unsigned jobs;
    double took[BENCH_ROUNDS];
} bench_t;

static double now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int by_time(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

static double median(double *took, unsigned n)
{
    qsort(took, n, sizeof(*took), by_time);
    return took[n / 2];
}

static void check(apr_status_t rv, const char *what)
{
    if (rv != APR_SUCCESS) {
        fprintf(stderr, "table: no %s\n", what);
        exit(1);
    }
}

/* One job with a name, as a worker of this process claims it. */
static unsigned claim(const bench_t *bench)
{
    wheel_claim_t claim;
    wheel_refusal_e refusal;
    apr_uint64_t id;
    unsigned slot;

    memset(&claim, 0, sizeof(claim));
    claim.name = "bench";
    claim.client = "192.0.2.1";
    claim.proc = bench->self;
    claim.wait_max = -1;
    claim.rotating_max = bench->jobs + 1;
    check(wheel_table_claim(bench->table, &claim, &slot, &id, &refusal),
          "claim");
    return slot;
}

static void leave(const bench_t *bench, unsigned slot, wheel_end_e end)
{
    wheel_record_t record;

    check(wheel_table_leave(bench->table, slot, end, NULL, NULL, &record),
          "leave");
    wheel_table_companion_leave(bench->table, slot);
}

static double time_claims(bench_t *bench)
{
    unsigned n;

    for (n = 0; n < BENCH_ROUNDS; n++) {
        double begun = now_usec();

        leave(bench, claim(bench), WHEEL_END_FINISHED);
        bench->took[n] = now_usec() - begun;
    }
    return median(bench->took, BENCH_ROUNDS);
}

/* What a stop costs that finds none of its name. */
static double time_stops(bench_t *bench)
{
    wheel_filter_t filter = {.name = "nobody"};
    unsigned hits_n;
    unsigned n;

    for (n = 0; n < BENCH_ROUNDS; n++) {
        double begun = now_usec();

        check(wheel_table_stop(bench->table, &filter, WHEEL_END_STOP, NULL,
                               &hits_n, NULL, NULL),
              "stop");
        bench->took[n] = now_usec() - begun;
    }
    return median(bench->took, BENCH_ROUNDS);
}

/* What a stop costs that marks all. */
static double time_full_stops(bench_t *bench)
{
    wheel_filter_t filter = {.name = NULL};
    unsigned hits_n;
    unsigned n;
    unsigned slot;

    for (n = 0; n < BENCH_STOPS; n++) {
        double begun = now_usec();

        check(wheel_table_stop(bench->table, &filter, WHEEL_END_STOP, NULL,
                               &hits_n, NULL, NULL),
              "stop");
        bench->took[n] = now_usec() - begun;
        for (slot = 0; slot < bench->jobs; slot++) {
            leave(bench, slot, WHEEL_END_STOP);
        }
        for (slot = 0; slot < bench->jobs; slot++) {
            claim(bench);
        }
    }
    return median(bench->took, BENCH_STOPS);
}

static double time_snapshots(bench_t *bench, apr_pool_t *pool)
{
    wheel_snapshot_t snapshot;
    unsigned n;

    for (n = 0; n < BENCH_ROUNDS; n++) {
        double begun = now_usec();

        check(wheel_table_snapshot(bench->table, &snapshot, pool), "snapshot");
        bench->took[n] = now_usec() - begun;
        apr_pool_clear(pool);
    }
    return median(bench->took, BENCH_ROUNDS);
}

static void measure(unsigned slots, unsigned jobs)
{
    static bench_t bench;
    apr_global_mutex_t *mutex;
    apr_pool_t *pool;
    apr_pool_t *round;
    double times[3];
    unsigned n;

    check(apr_pool_create(&pool, NULL), "pool");
    check(apr_pool_create(&round, pool), "pool");
    check(apr_global_mutex_create(&mutex, NULL, APR_LOCK_DEFAULT, pool),
          "mutex");
    check(wheel_table_create(&bench.table, slots, mutex, pool), "table");
    bench.self = wheel_proc_self();
    bench.jobs = jobs;
    for (n = 0; n < jobs; n++) {
        claim(&bench);
    }
    times[0] = time_claims(&bench);
    times[1] = time_stops(&bench);
    times[2] = time_full_stops(&bench);
    printf("%u %u %.2f %.2f %.2f %.2f\n", slots, jobs, times[0], times[1],
           times[2], time_snapshots(&bench, round));
    apr_pool_destroy(pool);
}

int main(void)
{
    static const unsigned slots[] = {2000, 20000, 200000};
    static const unsigned jobs[] = {1, 10, 100, 1000};
    unsigned i;
    unsigned k;

    apr_initialize();
    for (k = 0; k < sizeof(jobs) / sizeof(*jobs); k++) {
        for (i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
            measure(slots[i], jobs[k]);
        }
    }
    apr_terminate();
    return 0;
}
