/* SPDX-License-Identifier: Apache-2.0 */
/* server/watch.h: is the client of a request still there? */
#ifndef WHEEL_SERVER_WATCH_H
#define WHEEL_SERVER_WATCH_H

#include "httpd.h"

/** What a poll of the client found. */
typedef enum {
    WHEEL_WATCH_PRESENT,
    WHEEL_WATCH_UNSURE, /* poll again in WHEEL_WATCH_UNSURE_USEC */
    WHEEL_WATCH_GONE
} wheel_watch_e;

/** What it means that a client has shut its sending side, where no interim
 * response can ask it: its answer has begun, or it speaks HTTP/1.0. */
typedef enum {
    WHEEL_WATCH_HALF_GONE,  /* it is gone */
    WHEEL_WATCH_HALF_BEGUN, /* it reads on if its answer has begun */
    WHEEL_WATCH_HALF_READS  /* it reads on: only its kernel says otherwise */
} wheel_watch_half_e;

/** How soon to poll a client again that may be gone. */
#define WHEEL_WATCH_UNSURE_USEC (20 * 1000)

/** A watch over one client.  For the thread that runs the request. */
typedef struct wheel_watch_t {
    request_rec *r;          /* what the client asked for itself */
    apr_socket_t *socket;    /* NULL: only c->aborted says so */
    wheel_watch_half_e half; /* see there */
    apr_int64_t probed_usec; /* the last probe, 0 before the first */
} wheel_watch_t;

/** Has the head of its answer been written? */
int wheel_watch_begun(const request_rec *r);

/**
 * Begin to watch the client of a request.
 * @param r may be a subrequest: its client is that of the whole page
 * @param half what a shut sending side means; in a subrequest the client always
 *        reads on, since the page has more to come
 */
void wheel_watch_begin(wheel_watch_t *watch, request_rec *r,
                       wheel_watch_half_e half);

/**
 * Poll.  Never waits, reads nothing, and writes only to a client that has
 * closed its sending side and whose connection takes bytes: an interim
 * response, or what has been buffered of the answer.  If the client is gone,
 * its kernel answers that by a reset.
 */
wheel_watch_e wheel_watch_poll(wheel_watch_t *watch);

#endif /* WHEEL_SERVER_WATCH_H */
