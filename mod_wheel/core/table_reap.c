/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_reap.c: finds dead processes, and takes their slots back.
 *
 * The parent finds and marks, without the mutex; a child that next claims,
 * reads or polls takes the slots back.
 */
#include "core/table_private.h"

#include <stdlib.h>

#include "core/proc.h"

/* Looking for dead processes costs a read of /proc for each: not more often
 * than this, unless somebody has asked for it. */
#define REAP_SWEEP_USEC (500 * 1000)

/* --- Who is dead --------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
    const wheel_proc_t *left = a;
    const wheel_proc_t *right = b;

    if (left->pid != right->pid) {
        return left->pid < right->pid ? -1 : 1;
    }
    return (left->birth > right->birth) - (left->birth < right->birth);
}

static wheel_proc_t owner_of(const table_slot_t *slot)
{
    wheel_proc_t proc;

    proc.pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
    proc.birth = atomic_load_explicit(&slot->birth, memory_order_relaxed);
    return proc;
}

/* The processes that own slots and are dead, sorted.
 * @param procs room for as many as there are slots */
static unsigned list_dead(const wheel_table_t *table, wheel_proc_dead_t is_dead,
                          wheel_proc_t *procs)
{
    unsigned used = table_slots_used(table);
    unsigned owned_n = 0;
    unsigned dead_n = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        if (table_owners(&table->slots[n])) {
            procs[owned_n++] = owner_of(&table->slots[n]);
        }
    }
    qsort(procs, owned_n, sizeof(*procs), by_pid);
    for (n = 0; n < owned_n; n++) {
        wheel_proc_t proc = procs[n];

        if ((!n || by_pid(&procs[n - 1], &proc)) && is_dead(&proc)) {
            procs[dead_n++] = proc;
        }
    }
    return dead_n;
}

/* --- For the parent ------------------------------------------------------ */

static void ask_for_sweep(wheel_table_t *table)
{
    atomic_store_explicit(&table->header->swept_usec, 0, memory_order_relaxed);
}

unsigned wheel_table_reap(wheel_table_t *table, pid_t pid)
{
    unsigned slots = table_mark_dead(table, pid);

    if (slots) {
        ask_for_sweep(table);
    }
    return slots;
}

apr_status_t wheel_table_reap_all(wheel_table_t *table,
                                  wheel_proc_dead_t is_dead, unsigned *taken_n)
{
    wheel_proc_t *procs = malloc(sizeof(*procs) * table->slots_max);
    unsigned procs_n;

    *taken_n = 0;
    if (!procs) {
        return APR_ENOMEM;
    }
    procs_n = list_dead(table, is_dead, procs);
    if (procs_n) {
        ask_for_sweep(table);
    }
    free(procs);
    *taken_n = procs_n;
    return APR_SUCCESS;
}

/* --- For children -------------------------------------------------------- */

/* Free the slots of dead processes.  With the mutex held. */
static unsigned free_slots(wheel_table_t *table, const wheel_proc_t *dead,
                           unsigned dead_n)
{
    apr_int64_t now_usec = wheel_clock_usec();
    unsigned used = table_slots_used(table);
    unsigned taken = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];
        wheel_proc_t owner = owner_of(slot);
        unsigned owners = table_owners(slot);

        if (!owners || !bsearch(&owner, dead, dead_n, sizeof(*dead), by_pid)) {
            continue;
        }
        if (owners & WHEEL_OWNER_WORKER) {
            wheel_record_t record;

            table_mark(slot, WHEEL_END_DIED, now_usec);
            table_final_record(slot, WHEEL_END_DIED, &record);
            table_retire(table, n, &record, 0);
        }
        else { /* its end has been counted already */
            atomic_store_explicit(&slot->owners, 0, memory_order_release);
        }
        taken++;
        TABLE_STEP();
    }
    return taken;
}

apr_status_t wheel_table_sweep(wheel_table_t *table, unsigned *taken_n)
{
    wheel_proc_t *procs = malloc(sizeof(*procs) * table->slots_max);
    unsigned procs_n;
    unsigned taken = 0;
    apr_status_t rv = APR_SUCCESS;

    if (!procs) {
        return APR_ENOMEM;
    }
    procs_n = list_dead(table, wheel_proc_dead, procs);
    if (procs_n) {
        rv = table_lock(table);
        if (rv == APR_SUCCESS) {
            taken = free_slots(table, procs, procs_n);
            rv = table_unlock(table);
        }
    }
    free(procs);
    if (taken_n) {
        *taken_n = taken;
    }
    return rv;
}

void table_sweep_now_and_then(wheel_table_t *table)
{
    _Atomic apr_int64_t *swept = &table->header->swept_usec;
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t last = atomic_load_explicit(swept, memory_order_relaxed);

    if ((last <= 0 || last > now || now - last >= REAP_SWEEP_USEC) &&
        atomic_compare_exchange_strong_explicit(
            swept, &last, now, memory_order_relaxed, memory_order_relaxed)) {
        wheel_table_sweep(table, NULL);
    }
}
