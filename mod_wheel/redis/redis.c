/* SPDX-License-Identifier: Apache-2.0 */
/* redis/redis.c: all hosts as the status shows them, the farewell of a host,
 * and the table of the provider.
 */
#include "redis/redis.h"

#include "redis/private.h"
#include "redis/wire.h"

#include <string.h>

/* How long a server that ends waits for its farewell at most. */
#define REDIS_FAREWELL_USEC APR_USEC_PER_SEC

static const char *redis_where(const wheel_link_t *link)
{
    return link->where;
}

/* All hosts in the list, without those whose heartbeat lies in the future. */
static void take_peers(const redisReply *live, apr_int64_t redis_usec,
                       apr_array_header_t *peers)
{
    size_t hosts_n = wheel_wire_count(live) / 2;
    size_t n;

    for (n = 0; n < hosts_n; n++) {
        apr_interval_time_t age;
        const char *host = wheel_wire_live(live, n, redis_usec, &age);
        wheel_peer_t *peer;

        if (host && age > -WHEEL_MISSING_USEC) {
            peer = apr_array_push(peers);
            peer->host = apr_pstrdup(peers->pool, host);
            peer->age = age > 0 ? age : 0;
            peer->heartbeat = NULL;
        }
    }
}

/* HMGET of all peers' heartbeats. */
static int get_heartbeats(wheel_connection_t *connection,
                          apr_array_header_t *peers, apr_int64_t until)
{
    apr_pool_t *pool = peers->pool;
    const char **words = apr_pcalloc(pool, (peers->nelts + 2) * sizeof(*words));
    redisReply *texts;
    int n;

    words[0] = "HMGET";
    words[1] = connection->link->hosts;
    for (n = 0; n < peers->nelts; n++) {
        words[n + 2] = APR_ARRAY_IDX(peers, n, wheel_peer_t).host;
    }
    redisAppendCommandArgv(connection->redis, peers->nelts + 2, words, NULL);
    texts = wheel_connection_good_reply(connection, until);
    for (n = 0; n < peers->nelts; n++) {
        const redisReply *text = wheel_wire_item(texts, n);
        wheel_heartbeat_t *heartbeat = apr_pcalloc(pool, sizeof(*heartbeat));

        if (wheel_wire_string(text) &&
            wheel_wire_read_heartbeat(heartbeat, text->str, text->len, pool)) {
            APR_ARRAY_IDX(peers, n, wheel_peer_t).heartbeat = heartbeat;
        }
    }
    freeReplyObject(texts);
    return texts != NULL;
}

static int get_peers(wheel_connection_t *connection, apr_array_header_t *peers,
                     apr_int64_t until)
{
    redisReply *now;
    redisReply *live;

    redisAppendCommand(connection->redis, "TIME");
    redisAppendCommand(connection->redis, "ZRANGE %s 0 %d REV WITHSCORES",
                       connection->link->live, WHEEL_REDIS_HOSTS_MAX - 1);
    now = wheel_connection_good_reply(connection, until);
    live = now ? wheel_connection_good_reply(connection, until) : NULL;
    take_peers(live, wheel_wire_time(now), peers);
    freeReplyObject(now);
    freeReplyObject(live);
    if (!live) {
        return 0;
    }
    return !peers->nelts || get_heartbeats(connection, peers, until);
}

static const char *redis_peers(const wheel_link_t *link, wheel_peer_t **peers,
                               unsigned *peers_n, apr_pool_t *pool)
{
    apr_int64_t until = wheel_redis_clock_usec() + link->timeout;
    apr_array_header_t *found = apr_array_make(pool, 16, sizeof(wheel_peer_t));
    wheel_connection_t connection;
    int good;

    memset(&connection, 0, sizeof(connection));
    connection.link = link;
    good = wheel_connection_open(&connection) &&
           get_peers(&connection, found, until);
    if (good) {
        wheel_connection_close_done(&connection);
    }
    wheel_connection_close(&connection);
    *peers = (wheel_peer_t *)found->elts;
    *peers_n = good ? (unsigned)found->nelts : 0;
    return good ? NULL : apr_pstrdup(pool, connection.why);
}

static const char *redis_leave(const wheel_link_t *link, const char *host,
                               apr_pool_t *pool)
{
    wheel_link_t brief = *link;
    wheel_connection_t connection;
    apr_int64_t until;
    int left = 0;

    if (brief.timeout > REDIS_FAREWELL_USEC) {
        brief.timeout = REDIS_FAREWELL_USEC;
    }
    memset(&connection, 0, sizeof(connection));
    connection.link = &brief;
    until = wheel_redis_clock_usec() + brief.timeout;
    if (wheel_connection_open(&connection)) {
        redisAppendCommand(connection.redis, "ZREM %s %s", link->live, host);
        redisAppendCommand(connection.redis, "HDEL %s %s", link->hosts, host);
        left = wheel_connection_ok(&connection, until) &&
               wheel_connection_ok(&connection, until);
    }
    wheel_connection_close(&connection);
    return left ? NULL : apr_pstrdup(pool, connection.why);
}

const wheel_provider_t wheel_redis_provider = {
    wheel_redis_link_read, redis_where, wheel_redis_serve,
    wheel_redis_publish,   redis_peers, redis_leave,
};
