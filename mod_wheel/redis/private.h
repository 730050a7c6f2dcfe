/* SPDX-License-Identifier: Apache-2.0 */
/* redis/private.h: what the files of the Redis module share.
 *
 *   url.c         the link: where Redis is, and how to log in
 *   resolve.c     host names to addresses, with a limit of time
 *   connection.c  one connection: connect, log in, send, wait for replies
 *   wire.c        what stands in Redis, written and read
 *   place.c       has anything been lost between two reads of the stream?
 *   reader.c      serve(): one connection that reads stops, and
 *   heartbeat.c   sends heartbeats
 *   publisher.c   publish(): one stop to all hosts, and their replies
 *   redis.c       the other calls of the provider, and its table
 *
 * In Redis, after the key that the cluster was given:
 *
 *   KEY            a stream: the stops, with host, stop and filter
 *   KEY:live       a sorted set: hosts, by the time of their last heartbeat
 *   KEY:hosts      a hash: the last heartbeat of each host
 *   KEY:stop:STOP  a stream that expires: the replies of the hosts to one stop
 */
#ifndef WHEEL_REDIS_PRIVATE_H
#define WHEEL_REDIS_PRIVATE_H

#include <time.h>

#include <hiredis/hiredis.h>

#include "apr_strings.h"

#include "cluster/provider.h"

/** Entries of one read. */
#define WHEEL_REDIS_BATCH_MAX 500

/** Hosts that a stop waits for and a status shows; those beyond are left
 * out. */
#define WHEEL_REDIS_HOSTS_MAX 10000

#define WHEEL_REDIS_WHY_BYTES 256

struct wheel_link_t {
    const char *where;
    const char *path; /* of a socket, NULL for TCP */
    const char *host;
    const char *port;
    const char *user;     /* NULL for none */
    const char *password; /* NULL for none */
    int db;
    const char *key;
    const char *live;
    const char *hosts;
    unsigned length_max;
    apr_interval_time_t timeout;
};

/** Read a link: wheel_provider_t's read(). */
const char *wheel_redis_link_read(wheel_link_t **made,
                                  const wheel_link_spec_t *spec,
                                  apr_pool_t *pool);

/* --- connection.c --------------------------------------------------------- */

/** One connection, for one thread.  Begin with zeros and a link. */
typedef struct wheel_connection_t {
    const wheel_link_t *link;
    const wheel_service_t *service; /* NULL for a publisher */
    int (*ended)(void);             /* of a publisher; NULL: never */
    redisContext *redis;
    char why[WHEEL_REDIS_WHY_BYTES]; /* what went wrong */
    /* Those of hiredis, but for arrays, which are bounded. */
    redisReplyObjectFunctions functions;
    redisReplyObjectFunctions *unbounded;
} wheel_connection_t;

/** The monotonic clock. */
static inline apr_int64_t wheel_redis_clock_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (apr_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/** Milliseconds until then, rounded up; a day at most. */
int wheel_redis_left_ms(apr_int64_t until);

/** Note what went wrong. */
__attribute__((format(printf, 2, 3))) void wheel_connection_fail(
    wheel_connection_t *connection, const char *format, ...);

/** Is there no more to wait for? */
int wheel_connection_ended(const wheel_connection_t *connection);

/**
 * Wait for a descriptor (-1 for none), the end of the service, or the time.
 * @return nonzero if the descriptor is ready, or has an error that the next
 *         call shows
 */
int wheel_connection_wait(const wheel_connection_t *connection, int fd,
                          short events, apr_int64_t until);

/** Connect, log in and choose the database, within the link's timeout.
 * @return 0 if it failed: see why */
int wheel_connection_open(wheel_connection_t *connection);

/** Disconnect, if connected. */
void wheel_connection_close(wheel_connection_t *connection);

/** The same, when no reply is due: without TIME_WAIT, which would take a port
 * for a minute each time. */
void wheel_connection_close_done(wheel_connection_t *connection);

/**
 * Send what has been appended, and get the next reply.
 * @return NULL if there is none in time, or the connection has broken; else
 *         for freeReplyObject()
 */
redisReply *wheel_connection_reply(wheel_connection_t *connection,
                                   apr_int64_t until);

/** The same, for a command whose failure is one of the connection.
 * @return NULL also for an error of Redis */
redisReply *wheel_connection_good_reply(wheel_connection_t *connection,
                                        apr_int64_t until);

/** The same, when it is enough that the reply is no error. */
int wheel_connection_ok(wheel_connection_t *connection, apr_int64_t until);

/* --- reader.c and publisher.c: see wheel_provider_t ----------------------- */

void wheel_redis_serve(const wheel_link_t *link, const wheel_service_t *service,
                       apr_pool_t *pool);

void wheel_redis_publish(const wheel_link_t *link, const wheel_notice_t *notice,
                         unsigned stopped, apr_interval_time_t wait_max,
                         int (*ended)(void), wheel_round_t *round,
                         apr_pool_t *pool);

#endif /* WHEEL_REDIS_PRIVATE_H */
