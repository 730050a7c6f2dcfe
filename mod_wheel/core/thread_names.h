/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_names.h: names for a copied stack, by a process without rights.
 *
 *   whoever may trace      opens the list of mappings, copies registers and
 *                          stack (core/thread_copy.h), parses nothing
 *   a process for one      makes names of the copy by libdw: never root, behind
 *   stack                  a filter of system calls, limited in time and memory
 *
 * A stack, and the files that a process has mapped, are chosen by whoever has
 * started it.
 */
#ifndef WHEEL_CORE_THREAD_NAMES_H
#define WHEEL_CORE_THREAD_NAMES_H

#include <sys/types.h>

#include "core/thread_copy.h"
#include "core/thread_stack.h"

/** What a process has mapped, and whose it is. */
typedef struct wheel_mappings_t {
    int process; /* descriptor of its folder in /proc: a later process with the
                  * same number is not in that */
    int list;    /* descriptor of its maps */
    uid_t user;  /* its real ones */
    gid_t group;
} wheel_mappings_t;

/**
 * Open the list of mappings.  Before the copy of the stack: wheel_names_begin()
 * proves that both are of the same process.
 * @return NULL, or what went wrong; then there is nothing to close
 */
const char *wheel_mappings_open(pid_t pid, wheel_mappings_t *mappings);

void wheel_mappings_close(const wheel_mappings_t *mappings);

/** A process that makes names. */
typedef struct wheel_names_t {
    pid_t pid;              /* 0 for none */
    int fd;                 /* readable when there is more */
    apr_int64_t until_usec; /* when it is given up */
    size_t text_bytes;
    char text[WHEEL_STACK_FRAMES_MAX * WHEEL_STACK_TEXT_BYTES]; /* printable,
                                                                 * a frame a
                                                                 * line */
} wheel_names_t;

/**
 * Start the process.  It becomes the user of the mappings, or nobody where that
 * is root.
 * @param until_usec by wheel_clock_usec()
 * @return NULL, or what went wrong; then there is no process
 */
const char *wheel_names_begin(wheel_names_t *names,
                              const wheel_thread_copy_t *copy,
                              const wheel_mappings_t *mappings,
                              apr_int64_t until_usec);

/** Take what there is.  Never waits.  @return 0 if no more will come */
int wheel_names_more(wheel_names_t *names);

/** End the process.  @return NULL if the text has names, or why it has none */
const char *wheel_names_end(wheel_names_t *names);

#endif /* WHEEL_CORE_THREAD_NAMES_H */
