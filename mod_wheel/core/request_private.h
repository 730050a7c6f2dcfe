/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_private.h: the structs of the shared segment of requests.
 *
 * For core/request_*.c and their tests alone.  request_layout.c has a hash of
 * every member.  The segment is hostile, as that of core/table_private.h is:
 * sizes are those of wheel_request_slots_t, in private memory, and what is
 * copied is checked before it is used.
 */
#ifndef WHEEL_CORE_REQUEST_PRIVATE_H
#define WHEEL_CORE_REQUEST_PRIVATE_H

#include "core/request_slots.h"
#include "core/request_where.h"

#include <stdalign.h>
#include <stdatomic.h>

#include "apr_shm.h"

#define SLOTS_LINE_BYTES 64

/* Facts are copied word by word, so that a copy which a writer overtakes is
 * torn but never a data race. */
#define FACTS_WORDS (sizeof(wheel_request_facts_t) / sizeof(apr_uint64_t))
#define WHERE_WORDS (sizeof(wheel_request_where_t) / sizeof(apr_uint64_t))
#define TRACE_WORDS (WHEEL_REQUEST_TRACE_BYTES / sizeof(apr_uint64_t))

/* With a lock, it would be one of each process. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics take no lock");
_Static_assert(sizeof(wheel_request_facts_t) % sizeof(apr_uint64_t) == 0,
               "facts are whole words");
_Static_assert(sizeof(wheel_request_where_t) % sizeof(apr_uint64_t) == 0,
               "where a request is stuck is whole words");

#define SCRIPT_WORDS (WHEEL_REQUEST_SCRIPT_BYTES / sizeof(apr_uint64_t))

/*   line 1 | word, owner, steps             <- the thread and stoppers
 *   line 2 | what it does, bytes            <- the thread, while it runs
 *   line 3 | its script                     <- the thread, for PHP-FPM
 *          | what that has used             <- the helper
 *   line n | facts                          <- the thread, before it runs
 *   line m | where it is stuck              <- the helper; the trace of its
 *          |                                   script, the thread
 */
typedef struct slots_slot_t {
    alignas(SLOTS_LINE_BYTES) _Atomic apr_uint64_t word; /* 0: idle */
    _Atomic apr_uint64_t owner; /* pid above, tid below; 0: free */
    _Atomic apr_int64_t marked_usec;
    /* Ids with steps: core/request_steps.h. */
    _Atomic apr_uint64_t asked;
    _Atomic apr_uint64_t taken;
    _Atomic apr_uint64_t logged;
    _Atomic apr_int64_t drain_usec; /* when a drain was asked for */

    alignas(SLOTS_LINE_BYTES) _Atomic apr_uint32_t doing;
    _Atomic apr_uint32_t kind;
    _Atomic apr_uint64_t cooled_id; /* which request is cooled down */
    _Atomic apr_uint64_t sent_bytes;
    _Atomic apr_uint64_t cpu_began_id; /* for which request the next is */
    _Atomic apr_int64_t cpu_began_usec;
    _Atomic apr_uint32_t has_processes; /* some may work for it */

    alignas(SLOTS_LINE_BYTES) _Atomic apr_uint64_t script_id; /* whose it is */
    _Atomic apr_uint64_t script_query;                        /* a hash */
    _Atomic apr_uint64_t script[SCRIPT_WORDS];
    _Atomic apr_uint64_t worker_id; /* for which request the next is */
    _Atomic apr_int64_t worker_usec;

    alignas(SLOTS_LINE_BYTES) _Atomic apr_uint64_t facts[FACTS_WORDS];

    /* Each with the request that it is of. */
    alignas(SLOTS_LINE_BYTES) _Atomic apr_uint64_t where_id;
    _Atomic apr_uint64_t where[WHERE_WORDS];
    _Atomic apr_uint64_t trace_wanted_id;
    _Atomic apr_uint64_t trace_id;
    _Atomic apr_uint64_t trace[TRACE_WORDS];
} slots_slot_t;

/* Stands before the slots. */
typedef struct slots_counts_t {
    alignas(SLOTS_LINE_BYTES) _Atomic apr_uint64_t marked[WHEEL_MARK_COUNT];
    _Atomic apr_uint64_t logged[WHEEL_MARK_COUNT];
    _Atomic apr_uint64_t steps[WHEEL_STEP_COUNT];
    _Atomic apr_uint64_t left[WHEEL_REQUESTS_LEFT_MAX];
    _Atomic pid_t frozen;
} slots_counts_t;

/* In private memory. */
struct wheel_request_slots_t {
    slots_counts_t *counts;
    slots_slot_t *slots;
    unsigned slots_max;
    int wake_fds[2]; /* sockets: the helper waits for the first, others write
                      * to the second; -1: none */
    apr_shm_t *shm;
};

/* --- The words ------------------------------------------------------------ */

/* The word: the mark in its lowest four bits, the step above, then the id. */
#define WORD_ID_SHIFT 8
#define WORD_STEP_SHIFT 4
#define WORD_BITS_MASK ((apr_uint64_t)0xf)

static inline pid_t slots_owner_pid(apr_uint64_t owner)
{
    return (pid_t)(owner >> 32);
}

static inline apr_uint64_t slots_word_id(apr_uint64_t word)
{
    return word >> WORD_ID_SHIFT;
}

static inline wheel_mark_e slots_word_mark(apr_uint64_t word)
{
    apr_uint64_t mark = word & WORD_BITS_MASK;

    return mark < WHEEL_MARK_COUNT ? (wheel_mark_e)mark : WHEEL_MARK_STOP;
}

/* A mark alone refuses. */
static inline wheel_step_e slots_word_step(apr_uint64_t word)
{
    apr_uint64_t step = word >> WORD_STEP_SHIFT & WORD_BITS_MASK;

    if (slots_word_mark(word) == WHEEL_MARK_NONE) {
        return WHEEL_STEP_NONE;
    }
    return step > WHEEL_STEP_REFUSE && step < WHEEL_STEP_COUNT
               ? (wheel_step_e)step
               : WHEEL_STEP_REFUSE;
}

/* --- What the files of the segment share ---------------------------------- */

/** Make what wakes the helper. */
void slots_wake_open(wheel_request_slots_t *slots);

#endif /* WHEEL_CORE_REQUEST_PRIVATE_H */
