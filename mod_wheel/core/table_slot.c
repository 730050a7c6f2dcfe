/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_slot.c: one slot: its state, its mark, and copies of it.
 *
 * Any process, without the mutex; what a copy needs of it, its caller has.
 */
#include "core/table_private.h"

#include <string.h>

#include "core/proc.h"

/* Copies read what others may write at the same time, and are checked
 * afterwards: ThreadSanitizer is not to report them. */
#define TABLE_RACY __attribute__((no_sanitize_thread))

/* The end of the year 9999, in usec: what can be written as a date. */
#define SLOT_TIME_MAX (253402300799 * APR_USEC_PER_SEC)

void table_copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
    /* What is read from now on may be something else. */
    atomic_signal_fence(memory_order_seq_cst);
}

TABLE_RACY void table_copy_text(char *to, const char *from, size_t bytes)
{
    const volatile char *source = from;
    size_t n;

    for (n = 0; n < bytes - 1; n++) {
        char c = source[n];

        if (!c) {
            break;
        }
        to[n] = c >= ' ' && c < 127 ? c : '?';
    }
    to[n] = '\0';
}

static void check_text(char *text, size_t bytes)
{
    table_copy_text(text, text, bytes);
}

unsigned table_slots_used(const wheel_table_t *table)
{
    /* Acquire: the semaphores of these slots have been set up. */
    unsigned used =
        atomic_load_explicit(&table->header->slots_used, memory_order_acquire);

    return used < table->slots_max ? used : table->slots_max;
}

int table_mark_state(table_slot_t *slot, apr_uint64_t state, wheel_end_e end,
                     apr_int64_t now_usec)
{
    apr_uint64_t marked = table_state_id(state) << TABLE_END_BITS | end;

    if (!atomic_compare_exchange_strong_explicit(&slot->state, &state, marked,
                                                 memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        return 0;
    }
    TABLE_STEP();
    atomic_store_explicit(&slot->marked_usec, now_usec, memory_order_relaxed);
    return 1;
}

wheel_end_e table_mark(table_slot_t *slot, wheel_end_e end,
                       apr_int64_t now_usec)
{
    apr_uint64_t state = table_state(slot);

    if (table_state_end(state) == WHEEL_END_NONE &&
        table_mark_state(slot, state, end, now_usec)) {
        return end;
    }
    /* Nobody claims it meanwhile: the one other change is a mark. */
    return table_state_end(table_state(slot));
}

/* Not negative, whatever stands there: clocks of two kinds may run a tick
 * apart. */
static apr_int64_t usec_since(apr_int64_t then_usec, apr_int64_t now_usec)
{
    return then_usec > 0 && then_usec < now_usec ? now_usec - then_usec : 0;
}

TABLE_RACY apr_interval_time_t table_elapsed(const table_slot_t *slot,
                                             apr_int64_t now_usec)
{
    return usec_since(((const volatile table_slot_t *)slot)->started_usec,
                      now_usec);
}

static apr_int64_t within(apr_int64_t value, apr_int64_t min, apr_int64_t max)
{
    return value < min || value > max ? min : value;
}

static void copy_times(const table_slot_t *slot, apr_int64_t now_usec,
                       wheel_record_t *record)
{
    apr_int64_t marked =
        atomic_load_explicit(&slot->marked_usec, memory_order_relaxed);
    apr_int64_t polled =
        atomic_load_explicit(&slot->polled_usec, memory_order_relaxed);

    record->marked = -1;
    if (record->end != WHEEL_END_NONE) {
        /* Whoever has marked it this moment has yet to write when. */
        record->marked = usec_since(marked, now_usec);
    }
    record->polled = polled ? usec_since(polled, now_usec) : -1;
    record->polled_cpu = within(
        atomic_load_explicit(&slot->polled_cpu_usec, memory_order_relaxed), 0,
        SLOT_TIME_MAX);
}

TABLE_RACY void table_slot_record(const table_slot_t *slot,
                                  apr_int64_t now_usec, wheel_record_t *record)
{
    const volatile table_slot_t *source = slot;
    apr_uint64_t state = table_state(slot);
    apr_uint64_t progress =
        atomic_load_explicit(&slot->progress, memory_order_relaxed);

    record->id = table_state_id(state) & WHEEL_ID_MAX;
    record->end = table_state_end(state);
    record->owners = table_owners(slot);
    record->pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
    record->tid = atomic_load_explicit(&slot->tid, memory_order_relaxed);
    record->class = (wheel_class_e)within(
        atomic_load_explicit(&slot->class, memory_order_relaxed), 0,
        WHEEL_CLASS_COUNT - 1);
    record->generation =
        atomic_load_explicit(&slot->generation, memory_order_relaxed);
    record->started = within(source->started, 0, SLOT_TIME_MAX);
    record->elapsed = table_elapsed(slot, now_usec);
    record->wait_max = within(source->wait_max, -1, SLOT_TIME_MAX);
    copy_times(slot, now_usec, record);
    record->in_worker =
        atomic_load_explicit(&slot->in_worker, memory_order_relaxed) != 0;
    record->stuck = 0;
    record->done = progress >> 8;
    record->value = progress & 0xff;
    record->load = (unsigned)within(source->load, 0, WHEEL_LOAD_MAX);
    table_copy_text(record->name, slot->name, sizeof(record->name));
    table_copy_text(record->client, slot->client, sizeof(record->client));
    table_copy_text(record->handler, slot->handler, sizeof(record->handler));
}

void table_record_check(wheel_record_t *record)
{
    record->owners = 0;
    if ((unsigned)record->end >= WHEEL_END_COUNT) {
        record->end = WHEEL_END_SHUTDOWN;
    }
    record->started = within(record->started, 0, SLOT_TIME_MAX);
    record->elapsed = within(record->elapsed, 0, SLOT_TIME_MAX);
    record->wait_max = within(record->wait_max, -1, SLOT_TIME_MAX);
    record->marked = within(record->marked, -1, SLOT_TIME_MAX);
    record->polled = within(record->polled, -1, SLOT_TIME_MAX);
    record->polled_cpu = within(record->polled_cpu, 0, SLOT_TIME_MAX);
    record->in_worker = record->in_worker != 0;
    record->class = (wheel_class_e)within((unsigned)record->class, 0,
                                          WHEEL_CLASS_COUNT - 1);
    record->stuck = 0;
    record->id &= WHEEL_ID_MAX;
    record->done &= WHEEL_DONE_MAX;
    record->value &= WHEEL_VALUE_MAX;
    record->load = (unsigned)within(record->load, 0, WHEEL_LOAD_MAX);
    check_text(record->name, sizeof(record->name));
    check_text(record->client, sizeof(record->client));
    check_text(record->handler, sizeof(record->handler));
}

void table_final_record(const table_slot_t *slot, wheel_end_e end,
                        wheel_record_t *record)
{
    table_slot_record(slot, wheel_clock_usec(), record);
    record->end = end;
    record->owners = 0;
}
