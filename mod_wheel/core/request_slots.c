/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_slots.c: the slots of requests in shared memory: who owns them,
 * which request runs there, and what it does.
 *
 * Worker threads write their own slots; the parent takes back those of dead
 * children.
 */
#include "core/request_private.h"

#include <stddef.h>
#include <string.h>

#include "core/proc.h"

/* The owner of a slot that is being freed. */
#define OWNER_NOBODY (~(apr_uint64_t)0)

static const char *const doing_names[WHEEL_DOING_COUNT] = {
    [WHEEL_DOING_HANDLER] = "handler",
    [WHEEL_DOING_READING] = "reading",
    [WHEEL_DOING_WAITING] = "waiting",
    [WHEEL_DOING_SENDING] = "sending",
};

const char *wheel_doing_name(wheel_doing_e doing)
{
    return doing_names[doing < WHEEL_DOING_COUNT ? doing : WHEEL_DOING_HANDLER];
}

/* --- Making the segment -------------------------------------------------- */

apr_status_t wheel_request_slots_create(wheel_request_slots_t **slots,
                                        unsigned slots_max, apr_pool_t *pool)
{
    wheel_request_slots_t *made;
    apr_uintptr_t base;
    apr_status_t rv;

    if (slots_max == 0) {
        return APR_EINVAL;
    }
    made = apr_pcalloc(pool, sizeof(*made));
    rv = apr_shm_create(&made->shm,
                        SLOTS_LINE_BYTES + sizeof(slots_counts_t) +
                            (size_t)slots_max * sizeof(slots_slot_t),
                        NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* Fresh anonymous memory is all zeros: every slot is free. */
    base = (apr_uintptr_t)apr_shm_baseaddr_get(made->shm);
    base =
        (base + SLOTS_LINE_BYTES - 1) & ~(apr_uintptr_t)(SLOTS_LINE_BYTES - 1);
    made->counts = (slots_counts_t *)base;
    made->slots = (slots_slot_t *)(base + sizeof(slots_counts_t));
    made->slots_max = slots_max;
    slots_wake_open(made);
    *slots = made;
    return APR_SUCCESS;
}

unsigned wheel_request_slots_max(const wheel_request_slots_t *slots)
{
    return slots->slots_max;
}

/* --- Owners -------------------------------------------------------------- */

static apr_uint64_t owner_of(pid_t pid, pid_t tid)
{
    return (apr_uint64_t)(apr_uint32_t)pid << 32 | (apr_uint32_t)tid;
}

int wheel_request_slots_claim(wheel_request_slots_t *slots, pid_t pid,
                              pid_t tid)
{
    /* Threads that start together begin at different places. */
    unsigned first = (unsigned)tid % slots->slots_max;
    unsigned n;

    for (n = 0; n < slots->slots_max; n++) {
        unsigned at = (first + n) % slots->slots_max;
        apr_uint64_t free_slot = 0;

        if (atomic_load_explicit(&slots->slots[at].owner,
                                 memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(
                &slots->slots[at].owner, &free_slot, owner_of(pid, tid),
                memory_order_acq_rel, memory_order_relaxed)) {
            return (int)at;
        }
    }
    return -1;
}

void wheel_request_slots_release(wheel_request_slots_t *slots, unsigned n)
{
    slots_slot_t *slot = &slots->slots[n];

    atomic_store_explicit(&slot->word, 0, memory_order_relaxed);
    /* Release: the next owner's words come after this zero. */
    atomic_store_explicit(&slot->owner, 0, memory_order_release);
}

/* Free a slot that a dead process owned, unless somebody else has done so.  It
 * has no owner, and can't be claimed, until its request is gone. */
static void take_back(slots_slot_t *slot, apr_uint64_t owner)
{
    if (atomic_compare_exchange_strong_explicit(
            &slot->owner, &owner, OWNER_NOBODY, memory_order_acquire,
            memory_order_relaxed)) {
        atomic_store_explicit(&slot->word, 0, memory_order_relaxed);
        atomic_store_explicit(&slot->owner, 0, memory_order_release);
    }
}

void wheel_request_slots_reap(wheel_request_slots_t *slots, pid_t pid)
{
    unsigned n;

    for (n = 0; n < slots->slots_max; n++) {
        apr_uint64_t owner =
            atomic_load_explicit(&slots->slots[n].owner, memory_order_relaxed);

        if (owner && slots_owner_pid(owner) == pid) {
            take_back(&slots->slots[n], owner);
        }
    }
}

void wheel_request_slots_sweep(wheel_request_slots_t *slots,
                               wheel_proc_dead_t is_dead)
{
    pid_t alive = 0; /* the threads of one process have many slots */
    unsigned n;

    for (n = 0; n < slots->slots_max; n++) {
        apr_uint64_t owner =
            atomic_load_explicit(&slots->slots[n].owner, memory_order_relaxed);
        wheel_proc_t proc = {slots_owner_pid(owner), 0};

        if (!owner || (alive && proc.pid == alive)) {
            continue;
        }
        if (proc.pid <= 0 || is_dead(&proc)) {
            take_back(&slots->slots[n], owner);
            continue;
        }
        alive = proc.pid;
    }
}

/* --- Begin and end ------------------------------------------------------- */

/* From one word to before another. */
static void store_facts(slots_slot_t *slot, const wheel_request_facts_t *facts,
                        size_t from, size_t end)
{
    size_t at;

    for (at = from; at < end; at++) {
        apr_uint64_t word;

        memcpy(&word, (const char *)facts + at * sizeof(word), sizeof(word));
        atomic_store_explicit(&slot->facts[at], word, memory_order_relaxed);
    }
}

void wheel_request_slots_begin(wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id, wheel_mark_e mark,
                               const wheel_request_facts_t *facts)
{
    slots_slot_t *slot = &slots->slots[n];

    /* Whoever copies these facts sees, after them, that the word has gone. */
    atomic_thread_fence(memory_order_release);
    store_facts(slot, facts, 0, FACTS_WORDS);
    atomic_store_explicit(&slot->doing, WHEEL_DOING_HANDLER,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->sent_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->kind, WHEEL_KIND_OTHER, memory_order_relaxed);
    atomic_store_explicit(&slot->has_processes, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->marked_usec, mark ? facts->began_usec : 0,
                          memory_order_relaxed);
    /* Release: the request's facts come before its id. */
    atomic_store_explicit(&slot->word, id << WORD_ID_SHIFT | mark,
                          memory_order_release);
}

apr_uint64_t wheel_request_slots_take_out(wheel_request_slots_t *slots,
                                          unsigned n, wheel_mark_e *mark)
{
    apr_uint64_t word = atomic_exchange_explicit(&slots->slots[n].word, 0,
                                                 memory_order_acq_rel);

    *mark = slots_word_mark(word);
    return word;
}

wheel_mark_e wheel_request_slots_end(wheel_request_slots_t *slots, unsigned n)
{
    wheel_mark_e mark;

    wheel_request_slots_take_out(slots, n, &mark);
    return mark;
}

/* The word that a fact begins with. */
#define FACT_AT(fact) \
    (offsetof(wheel_request_facts_t, fact) / sizeof(apr_uint64_t))

static void store_fact(slots_slot_t *slot, size_t at, apr_int64_t usec)
{
    atomic_store_explicit(&slot->facts[at], (apr_uint64_t)usec,
                          memory_order_relaxed);
}

void wheel_request_slots_put_back(wheel_request_slots_t *slots, unsigned n,
                                  apr_uint64_t request, apr_int64_t now_usec,
                                  apr_int64_t cpu_usec)
{
    slots_slot_t *slot = &slots->slots[n];

    store_fact(slot, FACT_AT(began_usec), now_usec);
    store_fact(slot, FACT_AT(began_cpu_usec), cpu_usec);
    /* Release: the facts come before the id. */
    atomic_store_explicit(&slot->word, request, memory_order_release);
}

_Static_assert(FACT_AT(began_cpu_usec) < FACT_AT(handled_usec) &&
                   FACT_AT(handled_usec) < FACT_AT(handler) &&
                   FACT_AT(handler) < FACT_AT(slow) &&
                   FACT_AT(slow) < FACT_AT(connection) &&
                   FACT_AT(connection) < FACT_AT(started),
               "what is stored together stands together");

void wheel_request_slots_handler(wheel_request_slots_t *slots, unsigned n,
                                 const wheel_request_facts_t *facts)
{
    store_facts(&slots->slots[n], facts, FACT_AT(handled_usec), FACT_AT(slow));
}

void wheel_request_slots_location(wheel_request_slots_t *slots, unsigned n,
                                  const wheel_request_facts_t *facts)
{
    store_facts(&slots->slots[n], facts, FACT_AT(handled_usec),
                FACT_AT(started));
}

void wheel_request_slots_leave(wheel_request_slots_t *slots, unsigned n,
                               pid_t pid)
{
    slots_slot_t *slot = &slots->slots[n];

    atomic_store_explicit(&slot->doing, WHEEL_DOING_SENDING,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->kind, WHEEL_KIND_OTHER, memory_order_relaxed);
    atomic_store_explicit(&slot->has_processes, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->script_id, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->owner, owner_of(pid, 0), memory_order_release);
}

void wheel_request_slots_cpu_began(wheel_request_slots_t *slots, unsigned n,
                                   apr_uint64_t id, apr_int64_t cpu_usec)
{
    slots_slot_t *slot = &slots->slots[n];

    atomic_store_explicit(&slot->cpu_began_usec, cpu_usec,
                          memory_order_relaxed);
    /* Release: whoever sees the id sees the time. */
    atomic_store_explicit(&slot->cpu_began_id, id, memory_order_release);
}

void wheel_request_slots_doing(wheel_request_slots_t *slots, unsigned n,
                               wheel_doing_e doing)
{
    atomic_store_explicit(&slots->slots[n].doing, doing, memory_order_relaxed);
}

void wheel_request_slots_sent(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t bytes)
{
    atomic_store_explicit(&slots->slots[n].sent_bytes, bytes,
                          memory_order_relaxed);
}

void wheel_request_slots_kind(wheel_request_slots_t *slots, unsigned n,
                              wheel_kind_e kind)
{
    atomic_store_explicit(&slots->slots[n].kind, kind, memory_order_relaxed);
}

void wheel_request_text(char *field, size_t field_bytes, const char *text)
{
    size_t bytes = text ? strnlen(text, field_bytes - 1) : 0;

    if (bytes) {
        memcpy(field, text, bytes);
    }
    field[bytes] = '\0';
}
