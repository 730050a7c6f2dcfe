/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_private.h: the structs of the shared segment.
 *
 * For the core/table_*.c and their tests alone.  table_layout.c has a hash of
 * every member: a server that is restarted with another build of the module
 * tells by it that it needs a new table.
 */
#ifndef WHEEL_CORE_TABLE_PRIVATE_H
#define WHEEL_CORE_TABLE_PRIVATE_H

#include "core/table.h"

#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>

#include "apr_shm.h"

/* Lines that one core writes and another reads must not be shared with
 * anything else.  apr_shm does not align. */
#define TABLE_LINE_BYTES 64

/* The segment:
 *
 *   header      | version, counters, journal, ring of ended jobs
 *   slot 0      | line 1: mark, owners, id   <- stoppers write, owners read
 *               | line 2: bell               <- stoppers post, worker waits
 *               | line 3: who and since when <- written by the claim alone
 *               | line n: progress           <- the companion writes
 *   slot 1      | ...
 *
 * The companion reads one word that others write, the mark, and it changes
 * only at a stop.  No pointers: only numbers and text.
 */
typedef struct table_slot_t {
    alignas(TABLE_LINE_BYTES) _Atomic apr_uint32_t mark;
    _Atomic apr_uint32_t owners;
    _Atomic apr_uint64_t id;
    _Atomic apr_int64_t marked_usec;
    _Atomic apr_uint32_t in_worker;

    alignas(TABLE_LINE_BYTES) sem_t bell;

    alignas(TABLE_LINE_BYTES) _Atomic pid_t pid;
    apr_uint64_t birth;
    apr_time_t started;
    apr_int64_t started_usec; /* by wheel_clock_usec() */
    apr_interval_time_t wait_max;
    int generation;
    unsigned name_index;
    unsigned load;
    char name[WHEEL_NAME_MAX + 1];
    char client[WHEEL_CLIENT_BYTES];
    char handler[WHEEL_HANDLER_BYTES];

    alignas(TABLE_LINE_BYTES) _Atomic apr_uint64_t progress;
    _Atomic apr_int64_t looked_usec;
    _Atomic apr_int64_t looked_cpu_usec;
    _Atomic pid_t tid;
    _Atomic apr_uint32_t stuck_told;
} table_slot_t;

/* Modules that include mod_wheel.h reach these two without <stdatomic.h>. */
_Static_assert(sizeof(_Atomic apr_uint32_t) == sizeof(apr_uint32_t) &&
                   sizeof(_Atomic apr_uint64_t) == sizeof(apr_uint64_t),
               "atomic words are as large as plain ones");

/* What a departure sets: targets, not steps, so that doing it twice does no
 * harm. */
typedef struct table_journal_t {
    _Atomic apr_uint32_t valid;
    apr_uint32_t owners_left;
    unsigned slot;
    unsigned name_index;
    wheel_end_e end;
    apr_uint64_t ended;
    apr_uint64_t done;
    apr_uint64_t ring_next;
} table_journal_t;

typedef struct table_header_t {
    apr_uint64_t layout;
    unsigned slots_max;
    _Atomic unsigned slots_used; /* every slot in use is below; only grows */
    apr_uint64_t id_next;
    int generation_floor; /* older generations are told to end */
    apr_uint64_t done;    /* of the jobs that have ended */
    apr_uint64_t ring_next;
    unsigned names_n; /* WHEEL_NAME_NONE and those with a name of their own */
    unsigned chains;  /* workers that are woken at once */
    table_journal_t journal;
    _Atomic apr_int64_t swept_usec;
    _Atomic apr_int64_t gave_way_usec;
    _Atomic apr_int64_t look_max;
    _Atomic apr_uint64_t refused[WHEEL_REFUSED_COUNT];
    _Atomic apr_uint64_t latency[WHEEL_LATENCY_BUCKETS];
    _Atomic apr_uint64_t latency_sum_usec;
#ifdef WHEEL_FAULTS
    apr_uint64_t of_another_layout; /* a test replaces one build by the other */
#endif
    wheel_name_t names[WHEEL_NAMES_MAX];
    wheel_record_t ring[WHEEL_RING_MAX];
} table_header_t;

struct wheel_table_t {
    table_header_t *header;
    table_slot_t *slots;
    apr_global_mutex_t *mutex;
    apr_shm_t *shm;
};

#endif /* WHEEL_CORE_TABLE_PRIVATE_H */
