/* SPDX-License-Identifier: Apache-2.0 */
/* table_test.h: what the programs that test wheel_table share. */
#ifndef TABLE_TEST_H
#define TABLE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "apr_general.h"
#include "apr_global_mutex.h"

#include "core/table.h"

/* A table and the pool that it lives in. */
typedef struct test_table_t {
    apr_pool_t *pool;
    wheel_table_t *table;
} test_table_t;

static inline int table_open(test_table_t *test, unsigned slots_max)
{
    apr_global_mutex_t *mutex;

    return apr_pool_create(&test->pool, NULL) == APR_SUCCESS &&
           apr_global_mutex_create(&mutex, NULL, APR_LOCK_DEFAULT,
                                   test->pool) == APR_SUCCESS &&
           wheel_table_create(&test->table, slots_max, mutex, test->pool) ==
               APR_SUCCESS;
}

static inline void table_close(test_table_t *test)
{
    apr_pool_destroy(test->pool);
}

/* A claim as a worker of this process makes it. */
static inline wheel_claim_t claim_of(const char *name)
{
    wheel_claim_t claim;

    memset(&claim, 0, sizeof(claim));
    claim.name = name;
    claim.client = "192.0.2.1";
    claim.proc = wheel_proc_self();
    claim.wait_max = -1;
    claim.rotating_max = 1000000;
    return claim;
}

static inline wheel_snapshot_t snapshot_of(test_table_t *test)
{
    wheel_snapshot_t snapshot;

    assert_int_equal(wheel_table_snapshot(test->table, &snapshot, test->pool),
                     APR_SUCCESS);
    return snapshot;
}

/* Both owners leave. */
static inline void end_job(test_table_t *test, unsigned slot, wheel_end_e end)
{
    wheel_record_t record;

    wheel_table_mark(test->table, slot, end);
    assert_int_equal(
        wheel_table_leave(test->table, slot, end, NULL, NULL, &record),
        APR_SUCCESS);
    wheel_table_companion_leave(test->table, slot);
}

static inline int run_group(const struct CMUnitTest *tests, size_t tests_n,
                            const char *name)
{
    int failed;

    apr_initialize();
    failed = _cmocka_run_group_tests(name, tests, tests_n, NULL, NULL);
    apr_terminate();
    return failed;
}

#define RUN_GROUP(tests, name) \
    run_group(tests, sizeof(tests) / sizeof((tests)[0]), name)

#endif /* TABLE_TEST_H */
