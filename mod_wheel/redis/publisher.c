/* SPDX-License-Identifier: Apache-2.0 */
/* redis/publisher.c: one stop to all hosts, and their replies.
 *
 * A connection of its own for each stop, for the thread that calls publish().
 */
#include "redis/private.h"

#include "redis/place.h"
#include "redis/wire.h"

#include <limits.h>
#include <string.h>

#include "apr_hash.h"

/* The replies expire so long after the stop has been answered: those that come
 * later reach nobody. */
#define PUBLISHER_REPLIES_LATER_MS 10000

/* One stop. */
typedef struct publisher_t {
    wheel_connection_t connection;
    const wheel_notice_t *notice;
    const char *replies_key;
    wheel_round_t *round;
    apr_array_header_t *replies; /* of wheel_reply_t */
    apr_hash_t *by_host;         /* 1 + its number in replies */
    unsigned silent;             /* hosts that have not answered */
    int total;                   /* jobs that were stopped; an int holds it */
    int listed;                  /* this host itself is in the list */
    int stays;                   /* the stream of replies does not expire */
    wheel_place_t place;         /* in the stream of replies */
    apr_pool_t *pool;
} publisher_t;

/* A host, or what it replies: its first reply counts. */
static void add_reply(publisher_t *publisher, const char *host, int stopped)
{
    apr_array_header_t *replies = publisher->replies;
    size_t n =
        (size_t)apr_hash_get(publisher->by_host, host, APR_HASH_KEY_STRING);
    wheel_reply_t *reply;

    if (!n) {
        if (replies->nelts >= WHEEL_REDIS_HOSTS_MAX) {
            return;
        }
        reply = apr_array_push(replies);
        reply->host = apr_pstrdup(publisher->pool, host);
        reply->stopped = WHEEL_REPLY_NONE;
        publisher->silent++;
        n = (size_t)replies->nelts;
        apr_hash_set(publisher->by_host, reply->host, APR_HASH_KEY_STRING,
                     (void *)n);
    }
    reply = &APR_ARRAY_IDX(replies, n - 1, wheel_reply_t);
    if (reply->stopped != WHEEL_REPLY_NONE || stopped == WHEEL_REPLY_NONE) {
        return;
    }
    if (stopped > 0) {
        stopped = stopped < INT_MAX - publisher->total
                      ? stopped
                      : INT_MAX - publisher->total;
        publisher->total += stopped;
    }
    reply->stopped = stopped;
    publisher->silent--;
}

static void expect_live(publisher_t *publisher, const redisReply *live,
                        apr_int64_t redis_usec)
{
    size_t hosts_n = wheel_wire_count(live) / 2;
    size_t n;

    for (n = 0; n < hosts_n; n++) {
        apr_interval_time_t age;
        const char *host = wheel_wire_live(live, n, redis_usec, &age);

        if (!host || !wheel_wire_is_live(age)) {
            continue;
        }
        if (wheel_wire_same_host(host, publisher->notice->host)) {
            publisher->listed = 1;
        }
        else {
            add_reply(publisher, host, WHEEL_REPLY_NONE);
        }
    }
}

/* The stop goes last: when it is in the stream, all is ready for replies. */
static void append_stop(publisher_t *publisher, unsigned stopped,
                        apr_interval_time_t wait_max)
{
    const wheel_link_t *link = publisher->connection.link;
    const wheel_notice_t *notice = publisher->notice;
    redisContext *redis = publisher->connection.redis;

    redisAppendCommand(redis, "TIME");
    redisAppendCommand(redis, "ZRANGE %s 0 %d REV WITHSCORES", link->live,
                       WHEEL_REDIS_HOSTS_MAX - 1);
    wheel_wire_append_reply(redis, publisher->replies_key, notice->host,
                            (int)stopped, 1);
    redisAppendCommand(
        redis, "PEXPIRE %s %lld", publisher->replies_key,
        (long long)(wait_max / 1000 + PUBLISHER_REPLIES_LATER_MS));
    wheel_wire_append_stop(redis, link->key, link->length_max, notice);
}

static int send_stop(publisher_t *publisher, unsigned stopped,
                     apr_interval_time_t wait_max, apr_int64_t until)
{
    wheel_connection_t *connection = &publisher->connection;
    redisReply *now;
    redisReply *live = NULL;
    redisReply *replies = NULL;
    redisReply *expiry = NULL;

    append_stop(publisher, stopped, wait_max);
    /* From here on, Redis may get it although we never hear of it. */
    publisher->round->told = WHEEL_TOLD_PERHAPS;
    now = wheel_connection_reply(connection, until);
    live = now ? wheel_connection_reply(connection, until) : NULL;
    replies = live ? wheel_connection_reply(connection, until) : NULL;
    expiry = replies ? wheel_connection_reply(connection, until) : NULL;
    if (expiry) {
        redisReply *entry = wheel_connection_reply(connection, until);

        if (entry && entry->type == REDIS_REPLY_ERROR) {
            publisher->round->told = WHEEL_TOLD_NOT;
            wheel_connection_fail(connection, "Redis says: %s", entry->str);
        }
        else if (entry) {
            publisher->round->told = WHEEL_TOLD;
            publisher->stays = expiry->type == REDIS_REPLY_ERROR;
            expect_live(publisher, live, wheel_wire_time(now));
        }
        freeReplyObject(entry);
    }
    freeReplyObject(now);
    freeReplyObject(live);
    freeReplyObject(replies);
    freeReplyObject(expiry);
    return publisher->round->told == WHEEL_TOLD;
}

static void take_replies(publisher_t *publisher, const redisReply *reply)
{
    const redisReply *entries = wheel_wire_entries(reply);
    size_t n;

    for (n = 0; n < wheel_wire_count(entries); n++) {
        const redisReply *entry = wheel_wire_item(entries, n);
        wheel_reply_t said;

        if (wheel_wire_place(entry, &publisher->place) &&
            wheel_wire_read_reply(entry, &said) &&
            !wheel_wire_same_host(said.host, publisher->notice->host)) {
            add_reply(publisher, said.host, said.stopped);
        }
    }
}

/* How long to wait for more replies.  A list without this host is one that
 * Redis has lost: the others may be on their way back, too. */
static apr_int64_t last_reply_due(const publisher_t *publisher,
                                  apr_int64_t began, apr_interval_time_t wait)
{
    apr_interval_time_t brief = publisher->connection.link->timeout;

    if (publisher->silent) {
        return began + wait;
    }
    return publisher->listed ? 0 : began + (wait < brief ? wait : brief);
}

/* Replies that expire by themselves are left, if there is no time for them. */
static void await_replies(publisher_t *publisher, apr_int64_t began,
                          apr_interval_time_t wait)
{
    wheel_connection_t *connection = &publisher->connection;
    apr_int64_t until = last_reply_due(publisher, began, wait);
    apr_int64_t end = began + connection->link->timeout;

    if (publisher->stays) {
        end += wait;
    }

    while (wheel_redis_clock_usec() < until) {
        redisReply *reply;

        redisAppendCommand(
            connection->redis, "XREAD COUNT %d BLOCK %d STREAMS %s %s",
            WHEEL_REDIS_BATCH_MAX,
            wheel_redis_left_ms(until) > 0 ? wheel_redis_left_ms(until) : 1,
            publisher->replies_key,
            wheel_place_text(&publisher->place, publisher->pool));
        reply = wheel_connection_good_reply(connection,
                                            publisher->stays ? end : until);
        if (!reply) {
            return;
        }
        take_replies(publisher, reply);
        freeReplyObject(reply);
        until = last_reply_due(publisher, began, wait);
    }
    if (!publisher->silent || publisher->stays) {
        redisAppendCommand(connection->redis, "UNLINK %s",
                           publisher->replies_key);
        wheel_connection_ok(connection, end);
    }
}

void wheel_redis_publish(const wheel_link_t *link, const wheel_notice_t *notice,
                         unsigned stopped, apr_interval_time_t wait_max,
                         int (*ended)(void), wheel_round_t *round,
                         apr_pool_t *pool)
{
    apr_int64_t began = wheel_redis_clock_usec();
    apr_interval_time_t wait = wait_max < 0 ? link->timeout : wait_max;
    publisher_t publisher;

    memset(&publisher, 0, sizeof(publisher));
    memset(round, 0, sizeof(*round));
    round->told = WHEEL_TOLD_NOT;
    publisher.connection.link = link;
    publisher.connection.ended = ended;
    publisher.notice = notice;
    publisher.round = round;
    publisher.pool = pool;
    publisher.replies = apr_array_make(pool, 16, sizeof(wheel_reply_t));
    publisher.by_host = apr_hash_make(pool);
    publisher.replies_key =
        wheel_wire_replies_key(link->key, notice->stop, pool);
    add_reply(&publisher, notice->host, (int)stopped);
    if (strlen(notice->filter) > WHEEL_WIRE_FILTER_MAX) {
        wheel_connection_fail(&publisher.connection, "its filter is too long");
    }
    else if (wheel_connection_open(&publisher.connection) &&
             send_stop(&publisher, stopped, wait, began + link->timeout)) {
        await_replies(&publisher, began, wait);
        wheel_connection_close_done(&publisher.connection);
    }
    wheel_connection_close(&publisher.connection);
    round->why = apr_pstrdup(pool, publisher.connection.why);
    round->replies = (wheel_reply_t *)publisher.replies->elts;
    round->replies_n = publisher.replies->nelts;
}
