/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_stop.c: marks, and wakes whoever is marked.
 *
 * A stop holds the mutex, so that it is one instant.  Whoever marks without
 * the mutex, in the parent or a signal handler, does it by the state that it
 * has seen: if the slot was freed and claimed since, nothing happens.
 */
#include "core/table_private.h"

#include "core/proc.h"

/* Slots that a stop has under way from memory while it marks one. */
#define STOP_AHEAD 8

/* A mark that others are quicker than is tried again, but not for ever. */
#define STOP_TRIES_MAX 8

wheel_facets_t wheel_table_facets(const wheel_record_t *record)
{
    wheel_facets_t facets = {.name = record->name,
                             .id = record->id,
                             .client = record->client,
                             .handler = record->handler,
                             .elapsed = record->elapsed};

    return facets;
}

/* --- A stop -------------------------------------------------------------- */

/* Copies what the filter compares, and no more: a stop may go through thousands
 * of slots. */
static int picked(const table_slot_t *slot, const wheel_filter_t *filter,
                  apr_int64_t now_usec)
{
    char name[sizeof(slot->name)];
    char client[sizeof(slot->client)];
    char handler[sizeof(slot->handler)];
    wheel_facets_t facets = {.name = name,
                             .id = table_state_id(table_state(slot)),
                             .client = client,
                             .handler = handler};

    if (filter->id && filter->id != facets.id) {
        return 0;
    }
    name[0] = client[0] = handler[0] = '\0';
    if (filter->name) {
        table_copy_text(name, slot->name, sizeof(name));
    }
    if (filter->client) {
        table_copy_text(client, slot->client, sizeof(client));
    }
    if (filter->handler) {
        table_copy_text(handler, slot->handler, sizeof(handler));
    }
    facets.elapsed = table_elapsed(slot, now_usec);
    return wheel_filter_matches(filter, &facets);
}

static void fill_hit(const table_slot_t *slot, unsigned n, wheel_end_e end,
                     wheel_hit_t *hit)
{
    hit->id = table_state_id(table_state(slot));
    hit->slot = n;
    hit->is_request = 0;
    hit->outcome = end == WHEEL_END_NONE ? WHEEL_OUTCOME_WOULD_STOP
                                         : WHEEL_OUTCOME_STOPPED;
    table_copy_text(hit->name, slot->name, sizeof(hit->name));
    table_copy_text(hit->client, slot->client, sizeof(hit->client));
    table_copy_text(hit->handler, slot->handler, sizeof(hit->handler));
}

/* A job that hides a request leaves it, however it ends: a stop that came then
 * would have missed both. */
static int may_stop(const table_slot_t *slot)
{
    unsigned owners = table_owners(slot);
    wheel_end_e end = table_state_end(table_state(slot));

    if (end == WHEEL_END_NONE) {
        return owners != 0;
    }
    return owners & WHEEL_OWNER_WORKER && end != WHEEL_END_STOP &&
           end != WHEEL_END_DIED &&
           atomic_load_explicit(&slot->hides, memory_order_relaxed);
}

/* With the mutex held.  @return 1 if it is marked, or would be */
static int stop_job(table_slot_t *slot, wheel_end_e end, apr_int64_t now_usec)
{
    int tries;

    for (tries = 0; tries < STOP_TRIES_MAX; tries++) {
        apr_uint64_t state = table_state(slot);

        if (!may_stop(slot)) {
            return 0;
        }
        if (end == WHEEL_END_NONE ||
            table_mark_state(slot, state, end, now_usec)) {
            return 1;
        }
    }
    return 0;
}

apr_status_t wheel_table_stop(wheel_table_t *table,
                              const wheel_filter_t *filter, wheel_end_e end,
                              wheel_hit_t *hits, unsigned *hits_n,
                              wheel_also_fn *also, void *baton)
{
    int any = wheel_filter_is_any(filter);
    apr_int64_t now_usec;
    unsigned used;
    unsigned n;
    apr_status_t rv;

    *hits_n = 0;
    rv = table_lock(table);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    now_usec = wheel_clock_usec();
    used = table_slots_used(table);
    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];

        /* Where all are meant, one line of each is all that comes from memory,
         * and it comes in time. */
        if (n + STOP_AHEAD < used) {
            __builtin_prefetch(&table->slots[n + STOP_AHEAD], 1);
        }
        if (!may_stop(slot) || (!any && !picked(slot, filter, now_usec)) ||
            !stop_job(slot, end, now_usec)) {
            continue;
        }
        if (hits) {
            fill_hit(slot, n, end, &hits[*hits_n]);
        }
        (*hits_n)++;
        TABLE_STEP();
    }
    if (also) {
        also(baton);
    }
    /* What is marked ends, whatever becomes of the mutex: its next user is told
     * of a failure. */
    (void)table_unlock(table);
    return APR_SUCCESS;
}

void wheel_table_wake_marked(wheel_table_t *table)
{
    unsigned used = table_slots_used(table);
    unsigned n;

    for (n = 0; n < used; n++) {
        const table_slot_t *slot = &table->slots[n];

        /* One that does the work itself doesn't wait. */
        if (table_owners(slot) & WHEEL_OWNER_WORKER &&
            table_state_end(table_state(slot)) != WHEEL_END_NONE &&
            !atomic_load_explicit(&slot->in_worker, memory_order_relaxed)) {
            wheel_table_wake(table, n);
        }
    }
}

/* --- Without the mutex --------------------------------------------------- */

typedef int pick_fn(const table_slot_t *slot, int number);

/* Mark those that are picked and have no mark.
 * @param wake wake these, and those that were marked before
 * @return how many are picked */
static unsigned mark_picked(wheel_table_t *table, pick_fn *is_picked,
                            int number, wheel_end_e end, int wake)
{
    apr_int64_t now_usec = wheel_clock_usec();
    unsigned used = table_slots_used(table);
    unsigned picked_n = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];
        int is_marked = 0;
        int tries;

        for (tries = 0; tries < STOP_TRIES_MAX && !is_marked; tries++) {
            apr_uint64_t state = table_state(slot);

            if (!table_owners(slot) || !is_picked(slot, number)) {
                break;
            }
            is_marked = table_state_end(state) != WHEEL_END_NONE ||
                        table_mark_state(slot, state, end, now_usec);
        }
        picked_n += is_marked;
        if (is_marked && wake) {
            wheel_table_wake(table, n);
        }
    }
    return picked_n;
}

static int is_of_pid(const table_slot_t *slot, int pid)
{
    return atomic_load_explicit(&slot->pid, memory_order_relaxed) == pid;
}

static int is_older(const table_slot_t *slot, int generation)
{
    return atomic_load_explicit(&slot->generation, memory_order_relaxed) <
           generation;
}

void wheel_table_stop_before(wheel_table_t *table, int generation)
{
    /* See the claim. */
    atomic_store_explicit(&table->header->generation_floor, generation,
                          memory_order_seq_cst);
    mark_picked(table, is_older, generation, WHEEL_END_SHUTDOWN, 1);
}

void wheel_table_mark_own(wheel_table_t *table, pid_t pid, wheel_end_e end)
{
    mark_picked(table, is_of_pid, pid, end, 1);
}

unsigned table_mark_dead(wheel_table_t *table, pid_t pid)
{
    return mark_picked(table, is_of_pid, pid, WHEEL_END_DIED, 0);
}

/* Whose is the oldest job without a mark?  @return 0 if there is none */
static pid_t oldest_pid(const wheel_table_t *table)
{
    unsigned used = table_slots_used(table);
    apr_uint64_t oldest = 0;
    pid_t pid = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        const table_slot_t *slot = &table->slots[n];
        apr_uint64_t state = table_state(slot);

        if (table_owners(slot) & WHEEL_OWNER_WORKER &&
            table_state_end(state) == WHEEL_END_NONE &&
            (!pid || state < oldest)) {
            oldest = state;
            pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
        }
    }
    return pid;
}

int wheel_table_give_way(wheel_table_t *table, pid_t pid,
                         apr_int64_t since_usec, apr_interval_time_t pause)
{
    _Atomic apr_int64_t *gave_way = &table->header->gave_way_usec;
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t last = atomic_load_explicit(gave_way, memory_order_relaxed);

    if (last > since_usec && last <= now) {
        since_usec = last;
    }
    if (now - since_usec < pause ||
        (now - since_usec < 2 * pause && oldest_pid(table) != pid) ||
        !atomic_compare_exchange_strong_explicit(
            gave_way, &last, now, memory_order_relaxed, memory_order_relaxed)) {
        return 0;
    }
    wheel_table_mark_own(table, pid, WHEEL_END_SHUTDOWN);
    return 1;
}
