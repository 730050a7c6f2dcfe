/* SPDX-License-Identifier: Apache-2.0 */
/* server/watch.c: is the client of a request still there?
 *
 * Runs in the worker that runs the request, now and then while it waits.
 */
#include "server/watch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "apr_portable.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"

#include "core/platform.h"
#include "core/proc.h"

/* A client that only shut its sending side gets an interim response now and
 * then: it may still go away, and only a write shows that. */
#define WATCH_PROBE_USEC (500 * 1000)

/* Seconds from one keepalive segment to the next. */
#define WATCH_KEEPALIVE_SEC 10

void wheel_watch_begin(wheel_watch_t *watch, request_rec *r,
                       wheel_watch_half_e half)
{
    watch->half = r->main ? WHEEL_WATCH_HALF_READS : half;
    while (r->main) {
        r = r->main;
    }
    watch->r = r;
    watch->socket = NULL;
    watch->probed_usec = 0;
    /* A stream of an HTTP/2 connection has a socket that leads nowhere. */
    if (!r->connection->master) {
        watch->socket = ap_get_conn_socket(r->connection);
    }
}

/* Where no body follows the head, as with HEAD, the filter that writes that
 * stays, and its context shows that it has.  A tunnel has no such filter any
 * more. */
int wheel_watch_begun(const request_rec *r)
{
    const ap_filter_t *filter;

    for (filter = r->proto_output_filters; filter; filter = filter->next) {
        if (filter->ctx && !strcmp(filter->frec->name, "http_header")) {
            return 1;
        }
    }
    return r->sent_bodyct != 0 ||
           r->proto_output_filters == r->connection->output_filters;
}

/* @return -1 if there is none, or the MPM has closed it */
static int descriptor_of(const wheel_watch_t *watch)
{
    int fd = -1;

    if (watch->socket) {
        apr_os_sock_get(&fd, watch->socket);
    }
    return fd;
}

/* A write would wait if the client takes nothing. */
static int takes_bytes(int fd)
{
    struct pollfd client = {fd, POLLOUT, 0};

    return poll(&client, 1, 0) == 1 && (client.revents & POLLOUT);
}

/* The kernel of a client that has closed forgets the connection a minute later,
 * and from then on answers keepalive segments by a reset. */
static void keep_asking(int fd)
{
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
    on = WATCH_KEEPALIVE_SEC;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &on, sizeof(on));
#endif
}

static void send_interim(request_rec *r)
{
    int status = r->status;
    const char *status_line = r->status_line;

    r->status = HTTP_PROCESSING;
    r->status_line = NULL;
    ap_send_interim_response(r, 0);
    r->status = status;
    r->status_line = status_line;
}

/* What has been written of the answer may not have been sent. */
static void send_buffered(request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, c->bucket_alloc);

    ap_fflush(c->output_filters, brigade);
    apr_brigade_destroy(brigade);
}

/* Where no interim response can ask. */
static wheel_watch_e probe_silently(const wheel_watch_t *watch, int fd,
                                    int first)
{
    request_rec *r = watch->r;
    wheel_watch_half_e reads =
        wheel_watch_begun(r) ? WHEEL_WATCH_HALF_BEGUN : WHEEL_WATCH_HALF_READS;

    if (watch->half < reads) {
        return WHEEL_WATCH_GONE;
    }
    if (!first) {
        return WHEEL_WATCH_PRESENT;
    }
    keep_asking(fd);
    send_buffered(r);
    return WHEEL_WATCH_UNSURE;
}

/* After a full close the client's kernel answers whatever we send with a
 * reset, within a millisecond on a near network.  HTTP/1.0 knows no interim
 * response, and in the middle of an answer it would be a part of that. */
static wheel_watch_e probe(wheel_watch_t *watch, int fd)
{
    int first = !watch->probed_usec;

    watch->probed_usec = wheel_clock_usec();
    if (wheel_watch_begun(watch->r) ||
        watch->r->proto_num < HTTP_VERSION(1, 1)) {
        return probe_silently(watch, fd, first);
    }
    send_interim(watch->r);
    return WHEEL_WATCH_UNSURE;
}

wheel_watch_e wheel_watch_poll(wheel_watch_t *watch)
{
    int fd = descriptor_of(watch);
    int events;

    if (watch->r->connection->aborted) {
        return WHEEL_WATCH_GONE;
    }
    events = fd >= 0 ? wheel_peer_events(fd) : 0;
    if (!events) {
        return WHEEL_WATCH_PRESENT;
    }
    if (events & (POLLERR | POLLHUP | POLLNVAL)) {
        return WHEEL_WATCH_GONE;
    }
    if ((watch->probed_usec &&
         wheel_clock_usec() - watch->probed_usec < WATCH_PROBE_USEC) ||
        !takes_bytes(fd)) {
        return WHEEL_WATCH_PRESENT;
    }
    return probe(watch, fd);
}
