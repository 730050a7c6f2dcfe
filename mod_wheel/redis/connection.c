/* SPDX-License-Identifier: Apache-2.0 */
/* redis/connection.c: one connection to Redis.
 *
 * Each wait has a limit: sockets don't block, and a reply has a deadline and a
 * maximum size.  One thread each.
 */
#include "redis/private.h"

#include "redis/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Of any wait at once. */
#define CONNECTION_LEFT_MAX_MS (24 * 3600 * 1000)

/* How often a publisher that waits polls whether its process ends. */
#define CONNECTION_POLL_MS 50

/* Bytes of one reply: 10,000 hosts with 64 jobs each say less. */
#define CONNECTION_REPLY_BYTES_MAX (64 * 1024 * 1024)

/* Elements of one array of a reply: 10,000 hosts have two each. */
#define CONNECTION_ELEMENTS_MAX 100000

#if HIREDIS_MAJOR < 1
typedef int elements_t;
#else
typedef size_t elements_t;
#endif

/* --- Waiting -------------------------------------------------------------- */

int wheel_redis_left_ms(apr_int64_t until)
{
    apr_int64_t left = (until - wheel_redis_clock_usec() + 999) / 1000;

    if (left <= 0) {
        return 0;
    }
    return left < CONNECTION_LEFT_MAX_MS ? (int)left : CONNECTION_LEFT_MAX_MS;
}

void wheel_connection_fail(wheel_connection_t *connection, const char *format,
                           ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(connection->why, sizeof(connection->why), format, args);
    va_end(args);
}

int wheel_connection_ended(const wheel_connection_t *connection)
{
    if (connection->service) {
        return connection->service->ended(connection->service->baton);
    }
    return connection->ended && connection->ended();
}

int wheel_connection_wait(const wheel_connection_t *connection, int fd,
                          short events, apr_int64_t until)
{
    struct pollfd fds[3] = {{fd, events, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};

    if (connection->service) {
        fds[1].fd = connection->service->wake_fds[0];
        fds[2].fd = connection->service->wake_fds[1];
    }
    while (!wheel_connection_ended(connection)) {
        int left = wheel_redis_left_ms(until);
        int ready;

        /* Nothing wakes a publisher when its process is to end. */
        if (!connection->service && left > CONNECTION_POLL_MS) {
            left = CONNECTION_POLL_MS;
        }
        ready = poll(fds, 3, left);
        if (ready > 0 && fds[0].revents) {
            return 1;
        }
        if (ready < 0 ? errno != EINTR
                      : !ready && !wheel_redis_left_ms(until)) {
            return 0;
        }
    }
    return 0;
}

/* --- Connecting ----------------------------------------------------------- */

/* Make a socket that will be connected, or will not, when it can be written.
 * @return -1 if it already will not */
static int begin_connect(int family, const struct sockaddr *address,
                         socklen_t bytes)
{
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    if (family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    }
    if (connect(fd, address, bytes) != 0 && errno != EINPROGRESS) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int connect_to(wheel_connection_t *connection, int family,
                      const struct sockaddr *address, socklen_t bytes,
                      apr_int64_t until)
{
    char text[WHEEL_REDIS_WHY_BYTES];
    int error = ETIMEDOUT;
    socklen_t error_bytes = sizeof(error);
    int fd = begin_connect(family, address, bytes);

    if (fd < 0) {
        error = errno;
    }
    else {
        if (wheel_connection_wait(connection, fd, POLLOUT, until)) {
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
        }
        if (!error) {
            return fd;
        }
        close(fd);
    }
    wheel_connection_fail(
        connection, "no connection: %s",
        apr_strerror(APR_FROM_OS_ERROR(error), text, sizeof(text)));
    return -1;
}

static int connect_unix(wheel_connection_t *connection, apr_int64_t until)
{
    struct sockaddr_un address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    apr_cpystrn(address.sun_path, connection->link->path,
                sizeof(address.sun_path));
    return connect_to(connection, AF_UNIX, (struct sockaddr *)&address,
                      sizeof(address), until);
}

/* What wheel_resolve() waits by: half of the time is left for connecting. */
typedef struct resolve_wait_t {
    const wheel_connection_t *connection;
    apr_int64_t until;
} resolve_wait_t;

static int wait_resolved(void *baton, int fd)
{
    const resolve_wait_t *wait = baton;

    return wheel_connection_wait(wait->connection, fd, POLLIN, wait->until);
}

/* The first of its addresses that answers; each has its part of the time. */
static int connect_tcp(wheel_connection_t *connection, apr_int64_t until)
{
    apr_int64_t now = wheel_redis_clock_usec();
    resolve_wait_t wait = {connection, now + (until - now) / 2};
    wheel_addresses_t found;
    const char *error =
        wheel_resolve(&found, connection->link->host, connection->link->port,
                      wait_resolved, &wait);
    int fd = -1;
    unsigned n;

    if (error) {
        wheel_connection_fail(connection, "no address: %s", error);
        return -1;
    }
    for (n = 0; n < found.n && fd < 0; n++) {
        now = wheel_redis_clock_usec();
        fd = connect_to(connection, found.list[n].family,
                        (const struct sockaddr *)&found.list[n].address,
                        found.list[n].bytes,
                        now + (until - now) / (int)(found.n - n));
    }
    return fd;
}

void wheel_connection_close(wheel_connection_t *connection)
{
    if (connection->redis) {
        redisFree(connection->redis);
        connection->redis = NULL;
    }
}

void wheel_connection_close_done(wheel_connection_t *connection)
{
    const struct linger at_once = {1, 0};

    setsockopt(connection->redis->fd, SOL_SOCKET, SO_LINGER, &at_once,
               sizeof(at_once));
    wheel_connection_close(connection);
}

/* --- Replies -------------------------------------------------------------- */

/* hiredis would make room for as many as a reply announces, whatever comes, and
 * go through all of that to free it: two thousand million take it minutes. */
static void *create_array(const redisReadTask *task, elements_t elements)
{
    const wheel_connection_t *connection = task->privdata;

    return elements <= CONNECTION_ELEMENTS_MAX
               ? connection->unbounded->createArray(task, elements)
               : NULL;
}

static void bound_replies(wheel_connection_t *connection)
{
    redisReader *reader = connection->redis->reader;

    connection->unbounded = reader->fn;
    connection->functions = *reader->fn;
    connection->functions.createArray = create_array;
    reader->fn = &connection->functions;
    reader->privdata = connection;
}

redisReply *wheel_connection_reply(wheel_connection_t *connection,
                                   apr_int64_t until)
{
    redisContext *redis = connection->redis;
    size_t bytes = 0;
    void *reply = NULL;
    int sent = 0;

    while (1) {
        size_t before;

        if (redisGetReplyFromReader(redis, &reply) != REDIS_OK) {
            break;
        }
        if (reply) {
            return reply;
        }
        if (bytes > CONNECTION_REPLY_BYTES_MAX) {
            wheel_connection_fail(connection,
                                  "a reply of more than %d MB: if another "
                                  "client has written entries that large, "
                                  "delete the key",
                                  CONNECTION_REPLY_BYTES_MAX / 1024 / 1024);
            return NULL;
        }
        if (!sent && redisBufferWrite(redis, &sent) != REDIS_OK) {
            break;
        }
        if (!wheel_connection_wait(connection, redis->fd,
                                   sent ? POLLIN : POLLIN | POLLOUT, until)) {
            wheel_connection_fail(connection, "no answer in time");
            return NULL;
        }
        /* Without blocking: nothing to read is no error. */
        before = redis->reader->len;
        if (redisBufferRead(redis) != REDIS_OK) {
            break;
        }
        bytes += redis->reader->len - before;
    }
    wheel_connection_fail(connection, "the connection broke: %s",
                          redis->err == REDIS_ERR_OOM
                              ? "a reply of too many parts, or no memory for it"
                              : redis->errstr);
    return NULL;
}

redisReply *wheel_connection_good_reply(wheel_connection_t *connection,
                                        apr_int64_t until)
{
    redisReply *reply = wheel_connection_reply(connection, until);

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        wheel_connection_fail(connection, "Redis says: %s", reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

int wheel_connection_ok(wheel_connection_t *connection, apr_int64_t until)
{
    redisReply *reply = wheel_connection_good_reply(connection, until);

    if (reply) {
        freeReplyObject(reply);
    }
    return reply != NULL;
}

/* --- Logging in ----------------------------------------------------------- */

/* Of Redis' error only the first word is shown: the rest may repeat the
 * password ("unknown command 'AUTH', with args beginning with ..."). */
static int log_in(wheel_connection_t *connection, apr_int64_t until)
{
    const wheel_link_t *link = connection->link;
    redisReply *reply;
    int good;

    if (link->user) {
        redisAppendCommand(connection->redis, "AUTH %s %s", link->user,
                           link->password);
    }
    else if (link->password) {
        redisAppendCommand(connection->redis, "AUTH %s", link->password);
    }
    else {
        return 1;
    }
    reply = wheel_connection_reply(connection, until);
    good = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply && !good) {
        wheel_connection_fail(connection,
                              "Redis refuses the user and password: %.*s",
                              (int)strcspn(reply->str, " "), reply->str);
    }
    freeReplyObject(reply);
    return good;
}

static int choose_database(wheel_connection_t *connection, apr_int64_t until)
{
    if (!connection->link->db) {
        return 1;
    }
    redisAppendCommand(connection->redis, "SELECT %d", connection->link->db);
    return wheel_connection_ok(connection, until);
}

/* Not before this has been well does anything else go out: what is meant for
 * one database must not land in another. */
int wheel_connection_open(wheel_connection_t *connection)
{
    apr_int64_t until = wheel_redis_clock_usec() + connection->link->timeout;
    int fd = connection->link->path ? connect_unix(connection, until)
                                    : connect_tcp(connection, until);

    if (fd < 0) {
        return 0;
    }
    connection->redis = redisConnectFd(fd);
    if (!connection->redis || connection->redis->err) {
        wheel_connection_fail(connection, "no memory for a connection");
        if (!connection->redis) {
            close(fd);
        }
        wheel_connection_close(connection);
        return 0;
    }
    connection->redis->flags &= ~REDIS_BLOCK;
    bound_replies(connection);
    if (!log_in(connection, until) || !choose_database(connection, until)) {
        wheel_connection_close(connection);
        return 0;
    }
    return 1;
}
