/* SPDX-License-Identifier: Apache-2.0 */
/* requests/blocked.h: where worker threads wait, and how a stop ends a wait. */
#ifndef WHEEL_REQUESTS_BLOCKED_H
#define WHEEL_REQUESTS_BLOCKED_H

#include "httpd.h"

/** What a thread waits for. */
typedef enum {
    WHEEL_BLOCKED_CLIENT_READ,   /* bytes of its client */
    WHEEL_BLOCKED_CLIENT_WRITE,  /* room for bytes to its client */
    WHEEL_BLOCKED_BACKEND,       /* a backend, in a read or write */
    WHEEL_BLOCKED_TUNNEL,        /* a backend, until its connection is closed */
    WHEEL_BLOCKED_TUNNEL_CLIENT, /* and a client that keeps its side open */
    WHEEL_BLOCKED_COUNT
} wheel_blocked_e;

/** Where one thread waits.  Its memory is never freed, only used again. */
typedef struct wheel_blocked_t wheel_blocked_t;

/** The calling thread's, or another one for an answer that no thread sends.
 * @return NULL without memory */
wheel_blocked_t *wheel_blocked_take(unsigned slot);

/** Give it back; it waits for nothing. */
void wheel_blocked_give(wheel_blocked_t *wait);

/**
 * A thread is about to wait on a descriptor.  It may be shut down until
 * wheel_blocked_leave(): don't close it before.
 * @return 0 if its request is marked: don't wait
 */
int wheel_blocked_enter(wheel_blocked_t *wait, wheel_blocked_e what, int fd);

/** It waits no more.  If it is being interrupted at this moment, this comes
 * after that.
 * @return the descriptor on which it waited, -1 for none */
int wheel_blocked_leave(wheel_blocked_t *wait, wheel_blocked_e what);

/**
 * The same with a duplicate of the descriptor, until wheel_blocked_drop():
 * whoever owns the descriptor may close it before, and another connection get
 * its number.  If the process can have no more descriptors, a stop doesn't end
 * this wait.
 */
int wheel_blocked_keep(wheel_blocked_t *wait, wheel_blocked_e what, int fd);

/** Leave what wheel_blocked_keep() has entered, if anything. */
void wheel_blocked_drop(wheel_blocked_t *wait, wheel_blocked_e what);

/** The thread runs, or has left, the handler of mod_php. */
void wheel_blocked_php(wheel_blocked_t *wait, int runs);

/** Register the hooks that install the signal handler. */
void wheel_blocked_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_BLOCKED_H */
