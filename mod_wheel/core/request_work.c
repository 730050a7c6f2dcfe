/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_work.c: what works for a request besides its thread: processes,
 * or a worker of PHP-FPM.
 *
 * The thread that runs it and the helper write here; any process reads.
 */
#include "core/request_private.h"

#include <string.h>

/* More than any request has used, and no overflow when it is added to others.
 */
#define WORK_USEC_MAX ((apr_int64_t)1 << 53)

/* What PHP-FPM shows of a query string. */
#define WORK_QUERY_BYTES 511

void wheel_request_slots_has_processes(wheel_request_slots_t *slots, unsigned n)
{
    atomic_store_explicit(&slots->slots[n].has_processes, 1,
                          memory_order_relaxed);
}

/* Bytes of the character that a text begins with, as UTF-8; 0 if it begins with
 * none. */
static size_t character_bytes(const unsigned char *text, size_t max)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second one */
        size_t bytes;
    } forms[] = {
        {0x01, 0x7f, 0, 0xff, 1},    {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t form = 0;
    size_t n;

    while (form < sizeof(forms) / sizeof(*forms) &&
           (*text < forms[form].first || *text > forms[form].last)) {
        form++;
    }
    if (form == sizeof(forms) / sizeof(*forms) || forms[form].bytes > max) {
        return 0;
    }
    for (n = 1; n < forms[form].bytes; n++) {
        if (text[n] < (n == 1 ? forms[form].low : 0x80) ||
            text[n] > (n == 1 ? forms[form].high : 0xbf)) {
            return 0;
        }
    }
    return forms[form].bytes;
}

/* What PHP-FPM shows of a text: its JSON leaves out what is not UTF-8.
 * @param shown room for max bytes
 * @return how many there are */
static size_t show(char *shown, const char *text, size_t max)
{
    size_t length = strnlen(text, max);
    size_t used = 0;
    size_t at = 0;

    while (at < length) {
        size_t bytes =
            character_bytes((const unsigned char *)text + at, length - at);

        memcpy(shown + used, text + at, bytes);
        used += bytes;
        at += bytes ? bytes : 1;
    }
    return used;
}

void wheel_request_slots_script(wheel_request_slots_t *slots, unsigned n,
                                apr_uint64_t id, const char *path,
                                apr_uint64_t query)
{
    slots_slot_t *slot = &slots->slots[n];
    apr_uint64_t words[SCRIPT_WORDS] = {0};
    size_t at;

    /* A script that is cut off would be taken for another one. */
    if (strlen(path) < sizeof(words)) {
        show((char *)words, path, sizeof(words));
    }
    atomic_store_explicit(&slot->script_id, 0, memory_order_relaxed);
    /* Release: who copies a part of the new script sees that it has gone. */
    atomic_thread_fence(memory_order_release);
    for (at = 0; at < SCRIPT_WORDS; at++) {
        atomic_store_explicit(&slot->script[at], words[at],
                              memory_order_relaxed);
    }
    atomic_store_explicit(&slot->script_query, query, memory_order_relaxed);
    /* Release: whoever sees the id sees the script. */
    atomic_store_explicit(&slot->script_id, id, memory_order_release);
}

/* FNV-1a. */
apr_uint64_t wheel_request_query_hash(const char *query)
{
    apr_uint64_t hash = 14695981039346656037u;
    char shown[WORK_QUERY_BYTES];
    size_t length = query ? show(shown, query, sizeof(shown)) : 0;
    size_t n;

    for (n = 0; n < length; n++) {
        hash = (hash ^ (unsigned char)shown[n]) * 1099511628211u;
    }
    return hash;
}

void wheel_request_slots_worker(wheel_request_slots_t *slots, unsigned n,
                                apr_uint64_t id, apr_int64_t usec)
{
    slots_slot_t *slot = &slots->slots[n];

    atomic_store_explicit(&slot->worker_usec, usec, memory_order_relaxed);
    /* Release: whoever sees the id sees the time. */
    atomic_store_explicit(&slot->worker_id, id, memory_order_release);
}

static void copy_script(const slots_slot_t *slot, wheel_request_t *request)
{
    apr_uint64_t words[SCRIPT_WORDS];
    size_t at;

    /* Acquire: the script is that of this id, or of a later one. */
    if (atomic_load_explicit(&slot->script_id, memory_order_acquire) !=
        request->id) {
        return;
    }
    for (at = 0; at < SCRIPT_WORDS; at++) {
        words[at] =
            atomic_load_explicit(&slot->script[at], memory_order_relaxed);
    }
    request->script_query =
        atomic_load_explicit(&slot->script_query, memory_order_relaxed);
    /* The loads above come before the one that shows whose they are. */
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->script_id, memory_order_relaxed) ==
        request->id) {
        memcpy(request->script, words, sizeof(words));
        request->script[sizeof(request->script) - 1] = '\0';
    }
}

void wheel_request_slots_copy_work(const wheel_request_slots_t *slots,
                                   unsigned n, wheel_request_t *request)
{
    const slots_slot_t *slot = &slots->slots[n];
    apr_int64_t usec;

    request->has_processes =
        atomic_load_explicit(&slot->has_processes, memory_order_relaxed) != 0;
    copy_script(slot, request);
    /* Acquire: the time is that of this id, or of a later one. */
    if (atomic_load_explicit(&slot->worker_id, memory_order_acquire) ==
        request->id) {
        usec = atomic_load_explicit(&slot->worker_usec, memory_order_relaxed);
        request->worker_usec = usec > 0 && usec < WORK_USEC_MAX ? usec : 0;
    }
}

void wheel_request_slots_leave_processes(wheel_request_slots_t *slots,
                                         apr_uint64_t id)
{
    unsigned n;

    for (n = 0; n < WHEEL_REQUESTS_LEFT_MAX; n++) {
        apr_uint64_t nobody = 0;

        if (atomic_compare_exchange_strong_explicit(
                &slots->counts->left[n], &nobody, id, memory_order_relaxed,
                memory_order_relaxed)) {
            wheel_request_slots_wake(slots);
            return;
        }
    }
}

apr_uint64_t wheel_request_slots_left(const wheel_request_slots_t *slots,
                                      unsigned n)
{
    return n < WHEEL_REQUESTS_LEFT_MAX
               ? atomic_load_explicit(&slots->counts->left[n],
                                      memory_order_relaxed)
               : 0;
}

void wheel_request_slots_left_none(wheel_request_slots_t *slots, unsigned n,
                                   apr_uint64_t id)
{
    if (n < WHEEL_REQUESTS_LEFT_MAX) {
        atomic_compare_exchange_strong_explicit(&slots->counts->left[n], &id, 0,
                                                memory_order_relaxed,
                                                memory_order_relaxed);
    }
}

pid_t wheel_request_slots_freeze(wheel_request_slots_t *slots, pid_t pid)
{
    return atomic_exchange_explicit(&slots->counts->frozen, pid,
                                    memory_order_relaxed);
}
