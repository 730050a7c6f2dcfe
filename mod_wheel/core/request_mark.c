/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_mark.c: marks of requests that are to end, and the steps of a
 * stop that follow.
 *
 * Any process marks a request; its thread sees that by a single load.
 */
#include "core/request_private.h"

#include <signal.h>

#include "core/proc.h"
#include "core/request_steps.h"

static const char *const mark_names[WHEEL_MARK_COUNT] = {
    [WHEEL_MARK_NONE] = "none",         [WHEEL_MARK_STOP] = "stop",
    [WHEEL_MARK_DEADLINE] = "deadline", [WHEEL_MARK_CPU] = "cpu",
    [WHEEL_MARK_GONE] = "gone",
};

static const char *const step_names[WHEEL_STEP_COUNT] = {
    [WHEEL_STEP_NONE] = "none",           [WHEEL_STEP_REFUSE] = "refuse",
    [WHEEL_STEP_INTERRUPT] = "interrupt", [WHEEL_STEP_CUT] = "cut",
    [WHEEL_STEP_FORCE] = "force",         [WHEEL_STEP_COOLDOWN] = "cooldown",
    [WHEEL_STEP_DRAIN] = "drain",
};

const char *wheel_mark_name(wheel_mark_e mark)
{
    return mark_names[mark < WHEEL_MARK_COUNT ? mark : WHEEL_MARK_NONE];
}

const char *wheel_step_name(wheel_step_e step)
{
    return step_names[step < WHEEL_STEP_COUNT ? step : WHEEL_STEP_NONE];
}

/* Sequential consistency: a thread that is about to wait stores where it
 * waits, then loads the word; a stop changes the word, then looks where the
 * thread waits.  One of them sees the other. */
static apr_uint64_t load_word(const wheel_request_slots_t *slots, unsigned n)
{
    return atomic_load_explicit(&slots->slots[n].word, memory_order_seq_cst);
}

wheel_mark_e wheel_request_slots_marked(const wheel_request_slots_t *slots,
                                        unsigned n)
{
    return slots_word_mark(load_word(slots, n));
}

wheel_step_e wheel_request_slots_step(const wheel_request_slots_t *slots,
                                      unsigned n)
{
    return slots_word_step(load_word(slots, n));
}

int wheel_request_slots_is(const wheel_request_slots_t *slots, unsigned n,
                           apr_uint64_t id)
{
    return n < slots->slots_max && slots_word_id(load_word(slots, n)) == id;
}

static int set_mark(slots_slot_t *slot, apr_uint64_t id, wheel_mark_e mark)
{
    apr_uint64_t unmarked = id << WORD_ID_SHIFT;

    if (!id || !atomic_compare_exchange_strong_explicit(
                   &slot->word, &unmarked, unmarked | mark,
                   memory_order_seq_cst, memory_order_relaxed)) {
        return 0;
    }
    /* Should the request have ended by now, the next one shows no time of a
     * mark that it doesn't have. */
    atomic_store_explicit(&slot->marked_usec, wheel_clock_usec(),
                          memory_order_relaxed);
    return 1;
}

int wheel_request_slots_mark(wheel_request_slots_t *slots, unsigned n,
                             apr_uint64_t id, wheel_mark_e mark)
{
    if (!set_mark(&slots->slots[n], id, mark)) {
        return 0;
    }
    atomic_fetch_add_explicit(&slots->counts->marked[mark], 1,
                              memory_order_relaxed);
    wheel_request_steps_taken(slots, n, id, WHEEL_STEP_REFUSE);
    return 1;
}

void wheel_request_slots_logged(wheel_request_slots_t *slots, wheel_mark_e mark)
{
    atomic_fetch_add_explicit(&slots->counts->logged[mark], 1,
                              memory_order_relaxed);
}

void wheel_request_slots_counts(const wheel_request_slots_t *slots,
                                apr_uint64_t marked[WHEEL_MARK_COUNT],
                                apr_uint64_t logged[WHEEL_MARK_COUNT])
{
    unsigned n;

    for (n = 0; n < WHEEL_MARK_COUNT; n++) {
        marked[n] = atomic_load_explicit(&slots->counts->marked[n],
                                         memory_order_relaxed);
        logged[n] = atomic_load_explicit(&slots->counts->logged[n],
                                         memory_order_relaxed);
    }
}

int wheel_request_slots_interrupt(wheel_request_slots_t *slots, unsigned n,
                                  apr_uint64_t id, wheel_step_e step)
{
    slots_slot_t *slot = &slots->slots[n];
    apr_uint64_t word = load_word(slots, n);
    pid_t pid;

    do {
        if (slots_word_id(word) != id ||
            slots_word_mark(word) == WHEEL_MARK_NONE) {
            return 0;
        }
        if (slots_word_step(word) >= step) {
            break;
        }
    } while (!atomic_compare_exchange_weak_explicit(
        &slot->word, &word,
        (word & ~(WORD_BITS_MASK << WORD_STEP_SHIFT)) | (apr_uint64_t)step
                                                            << WORD_STEP_SHIFT,
        memory_order_seq_cst, memory_order_seq_cst));
    pid = slots_owner_pid(
        atomic_load_explicit(&slot->owner, memory_order_relaxed));
    if (pid > 1) {
        kill(pid, SIGURG);
    }
    wheel_request_steps_taken(slots, n, id, WHEEL_STEP_INTERRUPT);
    if (step == WHEEL_STEP_DRAIN) {
        wheel_request_steps_taken(slots, n, id, WHEEL_STEP_DRAIN);
    }
    return 1;
}
