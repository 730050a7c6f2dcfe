/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_private.h: what the two files of the privileged process
 * share. */
#ifndef WHEEL_SERVER_PRIVILEGED_PRIVATE_H
#define WHEEL_SERVER_PRIVILEGED_PRIVATE_H

#include "httpd.h"

#include "server/privileged.h"

/** A message.  Written by children, so nothing in it is believed. */
typedef struct privileged_message_t {
    apr_uint64_t id;
    apr_uint32_t what;
    apr_uint32_t slot;
    apr_int32_t pid;
    apr_int32_t tid;
} privileged_message_t;

/** What the process is started with. */
typedef struct privileged_start_t {
    server_rec *s;
    pid_t parent;
    int fd; /* messages come here */
    unsigned steps;
    wheel_request_slots_t *slots;
} privileged_start_t;

/** The process, from its start to its end. */
void privileged_main(const privileged_start_t *start) __attribute__((noreturn));

#endif /* WHEEL_SERVER_PRIVILEGED_PRIVATE_H */
