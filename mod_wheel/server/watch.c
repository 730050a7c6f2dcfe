/* SPDX-License-Identifier: Apache-2.0 */
/* server/watch.c: is the client of a request still there?
 *
 * Runs in the worker that runs the request, now and then while it waits.
 */
#include "server/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "http_connection.h"
#include "http_core.h"
#include "http_protocol.h"
#include "apr_portable.h"

#include "core/platform.h"
#include "core/proc.h"

/* A client that only shut its sending side gets an interim response now and
 * then: it may still go away, and nothing but writing to it would tell. */
#define WATCH_PROBE_USEC (500 * 1000)

void wheel_watch_begin(wheel_watch_t *watch, request_rec *r)
{
    apr_socket_t *socket = NULL;

    watch->r = r;
    watch->fd = -1;
    watch->held = 0;
    watch->probed_usec = 0;
    /* A stream of an HTTP/2 connection has a socket that leads nowhere. */
    if (!r->connection->master) {
        socket = ap_get_conn_socket(r->connection);
    }
    if (socket) {
        apr_os_sock_get(&watch->fd, socket);
    }
}

/* Copies take the lower half of a process's descriptors at most: what is left
 * is for connections. */
static int copies_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    return limit.rlim_cur / 2 < INT_MAX ? (int)(limit.rlim_cur / 2) : INT_MAX;
}

void wheel_watch_hold(wheel_watch_t *watch)
{
    int copy = watch->fd >= 0 ? fcntl(watch->fd, F_DUPFD_CLOEXEC, 0) : -1;

    if (copy >= copies_max()) {
        close(copy);
        return;
    }
    if (copy >= 0) {
        watch->fd = copy;
        watch->held = 1;
    }
}

void wheel_watch_release(wheel_watch_t *watch)
{
    apr_socket_t *socket;
    int copy = watch->fd;

    if (!watch->held) {
        return;
    }
    socket = ap_get_conn_socket(watch->r->connection);
    apr_os_sock_get(&watch->fd, socket);
    watch->held = 0;
    if (watch->fd >= 0) {
        close(copy);
        return;
    }
    /* APR says -1 before it closes, and the MPM has no more to do with it. */
    apr_os_sock_put(&socket, &copy, watch->r->connection->pool);
    watch->fd = copy;
}

/* After a full close the client's kernel answers whatever we send with a
 * reset, within a millisecond on a near network.  HTTP/1.0 knows no interim
 * response, and in the middle of an answer it would be a part of that: there
 * a closed sending side is a client that is gone. */
static wheel_watch_e probe(wheel_watch_t *watch)
{
    request_rec *r = watch->r;
    int status = r->status;
    const char *status_line = r->status_line;

    if (r->proto_num < HTTP_VERSION(1, 1) || r->sent_bodyct) {
        return WHEEL_WATCH_GONE;
    }
    r->status = HTTP_PROCESSING;
    r->status_line = NULL;
    ap_send_interim_response(r, 0);
    r->status = status;
    r->status_line = status_line;
    return WHEEL_WATCH_UNSURE;
}

wheel_watch_e wheel_watch_look(wheel_watch_t *watch)
{
    apr_int64_t now;
    int events;

    if (watch->r->connection->aborted) {
        return WHEEL_WATCH_GONE;
    }
    events = watch->fd >= 0 ? wheel_peer_events(watch->fd) : 0;
    if (!events) {
        return WHEEL_WATCH_PRESENT;
    }
    if (events & (POLLERR | POLLHUP | POLLNVAL)) {
        return WHEEL_WATCH_GONE;
    }
    now = wheel_clock_usec();
    if (watch->probed_usec && now - watch->probed_usec < WATCH_PROBE_USEC) {
        return WHEEL_WATCH_PRESENT;
    }
    watch->probed_usec = now;
    return probe(watch);
}
