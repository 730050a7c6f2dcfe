/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_slots.h: the requests of all worker threads, in shared memory.
 *
 * A worker thread claims one slot and keeps it for life.  Beginning and ending
 * a request in it takes no lock: the id of the request and its cancel mark are
 * one 64-bit word, which the thread stores and a stop changes by
 * compare-and-swap.  So a stop can't hit the request that follows.
 *
 * Any process of the server may write anywhere in the segment.  Functions that
 * other processes call take sizes from their own memory, check what they read,
 * and terminate what they copy.
 */
#ifndef WHEEL_CORE_REQUEST_SLOTS_H
#define WHEEL_CORE_REQUEST_SLOTS_H

#include <sys/types.h>

#include "apr_pools.h"
#include "apr_time.h"

#include "core/filter.h"
#include "core/proc.h"

/** Sizes of a request's texts, with their terminating NUL; longer ones are
 * cut. */
#define WHEEL_REQUEST_METHOD_BYTES 16
#define WHEEL_REQUEST_HOST_BYTES 64
#define WHEEL_REQUEST_PATH_BYTES 192
#define WHEEL_REQUEST_CLIENT_BYTES 48

/** Why a request is to end. */
typedef enum {
    WHEEL_MARK_NONE = 0,
    WHEEL_MARK_STOP,     /* somebody has stopped it */
    WHEEL_MARK_DEADLINE, /* WheelTimeout */
    WHEEL_MARK_CPU,      /* WheelCpuLimit */
    WHEEL_MARK_GONE,     /* its client has left */
    WHEEL_MARK_COUNT
} wheel_mark_e;

/** What a request is doing. */
typedef enum {
    WHEEL_DOING_HANDLER = 0, /* its handler runs */
    WHEEL_DOING_READING,     /* waits for bytes of its client */
    WHEEL_DOING_WAITING,     /* waits for a backend */
    WHEEL_DOING_SENDING,     /* waits for its client to take bytes */
    WHEEL_DOING_COUNT
} wheel_doing_e;

/** How a request can be interrupted. */
typedef enum {
    WHEEL_KIND_OTHER = 0, /* at its next read or write alone */
    WHEEL_KIND_PROXY,     /* a backend whose connection hooks can see */
    WHEEL_KIND_FCGI,      /* a FastCGI server, perhaps PHP-FPM */
    WHEEL_KIND_BLIND,     /* a backend whose connection no hook can see */
    WHEEL_KIND_PHP,       /* mod_php */
    WHEEL_KIND_CGI,       /* processes that have the job's id */
    WHEEL_KIND_COUNT
} wheel_kind_e;

/** How far a stop has got with a request. */
typedef enum {
    WHEEL_STEP_NONE = 0,
    WHEEL_STEP_REFUSE,    /* its reads and writes fail */
    WHEEL_STEP_INTERRUPT, /* its engine has been told, or its wait ended */
    WHEEL_STEP_CUT,       /* the socket that its thread waits for is shut down,
                           * whoever waits there */
    WHEEL_STEP_FORCE,     /* the second signal, of an interrupt */
    WHEEL_STEP_COOLDOWN,  /* its thread gets the CPU that nobody else wants */
    WHEEL_STEP_DRAIN,     /* its process takes nothing new, and ends with it */
    WHEEL_STEP_COUNT
} wheel_step_e;

/** A step that is not taken. */
#define WHEEL_STEP_NEVER APR_INT64_MAX

/** The steps of a stop: usec from it to each, or WHEEL_STEP_NEVER. */
typedef struct wheel_step_times_t {
    apr_interval_time_t after[WHEEL_STEP_COUNT];
} wheel_step_times_t;

/** What happens to a request that reaches a limit. */
typedef enum {
    WHEEL_ACTION_STOP = 0,
    WHEEL_ACTION_LOG,      /* nothing, but it is logged */
    WHEEL_ACTION_COOLDOWN, /* it goes on, with the CPU that nobody else wants */
    WHEEL_ACTION_DRAIN,    /* it is stopped, and its process drained at once */
    WHEEL_ACTION_COUNT
} wheel_action_e;

/** The TCP connection of a client, in network byte order: ours, the client's.
 */
typedef struct wheel_request_connection_t {
    apr_uint32_t family; /* AF_INET or AF_INET6; 0: not watched */
    apr_uint32_t device; /* to which it is bound, 0 for none */
    apr_uint16_t ports[2];
    apr_uint32_t addresses[2][4];
} wheel_request_connection_t;

/** Of the file that PHP-FPM runs for a request. */
#define WHEEL_REQUEST_SCRIPT_BYTES 256

/** Stopped requests whose processes are still to end. */
#define WHEEL_REQUESTS_LEFT_MAX 256

/** What is known of a request when it begins.  Whole words: it is copied so.
 */
typedef struct wheel_request_facts_t {
    /* These two may begin anew: see wheel_request_slots_put_back(). */
    apr_int64_t began_usec;     /* by wheel_clock_coarse_usec() */
    apr_int64_t began_cpu_usec; /* of its thread; -1: nobody has asked */
    /* What its handler tells: see wheel_request_slots_handler(). */
    apr_int64_t handled_usec; /* when its handler began, as began_usec */
    char handler[WHEEL_HANDLER_BYTES];
    /* And its location: see wheel_request_slots_location(). */
    apr_interval_time_t slow;      /* usec after which it is listed */
    apr_interval_time_t log_after; /* usec after which the log has where it is
                                    * stuck, 0 for never */
    apr_interval_time_t wait_max;  /* usec until its deadline, 0 for none */
    apr_interval_time_t cpu_max; /* CPU usec that it may use, 0 for no limit */
    apr_interval_time_t interrupt_after; /* usec from its mark to the step; */
    apr_interval_time_t cut_after;       /* never: INT64_MAX */
    apr_interval_time_t cooldown_after;
    apr_interval_time_t drain_after;
    apr_uint32_t wait_action; /* at its deadline: WHEEL_ACTION_ */
    apr_uint32_t cpu_action;  /* and at its CPU limit */
    apr_uint32_t fpm;         /* WheelFpmStatus, as its hash; 0: none */
    /* A client that has left ends the request. */
    wheel_request_connection_t connection;
    /* The rest stays. */
    apr_time_t started; /* usec since the epoch */
    apr_int32_t generation;
    apr_int32_t client_fd; /* in its process; -1: none */
    char method[WHEEL_REQUEST_METHOD_BYTES];
    char host[WHEEL_REQUEST_HOST_BYTES];
    char path[WHEEL_REQUEST_PATH_BYTES];
    char client[WHEEL_REQUEST_CLIENT_BYTES];
} wheel_request_facts_t;

/** A consistent copy of a slot in which a request runs. */
typedef struct wheel_request_t {
    apr_uint64_t id;
    unsigned slot;
    wheel_mark_e mark;
    pid_t pid;
    pid_t tid; /* 0 if no thread runs it: its answer is being sent */
    wheel_kind_e kind;
    wheel_doing_e doing;
    wheel_step_e step; /* how far a stop has got */
    int cooled;        /* its thread gets the CPU that nobody else wants */
    unsigned asked;    /* steps that somebody has asked for, as bits */
    apr_uint64_t sent_bytes;
    apr_interval_time_t elapsed; /* usec */
    apr_interval_time_t marked;  /* usec since its mark, -1 without one */
    apr_interval_time_t drained; /* usec since a drain was asked for, or -1 */
    apr_int64_t cpu_usec;        /* these three: for who fills them in */
    const char *where;           /* where it is stuck, or NULL */
    wheel_step_times_t steps;
    int has_processes;       /* some may work for it */
    apr_int64_t worker_usec; /* CPU time of its worker of PHP-FPM */
    apr_uint64_t script_query;
    char script[WHEEL_REQUEST_SCRIPT_BYTES]; /* "" for none */
    wheel_request_facts_t facts;             /* its texts are terminated */
} wheel_request_t;

/** The slots as one process sees them. */
typedef struct wheel_request_slots_t wheel_request_slots_t;

/**
 * Make the segment.  Call it once, in the parent, before any fork.
 * @param slots_max threads that fit
 * @param pool the segment lives as long; nothing in it points into code
 * @return APR_SUCCESS, APR_EINVAL for no slots, or an error of apr_shm_create
 */
apr_status_t wheel_request_slots_create(wheel_request_slots_t **slots,
                                        unsigned slots_max, apr_pool_t *pool);

/** The layout that this code knows: slots that another build of the module has
 * made are used only if theirs is the same. */
apr_uint64_t wheel_request_slots_layout(void);

/** How many slots there are.  Not from the segment. */
unsigned wheel_request_slots_max(const wheel_request_slots_t *slots);

/**
 * Claim a slot for the calling thread.
 * @return its number, or -1 if all are taken
 */
int wheel_request_slots_claim(wheel_request_slots_t *slots, pid_t pid,
                              pid_t tid);

/** Give a slot back.  For its owner. */
void wheel_request_slots_release(wheel_request_slots_t *slots, unsigned n);

/** Take back all slots of a dead process.  Takes no lock. */
void wheel_request_slots_reap(wheel_request_slots_t *slots, pid_t pid);

/** Take back the slots of processes that have died unnoticed.  Takes no lock.
 * @param is_dead gets what children have written, and no births */
void wheel_request_slots_sweep(wheel_request_slots_t *slots,
                               wheel_proc_dead_t is_dead);

/**
 * Begin a request in a slot.  For its owner; takes no lock.
 * @param mark one that it is born with: a part of a request that was marked
 */
void wheel_request_slots_begin(wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id, wheel_mark_e mark,
                               const wheel_request_facts_t *facts);

/** The handler of the request in a slot has returned, and the rest of its
 * answer is sent later.  The slot belongs to no thread any more, but still to
 * its process.  For its owner. */
void wheel_request_slots_leave(wheel_request_slots_t *slots, unsigned n,
                               pid_t pid);

/** End the request of a slot.  For its owner; takes no lock.
 * @return the mark that it had */
wheel_mark_e wheel_request_slots_end(wheel_request_slots_t *slots, unsigned n);

/** Take the request of a slot out of it for a while: it is neither listed nor
 * marked nor limited.  For its owner.
 * @param mark that it has
 * @return what puts it back; 0 if no request runs there */
apr_uint64_t wheel_request_slots_take_out(wheel_request_slots_t *slots,
                                          unsigned n, wheel_mark_e *mark);

/** Put it back, with its mark.  Its limits begin anew.  For its owner.
 * @param now_usec, cpu_usec by wheel_clock_usec() and that of its thread */
void wheel_request_slots_put_back(wheel_request_slots_t *slots, unsigned n,
                                  apr_uint64_t request, apr_int64_t now_usec,
                                  apr_int64_t cpu_usec);

/** Wake the helper: a request was marked, or a step was asked for, and there is
 * something to be done.  Never waits.  Any process. */
void wheel_request_slots_wake(const wheel_request_slots_t *slots);

/** What that makes readable, until it is cleared.  Any process may do so at any
 * time.  For the helper.
 * @return -1 if there is none */
int wheel_request_slots_wake_fd(const wheel_request_slots_t *slots);

/** It can't be read any more until the next wake.  Never waits.  For the
 * helper. */
void wheel_request_slots_wake_clear(const wheel_request_slots_t *slots);

/** Close what the helper alone waits for.  For all other processes. */
void wheel_request_slots_wake_close(wheel_request_slots_t *slots);

/** The mark of the request in a slot, for its owner: a single load. */
wheel_mark_e wheel_request_slots_marked(const wheel_request_slots_t *slots,
                                        unsigned n);

/** How far a stop of the request in a slot has got.  Async-signal-safe. */
wheel_step_e wheel_request_slots_step(const wheel_request_slots_t *slots,
                                      unsigned n);

/** Is it still this request that runs in a slot?  Async-signal-safe. */
int wheel_request_slots_is(const wheel_request_slots_t *slots, unsigned n,
                           apr_uint64_t id);

/**
 * Mark a request, unless it has ended or has a mark.  Takes no lock.
 * @return 1 if this call has marked it
 */
int wheel_request_slots_mark(wheel_request_slots_t *slots, unsigned n,
                             apr_uint64_t id, wheel_mark_e mark);

/** Count a request that has reached a limit which is logged alone. */
void wheel_request_slots_logged(wheel_request_slots_t *slots,
                                wheel_mark_e mark);

/** How many requests have been marked, and how many were logged alone, by mark,
 * since the slots were made. */
void wheel_request_slots_counts(const wheel_request_slots_t *slots,
                                apr_uint64_t marked[WHEEL_MARK_COUNT],
                                apr_uint64_t logged[WHEEL_MARK_COUNT]);

/**
 * Note the CPU time of its thread at the start of a request that has not asked
 * for it itself: a system call that short requests need not pay.
 */
void wheel_request_slots_cpu_began(wheel_request_slots_t *slots, unsigned n,
                                   apr_uint64_t id, apr_int64_t cpu_usec);

/** Note that the thread of a request is cooled down, or is about to be.  A copy
 * of the slot after that shows whether the request ended before the note. */
void wheel_request_slots_cool(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t id);

/** It is back to normal.  Harmless if the note is of another request. */
void wheel_request_slots_warm(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t id);

/** Is it cooled down?  For its owner, after the request's end: an end that was
 * not seen by who made the note sees the note. */
int wheel_request_slots_cooled(const wheel_request_slots_t *slots, unsigned n,
                               apr_uint64_t id);

/** What the request of a slot does.  For its owner. */
void wheel_request_slots_doing(wheel_request_slots_t *slots, unsigned n,
                               wheel_doing_e doing);

/** So many bytes of its answer went out until now.  For its owner. */
void wheel_request_slots_sent(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t bytes);

/** How the request can be interrupted.  For its owner. */
void wheel_request_slots_kind(wheel_request_slots_t *slots, unsigned n,
                              wheel_kind_e kind);

/** Its handler, and when that begins. */
void wheel_request_slots_handler(wheel_request_slots_t *slots, unsigned n,
                                 const wheel_request_facts_t *facts);

/** The same, and what its location says, or one to which it is redirected
 * within the server. */
void wheel_request_slots_location(wheel_request_slots_t *slots, unsigned n,
                                  const wheel_request_facts_t *facts);

/** Processes may work for it: those that have its id in their environment.  For
 * its owner. */
void wheel_request_slots_has_processes(wheel_request_slots_t *slots,
                                       unsigned n);

/**
 * The script that PHP-FPM runs for it.  For its owner.  As PHP-FPM shows it,
 * without bytes that are not UTF-8; so is the query string.
 * @param path its file
 * @param query wheel_request_query_hash() of its query string
 */
void wheel_request_slots_script(wheel_request_slots_t *slots, unsigned n,
                                apr_uint64_t id, const char *path,
                                apr_uint64_t query);

/** As much of a query string as PHP-FPM shows, as a number.
 * @param query may be NULL */
apr_uint64_t wheel_request_query_hash(const char *query);

/** The CPU time that its worker of PHP-FPM has used for it.  For the helper. */
void wheel_request_slots_worker(wheel_request_slots_t *slots, unsigned n,
                                apr_uint64_t id, apr_int64_t usec);

/** Copy what the functions above have noted, as far as it is of this request.
 * Part of wheel_request_slots_copy(). */
void wheel_request_slots_copy_work(const wheel_request_slots_t *slots,
                                   unsigned n, wheel_request_t *request);

/** A stopped request ends, and processes that have worked for it may go on: the
 * helper is to end them.  Where too many are noted, this one isn't. */
void wheel_request_slots_leave_processes(wheel_request_slots_t *slots,
                                         apr_uint64_t id);

/** The Nth of these, 0 for none.  Any number: it comes from children. */
apr_uint64_t wheel_request_slots_left(const wheel_request_slots_t *slots,
                                      unsigned n);

/** It has no processes any more. */
void wheel_request_slots_left_none(wheel_request_slots_t *slots, unsigned n,
                                   apr_uint64_t id);

/** Note which process is stopped for a moment, so that the next helper lets it
 * go on should this one die; 0 for none.  @return what was noted before */
pid_t wheel_request_slots_freeze(wheel_request_slots_t *slots, pid_t pid);

/**
 * Go one step up with a marked request, and let its process know, by a signal
 * that processes ignore which don't know what it means.  Takes no lock.  For
 * processes that run as the server's user, never for root.
 * @return 1 if the request is still there
 */
int wheel_request_slots_interrupt(wheel_request_slots_t *slots, unsigned n,
                                  apr_uint64_t id, wheel_step_e step);

/**
 * Copy what runs in a slot.
 * @return 1 if a request runs there; 0 also if it ended meanwhile
 */
int wheel_request_slots_copy(const wheel_request_slots_t *slots, unsigned n,
                             apr_int64_t now_usec, wheel_request_t *request);

/** The word of a mark (stop, deadline, cpu, gone; none), of what a request
 * does (handler, reading, waiting, sending), of a step (none, refuse,
 * interrupt, force). */
const char *wheel_mark_name(wheel_mark_e mark);
const char *wheel_doing_name(wheel_doing_e doing);
const char *wheel_step_name(wheel_step_e step);

/** Copy a text into a field of facts: cut to fit, and terminated. */
void wheel_request_text(char *field, size_t field_bytes, const char *text);

#endif /* WHEEL_CORE_REQUEST_SLOTS_H */
