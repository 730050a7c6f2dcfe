/* SPDX-License-Identifier: Apache-2.0 */
/* core/table.c: makes the shared segment, and hands it to a child.
 *
 * The parent makes the table before it forks; workers claim and leave slots
 * (table_claim.c, table_job.c), any worker marks them (table_stop.c),
 * companions publish into them, and whoever finds a process dead takes its
 * slots back (table_reap.c).  Any process may be killed between any two
 * stores, and the next one finds a valid table: a claim counts from the store
 * that sets its owners on, and a departure is written to a journal first,
 * which the next holder of the mutex completes (table_lock.c).
 */
#include "core/table_private.h"

/* Children that take numbers meanwhile let a try fail. */
#define IDS_SET_TRIES 10000

#include "apr_time.h"

static size_t round_up(size_t bytes)
{
    return (bytes + TABLE_LINE_BYTES - 1) & ~(size_t)(TABLE_LINE_BYTES - 1);
}

apr_status_t wheel_table_create(wheel_table_t **table, unsigned slots_max,
                                apr_global_mutex_t *mutex, apr_pool_t *pool)
{
    wheel_table_t *made;
    char *base;
    size_t bytes;
    apr_status_t rv;

    if (slots_max == 0) {
        return APR_EINVAL;
    }
    TABLE_FAULT_OPEN();
    made = apr_pcalloc(pool, sizeof(*made));
    bytes = TABLE_LINE_BYTES + round_up(sizeof(table_header_t)) +
            (size_t)slots_max * sizeof(table_slot_t);
    rv = apr_shm_create(&made->shm, bytes, NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    base = (char *)round_up((size_t)apr_shm_baseaddr_get(made->shm));
    made->header = (table_header_t *)base;
    made->slots = (table_slot_t *)(base + round_up(sizeof(table_header_t)));
    made->slots_max = slots_max;
    made->mutex = mutex;

    /* Fresh anonymous memory is all zeros: every slot is free. */
    wheel_table_ids_set(made, (apr_uint64_t)apr_time_now());
    made->header->names_n = WHEEL_NAME_NONE + 1;
    *table = made;
    return APR_SUCCESS;
}

apr_status_t wheel_table_child_init(wheel_table_t *table, apr_pool_t *pchild)
{
    return apr_global_mutex_child_init(
        &table->mutex, apr_global_mutex_lockfile(table->mutex), pchild);
}

void wheel_table_lock_limit_set(wheel_table_t *table, apr_interval_time_t usec)
{
    table->lock_max = usec;
}

unsigned wheel_table_slots_max(const wheel_table_t *table)
{
    return table->slots_max;
}

void wheel_table_ids_set(wheel_table_t *table, apr_uint64_t first)
{
    _Atomic apr_uint64_t *next = &table->header->id_next;
    apr_uint64_t seen = atomic_load_explicit(next, memory_order_relaxed);
    int tries;

    table->ids_first = seen > first ? seen : first;
    for (tries = 0; tries < IDS_SET_TRIES && seen < first; tries++) {
        if (atomic_compare_exchange_weak_explicit(next, &seen, first,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed)) {
            break;
        }
    }
}

int wheel_table_ids_low(const wheel_table_t *table, apr_uint64_t block)
{
    apr_uint64_t next =
        atomic_load_explicit(&table->header->id_next, memory_order_relaxed);
    apr_uint64_t used = next - table->ids_first;

    /* Far more, or less than none, is what no code of ours has written. */
    return next > table->ids_first && used > block / 2 && used < 2 * block;
}

unsigned wheel_table_damage(wheel_table_t *table)
{
    return atomic_exchange_explicit(&table->damaged, 0, memory_order_relaxed);
}
