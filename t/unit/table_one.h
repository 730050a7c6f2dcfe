/* SPDX-License-Identifier: Apache-2.0 */
/* table_one.h: a fresh table for each test of one process, and its last claim.
 */
#ifndef TABLE_ONE_H
#define TABLE_ONE_H

#include "table_test.h"

#define SLOTS 8

static test_table_t test;
static unsigned slot;
static apr_uint64_t id;
static wheel_refusal_e refusal;

static inline int open_it(void **state)
{
    (void)state;
    return table_open(&test, SLOTS) ? 0 : -1;
}

static inline int close_it(void **state)
{
    (void)state;
    table_close(&test);
    return 0;
}

static inline apr_status_t claim_one(const char *name)
{
    wheel_claim_t claim = claim_of(name);

    return wheel_table_claim(test.table, &claim, &slot, &id, &refusal);
}

static inline unsigned stop_picked(const char *name, apr_uint64_t wanted)
{
    wheel_filter_t filter = {.name = name, .id = wanted};
    wheel_hit_t hits[SLOTS];
    unsigned hits_n;

    assert_int_equal(wheel_table_stop(test.table, &filter, WHEEL_END_STOP, hits,
                                      &hits_n, NULL, NULL),
                     APR_SUCCESS);
    return hits_n;
}

static inline unsigned told(void)
{
    wheel_record_t records[SLOTS];
    unsigned records_n;

    wheel_table_stuck_list(test.table, records, SLOTS, &records_n);
    return records_n;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)

#endif /* TABLE_ONE_H */
