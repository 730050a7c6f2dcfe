/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_private.h: what the files of the privileged process share:
 *
 *   privileged.c          the parent's side
 *   privileged_steps.c    which steps are on, and which this machine allows
 *   privileged_ask.c      messages to the process
 *   privileged_process.c  the process itself,
 *   privileged_cool.c     the threads that it has cooled down,
 *   privileged_held.c     the processes that have held it, and
 *   privileged_rights.c   the rights that it keeps: these use nothing of httpd
 */
#ifndef WHEEL_SERVER_PRIVILEGED_PRIVATE_H
#define WHEEL_SERVER_PRIVILEGED_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "server/privileged.h"

/** Threads that are cooled down at once, in all and of one process. */
#define PRIVILEGED_COOLED_MAX 256
#define PRIVILEGED_COOLED_PROCESS_MAX 64

/** What one message may take: a process could make it wait.  Then an alarm ends
 * the privileged process, and the parent starts another. */
#define PRIVILEGED_SERVE_SEC 10

/** Processes that it doesn't examine, since they have held it. */
#define PRIVILEGED_HELD_MAX 16

/** A message.  Written by who asks, so nothing in it is believed. */
typedef struct privileged_message_t {
    apr_uint64_t number; /* 0: no answer is wanted */
    apr_uint64_t id;
    apr_uint32_t what;
    apr_uint32_t slot;
    apr_int32_t pid;
    apr_int32_t tid;
} privileged_message_t;

/** The step that this is.  @return 0 for none */
static inline unsigned privileged_step_of(apr_uint32_t what)
{
    static const unsigned steps[] = {
        [WHEEL_PRIVILEGED_DO_CUT] = WHEEL_PRIVILEGED_CUT,
        [WHEEL_PRIVILEGED_DO_COOL] = WHEEL_PRIVILEGED_COOLDOWN,
        [WHEEL_PRIVILEGED_DO_WHERE] = WHEEL_PRIVILEGED_WHERE,
        [WHEEL_PRIVILEGED_DO_COPY] = WHEEL_PRIVILEGED_WHERE,
    };

    return what < sizeof(steps) / sizeof(*steps) ? steps[what] : 0;
}

/** The answer to the message of that number. */
typedef struct privileged_answer_t {
    apr_uint64_t number;
    char text[WHEEL_PRIVILEGED_TEXT_BYTES];
} privileged_answer_t;

/** The answer to one that has asked for a copy; the copy as far as it is used.
 * One that could not be made is answered as above. */
typedef struct privileged_copy_t {
    apr_uint64_t number;
    wheel_thread_copy_t copy;
} privileged_copy_t;

/** What outlives the process.  No child has this memory; the helper has, and
 * could at most have the process replaced, or keep it from its work. */
typedef struct privileged_shared_t {
    /* Threads that are cooled down: the next one puts back what this one can't.
     * id 0: no thread. */
    privileged_message_t cooled[PRIVILEGED_COOLED_MAX];

    /* Whom it examines, and since when by wheel_clock_usec(), 0: nobody. */
    apr_int32_t examined;
    _Atomic apr_int64_t since_usec;

    apr_int32_t held_by[PRIVILEGED_HELD_MAX];
} privileged_shared_t;

/** What the process is started with. */
typedef struct privileged_start_t {
    pid_t parent;
    uid_t user; /* of its children */
    int fd;     /* messages come here */
    unsigned steps;
    wheel_request_slots_t *slots;
    privileged_shared_t *shared;
} privileged_start_t;

/** The process, until its parent or its socket ends.
 * @return 0 if it could not give up its other rights, with errno */
int privileged_main(const privileged_start_t *start);

/** Does the slot still have this request, in this thread? */
int privileged_is_same(const privileged_start_t *of,
                       const privileged_message_t *message,
                       wheel_request_t *found);

/** @return the server's scheduling class */
int privileged_cool_begin(const privileged_start_t *start);

/** Cool a thread down.  @return what became of it */
const char *privileged_cool(const privileged_message_t *message);

/** Those whose requests have ended are back to normal.
 * @return how many are cooled down still */
int privileged_cool_check(void);

/** It examines that process from now on, and ends if that takes too long. */
void privileged_held_begin(privileged_shared_t *shared, pid_t pid);
void privileged_held_end(privileged_shared_t *shared);

/** Note whom its predecessor has not come back from. */
void privileged_held_learn(privileged_shared_t *shared);

/** Has that process held it, or one before it? */
int privileged_held_by(const privileged_start_t *start, pid_t pid);

/**
 * Give up all rights but those that the steps take, and all descriptors but
 * one.
 * @param policy the scheduling class that it may set, besides SCHED_IDLE
 * @return 0 if that failed, with errno
 */
int privileged_give_up_rights(int fd, int policy);

/* --- In the parent and its children --------------------------------------- */

/** The helper's side of the socket that messages go by. */
int privileged_helper_fd(void);

/** Find the steps that are on and that can be taken, and log which are missing.
 * For the parent, at each start and restart.
 * @param why none can be; NULL if that depends on this machine's rights alone.
 *        Static */
void privileged_steps_set(const char *why, server_rec *s);

/** The steps that the process is to take, by what the parent knows itself.  For
 * the parent. */
unsigned privileged_steps_kept(void);

/** No step is on.  For who registers hooks. */
void privileged_steps_reset(void);

/** Where processes that are forked already read that the process is lost, a
 * privileged_lost_e.  It is not, at a start or restart. */
void privileged_steps_share(atomic_int *lost);

/** Why it is lost. */
typedef enum {
    PRIVILEGED_LOST_NOT,
    PRIVILEGED_LOST_REFUSED, /* a call that it needs */
    PRIVILEGED_LOST_HELD     /* again and again */
} privileged_lost_e;

/** The process is lost until the next restart, and all steps with it.  For the
 * parent. */
void privileged_steps_lose(privileged_lost_e why);

/** What that is called in the log and the status. */
const char *privileged_lost_why(void);

#endif /* WHEEL_SERVER_PRIVILEGED_PRIVATE_H */
