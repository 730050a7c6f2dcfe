/* SPDX-License-Identifier: Apache-2.0 */
/* redis/heartbeat.c: the heartbeat of this host, and hosts that have none any
 * more, which every host removes.
 *
 * By the reader's connection, in its thread.
 */
#include "redis/reader.h"

#include <stdlib.h>
#include <string.h>

#include "redis/wire.h"

#define HEARTBEAT_USEC APR_USEC_PER_SEC

/* How often hosts that are long gone are removed, and how many at a time.  The
 * own heartbeat is written anew then, whether or not it has changed. */
#define FORGET_USEC (60 * APR_USEC_PER_SEC)
#define FORGET_MAX 100

/* Redis may have none, or another one. */
static void forget_text(reader_t *reader)
{
    free(reader->heartbeat);
    reader->heartbeat = NULL;
}

/* The heartbeat, if it has changed or may be gone.
 * @return how many replies will come: 0 or 1 */
static int append_heartbeat_text(reader_t *reader)
{
    const wheel_connection_t *connection = &reader->connection;
    const wheel_service_t *service = connection->service;
    wheel_heartbeat_t heartbeat;
    const char *text;

    memset(&heartbeat, 0, sizeof(heartbeat));
    service->heartbeat(service->baton, &heartbeat, reader->pool);
    text = wheel_wire_heartbeat(&heartbeat, reader->pool);
    if (reader->heartbeat && !strcmp(reader->heartbeat, text)) {
        return 0;
    }
    free(reader->heartbeat);
    reader->heartbeat = strdup(text);
    redisAppendCommand(connection->redis, "HSET %s %s %s",
                       connection->link->hosts, service->host, text);
    return 1;
}

int reader_append_heartbeat(reader_t *reader)
{
    const wheel_connection_t *connection = &reader->connection;
    apr_int64_t now = wheel_redis_clock_usec();

    reader->heartbeat_due = now + HEARTBEAT_USEC;
    redisAppendCommand(connection->redis, "TIME");
    redisAppendCommand(connection->redis, "ZADD %s %lld %s",
                       connection->link->live,
                       (long long)(now + reader->clock_offset) / 1000,
                       connection->service->host);
    return append_heartbeat_text(reader);
}

/* @param has_failed set if Redis has refused the command
 * @return for freeReplyObject(); NULL if the connection is of no more use */
static redisReply *take_reply(reader_t *reader, int *has_failed,
                              apr_int64_t until)
{
    redisReply *reply = wheel_connection_reply(&reader->connection, until);

    *has_failed = reply && reply->type == REDIS_REPLY_ERROR;
    if (*has_failed) {
        reader_note_failure(reader, reply->str);
    }
    return reply;
}

/* A host that the list did not have may have no heartbeat there either. */
static int take_live(reader_t *reader, apr_int64_t until)
{
    int has_failed;
    redisReply *added = take_reply(reader, &has_failed, until);

    if (added && !has_failed &&
        (added->type != REDIS_REPLY_INTEGER || added->integer)) {
        forget_text(reader);
    }
    freeReplyObject(added);
    return added != NULL;
}

static int take_text(reader_t *reader, apr_int64_t until)
{
    int has_failed;
    redisReply *reply = take_reply(reader, &has_failed, until);

    if (has_failed) {
        forget_text(reader);
    }
    freeReplyObject(reply);
    return reply != NULL;
}

int reader_take_heartbeat(reader_t *reader, int has_text, apr_int64_t until)
{
    return reader_take_time(reader, until) && take_live(reader, until) &&
           (!has_text || take_text(reader, until));
}

/* --- Hosts that are gone -------------------------------------------------- */

/* Two replies will come for each. */
static int append_forget(reader_t *reader, apr_int64_t until)
{
    const wheel_connection_t *connection = &reader->connection;
    redisReply *hosts = wheel_connection_good_reply(&reader->connection, until);
    size_t n;

    for (n = 0; n < wheel_wire_count(hosts); n++) {
        const redisReply *host = wheel_wire_item(hosts, n);

        if (host->type == REDIS_REPLY_STRING) { /* of any bytes */
            redisAppendCommand(connection->redis, "ZREM %s %b",
                               connection->link->live, host->str,
                               (size_t)host->len);
            redisAppendCommand(connection->redis, "HDEL %s %b",
                               connection->link->hosts, host->str,
                               (size_t)host->len);
            reader->owed += 2;
        }
    }
    freeReplyObject(hosts);
    return hosts != NULL;
}

/* Remove hosts whose last heartbeat is old, or lies in the future. */
int reader_forget_hosts(reader_t *reader)
{
    const wheel_connection_t *connection = &reader->connection;
    apr_int64_t now = wheel_redis_clock_usec();
    apr_int64_t until = now + connection->link->timeout;
    apr_int64_t redis_now = now + reader->clock_offset;

    reader->forget_due = now + FORGET_USEC;
    forget_text(reader);
    redisAppendCommand(
        connection->redis, "ZRANGEBYSCORE %s -inf %lld LIMIT 0 %d",
        connection->link->live,
        (long long)(redis_now - WHEEL_FORGOTTEN_USEC) / 1000, FORGET_MAX);
    redisAppendCommand(
        connection->redis, "ZRANGEBYSCORE %s %lld +inf LIMIT 0 %d",
        connection->link->live,
        (long long)(redis_now + WHEEL_FORGOTTEN_USEC) / 1000, FORGET_MAX);
    return append_forget(reader, until) && append_forget(reader, until) &&
           reader_take_owed(reader, until);
}
