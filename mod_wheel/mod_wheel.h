/* SPDX-License-Identifier: Apache-2.0 */
/* mod_wheel.h: the job API of mod_wheel, for other modules.
 *
 * A job is a piece of CPU-bound work that a request waits for.  It is listed
 * in the status page and counted against limits, and it ends when somebody
 * stops it, at its deadline, when its client goes away or when the server
 * shuts down.  /rotate is the first caller of this API.
 *
 * There are two styles.
 *
 * wheel_job_run() runs the work in a companion: a thread of its own, at idle
 * priority, so that other requests don't notice it.  The request's worker
 * sleeps meanwhile and answers its client on time, whatever the work does.
 *
 * wheel_job_begin() and wheel_job_end() stand around work that stays in the
 * worker, because it needs its request or its pool.  It runs at the priority
 * of any request, and whether it stops on time is up to the work alone.
 *
 * Your module needs mod_wheel only where that is loaded: all its functions are
 * optional ones.  Look for them in post_config or optional_fn_retrieve, in
 * every configuration pass, and work on without them where they are NULL.  The
 * order of the LoadModule lines doesn't matter.
 *
 *     static APR_OPTIONAL_FN_TYPE(wheel_job_run) *job_run;
 *
 *     static int post_config(...)
 *     {
 *         job_run = wheel_api_is_there()
 *                       ? APR_RETRIEVE_OPTIONAL_FN(wheel_job_run)
 *                       : NULL;
 *         return OK;
 *     }
 *
 * C99 or later, or C++98 or later; gcc or clang.
 */
#ifndef MOD_WHEEL_H
#define MOD_WHEEL_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apr.h"
#include "apr_errno.h"
#include "apr_optional.h"
#include "apr_time.h"

/* <stdatomic.h> is no header of C++ before C++23. */
#if !defined(__GNUC__)
#error "mod_wheel.h needs the __atomic builtins that gcc and clang have"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of this API.  A new minor version adds something; structures
 * grow at their ends, and mod_wheel goes by the version that the caller has.
 * A new major version changes or removes something.
 */
#define WHEEL_API_MAJOR 2
#define WHEEL_API_MINOR 0
#define WHEEL_API_VERSION (WHEEL_API_MAJOR << 16 | WHEEL_API_MINOR)

/** Does a mod_wheel of this version serve a module built with this header? */
#define WHEEL_API_FITS(version)            \
    ((version) >> 16 == WHEEL_API_MAJOR && \
     (version) >= (apr_uint32_t)WHEEL_API_VERSION)

/** Longest name of a job, in bytes, without its terminating NUL. */
#define WHEEL_NAME_MAX 63

/** Largest value that wheel_job_progress() can publish. */
#define WHEEL_VALUE_MAX 255

/** Largest count that wheel_job_progress() can publish. */
#define WHEEL_DONE_MAX (((apr_uint64_t)1 << 56) - 1)

/** Largest load that a job can have: percent of one core. */
#define WHEEL_LOAD_MAX 100

/** A deadline of so many usec, or more, is none. */
#define WHEEL_WAIT_MAX ((apr_interval_time_t)1 << 60)

/** Each of the sizes of a spec goes up to this many bytes. */
#define WHEEL_BYTES_MAX ((apr_size_t)1 << 29)

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

/** The name of an end, as it stands in notes, metrics and the status. */
static inline const char *wheel_end_name(wheel_end_e end)
{
    static const char *const names[WHEEL_END_COUNT] = {
        "none", "finished", "stop", "deadline", "gone", "shutdown", "died"};

    return end < WHEEL_END_COUNT ? names[end] : "unknown";
}

/** Why a job was not started.  NONE means that it was. */
typedef enum {
    WHEEL_REFUSED_NONE = 0,
    WHEEL_REFUSED_MAX,      /* WheelMax jobs run */
    WHEEL_REFUSED_RESERVE,  /* fewer than WheelReserve workers are idle */
    WHEEL_REFUSED_CLIENT,   /* WheelMaxPerClient jobs of this client run */
    WHEEL_REFUSED_HTTP2,    /* this HTTP/2 connection or child has its share */
    WHEEL_REFUSED_SLOTS,    /* every slot of the table is taken */
    WHEEL_REFUSED_THREAD,   /* no thread, or no memory, for a companion */
    WHEEL_REFUSED_LOCK,     /* the mutex failed */
    WHEEL_REFUSED_STOPPING, /* the server is stopping */
    WHEEL_REFUSED_COUNT
} wheel_refusal_e;

/** A job as its work sees it: what the wheel_job_ functions below take. */
typedef struct wheel_job_t wheel_job_t;

/**
 * The work of a job.  It returns when it has nothing left to do, and soon
 * after wheel_job_stopped() turns true: nobody can make it return.
 *
 * In a companion it may touch its baton, its memory and nothing else that is
 * shared: no request, pool, log, malloc, mutex or stdio.  The thread runs at
 * idle priority; whoever waits for a lock that it holds may wait for seconds,
 * and the request may be over before the work notices.  All signals are
 * blocked, and its stack is 256 KiB.
 *
 * How often to look: wheel_job_stopped() on every turn of the hottest loop, it
 * costs one load; wheel_job_look() every 25 to 50 microseconds.  Work may
 * sleep, but hears of a stop only when it wakes; its request doesn't wait for
 * that.
 *
 * Work that doesn't look goes on after its request is answered, holds a slot
 * of the table, and ends with its process at the latest; a graceful restart
 * ends that once its other requests are over.  The status says of such a job
 * that it is stuck, and the error log has a warning (WheelLookWarning).
 */
typedef void wheel_work_fn(wheel_job_t *job, void *baton);

/** What to run.  wheel_spec_init() first, then what you need. */
typedef struct wheel_spec_t {
    apr_uint32_t version; /* WHEEL_API_VERSION */
    apr_uint32_t value;   /* what shows until the work publishes something */
    unsigned load;        /* percent of a core that the work means to take, up
                           * to WHEEL_LOAD_MAX, 0 for all that it gets; shown
                           * in the status, kept to by the work itself */
    const char *name;     /* a name (A-Z a-z 0-9 . _ -), or NULL */
    apr_interval_time_t wait_max; /* deadline in usec from now, -1 for none;
                                   * WheelTimeout may make it shorter */

    wheel_work_fn *work;    /* not read by wheel_job_begin() */
    void *baton;            /* what the work is told: copied before it starts.
                             * The work sees the copy, which lives until the
                             * work returns and so may outlive the request:
                             * let it hold no pointer into request memory.
                             * Copied back if the job FINISHED; otherwise
                             * yours stays as it was. */
    apr_size_t baton_bytes; /* may be more than a struct: a text behind it */

    apr_size_t memory_bytes; /* memory for the work alone, since it must not
                              * call malloc: see wheel_job_memory() */

    void *result;            /* where the worker puts what the work has handed
                              * over, however the job ends: wheel_job_publish()
                              * and wheel_job_append() */
    apr_size_t result_bytes; /* the most that it can hand over */
} wheel_spec_t;

/** How a job went. */
typedef struct wheel_result_t {
    wheel_refusal_e refusal;     /* set when it was not started */
    wheel_end_e end;             /* set when it was */
    apr_uint64_t id;             /* its number, never used twice */
    apr_uint64_t done;           /* the last count it published */
    apr_uint32_t value;          /* the last value it published */
    apr_interval_time_t elapsed; /* usec from start to end */
    apr_size_t result_bytes;     /* bytes of spec->result that are filled */
} wheel_result_t;

struct request_rec;

/* --- What a handler calls ------------------------------------------------- */

/** A spec with a version, without name and deadline, and zeros elsewhere. */
static inline void wheel_spec_init(wheel_spec_t *spec)
{
    memset(spec, 0, sizeof(*spec));
    spec->version = WHEEL_API_VERSION;
    spec->wait_max = -1;
}

/** The version of the mod_wheel that is loaded; see WHEEL_API_FITS. */
APR_DECLARE_OPTIONAL_FN(apr_uint32_t, wheel_api_version, (void));

/** Is a mod_wheel loaded, and does it serve a module built with this header?
 * For post_config or optional_fn_retrieve. */
static inline int wheel_api_is_there(void)
{
    APR_OPTIONAL_FN_TYPE(wheel_api_version) *version =
        APR_RETRIEVE_OPTIONAL_FN(wheel_api_version);

    return version && WHEEL_API_FITS(version());
}

/**
 * Run work in a companion and wait for the end of the job.
 *
 * Call it from a content handler, in the thread that runs the request; that
 * thread sleeps meanwhile.  It holds no lock while it waits, and it never
 * waits for the companion: at a stop it returns at once with what the work has
 * handed over until then, though the work may run on for a moment.
 *
 * The facts of the job become notes of the request, for CustomLog.
 *
 * @param r the request; its client is watched
 * @param spec what to run; not needed after the return
 * @param result how it went
 * @return APR_SUCCESS when the job ran, whatever ended it.  If result->end is
 *         WHEEL_END_GONE, nobody is there to read an answer; return OK.  If
 *         it is WHEEL_END_SHUTDOWN, end your answer with ap_rflush(): the
 *         process may not live to do it later.
 *         APR_EAGAIN when it was refused: result->refusal tells why, answer
 *         503 with Retry-After.
 *         APR_EINVAL when the spec is wrong: a name that is not allowed, no
 *         work, a size without its pointer, a size or a load over its maximum;
 *         or when an argument is NULL.
 *         APR_ENOTIMPL when the spec is of another version than mod_wheel
 *         serves, or was not initialised; result is not touched.
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, wheel_job_run,
                        (struct request_rec * r, const wheel_spec_t *spec,
                         wheel_result_t *result));

/**
 * Begin a job that runs in the calling worker.
 *
 * From here to wheel_job_end(), the handler looks: wheel_job_stopped() as
 * often as it likes, and wheel_job_look() about every millisecond.  Nobody
 * else watches: without a look, the job's deadline passes and its client
 * leaves unnoticed, and a handler that never looks can't be stopped or
 * answered for.  The job is over when the request's pool is, at the latest.
 *
 * @param r the request; its client is watched
 * @param spec name, deadline, value and load; baton, memory and result are
 *        as for wheel_job_run() (result gets what the work hands over at once)
 * @param job the job, for this thread alone; NULL if it was not begun
 * @param result why not, then
 * @return as wheel_job_run()
 */
APR_DECLARE_OPTIONAL_FN(apr_status_t, wheel_job_begin,
                        (struct request_rec * r, const wheel_spec_t *spec,
                         wheel_job_t **job, wheel_result_t *result));

/**
 * End a job that wheel_job_begin() has begun: FINISHED, unless it was stopped
 * before.  Takes the table's mutex for an instant.
 * @param job not to be used any more: it has ended, whatever is called with it.
 *        NULL for none
 * @param result how it went; NULL if nobody wants to know
 */
APR_DECLARE_OPTIONAL_FN(void, wheel_job_end,
                        (wheel_job_t * job, wheel_result_t *result));

/**
 * Is the request that the calling thread runs to be interrupted now?  For
 * engines of scripts, which can end a script in a way of their own: ask now and
 * then while one runs.  Two loads.
 * @return 1 if it is
 */
APR_DECLARE_OPTIONAL_FN(int, wheel_request_interrupted, (void));

/**
 * Does somebody want to know where the script of the request is that the
 * calling thread runs?  For engines of scripts, beside the one above: then
 * answer by the next.  Two loads.
 */
APR_DECLARE_OPTIONAL_FN(int, wheel_request_trace_wanted, (void));

/**
 * Tell it: files, lines and functions, the innermost first, in one line.
 * @param text is copied, and cut after 255 bytes
 */
APR_DECLARE_OPTIONAL_FN(void, wheel_request_trace, (const char *text));

/* --- What the work calls -------------------------------------------------- */

/* Behind the functions below: not to be called otherwise. */
typedef struct wheel_job_calls_t {
    wheel_end_e (*look)(wheel_job_t *job);
    int (*hand_over)(wheel_job_t *job, const void *data, apr_size_t bytes,
                     int append);
    void *(*memory)(wheel_job_t *job);
} wheel_job_calls_t;

/*
 * Only the functions below read or write this.  It is no opaque type since
 * wheel_job_stopped() and wheel_job_progress() are to be compiled into the
 * loops that call them.
 */
struct wheel_job_t {
    const wheel_job_calls_t *calls;
    const apr_uint64_t *state; /* in shared memory: its id << 8 | its end */
    apr_uint64_t *progress;    /* in shared memory */
};

/**
 * Is this job to end?  One relaxed load: cheap enough for every turn of the
 * hottest loop.  For the thread that does the work.
 */
static inline int wheel_job_stopped(const wheel_job_t *job)
{
    /* Relaxed: nothing is read on the strength of the mark. */
    return (__atomic_load_n(job->state, __ATOMIC_RELAXED) & 0xff) !=
           WHEEL_END_NONE;
}

/**
 * Publish how far the job is, as one word that others read at any time.
 * Costs a store that other cores may have fetched: every few hundred turns
 * of a hot loop is often enough.  For the thread that does the work.
 *
 * @param done any count that grows, up to WHEEL_DONE_MAX
 * @param value any number up to WHEEL_VALUE_MAX (the wheel's is 0 to 9)
 */
static inline void wheel_job_progress(wheel_job_t *job, apr_uint64_t done,
                                      apr_uint32_t value)
{
    /* Relaxed: the word is all there is to see. */
    __atomic_store_n(job->progress, done << 8 | (value & WHEEL_VALUE_MAX),
                     __ATOMIC_RELAXED);
}

/**
 * Show that the work is alive, and look round.  A companion gives the core to
 * whoever wants it: call it every 25 to 50 microseconds there, since without
 * it other requests wait a scheduler tick now and then.  In a worker this is
 * what watches the client, the deadline and the server: about every
 * millisecond, and before each write to the client.  More often does no harm.
 *
 * @return how the job is to end; WHEEL_END_NONE to go on
 */
static inline wheel_end_e wheel_job_look(wheel_job_t *job)
{
    return job->calls->look(job);
}

/**
 * Hand over the result so far, in place of what was handed over before.
 * Whatever ends the job, spec->result gets what was handed over last, whole:
 * never half of it.  Copies the data and waits for nobody, nor does the worker
 * that takes it; but it is a copy, so not for every turn.
 *
 * @param bytes up to spec->result_bytes
 * @return 0 if it was too long, or came too late: the request has been
 *         answered
 */
static inline int wheel_job_publish(wheel_job_t *job, const void *data,
                                    apr_size_t bytes)
{
    return job->calls->hand_over(job, data, bytes, 0);
}

/**
 * Hand over a further piece of the result, behind what was handed over before:
 * for results that grow, such as the lines of a picture.  Whatever ends the
 * job, spec->result gets all the pieces up to one of them.
 *
 * @param bytes all pieces together: up to spec->result_bytes
 * @return 0 if it was too long, or came too late
 */
static inline int wheel_job_append(wheel_job_t *job, const void *data,
                                   apr_size_t bytes)
{
    return job->calls->hand_over(job, data, bytes, 1);
}

/**
 * The memory that spec->memory_bytes asked for, all zeros at the start and
 * aligned for any type.  It is gone when the work has returned.
 * @return NULL if the spec asked for none
 */
static inline void *wheel_job_memory(wheel_job_t *job)
{
    return job->calls->memory(job);
}

/* --- Without mod_wheel ---------------------------------------------------- */

/* A job that wheel_work_alone() runs. */
typedef struct wheel_alone_t {
    wheel_job_t job; /* first: the others are found by its address */
    const wheel_spec_t *spec;
    apr_size_t result_bytes;
    apr_time_t until; /* by wheel_alone_clock(), 0 for no deadline */
    void *memory;
    apr_uint64_t state; /* how it is to end */
    apr_uint64_t progress;
} wheel_alone_t;

/* Usec.  The wall clock, which an admin may set, only where there is no
 * other. */
static inline apr_time_t wheel_alone_clock(void)
{
#ifdef CLOCK_MONOTONIC
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) == 0) {
        return (apr_time_t)now.tv_sec * APR_USEC_PER_SEC + now.tv_nsec / 1000;
    }
#endif
    return apr_time_now();
}

static inline wheel_end_e wheel_alone_look(wheel_job_t *job)
{
    wheel_alone_t *alone = (wheel_alone_t *)job;

    if (alone->until && wheel_alone_clock() >= alone->until) {
        alone->state = WHEEL_END_DEADLINE;
    }
    return (wheel_end_e)alone->state;
}

static inline int wheel_alone_hand_over(wheel_job_t *job, const void *data,
                                        apr_size_t bytes, int append)
{
    wheel_alone_t *alone = (wheel_alone_t *)job;
    apr_size_t from = append ? alone->result_bytes : 0;

    if (bytes > alone->spec->result_bytes - from) {
        return 0;
    }
    if (bytes) {
        memcpy((char *)alone->spec->result + from, data, bytes);
    }
    alone->result_bytes = from + bytes;
    return 1;
}

static inline void *wheel_alone_memory(wheel_job_t *job)
{
    return ((wheel_alone_t *)job)->memory;
}

/**
 * Run the same work where mod_wheel isn't loaded: in the calling thread, as
 * any handler runs.  It ends when it has FINISHED or at its DEADLINE; nobody
 * can stop it, it is not listed, and its client is not watched.
 *
 *     rv = job_run ? job_run(r, &spec, &result)
 *                  : wheel_work_alone(&spec, &result);
 *
 * @return APR_SUCCESS, APR_ENOMEM, or APR_EINVAL when the spec has no work, or
 *         a size without its pointer
 */
static inline apr_status_t wheel_work_alone(const wheel_spec_t *spec,
                                            wheel_result_t *result)
{
    static const wheel_job_calls_t alone_calls = {
        wheel_alone_look, wheel_alone_hand_over, wheel_alone_memory};
    apr_time_t start = wheel_alone_clock();
    wheel_alone_t alone;
    void *baton;

    memset(result, 0, sizeof(*result));
    memset(&alone, 0, sizeof(alone));
    if (!spec->work || (spec->baton_bytes && !spec->baton) ||
        (spec->result_bytes && !spec->result)) {
        return APR_EINVAL;
    }
    baton = calloc(1, spec->baton_bytes + 1);
    alone.memory = spec->memory_bytes ? calloc(1, spec->memory_bytes) : NULL;
    if (!baton || (spec->memory_bytes && !alone.memory)) {
        free(baton);
        free(alone.memory);
        return APR_ENOMEM;
    }
    alone.job.calls = &alone_calls;
    alone.job.state = &alone.state;
    alone.job.progress = &alone.progress;
    alone.spec = spec;
    if (spec->wait_max >= 0 && spec->wait_max < WHEEL_WAIT_MAX) {
        alone.until = start + spec->wait_max;
    }
    if (spec->baton_bytes) {
        memcpy(baton, spec->baton, spec->baton_bytes);
    }
    wheel_job_progress(&alone.job, 0, spec->value);
    wheel_alone_look(&alone.job);
    spec->work(&alone.job, baton);
    result->end = alone.state ? WHEEL_END_DEADLINE : WHEEL_END_FINISHED;
    if (!alone.state && spec->baton_bytes) {
        memcpy(spec->baton, baton, spec->baton_bytes);
    }
    result->done = alone.progress >> 8;
    result->value = (apr_uint32_t)(alone.progress & WHEEL_VALUE_MAX);
    result->elapsed = wheel_alone_clock() - start;
    result->result_bytes = alone.result_bytes;
    free(baton);
    free(alone.memory);
    return APR_SUCCESS;
}

#ifdef __cplusplus
}
#endif

#endif /* MOD_WHEEL_H */
