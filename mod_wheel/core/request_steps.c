/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_steps.c: which steps of a stop somebody has asked for with a
 * request, which were taken, which the log has, and whether it is cooled down.
 *
 * Any process that runs as the server's user; of the last, the privileged one.
 */
#include "core/request_steps.h"

#include "core/proc.h"
#include "core/request_private.h"

/* The words: a bit for each step, and the id above. */
#define STEPS_ID_SHIFT 8
#define STEPS_BITS_MASK ((apr_uint64_t)0xff)

_Static_assert(WHEEL_STEP_COUNT <= STEPS_ID_SHIFT, "each step has its bit");

/* The bits of a word, if they are of this request.  Acquire: what was stored
 * before them is seen, too. */
static unsigned bits_of(const _Atomic apr_uint64_t *place, apr_uint64_t id)
{
    apr_uint64_t word = atomic_load_explicit(place, memory_order_acquire);

    return word >> STEPS_ID_SHIFT == id ? (unsigned)(word & STEPS_BITS_MASK)
                                        : 0;
}

/* Set bits.  @return those that were not set before */
static unsigned set_bits(_Atomic apr_uint64_t *place, apr_uint64_t id,
                         unsigned bits)
{
    apr_uint64_t was = atomic_load_explicit(place, memory_order_relaxed);
    apr_uint64_t kept;
    unsigned added;

    do {
        kept = was >> STEPS_ID_SHIFT == id ? was : id << STEPS_ID_SHIFT;
        added = bits & ~(unsigned)(kept & STEPS_BITS_MASK);
        if (!added) {
            return 0;
        }
        /* Release: what was stored before is seen with them. */
    } while (!atomic_compare_exchange_weak_explicit(
        place, &was, kept | bits, memory_order_acq_rel, memory_order_relaxed));
    return added;
}

int wheel_request_steps_ask(wheel_request_slots_t *slots, unsigned n,
                            apr_uint64_t id, wheel_step_e step)
{
    slots_slot_t *slot = &slots->slots[n];

    if (!wheel_request_slots_is(slots, n, id)) {
        return 0;
    }
    /* A second one changes nothing. */
    if (step == WHEEL_STEP_DRAIN &&
        !(bits_of(&slot->asked, id) & WHEEL_STEP_BIT(step))) {
        atomic_store_explicit(&slot->drain_usec, wheel_clock_usec(),
                              memory_order_relaxed);
    }
    set_bits(&slot->asked, id, WHEEL_STEP_BIT(step));
    return wheel_request_slots_is(slots, n, id);
}

void wheel_request_steps_taken(wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id, wheel_step_e step)
{
    if (set_bits(&slots->slots[n].taken, id, WHEEL_STEP_BIT(step))) {
        atomic_fetch_add_explicit(&slots->counts->steps[step], 1,
                                  memory_order_relaxed);
    }
}

void wheel_request_steps_logged(wheel_request_slots_t *slots, unsigned n,
                                apr_uint64_t id, wheel_step_e step)
{
    set_bits(&slots->slots[n].logged, id, WHEEL_STEP_BIT(step));
}

unsigned wheel_request_steps_unlogged(wheel_request_slots_t *slots, unsigned n,
                                      apr_uint64_t id)
{
    slots_slot_t *slot = &slots->slots[n];

    return set_bits(&slot->logged, id, bits_of(&slot->taken, id));
}

void wheel_request_steps_counts(const wheel_request_slots_t *slots,
                                apr_uint64_t taken[WHEEL_STEP_COUNT])
{
    unsigned n;

    for (n = 0; n < WHEEL_STEP_COUNT; n++) {
        taken[n] = atomic_load_explicit(&slots->counts->steps[n],
                                        memory_order_relaxed);
    }
}

void wheel_request_steps_copy(const wheel_request_slots_t *slots, unsigned n,
                              apr_int64_t now_usec, wheel_request_t *request)
{
    const slots_slot_t *slot = &slots->slots[n];
    apr_int64_t drain;

    request->asked = bits_of(&slot->asked, request->id);
    request->drained = -1;
    if (request->asked & WHEEL_STEP_BIT(WHEEL_STEP_DRAIN)) {
        drain = atomic_load_explicit(&slot->drain_usec, memory_order_relaxed);
        request->drained = drain > 0 && drain < now_usec ? now_usec - drain : 0;
    }
}

/* --- Cool down ----------------------------------------------------------- */

void wheel_request_slots_cool(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t id)
{
    atomic_store_explicit(&slots->slots[n].cooled_id, id, memory_order_relaxed);
    /* Between the store here and a load of the word; in the owner, between the
     * store of the word and the load here: one of both sees the other. */
    atomic_thread_fence(memory_order_seq_cst);
}

void wheel_request_slots_warm(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t id)
{
    atomic_compare_exchange_strong_explicit(&slots->slots[n].cooled_id, &id, 0,
                                            memory_order_release,
                                            memory_order_relaxed);
}

int wheel_request_slots_cooled(const wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id)
{
    atomic_thread_fence(memory_order_seq_cst);
    return atomic_load_explicit(&slots->slots[n].cooled_id,
                                memory_order_relaxed) == id;
}
