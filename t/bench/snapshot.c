/* snapshot.c: what a snapshot of the table costs.
 *
 *   make
 *   cc -std=gnu11 -O2 -pthread -Imod_wheel -o snapshot t/bench/snapshot.c \
 *       mod_wheel/.libs/wheel_table.o mod_wheel/.libs/wheel_proc.o \
 *       $(apr-1-config --cppflags --includes --link-ld)
 *   ./snapshot [JOBS [ROUNDS]]
 *
 * Prints the median and the worst of all rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apr_general.h"
#include "apr_global_mutex.h"

#include "wheel_table.h"

#define BENCH_JOBS 1000
#define BENCH_ROUNDS 10000

static int fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    return 1;
}

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

/* One job with a name, as a worker of this process claims it. */
static int claim_job(wheel_table_t *table, unsigned jobs, unsigned *slot)
{
    wheel_claim_t claim;
    wheel_refusal_e refusal;
    apr_uint64_t id;

    memset(&claim, 0, sizeof(claim));
    claim.name = "bench";
    claim.client = "192.0.2.1";
    claim.proc = wheel_proc_self();
    claim.wait_max = -1;
    claim.rotating_max = jobs;
    return wheel_table_claim(table, &claim, slot, &id, &refusal) == APR_SUCCESS;
}

/* Jobs that run, and a full ring of those that have ended. */
static int fill(wheel_table_t *table, unsigned jobs)
{
    wheel_record_t record;
    unsigned slot;
    unsigned n;

    for (n = 0; n < WHEEL_RING_MAX; n++) {
        if (!claim_job(table, jobs, &slot)) {
            return 0;
        }
        wheel_table_leave(table, slot, WHEEL_END_STOP, &record);
        wheel_table_companion_leave(table, slot);
    }
    for (n = 0; n < jobs; n++) {
        if (!claim_job(table, jobs, &slot)) {
            return 0;
        }
    }
    return 1;
}

static int measure(wheel_table_t *table, unsigned jobs, double *took,
                   unsigned rounds, apr_pool_t *pool)
{
    wheel_snapshot_t snapshot;
    apr_pool_t *round;
    unsigned n;

    apr_pool_create(&round, pool);
    for (n = 0; n < rounds; n++) {
        double began = now_usec();

        if (wheel_table_snapshot(table, &snapshot, round) != APR_SUCCESS ||
            snapshot.jobs_n != jobs) {
            return 0;
        }
        took[n] = now_usec() - began;
        apr_pool_clear(round);
    }
    qsort(took, rounds, sizeof(*took), by_time);
    return 1;
}

int main(int argc, char **argv)
{
    unsigned jobs = argc > 1 ? (unsigned)atoi(argv[1]) : BENCH_JOBS;
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : BENCH_ROUNDS;
    apr_pool_t *pool;
    apr_global_mutex_t *mutex;
    wheel_table_t *table;
    double *took;

    apr_initialize();
    if (jobs < 1 || rounds < 1 || apr_pool_create(&pool, NULL) ||
        apr_global_mutex_create(&mutex, NULL, APR_LOCK_DEFAULT, pool) ||
        wheel_table_create(&table, jobs, mutex, pool)) {
        return fail("no table");
    }
    took = apr_palloc(pool, sizeof(*took) * rounds);
    if (!fill(table, jobs)) {
        return fail("the table could not be filled");
    }
    if (!measure(table, jobs, took, rounds, pool)) {
        return fail("no snapshot");
    }
    printf("%u jobs, %u snapshots: median %.1f, p99 %.1f, worst %.1f usec\n",
           jobs, rounds, took[rounds / 2], took[rounds * 99ul / 100],
           took[rounds - 1]);
    apr_terminate();
    return 0;
}
