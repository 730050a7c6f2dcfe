/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_claim.c: admission, and the claim of a slot.
 *
 * The worker of a request.
 */
#include "core/table_private.h"

#include "apr_strings.h"
#include "apr_time.h"

#include "core/client.h"
#include "core/proc.h"

/* Count, and find a free slot.  With the mutex held.
 * @return the slot; slots_used if none below is free */
static unsigned count_jobs(const wheel_table_t *table, apr_uint64_t client,
                           unsigned *rotating, unsigned *of_client)
{
    unsigned used = table_slots_used(table);
    unsigned vacant = used;
    unsigned n;

    *rotating = *of_client = 0;
    for (n = 0; n < used; n++) {
        const table_slot_t *slot = &table->slots[n];

        if (!table_owners(slot)) {
            vacant = vacant == used ? n : vacant;
        }
        else if (table_state_end(table_state(slot)) == WHEEL_END_NONE) {
            (*rotating)++;
            *of_client += slot->client_key == client;
        }
    }
    return vacant;
}

static wheel_refusal_e admit(wheel_table_t *table, const wheel_claim_t *claim,
                             unsigned *vacant)
{
    unsigned rotating;
    unsigned of_client;

    *vacant = count_jobs(table, wheel_client_key(claim->client), &rotating,
                         &of_client);
    if (rotating >= claim->rotating_max) {
        return WHEEL_REFUSED_MAX;
    }
    if (claim->per_client_max && of_client >= claim->per_client_max) {
        return WHEEL_REFUSED_CLIENT;
    }
    if (*vacant >= table->slots_max) {
        return WHEEL_REFUSED_SLOTS;
    }
    return claim->admit ? claim->admit(claim->admit_baton, rotating)
                        : WHEEL_REFUSED_NONE;
}

static void set_text(char *to, const char *from, size_t to_bytes)
{
    apr_cpystrn(to, from ? from : "", to_bytes);
}

/* A number that no job has had, whatever others may write here. */
static apr_uint64_t next_id(table_header_t *header)
{
    apr_uint64_t id =
        atomic_fetch_add_explicit(&header->id_next, 1, memory_order_relaxed) &
        WHEEL_ID_MAX;

    TABLE_STEP();
    return id ? id : 1;
}

apr_uint64_t wheel_table_next_id(wheel_table_t *table)
{
    return next_id(table->header);
}

/* With the mutex held. */
static void set_facts(table_slot_t *slot, const wheel_claim_t *claim)
{
    atomic_store_explicit(&slot->progress, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->polled_usec, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->polled_cpu_usec, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->stuck_told, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->in_worker, claim->in_worker,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->tid, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->class, WHEEL_CLASS_UNKNOWN,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->pid, claim->proc.pid, memory_order_relaxed);
    atomic_store_explicit(&slot->birth, claim->proc.birth,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->generation, claim->generation,
                          memory_order_relaxed);
    TABLE_STEP();
    slot->started = apr_time_now();
    slot->started_usec = wheel_clock_usec();
    slot->client_key = wheel_client_key(claim->client);
    slot->wait_max = claim->wait_max;
    slot->load = claim->load;
    TABLE_STEP();
    set_text(slot->name, claim->name, sizeof(slot->name));
    set_text(slot->client, claim->client, sizeof(slot->client));
    set_text(slot->handler, claim->handler, sizeof(slot->handler));
    TABLE_STEP();
}

/* Write a claim into a free slot; the last store makes it count.  With the
 * mutex held. */
static apr_uint64_t fill(wheel_table_t *table, unsigned n,
                         const wheel_claim_t *claim)
{
    table_header_t *header = table->header;
    table_slot_t *slot = &table->slots[n];
    apr_uint64_t id = next_id(header);
    wheel_end_e end = WHEEL_END_NONE;
    int hides = claim->hide && claim->hide(claim->hide_baton, &end);

    if (n == table_slots_used(table)) {
        wheel_sem_init(&slot->wake);
        TABLE_STEP();
        atomic_store_explicit(&header->slots_used, n + 1, memory_order_release);
    }
    TABLE_STEP();
    set_facts(slot, claim);
    atomic_store_explicit(&slot->marked_usec, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->hides, hides && end == WHEEL_END_NONE,
                          memory_order_relaxed);
    /* Release: whoever sees the id sees what was set before. */
    atomic_store_explicit(&slot->state, id << TABLE_END_BITS | end,
                          memory_order_release);
    TABLE_STEP();
    (void)table_name_index(table, claim->name); /* it is in use */
    TABLE_STEP();
    /* Whoever sees the owners sees the claim.  Sequential consistency, as in
     * wheel_table_stop_before(): either that sees these owners, or this sees
     * that floor. */
    atomic_store_explicit(&slot->owners,
                          claim->in_worker
                              ? WHEEL_OWNER_WORKER
                              : WHEEL_OWNER_WORKER | WHEEL_OWNER_COMPANION,
                          memory_order_seq_cst);
    TABLE_STEP();
    if (claim->generation <
        atomic_load_explicit(&header->generation_floor, memory_order_seq_cst)) {
        table_mark(slot, WHEEL_END_SHUTDOWN, wheel_clock_usec());
    }
    return id;
}

apr_status_t wheel_table_claim(wheel_table_t *table, const wheel_claim_t *claim,
                               unsigned *slot, apr_uint64_t *id,
                               wheel_refusal_e *refusal)
{
    unsigned vacant;
    apr_status_t rv;

    table_sweep_now_and_then(table);
    rv = table_lock(table);
    if (rv != APR_SUCCESS) {
        *refusal = WHEEL_REFUSED_LOCK;
        wheel_table_refuse(table, *refusal);
        return rv;
    }
    *refusal = admit(table, claim, &vacant);
    if (*refusal == WHEEL_REFUSED_NONE) {
        *id = fill(table, vacant, claim);
        *slot = vacant;
    }
    rv = table_unlock(table);
    if (rv != APR_SUCCESS && *refusal == WHEEL_REFUSED_NONE) {
        *refusal = WHEEL_REFUSED_LOCK;
        atomic_store_explicit(&table->slots[vacant].owners, 0,
                              memory_order_release);
    }
    if (*refusal == WHEEL_REFUSED_NONE) {
        return APR_SUCCESS;
    }
    wheel_table_refuse(table, *refusal);
    return rv == APR_SUCCESS ? APR_EAGAIN : rv;
}

void wheel_table_refuse(wheel_table_t *table, wheel_refusal_e refusal)
{
    atomic_fetch_add_explicit(&table->header->refused[refusal], 1,
                              memory_order_relaxed);
}

void wheel_table_unclaim(wheel_table_t *table, unsigned slot,
                         wheel_refusal_e refusal, wheel_also_fn *show,
                         void *baton)
{
    apr_status_t rv = table_lock(table);

    if (show) {
        show(baton);
    }
    atomic_store_explicit(&table->slots[slot].owners, 0, memory_order_release);
    if (rv == APR_SUCCESS) {
        table_unlock(table);
    }
    wheel_table_refuse(table, refusal);
}
