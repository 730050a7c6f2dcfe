/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged.h: the steps of a stop that need more than the server's
 * user may do, in a process of their own.
 *
 *   parent --- privileged process --- helper      child  child  ...
 *                                  fixed-size messages
 *
 * The process is started by the parent if WheelPrivileged names a step.  It
 * runs as root, with two capabilities, CAP_SYS_PTRACE and CAP_SYS_NICE, behind
 * a filter of system calls.  The helper gives it a process, a thread, a slot
 * and a request's id; it proves by itself that they belong together and to this
 * server, and does one of the four things below, nothing else.  No child and no
 * daemon of another module can send it anything.
 */
#ifndef WHEEL_SERVER_PRIVILEGED_H
#define WHEEL_SERVER_PRIVILEGED_H

#include "httpd.h"

#include "core/request_slots.h"
#include "core/thread_copy.h"

/** Steps, as WheelPrivileged names them: a set of bits. */
#define WHEEL_PRIVILEGED_CUT 1u
#define WHEEL_PRIVILEGED_COOLDOWN 2u
#define WHEEL_PRIVILEGED_WHERE 4u
#define WHEEL_PRIVILEGED_ALL 7u

/** What it can be asked to do. */
typedef enum {
    WHEEL_PRIVILEGED_DO_CUT = 1, /* free a marked request's thread from a wait
                                  * on a socket: core/thread_cut.h */
    WHEEL_PRIVILEGED_DO_COOL,    /* the thread gets the CPU that nobody else
                                  * wants, until its request ends */
    WHEEL_PRIVILEGED_DO_WHERE,   /* say what the thread waits for */
    WHEEL_PRIVILEGED_DO_COPY     /* hand over its registers and stack:
                                  * core/thread_copy.h.  Whoever has them makes
                                  * names of them, without privilege */
} wheel_privileged_do_e;

/** The longest answer, with its NUL. */
#define WHEEL_PRIVILEGED_TEXT_BYTES 320

/** The steps that are on and that can be taken.  Any process, after
 * post_config. */
unsigned wheel_privileged_steps(void);

/** The steps that are on and that can't be taken: in a container without the
 * capability, or with a filter of its own, say; or all of them, once the
 * privileged process is lost. */
unsigned wheel_privileged_missing(void);

/** Why one of these can't be taken, as the end of a sentence.  Static. */
const char *wheel_privileged_why(unsigned step);

/** The name of one step: cut, cooldown or where. */
const char *wheel_privileged_name(unsigned step);

/** Why nobody can be asked to do it.  @return NULL: it can be done */
const char *wheel_privileged_problem(wheel_privileged_do_e what,
                                     apr_pool_t *pool);

/**
 * Ask for a step.  Never waits.  For the helper's main thread.
 * @return APR_SUCCESS if the message is on its way, APR_ENOTIMPL if the step is
 *         off or not to be had, or an error of the socket
 */
apr_status_t wheel_privileged_ask(wheel_privileged_do_e what,
                                  const wheel_request_t *request);

/**
 * The same, and wait for the answer.
 * @param text what became of it, room for WHEEL_PRIVILEGED_TEXT_BYTES
 * @param wait_max usec, of a second at most
 * @return APR_TIMEUP if none came
 */
apr_status_t wheel_privileged_call(wheel_privileged_do_e what,
                                   const wheel_request_t *request, char *text,
                                   apr_interval_time_t wait_max);

/**
 * Get a copy of a request's thread, and wait for it.
 * @return as above; APR_EGENERAL with a text if there is none
 */
apr_status_t wheel_privileged_copy(const wheel_request_t *request,
                                   wheel_thread_copy_t *copy, char *text,
                                   apr_interval_time_t wait_max);

/** For a worker whose request has ended and was cooled down: wait, for a second
 * at most, until its thread is back to normal. */
void wheel_privileged_be_warm(unsigned slot, apr_uint64_t id);

/** Register the hooks that start and end the process. */
void wheel_privileged_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_PRIVILEGED_H */
