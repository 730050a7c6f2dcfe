/* SPDX-License-Identifier: Apache-2.0 */
/* core/table.h: the jobs of all processes, in one shared segment.
 *
 * APR only: this part knows nothing of httpd, so that unit and stress programs
 * link it as it is.
 */
#ifndef WHEEL_CORE_TABLE_H
#define WHEEL_CORE_TABLE_H

#include <sys/types.h>

#include "apr_global_mutex.h"
#include "apr_pools.h"

#include "mod_wheel.h"
#include "core/filter.h"
#include "core/platform.h"
#include "core/proc.h"
#include "core/request_slots.h"

/** Longest client address kept, with its terminating NUL. */
#define WHEEL_CLIENT_BYTES 48

/** Largest number of a job: every JSON reader has integers up to here. */
#define WHEEL_ID_MAX (((apr_uint64_t)1 << 53) - 1)

/** Ended jobs that are remembered. */
#define WHEEL_RING_MAX 64

/** Names that get counters of their own: those that were used last; the rest
 * share one.  Index 0 counts the jobs without a name, WHEEL_NAMES_MAX - 1 those
 * with any other. */
#define WHEEL_NAMES_MAX 34
#define WHEEL_NAME_NONE 0
#define WHEEL_NAME_OTHER (WHEEL_NAMES_MAX - 1)

/** Upper bounds of the stop latency histogram, in usec; one bucket more
 * counts what is above the last. */
#define WHEEL_LATENCY_BOUNDS                                              \
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, \
        500000, 1000000
#define WHEEL_LATENCY_BUCKETS 14

/** Who owns a slot: a set of bits, 0 when it is free. */
#define WHEEL_OWNER_WORKER 1u
#define WHEEL_OWNER_COMPANION 2u

/** The table as one process sees it.  Made before the fork, so that every
 * child inherits the same mapping. */
typedef struct wheel_table_t wheel_table_t;

/**
 * The last check before a claim, called with the mutex held: must not block.
 * @param rotating jobs that run and are not marked
 * @return WHEEL_REFUSED_NONE to go on
 */
typedef wheel_refusal_e wheel_admit_fn(void *baton, unsigned rotating);

/**
 * Hide the request that a job runs in, so that a stop means one of both alone.
 * Called with the mutex held: must not block.
 * @param end how the job is to end at once, since its request is to end; NONE
 *        otherwise
 * @return 1 if there is one
 */
typedef int wheel_hide_fn(void *baton, wheel_end_e *end);

/** What belongs to the instant of a change of the table.  Called with the mutex
 * held: must not block. */
typedef void wheel_also_fn(void *baton);

/** What a claim writes into its slot. */
typedef struct wheel_claim_t {
    const char *name;    /* NULL for none; WHEEL_NAME_MAX bytes are kept */
    const char *client;  /* NULL for none; WHEEL_CLIENT_BYTES - 1 are kept */
    const char *handler; /* NULL for none; WHEEL_HANDLER_BYTES - 1 are kept */
    unsigned load;       /* percent of a core that it may take, 0: no limit */
    int in_worker;       /* the worker does the work: there is no companion */
    wheel_proc_t proc;
    int generation;
    apr_interval_time_t wait_max; /* usec, -1 for no deadline */
    unsigned rotating_max;        /* refuse when so many jobs rotate */
    unsigned per_client_max;      /* refuse when so many of client, as
                                   * wheel_client_key() counts; 0: none */
    wheel_admit_fn *admit;        /* NULL for none */
    void *admit_baton;
    wheel_hide_fn *hide; /* NULL for none */
    void *hide_baton;
} wheel_claim_t;

/** What became of a job that a stop meant. */
typedef enum {
    WHEEL_OUTCOME_STOPPED = 0, /* it is marked */
    WHEEL_OUTCOME_WOULD_STOP,  /* it would be marked, if the stop were real */
    WHEEL_OUTCOME_STOPPING,    /* it was marked before, and has not ended */
    WHEEL_OUTCOME_ENDED,       /* it has ended, its companion, too */
    WHEEL_OUTCOME_RUNNING      /* it has not */
} wheel_outcome_e;

/** One job that a stop has marked, or would have. */
typedef struct wheel_hit_t {
    apr_uint64_t id;
    unsigned slot;
    int is_request; /* its slot is one of core/request_slots.h */
    wheel_outcome_e outcome;
    wheel_step_times_t steps; /* of a request */
    char name[WHEEL_NAME_MAX + 1];
    char client[WHEEL_CLIENT_BYTES];
    char handler[WHEEL_HANDLER_BYTES];
} wheel_hit_t;

/** One job: running in a snapshot, or ended in the ring. */
typedef struct wheel_record_t {
    apr_uint64_t id;
    unsigned owners; /* of a running job; 0 in the ring */
    wheel_end_e end; /* NONE: rotating; else how it is to end or did */
    pid_t pid;
    pid_t tid;           /* the companion's; 0 until it has run */
    wheel_class_e class; /* how the kernel schedules it */
    int generation;
    apr_time_t started;             /* usec since the epoch */
    apr_interval_time_t elapsed;    /* usec, up to now or to its end */
    apr_interval_time_t wait_max;   /* usec from start to deadline, or -1 */
    apr_interval_time_t marked;     /* usec since its mark, or -1; in the
                                    * ring: from its mark to its end */
    apr_interval_time_t polled;     /* usec since it last polled its mark,
                                    * or -1 before the first time */
    apr_interval_time_t polled_cpu; /* CPU time of its thread then, usec */
    int in_worker;                  /* its worker does the work itself */
    int stuck;                      /* it could have polled since, and didn't:
                                     * see wheel_table_poll_max_set() */
    apr_uint64_t done;
    unsigned value;
    unsigned load;                 /* percent of a core, 0 for no limit */
    char name[WHEEL_NAME_MAX + 1]; /* empty for none */
    char client[WHEEL_CLIENT_BYTES];
    char handler[WHEEL_HANDLER_BYTES];
} wheel_record_t;

/** Counters of one name, or of what shares an index. */
typedef struct wheel_name_t {
    char name[WHEEL_NAME_MAX + 1];
    apr_uint64_t ended[WHEEL_END_COUNT];
} wheel_name_t;

/** A consistent copy of the table.  All memory is the caller's pool's. */
typedef struct wheel_snapshot_t {
    apr_time_t taken;     /* usec since the epoch */
    unsigned slots_max;   /* size of the table */
    unsigned rotating;    /* jobs without a mark */
    unsigned stopping;    /* marked, and their worker has not answered */
    unsigned draining;    /* answered, and the companion has not left */
    unsigned load;        /* percent of a core that those without a mark are
                           * to take, as far as they say so */
    unsigned jobs_n;      /* rotating, stopping and draining */
    unsigned stuck;       /* of these, jobs that don't poll their marks */
    wheel_record_t *jobs; /* by id */
    unsigned recent_n;
    wheel_record_t *recent; /* the last that ended, newest first */
    apr_uint64_t started;   /* counters since the server started */
    apr_uint64_t done;      /* turns of all jobs, running ones included */
    apr_uint64_t ended[WHEEL_END_COUNT];
    apr_uint64_t refused[WHEEL_REFUSED_COUNT];
    apr_uint64_t latency[WHEEL_LATENCY_BUCKETS]; /* not cumulative */
    apr_uint64_t latency_sum_usec;
    unsigned names_n; /* entries in use; NONE first, then by first use */
    wheel_name_t names[WHEEL_NAMES_MAX];
} wheel_snapshot_t;

/**
 * Make the segment.  Call it once, in the parent, before any fork.
 *
 * @param slots_max jobs that fit, running and draining together
 * @param mutex guards the table; the caller keeps it alive as long
 * @param pool the segment lives as long; nothing in it points into code
 * @return APR_SUCCESS, APR_EINVAL for no slots, or an error of apr_shm_create
 */
apr_status_t wheel_table_create(wheel_table_t **table, unsigned slots_max,
                                apr_global_mutex_t *mutex, apr_pool_t *pool);

/** The layout that this code knows: a retained table that another build of
 * the module has made is used only if its layout is the same. */
apr_uint64_t wheel_table_layout(void);

/** Take the mutex over into a child.  Call it once, in child_init. */
apr_status_t wheel_table_child_init(wheel_table_t *table, apr_pool_t *pchild);

/** An id that no job and no request of this host has had.  Takes no lock; any
 * thread. */
apr_uint64_t wheel_table_next_id(wheel_table_t *table);

/** Slots that the table has. */
unsigned wheel_table_slots_max(const wheel_table_t *table);

/**
 * From now on, this process waits for the mutex so long at most: a child that
 * is held by SIGSTOP may have it.  For a process that must go on; children
 * that run requests have no limit.  The parent takes no mutex at all.
 * @param usec 0 for no limit
 */
void wheel_table_lock_limit_set(wheel_table_t *table, apr_interval_time_t usec);

/** From now on, jobs get this number and those behind it, unless they have got
 * there already.  For the parent. */
void wheel_table_ids_set(wheel_table_t *table, apr_uint64_t first);

/** Have jobs got more than half of a block of numbers since the parent has set
 * the first one?  A new block is due then.  For the parent. */
int wheel_table_ids_low(const wheel_table_t *table, apr_uint64_t block);

/** How many entries of the segment this process has refused since it was last
 * asked, since they were damaged: something in a child writes where it should
 * not. */
unsigned wheel_table_damage(wheel_table_t *table);

/**
 * Register a job.  On success both owners hold the slot, or the worker alone
 * if it does the work itself.  Slots of dead processes are taken back on the
 * way, at most twice a second.
 *
 * @param slot,id where it is; set on success only
 * @param refusal why not; WHEEL_REFUSED_NONE on success
 * @return APR_SUCCESS, APR_EAGAIN when refused, or an error of the mutex
 *         (refusal is WHEEL_REFUSED_LOCK then)
 */
apr_status_t wheel_table_claim(wheel_table_t *table, const wheel_claim_t *claim,
                               unsigned *slot, apr_uint64_t *id,
                               wheel_refusal_e *refusal);

/** Count a job that was refused before it came to a claim. */
void wheel_table_refuse(wheel_table_t *table, wheel_refusal_e refusal);

/**
 * Mark every job that a filter means and that has no mark.  The instant of the
 * stop is inside this call: all that had been claimed before are marked.  A job
 * that hides a request is marked until it has left, however it ends: the stop
 * means the request, too.
 *
 * @param end how they end; WHEEL_END_NONE marks nothing and only reports what
 *        would be marked
 * @param hits what was marked; room for wheel_table_slots_max() of them, or
 *        NULL if the caller doesn't want to know
 * @param hits_n how many were marked
 * @param also called after that, at the same instant; NULL for nothing
 * @return APR_SUCCESS, or an error of the mutex, if that could not be taken
 *         (nothing is marked, and also is not called then)
 */
apr_status_t wheel_table_stop(wheel_table_t *table,
                              const wheel_filter_t *filter, wheel_end_e end,
                              wheel_hit_t *hits, unsigned *hits_n,
                              wheel_also_fn *also, void *baton);

/**
 * From now on, no job of a generation before this one runs: those that do are
 * marked, and woken; those that still come are marked at their claim.  Takes no
 * lock.  For the parent.
 */
void wheel_table_stop_before(wheel_table_t *table, int generation);

/** Mark one slot.  Takes no lock.  @return how the job ends: as asked, or as
 * an earlier mark says */
wheel_end_e wheel_table_mark(wheel_table_t *table, unsigned slot,
                             wheel_end_e end);

/** Mark and wake every job of this process.  Takes no lock and is
 * async-signal-safe: signal handlers call it. */
void wheel_table_mark_own(wheel_table_t *table, pid_t pid, wheel_end_e end);

/**
 * Mark and wake every job of this process as ended by a shutdown, if the oldest
 * of all jobs without a mark is one of them and no process has done so for a
 * while.  A process that has the oldest and doesn't come to it, since its job
 * polls no mark, is passed over after another pause.  Takes no lock.
 * @param since_usec when it became necessary, by wheel_clock_usec()
 * @param pause usec from then, and from one process to the next
 * @return 1 if it was done
 */
int wheel_table_give_way(wheel_table_t *table, pid_t pid,
                         apr_int64_t since_usec, apr_interval_time_t pause);

/** The members of a record that filters compare. */
wheel_facets_t wheel_table_facets(const wheel_record_t *record);

/** The mark of a slot, WHEEL_END_NONE if it has none. */
wheel_end_e wheel_table_marked(const wheel_table_t *table, unsigned slot);

/** Is this job still running, or its companion not gone?  Takes the slots of
 * dead processes back if the parent has asked for it.
 * @return the owners' bits, 0 if the slot is free or another job's */
unsigned wheel_table_owners(wheel_table_t *table, unsigned slot,
                            apr_uint64_t id);

/** Wake the worker of a slot.  Harmless if it is another's by now.
 * Async-signal-safe. */
void wheel_table_wake(wheel_table_t *table, unsigned slot);

/** Wake the workers of all marked slots.  Whoever stops many answers first:
 * each wake-up costs a system call. */
void wheel_table_wake_marked(wheel_table_t *table);

/** Sleep until somebody wakes the slot, at most so long.  It may also wake for
 * nothing.  For the slot's worker alone. */
void wheel_table_wait(wheel_table_t *table, unsigned slot,
                      apr_interval_time_t wait_max);

/** The two words of a slot that the functions of mod_wheel.h use; calls is
 * not set. */
wheel_job_t wheel_table_job(wheel_table_t *table, unsigned slot);

/** Note the kernel's id of the thread that does the work, and how the kernel
 * schedules it.  For that thread alone. */
void wheel_table_set_thread(wheel_table_t *table, unsigned slot, pid_t tid,
                            wheel_class_e class);

/** How the thread of this job is scheduled; unknown before it has run. */
wheel_class_e wheel_table_class(const wheel_table_t *table, unsigned slot);

/** A thread has not got the class that it asked for.
 * @return 1 if nobody has been told since the server started */
int wheel_table_class_news(wheel_table_t *table);

/**
 * Note that the work has polled its mark.  For its thread alone.
 * @param now_usec by wheel_clock_usec()
 * @param cpu_usec CPU time that the thread has used
 */
void wheel_table_polled(wheel_table_t *table, unsigned slot,
                        apr_int64_t now_usec, apr_int64_t cpu_usec);

/**
 * From now on, a job is stuck if it hasn't polled for so long although its
 * thread had the CPU all that time, or sleeps.  A thread that waits for the
 * CPU as long isn't.
 * @param poll_max usec, 0: no job is ever stuck
 */
void wheel_table_poll_max_set(wheel_table_t *table, apr_int64_t poll_max);

/** What was set so. */
apr_int64_t wheel_table_poll_max(const wheel_table_t *table);

/**
 * Is the job of this slot stuck, and has nobody logged it?  For the slot's
 * worker.
 * @return 1 once for each job
 */
int wheel_table_stuck_news(wheel_table_t *table, unsigned slot,
                           wheel_record_t *record);

/** Note that this job is logged as stuck.  @return 0 if it was before */
int wheel_table_stuck_tell(wheel_table_t *table, unsigned slot);

/**
 * Every job that is stuck and that nobody has logged.  Reads /proc; takes
 * no lock.  For the parent.
 * @param records room for records_max of them; what doesn't fit comes the next
 *        time
 */
void wheel_table_stuck_list(wheel_table_t *table, wheel_record_t *records,
                            unsigned records_max, unsigned *records_n);

/**
 * The worker leaves: the job goes to the ring and to the counters.  The slot
 * is free once the companion has left, too.  Should the mutex fail, the
 * worker leaves all the same and only the ring and the counters miss the job.
 *
 * @param end how it ends, unless a mark says so
 * @param show shows the request that the job has hidden, at the same instant;
 *        NULL for none
 * @param record what the ring says of it; always set
 */
apr_status_t wheel_table_leave(wheel_table_t *table, unsigned slot,
                               wheel_end_e end, wheel_also_fn *show,
                               void *baton, wheel_record_t *record);

/** Undo a claim whose companion could not be started.  Nothing is counted
 * but the refusal.  The request is shown as by wheel_table_leave(). */
void wheel_table_unclaim(wheel_table_t *table, unsigned slot,
                         wheel_refusal_e refusal, wheel_also_fn *show,
                         void *baton);

/** The companion leaves.  One atomic step, and its last touch of the slot.
 * Takes no lock. */
void wheel_table_companion_leave(wheel_table_t *table, unsigned slot);

/**
 * Mark the jobs of a process that is known to be dead, and ask that its slots
 * be taken back: by the next claim, snapshot or worker that waits.  Takes no
 * lock.  For the parent, when it learns of it.
 * @return how many slots
 */
unsigned wheel_table_reap(wheel_table_t *table, pid_t pid);

/**
 * Look for processes that died without anyone saying so, and ask that their
 * slots be taken back.  Takes no lock.  For the parent.
 * @param is_dead gets what children have written
 * @param dead_n how many processes
 */
apr_status_t wheel_table_reap_all(wheel_table_t *table,
                                  wheel_proc_dead_t is_dead, unsigned *dead_n);

/** Look for processes that died without anyone saying so and take their slots
 * back.  Reads /proc; holds the mutex only to free slots.  Not for the parent.
 */
apr_status_t wheel_table_sweep(wheel_table_t *table, unsigned *taken_n);

/**
 * The generation before which all jobs must end, so that their processes leave
 * a place for a new one.  Takes no lock.  For the parent.
 *
 * @param generation of the new processes: only jobs before it need to end
 * @param places how many processes there can be
 * @param pool for what is needed on the way
 * @return -1 if there is a place, or nothing that ends would make one
 */
int wheel_table_floor(const wheel_table_t *table, int generation,
                      unsigned places, apr_pool_t *pool);

/**
 * Copy the table.  Holds the mutex for the copy alone.  Not for the parent.
 * @param pool holds the arrays
 */
apr_status_t wheel_table_snapshot(wheel_table_t *table,
                                  wheel_snapshot_t *snapshot, apr_pool_t *pool);

#endif /* WHEEL_CORE_TABLE_H */
