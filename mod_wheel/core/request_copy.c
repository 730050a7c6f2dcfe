/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_copy.c: a consistent copy of what runs in a slot.
 *
 * Any process may have written into the slot, so a copy is checked before it is
 * used.
 */
#include "core/request_private.h"

#include <string.h>

#include "core/request_steps.h"
#include "core/table.h"

/* Larger times and counts are lies. */
#define SLOTS_TIME_MAX ((apr_int64_t)1 << 53)

static void load_facts(const slots_slot_t *slot, wheel_request_facts_t *facts)
{
    apr_uint64_t words[FACTS_WORDS] = {0};
    size_t at;

    for (at = 0; at < FACTS_WORDS; at++) {
        words[at] =
            atomic_load_explicit(&slot->facts[at], memory_order_relaxed);
    }
    memcpy(facts, words, sizeof(words));
}

static apr_int64_t within(apr_int64_t number, apr_int64_t most)
{
    return number < 0 ? 0 : number < most ? number : most;
}

/* A span of time, or never. */
static apr_int64_t span(apr_int64_t usec)
{
    return usec <= SLOTS_TIME_MAX ? within(usec, SLOTS_TIME_MAX) : INT64_MAX;
}

static apr_uint32_t action(apr_uint32_t number)
{
    return number < WHEEL_ACTION_COUNT ? number : WHEEL_ACTION_STOP;
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

/* What another process may have written: within its bounds, so that sums of
 * times don't overflow, and no text holds what a log or a terminal takes for a
 * command.  A path is any bytes, as its client has sent them. */
static void check_facts(wheel_request_facts_t *facts)
{
    facts->started = within(facts->started, SLOTS_TIME_MAX);
    facts->began_usec = within(facts->began_usec, SLOTS_TIME_MAX);
    if (facts->began_cpu_usec != -1) {
        facts->began_cpu_usec = within(facts->began_cpu_usec, SLOTS_TIME_MAX);
    }
    facts->slow = span(facts->slow);
    facts->log_after = span(facts->log_after);
    facts->wait_max = span(facts->wait_max);
    facts->cpu_max = span(facts->cpu_max);
    facts->interrupt_after = span(facts->interrupt_after);
    facts->cut_after = span(facts->cut_after);
    facts->cooldown_after = span(facts->cooldown_after);
    facts->drain_after = span(facts->drain_after);
    facts->generation = facts->generation < 0 ? 0 : facts->generation;
    facts->client_fd = facts->client_fd < -1 ? -1 : facts->client_fd;
    facts->wait_action = action(facts->wait_action);
    facts->cpu_action = action(facts->cpu_action);
    check_text(facts->method, sizeof(facts->method));
    check_text(facts->host, sizeof(facts->host));
    check_text(facts->client, sizeof(facts->client));
    check_text(facts->handler, sizeof(facts->handler));
    facts->path[sizeof(facts->path) - 1] = '\0';
}

/* Copy what isn't covered by the id. */
static void copy_rest(const wheel_request_slots_t *slots, unsigned n,
                      apr_int64_t now_usec, wheel_request_t *request)
{
    const slots_slot_t *slot = &slots->slots[n];
    apr_uint64_t owner =
        atomic_load_explicit(&slot->owner, memory_order_relaxed);
    apr_uint32_t kind = atomic_load_explicit(&slot->kind, memory_order_relaxed);
    apr_int64_t marked =
        atomic_load_explicit(&slot->marked_usec, memory_order_relaxed);
    apr_uint32_t doing =
        atomic_load_explicit(&slot->doing, memory_order_relaxed);

    request->pid = (pid_t)within(slots_owner_pid(owner), INT32_MAX);
    request->tid = (pid_t)within((pid_t)(owner & 0xffffffffu), INT32_MAX);
    request->doing =
        doing < WHEEL_DOING_COUNT ? (wheel_doing_e)doing : WHEEL_DOING_HANDLER;
    request->kind =
        kind < WHEEL_KIND_COUNT ? (wheel_kind_e)kind : WHEEL_KIND_OTHER;
    request->sent_bytes =
        (apr_uint64_t)within((apr_int64_t)atomic_load_explicit(
                                 &slot->sent_bytes, memory_order_relaxed),
                             SLOTS_TIME_MAX);
    /* Acquire: the time is that of this id, or of a later one. */
    if (request->facts.began_cpu_usec == -1 &&
        atomic_load_explicit(&slot->cpu_began_id, memory_order_acquire) ==
            request->id) {
        request->facts.began_cpu_usec =
            atomic_load_explicit(&slot->cpu_began_usec, memory_order_relaxed);
    }
    wheel_request_steps_copy(slots, n, now_usec, request);
    request->cooled = atomic_load_explicit(&slot->cooled_id,
                                           memory_order_relaxed) == request->id;
    request->marked = -1;
    if (request->mark != WHEEL_MARK_NONE) {
        request->marked =
            marked > 0 && marked < now_usec ? now_usec - marked : 0;
    }
}

int wheel_request_slots_copy(const wheel_request_slots_t *slots, unsigned n,
                             apr_int64_t now_usec, wheel_request_t *request)
{
    const slots_slot_t *slot = &slots->slots[n];
    apr_uint64_t word;

    /* Acquire: the facts are those of this id, or of a later one. */
    word = atomic_load_explicit(&slot->word, memory_order_acquire);
    if (!slots_word_id(word) || slots_word_id(word) > WHEEL_ID_MAX) {
        return 0;
    }
    memset(request, 0, sizeof(*request));
    load_facts(slot, &request->facts);
    request->id = slots_word_id(word);
    request->slot = n;
    request->mark = slots_word_mark(word);
    request->step = slots_word_step(word);
    copy_rest(slots, n, now_usec, request);
    wheel_request_slots_copy_work(slots, n, request);
    /* The loads above come before the one that shows whose they are. */
    atomic_thread_fence(memory_order_acquire);
    if (slots_word_id(atomic_load_explicit(
            &slot->word, memory_order_relaxed)) != request->id) {
        return 0;
    }
    check_facts(&request->facts);
    /* Below zero: a coarse clock, or a lie. */
    request->elapsed =
        within(now_usec - request->facts.began_usec, SLOTS_TIME_MAX);
    return 1;
}
