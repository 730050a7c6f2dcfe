/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper.h: the helper, one process beside the children, for what must
 * go on whatever the children do.
 *
 *   parent --- supervisor --- helper        child  child  child ...
 *
 * The parent starts a supervisor, which starts the helper, and starts it again
 * as soon as it dies.  Both run as the server's user and take no requests.  A
 * restart replaces both; the old helper finishes what it has begun.  Parts of
 * the module that are above this one say what the helper does.
 */
#ifndef WHEEL_SERVER_HELPER_H
#define WHEEL_SERVER_HELPER_H

#include <poll.h>

#include "httpd.h"

/** How long a helper that is replaced may take to finish what it has begun,
 * and one whose server ends. */
#define WHEEL_HELPER_REPLACED_USEC (10 * APR_USEC_PER_SEC)
#define WHEEL_HELPER_ENDS_USEC (1200 * 1000)

/** Why a helper is to end. */
typedef enum {
    WHEEL_HELPER_STAYS,
    WHEEL_HELPER_REPLACED, /* another one takes over */
    WHEEL_HELPER_ENDS,     /* with its server */
    WHEEL_HELPER_ALONE     /* its server is dead, or has no such module any
                            * more; children may be left */
} wheel_helper_why_e;

/** What one part of the module does in the helper.  All but wanted() run in
 * the helper's main thread, and none of them may block for long. */
typedef struct wheel_helper_part_t {
    /** In the parent, once the configuration is read: is there anything to
     * do? */
    int (*wanted)(void);

    /** Once, before all else, if it is wanted.
     * @param pool lives as long as the process */
    void (*begin)(apr_pool_t *pool);

    /**
     * What to wait for.  Also called if it is not wanted, or begin() has
     * failed: it is to leave until_usec alone then.
     * @param fds to be filled, room for fds_max
     * @param until_usec to be lowered to when serve() is to be called at the
     *        latest, by wheel_clock_usec()
     * @return how many were filled
     */
    unsigned (*prepare)(struct pollfd *fds, unsigned fds_max,
                        apr_int64_t *until_usec);

    /** After each wait.  @param fds as filled by prepare(), with revents */
    void (*serve)(const struct pollfd *fds, unsigned fds_n);

    /** The helper is to end: begin nothing new.  Called again if the server
     * ends while the helper is being replaced. */
    void (*leave)(wheel_helper_why_e why);

    /** After leave(): is there anything left to finish? */
    int (*busy)(void);
} wheel_helper_part_t;

/** Let the helper do this as well.  For the functions that register hooks,
 * after wheel_helper_register().  @param part stays where it is */
void wheel_helper_add(const wheel_helper_part_t *part);

/** Is this process the helper?  Any thread. */
int wheel_helper_here(void);

/**
 * A descriptor that hangs up once the helper before this one has called
 * wheel_helper_hand_over() or is dead: it can be read then.  Any thread of the
 * helper.
 * @return -1 if there was none
 */
int wheel_helper_before(void);

/** Let the next helper begin with what two must not do at once.  Any thread of
 * the helper, after leave(). */
void wheel_helper_hand_over(void);

/** A pool with an allocator of its own, for a thread of the helper: those of
 * the process are for its main thread.  Destroy it, or keep it to the end.
 * @return NULL if there is no memory */
apr_pool_t *wheel_helper_pool(void);

/** Register the hooks that start and end it.  Before all wheel_helper_add(). */
void wheel_helper_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_HELPER_H */
