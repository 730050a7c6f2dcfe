/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_job.c: what the owners of a slot do with it.
 *
 * The worker that has claimed the slot, and its companion.
 */
#include "core/table_private.h"

#include "core/proc.h"

static const apr_int64_t latency_bounds[] = {WHEEL_LATENCY_BOUNDS};

wheel_end_e wheel_table_mark(wheel_table_t *table, unsigned slot,
                             wheel_end_e end)
{
    return table_mark(&table->slots[slot], end, wheel_clock_usec());
}

wheel_end_e wheel_table_marked(const wheel_table_t *table, unsigned slot)
{
    return table_state_end(
        atomic_load_explicit(&table->slots[slot].state, memory_order_relaxed));
}

unsigned wheel_table_owners(wheel_table_t *table, unsigned slot,
                            apr_uint64_t id)
{
    unsigned owners = table_owners(&table->slots[slot]);

    if (owners && !atomic_load_explicit(&table->header->swept_usec,
                                        memory_order_relaxed)) {
        table_sweep_now_and_then(table);
        owners = table_owners(&table->slots[slot]);
    }
    return table_state_id(table_state(&table->slots[slot])) == id ? owners : 0;
}

void wheel_table_wake(wheel_table_t *table, unsigned slot)
{
    wheel_sem_post(&table->slots[slot].wake);
}

void wheel_table_wait(wheel_table_t *table, unsigned slot,
                      apr_interval_time_t wait_max)
{
    /* A signal, a late wake-up or the time: the caller reads the mark. */
    wheel_sem_wait(&table->slots[slot].wake, wheel_clock_usec() + wait_max);
}

wheel_job_t wheel_table_job(wheel_table_t *table, unsigned slot)
{
    wheel_job_t job = {NULL, (const apr_uint64_t *)&table->slots[slot].state,
                       (apr_uint64_t *)&table->slots[slot].progress};

    return job;
}

void wheel_table_set_thread(wheel_table_t *table, unsigned slot, pid_t tid,
                            wheel_class_e class)
{
    atomic_store_explicit(&table->slots[slot].class, class,
                          memory_order_relaxed);
    atomic_store_explicit(&table->slots[slot].tid, tid, memory_order_relaxed);
}

wheel_class_e wheel_table_class(const wheel_table_t *table, unsigned slot)
{
    apr_uint32_t class =
        atomic_load_explicit(&table->slots[slot].class, memory_order_relaxed);

    return class < WHEEL_CLASS_COUNT ? (wheel_class_e) class
                                     : WHEEL_CLASS_UNKNOWN;
}

int wheel_table_class_news(wheel_table_t *table)
{
    return !atomic_exchange_explicit(&table->header->class_told, 1,
                                     memory_order_relaxed);
}

void wheel_table_polled(wheel_table_t *table, unsigned slot,
                        apr_int64_t now_usec, apr_int64_t cpu_usec)
{
    atomic_store_explicit(&table->slots[slot].polled_cpu_usec, cpu_usec,
                          memory_order_relaxed);
    atomic_store_explicit(&table->slots[slot].polled_usec, now_usec,
                          memory_order_relaxed);
}

/* From a mark to the worker that has seen it. */
static void count_latency(table_header_t *header, apr_interval_time_t usec)
{
    unsigned bucket = 0;

    while (bucket < WHEEL_LATENCY_BUCKETS - 1 &&
           usec > latency_bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&header->latency[bucket], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&header->latency_sum_usec, usec,
                              memory_order_relaxed);
}

apr_status_t wheel_table_leave(wheel_table_t *table, unsigned n,
                               wheel_end_e end, wheel_also_fn *show,
                               void *baton, wheel_record_t *record)
{
    table_slot_t *slot = &table->slots[n];
    apr_status_t rv;

    end = table_mark(slot, end, wheel_clock_usec());
    table_final_record(slot, end, record);
    rv = table_lock(table);
    record->end = table_state_end(table_state(slot)); /* a stop has come */
    if (record->end == WHEEL_END_STOP) {
        count_latency(table->header, record->marked);
    }
    if (show) {
        show(baton);
    }
    if (rv != APR_SUCCESS) {
        atomic_fetch_and_explicit(&slot->owners, ~WHEEL_OWNER_WORKER,
                                  memory_order_acq_rel);
        return rv;
    }
    table_retire(table, n, record, ~WHEEL_OWNER_WORKER);
    return table_unlock(table);
}

void wheel_table_companion_leave(wheel_table_t *table, unsigned slot)
{
    /* Release: the worker may read what the work has written. */
    atomic_fetch_and_explicit(&table->slots[slot].owners,
                              ~WHEEL_OWNER_COMPANION, memory_order_acq_rel);
}
