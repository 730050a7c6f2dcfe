/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_private.h: what the files of the privileged process share:
 *
 *   privileged.c          the parent's side
 *   privileged_steps.c    which steps are on, and which this machine allows
 *   privileged_ask.c      messages to the process
 *   privileged_process.c  the process itself, and
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

/** Threads that are cooled down, in memory that outlives the process, so that
 * the next one puts back what this one can't.  id 0: no thread. */
typedef struct privileged_cooled_t {
    privileged_message_t thread[PRIVILEGED_COOLED_MAX];
} privileged_cooled_t;

/** What the process is started with. */
typedef struct privileged_start_t {
    pid_t parent;
    uid_t user; /* of its children */
    int fd;     /* messages come here */
    unsigned steps;
    wheel_request_slots_t *slots;
    privileged_cooled_t *cooled;
} privileged_start_t;

/** The process, until its parent or its socket ends.
 * @return 0 if it could not give up its other rights, with errno */
int privileged_main(const privileged_start_t *start);

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

/** Where processes that are forked already read that the process is lost.  It
 * is not, at a start or restart. */
void privileged_steps_share(atomic_int *is_lost);

/** The process is lost until the next restart, and all steps with it.  For the
 * parent. */
void privileged_steps_lose(void);

/** What that is called in the log and the status. */
extern const char privileged_lost_why[];

#endif /* WHEEL_SERVER_PRIVILEGED_PRIVATE_H */
