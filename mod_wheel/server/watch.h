/* SPDX-License-Identifier: Apache-2.0 */
/* server/watch.h: is the client of a request still there? */
#ifndef WHEEL_SERVER_WATCH_H
#define WHEEL_SERVER_WATCH_H

#include "httpd.h"

/** What a look at the client found. */
typedef enum {
    WHEEL_WATCH_PRESENT,
    WHEEL_WATCH_UNSURE, /* look again in WHEEL_WATCH_UNSURE_USEC */
    WHEEL_WATCH_GONE
} wheel_watch_e;

/** How soon to look again at a client that may be gone. */
#define WHEEL_WATCH_UNSURE_USEC (20 * 1000)

/** A watch over one client.  For the thread that runs the request. */
typedef struct wheel_watch_t {
    request_rec *r;
    int fd;                  /* -1: only the connection's state tells */
    int held;                /* fd is a copy of the connection's own */
    apr_int64_t probed_usec; /* the last probe, 0 before the first */
} wheel_watch_t;

/** Begin to watch the client of a request. */
void wheel_watch_begin(wheel_watch_t *watch, request_rec *r);

/**
 * Keep the connection open from now on, also if the MPM closes it: worker and
 * event do so when they end at once, before they tell anybody.  Takes a
 * descriptor; without one to spare, or under HTTP/2, does nothing.
 */
void wheel_watch_hold(wheel_watch_t *watch);

/**
 * Give back what wheel_watch_hold() took.  If the MPM has closed the connection
 * meanwhile, it is open again, for this thread to answer.  Harmless if nothing
 * is held.
 */
void wheel_watch_release(wheel_watch_t *watch);

/**
 * Look.  Never waits, reads nothing, and writes only to a client that has
 * closed its sending side: an interim response that tells whether it still
 * reads.
 */
wheel_watch_e wheel_watch_look(wheel_watch_t *watch);

#endif /* WHEEL_SERVER_WATCH_H */
