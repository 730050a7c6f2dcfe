/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_slots.c: the requests of all worker threads, in shared memory.
 *
 * Worker threads write their own slots; any process marks and copies them; the
 * parent takes back those of dead children.
 */
#include "core/request_private.h"

#include <signal.h>
#include <string.h>

#include "core/platform.h"
#include "core/proc.h"
#include "core/request_steps.h"
#include "core/table.h"

/* The word: the mark in its lowest four bits, the step above, then the id. */
#define WORD_ID_SHIFT 8
#define WORD_STEP_SHIFT 4
#define WORD_BITS_MASK ((apr_uint64_t)0xf)

/* Larger times and counts are lies. */
#define SLOTS_TIME_MAX ((apr_int64_t)1 << 53)

/* The owner of a slot that is being freed. */
#define OWNER_NOBODY (~(apr_uint64_t)0)

static const char *const mark_names[WHEEL_MARK_COUNT] = {
    [WHEEL_MARK_NONE] = "none",         [WHEEL_MARK_STOP] = "stop",
    [WHEEL_MARK_DEADLINE] = "deadline", [WHEEL_MARK_CPU] = "cpu",
    [WHEEL_MARK_GONE] = "gone",
};

static const char *const doing_names[WHEEL_DOING_COUNT] = {
    [WHEEL_DOING_HANDLER] = "handler",
    [WHEEL_DOING_READING] = "reading",
    [WHEEL_DOING_WAITING] = "waiting",
    [WHEEL_DOING_SENDING] = "sending",
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

const char *wheel_doing_name(wheel_doing_e doing)
{
    return doing_names[doing < WHEEL_DOING_COUNT ? doing : WHEEL_DOING_HANDLER];
}

const char *wheel_step_name(wheel_step_e step)
{
    return step_names[step < WHEEL_STEP_COUNT ? step : WHEEL_STEP_NONE];
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

static pid_t owner_pid(apr_uint64_t owner)
{
    return (pid_t)(owner >> 32);
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

        if (owner && owner_pid(owner) == pid) {
            take_back(&slots->slots[n], owner);
        }
    }
}

void wheel_request_slots_sweep(wheel_request_slots_t *slots)
{
    pid_t alive = 0; /* the threads of one process have many slots */
    unsigned n;

    for (n = 0; n < slots->slots_max; n++) {
        apr_uint64_t owner =
            atomic_load_explicit(&slots->slots[n].owner, memory_order_relaxed);
        wheel_proc_t proc = {owner_pid(owner), 0};

        if (!owner || (alive && proc.pid == alive)) {
            continue;
        }
        if (proc.pid <= 0 || wheel_proc_dead(&proc)) {
            take_back(&slots->slots[n], owner);
            continue;
        }
        alive = proc.pid;
    }
}

/* --- Requests ------------------------------------------------------------ */

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

void wheel_request_slots_begin(wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id, wheel_mark_e mark,
                               const wheel_request_facts_t *facts)
{
    slots_slot_t *slot = &slots->slots[n];
    size_t at;

    /* Whoever copies these facts sees, after them, that the word has gone. */
    atomic_thread_fence(memory_order_release);
    for (at = 0; at < FACTS_WORDS; at++) {
        apr_uint64_t word;

        memcpy(&word, (const char *)facts + at * sizeof(word), sizeof(word));
        atomic_store_explicit(&slot->facts[at], word, memory_order_relaxed);
    }
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

static apr_uint64_t word_id(apr_uint64_t word)
{
    return word >> WORD_ID_SHIFT;
}

static wheel_mark_e word_mark(apr_uint64_t word)
{
    apr_uint64_t mark = word & WORD_BITS_MASK;

    return mark < WHEEL_MARK_COUNT ? (wheel_mark_e)mark : WHEEL_MARK_STOP;
}

/* A mark alone refuses. */
static wheel_step_e word_step(apr_uint64_t word)
{
    apr_uint64_t step = word >> WORD_STEP_SHIFT & WORD_BITS_MASK;

    if (word_mark(word) == WHEEL_MARK_NONE) {
        return WHEEL_STEP_NONE;
    }
    return step > WHEEL_STEP_REFUSE && step < WHEEL_STEP_COUNT
               ? (wheel_step_e)step
               : WHEEL_STEP_REFUSE;
}

apr_uint64_t wheel_request_slots_take_out(wheel_request_slots_t *slots,
                                          unsigned n, wheel_mark_e *mark)
{
    apr_uint64_t word = atomic_exchange_explicit(&slots->slots[n].word, 0,
                                                 memory_order_acq_rel);

    *mark = word_mark(word);
    return word;
}

wheel_mark_e wheel_request_slots_end(wheel_request_slots_t *slots, unsigned n)
{
    wheel_mark_e mark;

    wheel_request_slots_take_out(slots, n, &mark);
    return mark;
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
    return word_mark(load_word(slots, n));
}

wheel_step_e wheel_request_slots_step(const wheel_request_slots_t *slots,
                                      unsigned n)
{
    return word_step(load_word(slots, n));
}

int wheel_request_slots_is(const wheel_request_slots_t *slots, unsigned n,
                           apr_uint64_t id)
{
    return n < slots->slots_max && word_id(load_word(slots, n)) == id;
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

int wheel_request_slots_interrupt(wheel_request_slots_t *slots, unsigned n,
                                  apr_uint64_t id, wheel_step_e step)
{
    slots_slot_t *slot = &slots->slots[n];
    apr_uint64_t word = load_word(slots, n);
    pid_t pid;

    do {
        if (word_id(word) != id || word_mark(word) == WHEEL_MARK_NONE) {
            return 0;
        }
        if (word_step(word) >= step) {
            break;
        }
    } while (!atomic_compare_exchange_weak_explicit(
        &slot->word, &word,
        (word & ~(WORD_BITS_MASK << WORD_STEP_SHIFT)) | (apr_uint64_t)step
                                                            << WORD_STEP_SHIFT,
        memory_order_seq_cst, memory_order_seq_cst));
    pid = owner_pid(atomic_load_explicit(&slot->owner, memory_order_relaxed));
    if (pid > 1) {
        kill(pid, SIGURG);
    }
    wheel_request_steps_taken(slots, n, id, WHEEL_STEP_INTERRUPT);
    if (step == WHEEL_STEP_DRAIN) {
        wheel_request_steps_taken(slots, n, id, WHEEL_STEP_DRAIN);
    }
    return 1;
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

void wheel_request_slots_doing(wheel_request_slots_t *slots, unsigned n,
                               wheel_doing_e doing)
{
    atomic_store_explicit(&slots->slots[n].doing, doing, memory_order_relaxed);
}

void wheel_request_slots_sent(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t bytes)
{
    slots_slot_t *slot = &slots->slots[n];

    /* Its owner alone writes it. */
    atomic_store_explicit(
        &slot->sent_bytes,
        atomic_load_explicit(&slot->sent_bytes, memory_order_relaxed) + bytes,
        memory_order_relaxed);
}

void wheel_request_slots_kind(wheel_request_slots_t *slots, unsigned n,
                              wheel_kind_e kind)
{
    atomic_store_explicit(&slots->slots[n].kind, kind, memory_order_relaxed);
}

/* --- Copies -------------------------------------------------------------- */

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

    request->pid = (pid_t)within(owner_pid(owner), INT32_MAX);
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
    if (!word_id(word) || word_id(word) > WHEEL_ID_MAX) {
        return 0;
    }
    memset(request, 0, sizeof(*request));
    load_facts(slot, &request->facts);
    request->id = word_id(word);
    request->slot = n;
    request->mark = word_mark(word);
    request->step = word_step(word);
    copy_rest(slots, n, now_usec, request);
    wheel_request_slots_copy_work(slots, n, request);
    /* The loads above come before the one that shows whose they are. */
    atomic_thread_fence(memory_order_acquire);
    if (word_id(atomic_load_explicit(&slot->word, memory_order_relaxed)) !=
        request->id) {
        return 0;
    }
    check_facts(&request->facts);
    /* Below zero: a coarse clock, or a lie. */
    request->elapsed =
        within(now_usec - request->facts.began_usec, SLOTS_TIME_MAX);
    return 1;
}

void wheel_request_text(char *field, size_t field_bytes, const char *text)
{
    size_t bytes = text ? strnlen(text, field_bytes - 1) : 0;

    if (bytes) {
        memcpy(field, text, bytes);
    }
    field[bytes] = '\0';
}
