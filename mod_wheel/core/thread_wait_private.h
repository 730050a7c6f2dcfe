/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_wait_private.h: what the files of core/thread_wait.h share:
 *
 *   thread_wait.c       which call a thread is in
 *   thread_wait_fds.c   the descriptors that it waits for
 *   thread_wait_text.c  both in words
 */
#ifndef WHEEL_CORE_THREAD_WAIT_PRIVATE_H
#define WHEEL_CORE_THREAD_WAIT_PRIVATE_H

#include "core/thread_wait.h"

#define WAIT_FILE_BYTES 4096
#define WAIT_PATH_BYTES 64

/* Where the descriptors of a call stand. */
enum {
    FD_NONE,
    FD_FIRST,  /* its first argument */
    FD_POLL,   /* an array of struct pollfd */
    FD_SELECT, /* three sets of bits */
    FD_EPOLL   /* what its first argument has been told */
};

typedef struct wait_call_t {
    long number;
    const char *name;
    int where;
} wait_call_t;

/** The call that a thread is in.  @return NULL if it has no name here */
const wait_call_t *wait_call(const wheel_thread_wait_t *wait);

/** Read a file of the thread.
 * @param text room for WAIT_FILE_BYTES
 * @return APR_SUCCESS, with a string in text */
apr_status_t wait_read_file(const wheel_thread_wait_t *wait, const char *name,
                            char *text);

/** Read the file "syscall". */
void wait_parse_syscall(const char *text, wheel_thread_wait_t *wait);

/** The path of a descriptor, as /proc has it.  @return 0 if it can't be had */
int wait_fd_path(const wheel_thread_wait_t *wait, int fd, char *text,
                 size_t text_bytes);

#endif /* WHEEL_CORE_THREAD_WAIT_PRIVATE_H */
