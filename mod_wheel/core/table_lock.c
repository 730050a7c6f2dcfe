/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_lock.c: the mutex, and the journal of a departure.
 *
 * For children and whoever runs as they do; the parent never takes the mutex.
 */
#include "core/table_private.h"

#include <string.h>

#include "core/proc.h"

/* Between two tries for a mutex that is waited for with a limit. */
#define LOCK_TRY_USEC 500

/* --- The journal --------------------------------------------------------- */

static int is_sound(const wheel_table_t *table, const table_journal_t *entry)
{
    return entry->slot < table->slots_max &&
           entry->name_index < WHEEL_NAMES_MAX &&
           (unsigned)entry->end < WHEEL_END_COUNT;
}

/* Do what the journal says, be it for the first time or again. */
static void replay(wheel_table_t *table)
{
    table_header_t *header = table->header;
    table_journal_t entry;

    table_copy(&entry, &header->journal, sizeof(entry));
    if (is_sound(table, &entry)) {
        header->names[entry.name_index].ended[entry.end] = entry.ended;
        TABLE_STEP();
        header->done = entry.done;
        TABLE_STEP();
        header->ring_next = entry.ring_next;
        TABLE_STEP();
        /* Acquire and release: what the companion wrote is seen by whoever
         * finds the slot free. */
        atomic_fetch_and_explicit(&table->slots[entry.slot].owners,
                                  entry.owners_left, memory_order_acq_rel);
        TABLE_STEP();
    }
    else {
        atomic_fetch_add_explicit(&table->damaged, 1, memory_order_relaxed);
    }
    /* Release: the stores above come first, also in a process that dies. */
    atomic_store_explicit(&header->journal.valid, 0, memory_order_release);
}

void table_retire(wheel_table_t *table, unsigned n,
                  const wheel_record_t *record, apr_uint32_t owners_left)
{
    table_header_t *header = table->header;
    table_journal_t *journal = &header->journal;
    unsigned name_index = table_name_index(table, record->name);
    wheel_end_e end = record->end;

    header->ring[header->ring_next % WHEEL_RING_MAX] = *record;
    TABLE_STEP();
    journal->slot = n;
    journal->owners_left = owners_left;
    journal->name_index = name_index;
    journal->end = end;
    journal->ended = header->names[name_index].ended[end] + 1;
    journal->done = header->done + record->done;
    journal->ring_next = header->ring_next + 1;
    TABLE_STEP();
    /* Release: the entry is whole before it counts. */
    atomic_store_explicit(&journal->valid, 1, memory_order_release);
    TABLE_STEP();
    replay(table);
}

/* --- The mutex ----------------------------------------------------------- */

/* APR has no timed lock for some types, and waits by the wall clock for the
 * others. */
static apr_status_t lock_until(apr_global_mutex_t *mutex,
                               apr_int64_t until_usec)
{
    apr_status_t rv = apr_global_mutex_trylock(mutex);

    while (APR_STATUS_IS_EBUSY(rv) && wheel_clock_usec() < until_usec) {
        apr_sleep(LOCK_TRY_USEC);
        rv = apr_global_mutex_trylock(mutex);
    }
    return rv;
}

apr_status_t table_lock(wheel_table_t *table)
{
    apr_status_t rv;

    if (table->lock_max) {
        rv = lock_until(table->mutex, wheel_clock_usec() + table->lock_max);
    }
    else {
        rv = apr_global_mutex_lock(table->mutex);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    table_names_recover(table);
    if (atomic_load_explicit(&table->header->journal.valid,
                             memory_order_acquire)) {
        replay(table);
    }
    return APR_SUCCESS;
}

apr_status_t table_unlock(wheel_table_t *table)
{
    return apr_global_mutex_unlock(table->mutex);
}
