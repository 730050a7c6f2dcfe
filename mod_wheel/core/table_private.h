/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_private.h: the structs of the shared segment.
 *
 * For the core/table_*.c and their tests alone.  table_layout.c has a hash of
 * every member: a server that is restarted with another build of the module
 * finds out by it that it needs a new table.
 *
 * The segment is hostile: any child may write into it what it likes, and the
 * parent, which is root, reads it.  So sizes and limits are those of
 * wheel_table_t, in private memory; an index, an enum or a count is copied
 * once, checked and then used; texts are copied with their bound.  The parent
 * takes no mutex, since mutexes that processes share hold pointers.
 */
#ifndef WHEEL_CORE_TABLE_PRIVATE_H
#define WHEEL_CORE_TABLE_PRIVATE_H

#include "core/table.h"

#include <stdalign.h>
#include <stdatomic.h>

#include "apr_shm.h"

#include "core/platform.h"

/* Lines that one core writes and another reads must not be shared with
 * anything else.  apr_shm does not align. */
#define TABLE_LINE_BYTES 64

/* The segment:
 *
 *   header      | counters, journals, ring of ended jobs
 *   slot 0      | line 1: state, owners, wake   <- stoppers write, owners read
 *               | line 2: who and since when    <- written by the claim alone
 *               | line n: progress              <- the companion writes
 *   slot 1      | ...
 *
 * The companion reads one word that others write, the state, and it changes
 * only at a stop.  No pointers: only numbers and text.
 */
typedef struct table_slot_t {
    /* The id of the job << 8 | how it is to end.  Both change together, so
     * that a mark can't hit the job that follows. */
    alignas(TABLE_LINE_BYTES) _Atomic apr_uint64_t state;
    _Atomic apr_int64_t marked_usec; /* 0 until just after the mark */
    _Atomic apr_uint32_t owners;
    _Atomic apr_uint32_t in_worker;
    _Atomic apr_uint32_t hides; /* a request, which has no mark itself */
    wheel_sem_t wake;

    alignas(TABLE_LINE_BYTES) _Atomic pid_t pid;
    _Atomic int generation;
    _Atomic apr_uint64_t birth;
    apr_uint64_t client_key;  /* of wheel_client_key() */
    apr_int64_t started_usec; /* by wheel_clock_usec() */
    apr_time_t started;
    apr_interval_time_t wait_max;
    unsigned load;
    char name[WHEEL_NAME_MAX + 1];
    char client[WHEEL_CLIENT_BYTES];
    char handler[WHEEL_HANDLER_BYTES];

    alignas(TABLE_LINE_BYTES) _Atomic apr_uint64_t progress;
    _Atomic apr_int64_t polled_usec;
    _Atomic apr_int64_t polled_cpu_usec;
    _Atomic pid_t tid;
    _Atomic apr_uint32_t class; /* a wheel_class_e */
    _Atomic apr_uint32_t stuck_told;
} table_slot_t;

/* With a lock, it would be one of each process. */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics take no lock");

/* Modules that include mod_wheel.h reach two words without <stdatomic.h>. */
_Static_assert(sizeof(_Atomic apr_uint64_t) == sizeof(apr_uint64_t),
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

/* What the eviction of a name sets. */
typedef struct table_eviction_t {
    _Atomic apr_uint32_t valid;
    unsigned index; /* whose place the name gets */
    char name[WHEEL_NAME_MAX + 1];
    apr_uint64_t other[WHEEL_END_COUNT]; /* counters of WHEEL_NAME_OTHER */
} table_eviction_t;

typedef struct table_header_t {
    _Atomic unsigned slots_used;  /* every slot in use is below; only grows */
    _Atomic int generation_floor; /* older generations are to end */
    _Atomic apr_uint64_t id_next;
    apr_uint64_t done; /* of the jobs that have ended */
    apr_uint64_t ring_next;
    unsigned names_n; /* WHEEL_NAME_NONE and those with a name of their own */
    apr_uint64_t names_uses; /* counts claims and ends of jobs with a name */
    apr_uint64_t names_used[WHEEL_NAMES_MAX]; /* names_uses at its last */
    table_journal_t journal;
    table_eviction_t eviction;
    _Atomic apr_int64_t swept_usec; /* 0: a sweep is asked for */
    _Atomic apr_int64_t gave_way_usec;
    _Atomic apr_int64_t poll_max;
    _Atomic apr_uint32_t class_told; /* see wheel_table_class_news() */
    _Atomic apr_uint64_t refused[WHEEL_REFUSED_COUNT];
    _Atomic apr_uint64_t latency[WHEEL_LATENCY_BUCKETS];
    _Atomic apr_uint64_t latency_sum_usec;
#ifdef WHEEL_FAULTS
    apr_uint64_t of_another_layout; /* a test replaces one build by the other */
#endif
    wheel_name_t names[WHEEL_NAMES_MAX];
    wheel_record_t ring[WHEEL_RING_MAX];
} table_header_t;

/* In the private memory of each process. */
struct wheel_table_t {
    table_header_t *header;
    table_slot_t *slots;
    unsigned slots_max;
    apr_uint64_t ids_first;       /* of the last block of numbers */
    _Atomic unsigned damaged;     /* entries refused, and not yet logged */
    apr_interval_time_t lock_max; /* 0: no limit */
    apr_global_mutex_t *mutex;
    apr_shm_t *shm;
};

/* --- A place to die ------------------------------------------------------ */

/* A place where a fault build may end the process, to see that the next one
 * finds a valid table: where a countdown in shared memory comes to its end.
 * Nothing of it is in the module that users get. */
#ifdef WHEEL_FAULTS
void table_fault_open(void);
void table_fault_step(void);
#define TABLE_STEP() table_fault_step()
#define TABLE_FAULT_OPEN() table_fault_open()
#else
#define TABLE_STEP() ((void)0)
#define TABLE_FAULT_OPEN() ((void)0)
#endif

/* --- The mutex (table_lock.c) -------------------------------------------- */

/* Take the mutex, and end what a killed holder had begun. */
apr_status_t table_lock(wheel_table_t *table);
apr_status_t table_unlock(wheel_table_t *table);

/* Enter a job into the ring and the counters and give back what owners_left
 * does not keep.  With the mutex held. */
void table_retire(wheel_table_t *table, unsigned slot,
                  const wheel_record_t *record, apr_uint32_t owners_left);

/* --- Names (table_names.c) ----------------------------------------------- */

/* The counters' index of a name, NULL or empty for none.  With the mutex
 * held. */
unsigned table_name_index(wheel_table_t *table, const char *name);

/* End what a killed holder of the mutex had begun.  With the mutex held. */
void table_names_recover(wheel_table_t *table);

/* --- Dead processes (table_reap.c) --------------------------------------- */

/* Sweep unless somebody just did. */
void table_sweep_now_and_then(wheel_table_t *table);

/* --- Slots (table_slot.c) ------------------------------------------------ */

#define TABLE_END_BITS 8

/* A copy of memory that others write: whatever the compiler does, it reads
 * each byte once. */
void table_copy(void *to, const void *from, size_t bytes);

/* A copy of a text that others write: terminated, and in printable ASCII. */
void table_copy_text(char *to, const char *from, size_t bytes);

/* Slots below this may be in use. */
unsigned table_slots_used(const wheel_table_t *table);

static inline apr_uint64_t table_state(const table_slot_t *slot)
{
    /* Acquire: who sees an id sees the claim that has set it. */
    return atomic_load_explicit(&slot->state, memory_order_acquire);
}

static inline apr_uint64_t table_state_id(apr_uint64_t state)
{
    return state >> TABLE_END_BITS;
}

/* What no code of ours has written counts as a shutdown. */
static inline wheel_end_e table_state_end(apr_uint64_t state)
{
    unsigned end = state & ((1u << TABLE_END_BITS) - 1);

    return end < WHEEL_END_COUNT ? (wheel_end_e)end : WHEEL_END_SHUTDOWN;
}

static inline unsigned table_owners(const table_slot_t *slot)
{
    /* Who sees an owner gone sees all that the owner wrote.  Sequential
     * consistency: see the claim. */
    return atomic_load_explicit(&slot->owners, memory_order_seq_cst) &
           (WHEEL_OWNER_WORKER | WHEEL_OWNER_COMPANION);
}

/* Mark the job that had this state, if it has it still, in place of the mark
 * that it may have.
 * @return 1 if it is marked so now */
int table_mark_state(table_slot_t *slot, apr_uint64_t state, wheel_end_e end,
                     apr_int64_t now_usec);

/* Mark the job of a slot that can't be claimed meanwhile: the caller owns it,
 * or holds the mutex.
 * @return how it ends: as asked, or as an earlier mark says */
wheel_end_e table_mark(table_slot_t *slot, wheel_end_e end,
                       apr_int64_t now_usec);

/* Usec since the claim of a slot. */
apr_interval_time_t table_elapsed(const table_slot_t *slot,
                                  apr_int64_t now_usec);

/* A copy of a slot. */
void table_slot_record(const table_slot_t *slot, apr_int64_t now_usec,
                       wheel_record_t *record);

/* Make a record that stood in the segment one that can be used. */
void table_record_check(wheel_record_t *record);

/* Does a job not poll its mark (table_stuck.c)?  Reads /proc. */
int table_is_stuck(const wheel_record_t *record, apr_int64_t poll_max);

/* Mark the jobs of a dead process as such (table_stop.c).
 * @return how many slots it has */
unsigned table_mark_dead(wheel_table_t *table, pid_t pid);

/* How a job has ended: the record that its ring entry and its answer share. */
void table_final_record(const table_slot_t *slot, wheel_end_e end,
                        wheel_record_t *record);

#endif /* WHEEL_CORE_TABLE_PRIVATE_H */
