/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_stuck.c: jobs that don't poll their marks.
 *
 * The worker of a job asks for its own, the parent for all the others; neither
 * takes the mutex.
 */
#include "core/table_private.h"

#include "core/proc.h"

void wheel_table_poll_max_set(wheel_table_t *table, apr_int64_t poll_max)
{
    atomic_store_explicit(&table->header->poll_max, poll_max,
                          memory_order_relaxed);
}

apr_int64_t wheel_table_poll_max(const wheel_table_t *table)
{
    return atomic_load_explicit(&table->header->poll_max, memory_order_relaxed);
}

/* A worker that sleeps may be writing to a slow client; a companion has
 * nothing to wait for. */
int table_is_stuck(const wheel_record_t *record, apr_int64_t poll_max)
{
    int asleep = 0;
    apr_int64_t cpu;

    if (poll_max <= 0 || record->polled < poll_max) {
        return 0;
    }
    cpu = wheel_proc_thread_usec(record->pid, record->tid, &asleep);
    if (cpu < 0) {
        return 0;
    }
    return cpu - record->polled_cpu >= poll_max ||
           (asleep && !record->in_worker);
}

int wheel_table_stuck_tell(wheel_table_t *table, unsigned slot)
{
    return !atomic_exchange_explicit(&table->slots[slot].stuck_told, 1,
                                     memory_order_relaxed);
}

int wheel_table_stuck_news(wheel_table_t *table, unsigned n,
                           wheel_record_t *record)
{
    table_slot_record(&table->slots[n], wheel_clock_usec(), record);
    return table_is_stuck(record, wheel_table_poll_max(table)) &&
           wheel_table_stuck_tell(table, n);
}

void wheel_table_stuck_list(wheel_table_t *table, wheel_record_t *records,
                            unsigned records_max, unsigned *records_n)
{
    apr_int64_t poll_max = wheel_table_poll_max(table);
    apr_int64_t now = wheel_clock_usec();
    unsigned used = table_slots_used(table);
    unsigned n;

    *records_n = 0;
    for (n = 0; n < used && *records_n < records_max; n++) {
        table_slot_t *slot = &table->slots[n];
        wheel_record_t *record = &records[*records_n];

        if (!table_owners(slot) ||
            atomic_load_explicit(&slot->stuck_told, memory_order_relaxed)) {
            continue;
        }
        table_slot_record(slot, now, record);
        /* Once more, in case that the slot was claimed meanwhile. */
        *records_n += table_is_stuck(record, poll_max) && table_owners(slot) &&
                      table_state_id(table_state(slot)) == record->id &&
                      wheel_table_stuck_tell(table, n);
    }
}
