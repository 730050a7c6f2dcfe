/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_where.c: where requests are stuck, in the shared slots.
 *
 * Each text has one writer at a time.  Readers copy it word by word and check
 * before and after whose it is.
 */
#include "core/request_where.h"

#include <string.h>

#include "core/request_private.h"

/* Words that belong to the request whose id is beside them. */
typedef struct words_t {
    _Atomic apr_uint64_t *id;
    _Atomic apr_uint64_t *words;
    size_t bytes;
} words_t;

static words_t where_of(const wheel_request_slots_t *slots, unsigned n)
{
    slots_slot_t *slot = &slots->slots[n];
    words_t words = {&slot->where_id, slot->where, sizeof(slot->where)};

    return words;
}

static words_t trace_of(const wheel_request_slots_t *slots, unsigned n)
{
    slots_slot_t *slot = &slots->slots[n];
    words_t words = {&slot->trace_id, slot->trace, sizeof(slot->trace)};

    return words;
}

/* Nobody's while it is written. */
static void write_words(words_t to, apr_uint64_t id, const void *from)
{
    const apr_uint64_t *word = from;
    size_t n;

    atomic_store_explicit(to.id, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (n = 0; n < to.bytes / sizeof(*word); n++) {
        atomic_store_explicit(&to.words[n], word[n], memory_order_relaxed);
    }
    /* Release: whoever sees the id sees the words. */
    atomic_store_explicit(to.id, id, memory_order_release);
}

static int read_words(words_t from, apr_uint64_t id, void *to)
{
    apr_uint64_t *word = to;
    size_t n;

    if (atomic_load_explicit(from.id, memory_order_acquire) != id) {
        return 0;
    }
    for (n = 0; n < from.bytes / sizeof(*word); n++) {
        word[n] = atomic_load_explicit(&from.words[n], memory_order_relaxed);
    }
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(from.id, memory_order_relaxed) == id;
}

static void check_text(char *text, size_t text_bytes)
{
    text[text_bytes - 1] = '\0';
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

void wheel_request_where_set(wheel_request_slots_t *slots, unsigned n,
                             apr_uint64_t id,
                             const wheel_request_where_t *where)
{
    write_words(where_of(slots, n), id, where);
}

int wheel_request_where_get(const wheel_request_slots_t *slots, unsigned n,
                            apr_uint64_t id, wheel_request_where_t *where)
{
    if (!read_words(where_of(slots, n), id, where)) {
        return 0;
    }
    if (where->cpu_msec < -1 || where->cpu_msec > 1000000) {
        where->cpu_msec = -1;
    }
    check_text(where->state, 2);
    check_text(where->waits_for, sizeof(where->waits_for));
    return 1;
}

void wheel_request_trace_want(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t id)
{
    atomic_store_explicit(&slots->slots[n].trace_wanted_id, id,
                          memory_order_relaxed);
}

int wheel_request_trace_wanted_in(const wheel_request_slots_t *slots,
                                  unsigned n, apr_uint64_t id)
{
    return atomic_load_explicit(&slots->slots[n].trace_wanted_id,
                                memory_order_relaxed) == id;
}

void wheel_request_trace_set(wheel_request_slots_t *slots, unsigned n,
                             apr_uint64_t id, const char *text)
{
    apr_uint64_t copy[WHEEL_REQUEST_TRACE_BYTES / sizeof(apr_uint64_t)] = {0};

    wheel_request_text((char *)copy, sizeof(copy), text);
    write_words(trace_of(slots, n), id, copy);
    wheel_request_trace_want(slots, n, 0);
}

int wheel_request_trace_get(const wheel_request_slots_t *slots, unsigned n,
                            apr_uint64_t id, char *text)
{
    apr_uint64_t copy[WHEEL_REQUEST_TRACE_BYTES / sizeof(apr_uint64_t)];

    if (!read_words(trace_of(slots, n), id, copy)) {
        return 0;
    }
    memcpy(text, copy, sizeof(copy));
    check_text(text, sizeof(copy));
    return 1;
}
