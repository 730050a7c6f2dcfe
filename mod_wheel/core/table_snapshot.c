/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_snapshot.c: copies of the whole table.
 *
 * A snapshot holds the mutex for the copy, so that it is of one instant; a
 * list, for the parent, does without.
 */
#include "core/table_private.h"

#include <stdlib.h>
#include <string.h>

#include "apr_time.h"

#include "core/proc.h"

/* Room for jobs that are claimed while memory is allocated. */
#define SNAPSHOT_SLACK 64

/* --- Copies of what others may have written ------------------------------ */

static void copy_counters(const table_header_t *header,
                          wheel_snapshot_t *snapshot)
{
    unsigned names_n = header->names_n;
    unsigned n;
    unsigned end;

    snapshot->names_n = names_n < WHEEL_NAME_OTHER ? names_n : WHEEL_NAME_OTHER;
    for (n = 0; n < WHEEL_NAMES_MAX; n++) {
        wheel_name_t *name = &snapshot->names[n];

        table_copy_text(name->name, header->names[n].name, sizeof(name->name));
        table_copy(name->ended, header->names[n].ended, sizeof(name->ended));
        for (end = 0; end < WHEEL_END_COUNT; end++) {
            snapshot->ended[end] += name->ended[end];
            snapshot->started += name->ended[end];
        }
    }
    for (n = 0; n < WHEEL_REFUSED_COUNT; n++) {
        snapshot->refused[n] =
            atomic_load_explicit(&header->refused[n], memory_order_relaxed);
    }
    for (n = 0; n < WHEEL_LATENCY_BUCKETS; n++) {
        snapshot->latency[n] =
            atomic_load_explicit(&header->latency[n], memory_order_relaxed);
    }
    snapshot->latency_sum_usec =
        atomic_load_explicit(&header->latency_sum_usec, memory_order_relaxed);
    snapshot->done = header->done;
}

static void copy_ring(const table_header_t *header, wheel_snapshot_t *snapshot)
{
    apr_uint64_t next = header->ring_next;

    while (snapshot->recent_n < WHEEL_RING_MAX && snapshot->recent_n < next) {
        apr_uint64_t at = next - snapshot->recent_n - 1;

        table_copy(&snapshot->recent[snapshot->recent_n++],
                   &header->ring[at % WHEEL_RING_MAX], sizeof(wheel_record_t));
    }
}

/* Copy the running jobs.  Those whose worker has answered are in the counters
 * already. */
static void copy_jobs(const wheel_table_t *table, wheel_snapshot_t *snapshot,
                      unsigned room)
{
    apr_int64_t now = wheel_clock_usec();
    unsigned n;

    for (n = 0; n < room; n++) {
        wheel_record_t *record = &snapshot->jobs[snapshot->jobs_n];

        if (!table_owners(&table->slots[n])) {
            continue;
        }
        table_slot_record(&table->slots[n], now, record);
        if (!record->owners) {
            continue; /* its companion has left this moment */
        }
        snapshot->jobs_n++;
        if (!(record->owners & WHEEL_OWNER_WORKER)) {
            snapshot->draining++;
            continue;
        }
        snapshot->started++;
        snapshot->done += record->done;
        snapshot->rotating += record->end == WHEEL_END_NONE;
        snapshot->load += record->end == WHEEL_END_NONE ? record->load : 0;
        snapshot->stopping += record->end != WHEEL_END_NONE;
    }
}

/* --- A snapshot ---------------------------------------------------------- */

static void find_stuck(wheel_snapshot_t *snapshot, apr_int64_t poll_max)
{
    unsigned n;

    for (n = 0; n < snapshot->jobs_n; n++) {
        snapshot->jobs[n].stuck = table_is_stuck(&snapshot->jobs[n], poll_max);
        snapshot->stuck += snapshot->jobs[n].stuck;
    }
}

static int by_id(const void *a, const void *b)
{
    const wheel_record_t *left = a;
    const wheel_record_t *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

apr_status_t wheel_table_snapshot(wheel_table_t *table,
                                  wheel_snapshot_t *snapshot, apr_pool_t *pool)
{
    unsigned room = 0;
    unsigned used;
    unsigned n;
    apr_status_t rv;

    table_sweep_now_and_then(table);
    memset(snapshot, 0, sizeof(*snapshot));
    snapshot->recent =
        apr_palloc(pool, sizeof(wheel_record_t) * WHEEL_RING_MAX);
    do { /* memory is not allocated with the mutex held */
        if (room) {
            table_unlock(table);
        }
        room = table_slots_used(table) + SNAPSHOT_SLACK;
        snapshot->jobs = apr_palloc(pool, sizeof(wheel_record_t) * room);
        rv = table_lock(table);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        used = table_slots_used(table);
    } while (used > room);
    copy_counters(table->header, snapshot);
    copy_ring(table->header, snapshot);
    copy_jobs(table, snapshot, used);
    rv = table_unlock(table);

    snapshot->taken = apr_time_now();
    snapshot->slots_max = table->slots_max;
    for (n = 0; n < snapshot->recent_n; n++) {
        table_record_check(&snapshot->recent[n]);
    }
    find_stuck(snapshot, wheel_table_poll_max(table));
    qsort(snapshot->jobs, snapshot->jobs_n, sizeof(wheel_record_t), by_id);
    return rv;
}

/* --- Places for a new generation ----------------------------------------- */

/* Copy the running jobs, each at its own instant. */
static wheel_record_t *list_jobs(const wheel_table_t *table, unsigned *jobs_n,
                                 apr_pool_t *pool)
{
    unsigned used = table_slots_used(table);
    apr_int64_t now = wheel_clock_usec();
    wheel_record_t *jobs = apr_palloc(pool, sizeof(wheel_record_t) * used);
    unsigned n;

    *jobs_n = 0;
    for (n = 0; n < used; n++) {
        if (table_owners(&table->slots[n])) {
            table_slot_record(&table->slots[n], now, &jobs[*jobs_n]);
            *jobs_n += jobs[*jobs_n].owners != 0;
        }
    }
    return jobs;
}

static int by_process(const void *a, const void *b)
{
    const wheel_record_t *left = a;
    const wheel_record_t *right = b;

    return (left->pid > right->pid) - (left->pid < right->pid);
}

static int by_generation_down(const void *a, const void *b)
{
    const wheel_record_t *left = a;
    const wheel_record_t *right = b;

    return (left->generation < right->generation) -
           (left->generation > right->generation);
}

int wheel_table_floor(const wheel_table_t *table, int generation,
                      unsigned places, apr_pool_t *pool)
{
    unsigned jobs_n;
    unsigned n;
    unsigned processes_n = 0;
    wheel_record_t *jobs = list_jobs(table, &jobs_n, pool);

    qsort(jobs, jobs_n, sizeof(*jobs), by_process);
    for (n = 0; n < jobs_n; n++) {
        if (!n || jobs[n].pid != jobs[processes_n - 1].pid) {
            jobs[processes_n++] = jobs[n];
        }
    }
    if (processes_n < places) {
        return -1;
    }
    qsort(jobs, processes_n, sizeof(*jobs), by_generation_down);
    if (!processes_n || jobs[processes_n - 1].generation >= generation) {
        return -1;
    }
    /* Of the generation of this one, as many processes as there are places or
     * more would go on: no more of it, and none before it. */
    n = places ? places - 1 : 0;
    return jobs[n].generation < generation ? jobs[n].generation + 1
                                           : generation;
}
