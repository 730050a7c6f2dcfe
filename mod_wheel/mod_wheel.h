/* mod_wheel.h: the job API of mod_wheel, for other modules.
 *
 * A job is a piece of CPU-bound work that a request waits for.  It runs in a
 * companion thread at idle priority, is listed in the status page, and ends
 * when somebody stops it, at its deadline, when its client goes away or when
 * the server shuts down.  /rotate is the first caller of this API.
 */
#ifndef MOD_WHEEL_H
#define MOD_WHEEL_H

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "apr.h"
#include "apr_errno.h"
#include "apr_optional.h"
#include "apr_time.h"

/** Longest name of a job, in bytes, without its terminating NUL. */
#define WHEEL_NAME_MAX 63

/** Largest value that wheel_job_progress() can publish. */
#define WHEEL_VALUE_MAX 255

/** Largest count that wheel_job_progress() can publish. */
#define WHEEL_DONE_MAX ((UINT64_C(1) << 56) - 1)

/** Largest load that a job can have: percent of one core. */
#define WHEEL_LOAD_MAX 100

/** How a job ended.  NONE means that it has not. */
typedef enum {
    WHEEL_END_NONE = 0,
    WHEEL_END_FINISHED, /* the work returned by itself */
    WHEEL_END_STOP,     /* somebody asked for it */
    WHEEL_END_DEADLINE, /* its time was over */
    WHEEL_END_GONE,     /* its client went away */
    WHEEL_END_SHUTDOWN, /* the server stopped, or restarted and says so */
    WHEEL_END_DIED,     /* its child process was killed */
    WHEEL_END_COUNT
} wheel_end_e;

/** Why a job was not started.  NONE means that it was. */
typedef enum {
    WHEEL_REFUSED_NONE = 0,
    WHEEL_REFUSED_MAX,      /* WheelMax jobs run */
    WHEEL_REFUSED_RESERVE,  /* fewer than WheelReserve workers are idle */
    WHEEL_REFUSED_CLIENT,   /* WheelMaxPerClient jobs of this client run */
    WHEEL_REFUSED_HTTP2,    /* this HTTP/2 connection or child has its share */
    WHEEL_REFUSED_SLOTS,    /* every slot of the table is taken */
    WHEEL_REFUSED_THREAD,   /* no companion thread could be started */
    WHEEL_REFUSED_LOCK,     /* the mutex failed */
    WHEEL_REFUSED_STOPPING, /* the server is stopping */
    WHEEL_REFUSED_COUNT
} wheel_refusal_e;

/**
 * What a running job sees of itself: three words in shared memory.  Only the
 * inline functions below read or write them.
 */
typedef struct wheel_job_t {
    const _Atomic apr_uint32_t *mark;
    _Atomic apr_uint64_t *progress;
    _Atomic apr_int64_t *looked_usec;
} wheel_job_t;

/**
 * The work of a job.  It runs in the companion thread and ends soon after
 * wheel_job_stopped() turns true, or when it has nothing left to do.
 *
 * It may touch its baton and nothing else that is shared: no pool, request,
 * log, malloc or mutex.  The thread runs at idle priority; whoever waits for
 * a lock that it holds may wait for seconds.  Its stack is 256 KiB.
 */
typedef void wheel_work_fn(wheel_job_t *job, void *baton);

/** What to run.  Fill with zeros first, so that new members stay unset. */
typedef struct wheel_spec_t {
    const char *name;             /* a name (A-Z a-z 0-9 . _ -), or NULL */
    apr_interval_time_t wait_max; /* deadline in usec from now, -1 for none;
                                   * WheelTimeout may make it shorter */
    wheel_work_fn *work;
    void *baton; /* copied before the start; the work sees the copy, which
                  * may outlive the request, so it holds no pointers into
                  * request memory.  Copied back when the work FINISHED;
                  * left as it was when the job ended otherwise. */
    apr_size_t baton_bytes;
    apr_uint32_t value; /* what shows until the work publishes something */
    unsigned load;      /* percent of a core that the work means to take, up to
                         * WHEEL_LOAD_MAX, 0 for all that it gets; shown in the
                         * status, kept to by the work itself */
} wheel_spec_t;

/** How a job went. */
typedef struct wheel_result_t {
    wheel_refusal_e refusal;     /* set when it was not started */
    wheel_end_e end;             /* set when it was */
    apr_uint64_t id;             /* its number, never used twice */
    apr_uint64_t done;           /* the last count it published */
    apr_uint32_t value;          /* the last value it published */
    apr_interval_time_t elapsed; /* usec from start to end */
} wheel_result_t;

struct request_rec;

/**
 * Run work as a stoppable job and wait for its end.
 *
 * Call it from a content handler, in the thread that runs the request; that
 * thread sleeps meanwhile.  It holds no lock while it waits.
 *
 * @param r the request; its client is watched
 * @param spec what to run; not needed after the return
 * @param result how it went; always filled
 * @return APR_SUCCESS when the job ran, whatever ended it; APR_EAGAIN when it
 *         was refused (result->refusal tells why, answer 503 with
 *         Retry-After); APR_EINVAL when the name or the spec is not allowed
 *
 * Retrieve it in your post_config or optional_fn_retrieve hook, in every
 * configuration pass:
 *   run = APR_RETRIEVE_OPTIONAL_FN(wheel_job_run);
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, wheel_job_run,
                        (struct request_rec * r, const wheel_spec_t *spec,
                         wheel_result_t *result));

/**
 * Has somebody asked this job to end?  One relaxed load: cheap enough for
 * every turn of the hottest loop.  For the companion thread alone.
 */
static inline int wheel_job_stopped(const wheel_job_t *job)
{
    /* Relaxed: nothing is read on the strength of the mark. */
    return atomic_load_explicit(job->mark, memory_order_relaxed) != 0;
}

/**
 * Publish how far the job is, as one word that others read at any time.
 * Costs a store that other cores may have fetched: every few hundred turns
 * of a hot loop is often enough.  For the companion thread alone.
 *
 * @param done any count that grows, up to WHEEL_DONE_MAX
 * @param value any number up to WHEEL_VALUE_MAX (the wheel's is 0 to 9)
 */
static inline void wheel_job_progress(wheel_job_t *job, apr_uint64_t done,
                                      apr_uint32_t value)
{
    /* Relaxed: the word is all there is to see. */
    atomic_store_explicit(job->progress, done << 8 | (value & 0xff),
                          memory_order_relaxed);
}

/**
 * Give the core to whoever wants it, and note that the job is alive.  Call it
 * about every 50 microseconds: without it other requests wait a scheduler
 * tick now and then.  For the companion thread alone.
 */
static inline void wheel_job_yield(wheel_job_t *job)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    atomic_store_explicit(job->looked_usec,
                          (apr_int64_t)now.tv_sec * 1000000 +
                              now.tv_nsec / 1000,
                          memory_order_relaxed);
    sched_yield();
}

#endif /* MOD_WHEEL_H */
