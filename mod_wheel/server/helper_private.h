/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper_private.h: what the two files of the helper share: the
 * parent's side, helper.c, and the process's own, helper_process.c. */
#ifndef WHEEL_SERVER_HELPER_PRIVATE_H
#define WHEEL_SERVER_HELPER_PRIVATE_H

#include "server/helper.h"

#define HELPER_PARTS_MAX 8
#define HELPER_CLOSES_MAX 8

/** The parts that were added.  Read-only after the hooks are registered. */
typedef struct helper_parts_t {
    const wheel_helper_part_t *part[HELPER_PARTS_MAX];
    unsigned n;
} helper_parts_t;

/** What the parent writes to the supervisor and helper of a generation before
 * it hangs up: whether others take their place, or the server ends.  Without
 * either, the parent is dead. */
#define HELPER_SAYS_REPLACED 'r'
#define HELPER_SAYS_ENDS 'e'

/** By this, the supervisor tells the helper that the parent is dead. */
#define HELPER_ALONE_SIGNAL SIGUSR2

/** What a supervisor is given. */
typedef struct helper_start_t {
    server_rec *server;
    pid_t parent;
    int life;   /* hangs up, or can be read, when it is to end */
    int before; /* that of the generation before, the parent's side; or -1 */
    const helper_parts_t *parts;
} helper_start_t;

/** Be the supervisor, in a process of its own.  Doesn't return. */
void helper_supervise(const helper_start_t *start);

#endif /* WHEEL_SERVER_HELPER_PRIVATE_H */
