/* SPDX-License-Identifier: Apache-2.0 */
/* redis/reader.c: one connection that reads the stops of other hosts and
 * replies to them.  heartbeat.c sends the heartbeats of this host by it.
 *
 * A round is one pipeline: the replies to the stops that were read last, the
 * heartbeat when it is due, XINFO to see that nothing has been lost, and a
 * blocking XREAD until the next heartbeat.  One thread, that of serve().
 */
#include "redis/reader.h"

#include "redis/wire.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Between two attempts to connect. */
#define READER_AGAIN_FIRST_USEC (10 * 1000)
#define READER_AGAIN_MAX_USEC APR_USEC_PER_SEC

/* A stream whose ids are ahead of Redis' clock by more than this wakes no
 * reader if it begins anew: it is checked more often. */
#define READER_AHEAD_MS 1000
#define READER_AHEAD_CHECK_USEC (100 * 1000)

/* Not the end of the connection: reading goes on.  But after a failover, what
 * was the primary may be a replica now, and the address may lead to another
 * server: the end of the connection tells of that. */
void reader_note_failure(reader_t *reader, const char *why)
{
    static const char read_only[] = "READONLY ";
    const wheel_service_t *service = reader->connection.service;

    if (!strncmp(why, read_only, sizeof(read_only) - 1)) {
        wheel_connection_fail(&reader->connection, "Redis says: %s", why);
        reader->read_only = 1;
        return;
    }
    if (strcmp(reader->failed, why)) {
        apr_cpystrn(reader->failed, why, sizeof(reader->failed));
        service->failed(service->baton, why);
    }
}

/* Replies of no interest but for errors. */
int reader_take_owed(reader_t *reader, apr_int64_t until)
{
    for (; reader->owed; reader->owed--) {
        redisReply *reply = wheel_connection_reply(&reader->connection, until);

        if (!reply) {
            return 0;
        }
        if (reply->type == REDIS_REPLY_ERROR) {
            reader_note_failure(reader, reply->str);
        }
        freeReplyObject(reply);
    }
    return 1;
}

/* --- The place in the stream ---------------------------------------------- */

static void set_place(reader_t *reader, const wheel_place_t *place)
{
    const wheel_service_t *service = reader->connection.service;

    reader->place = *place;
    service->set_place(service->baton, place);
}

static apr_uint64_t redis_now_ms(const reader_t *reader)
{
    return (apr_uint64_t)((wheel_redis_clock_usec() + reader->clock_offset) /
                          1000);
}

static int is_ahead(const reader_t *reader)
{
    return reader->place.ms > redis_now_ms(reader) + READER_AHEAD_MS;
}

static void lose(reader_t *reader, const wheel_place_t *place, const char *why)
{
    const wheel_service_t *service = reader->connection.service;

    reader->moved |= wheel_place_compare(place, &reader->place) < 0;
    service->lost(service->baton, why);
    set_place(reader, place);
}

/* Read the reply of XINFO STREAM.  A missing stream is an error of Redis, but
 * none here. */
static int read_stream(reader_t *reader, const redisReply *info)
{
    static const char missing[] = "ERR no such key";
    const char *why;

    memset(&reader->last, 0, sizeof(reader->last));
    if (info->type != REDIS_REPLY_ERROR) {
        why = wheel_wire_stream(info, &reader->last);
        if (why) {
            wheel_connection_fail(&reader->connection, "%s", why);
        }
        return !why;
    }
    if (strncmp(info->str, missing, sizeof(missing) - 1)) {
        wheel_connection_fail(&reader->connection, "Redis says: %s", info->str);
        return 0;
    }
    return 1;
}

static void note_ahead(reader_t *reader)
{
    const wheel_service_t *service = reader->connection.service;
    int ahead = is_ahead(reader);

    if (ahead && !reader->ahead) {
        service->failed(service->baton,
                        "the ids of the stream are ahead of Redis' clock: it "
                        "was set back, or another client has added such an "
                        "entry; if stops fail, delete the key");
    }
    reader->ahead = ahead;
}

/* Take the reply of XINFO STREAM, and see that nothing has been lost. */
static int check_stream(reader_t *reader, apr_int64_t until)
{
    redisReply *info = wheel_connection_reply(&reader->connection, until);
    wheel_place_t place = reader->place;
    const char *why;
    int good = info && read_stream(reader, info);

    freeReplyObject(info);
    if (!good) {
        return 0;
    }
    why = wheel_place_check(&place, &reader->last, reader->checked_ms,
                            reader->pool);
    if (why) {
        lose(reader, &place, why);
    }
    else if (place.added != reader->place.added) {
        set_place(reader, &place);
    }
    reader->checked_ms = redis_now_ms(reader);
    note_ahead(reader);
    return 1;
}

int reader_take_time(reader_t *reader, apr_int64_t until)
{
    redisReply *reply = wheel_connection_good_reply(&reader->connection, until);
    apr_int64_t usec = wheel_wire_time(reply);

    if (reply && !usec) {
        wheel_connection_fail(&reader->connection,
                              "the reply to TIME is no time");
    }
    freeReplyObject(reply);
    reader->clock_offset = usec - wheel_redis_clock_usec();
    return usec != 0;
}

static void append_check(const reader_t *reader)
{
    redisAppendCommand(reader->connection.redis, "XINFO STREAM %s",
                       reader->connection.link->key);
}

/* Find the place where this host goes on: its own, or, if it has never read
 * the stream, the end. */
static int begin(reader_t *reader)
{
    const wheel_connection_t *connection = &reader->connection;
    const wheel_service_t *service = connection->service;
    apr_int64_t until = wheel_redis_clock_usec() + connection->link->timeout;
    int known = service->place(service->baton, &reader->place);

    if (!known) {
        memset(&reader->place, 0, sizeof(reader->place));
        reader->place.added = WHEEL_ADDED_UNKNOWN;
    }
    redisAppendCommand(connection->redis, "TIME");
    append_check(reader);
    if (!reader_take_time(reader, until) || !check_stream(reader, until)) {
        return 0;
    }
    if (!known) {
        set_place(reader, &reader->last);
    }
    return 1;
}

/* --- What it reads -------------------------------------------------------- */

static int apply_entry(reader_t *reader, const redisReply *entry)
{
    const wheel_connection_t *connection = &reader->connection;
    const wheel_service_t *service = connection->service;
    wheel_notice_t notice;
    wheel_place_t next = reader->place;
    wheel_place_t id;
    int stopped;

    if (!wheel_wire_place(entry, &id) ||
        wheel_place_compare(&id, &reader->place) <= 0) {
        wheel_connection_fail(&reader->connection,
                              "XREAD gives what is no entry behind the last");
        return 0;
    }
    wheel_place_step(&next, &id);
    if (!wheel_wire_read_stop(entry, &notice) ||
        wheel_wire_same_host(notice.host, service->host)) {
        set_place(reader, &next);
        return 1;
    }
    stopped = service->apply(service->baton, &notice, &next, reader->pool);
    reader->place = next;
    wheel_wire_append_reply(connection->redis,
                            wheel_wire_replies_key(connection->link->key,
                                                   notice.stop, reader->pool),
                            service->host, stopped, 0);
    reader->owed++;
    return 1;
}

static int apply_batch(reader_t *reader, const redisReply *reply)
{
    const redisReply *entries = wheel_wire_entries(reply);
    size_t entries_n = wheel_wire_count(entries);
    wheel_place_t place = reader->place;
    const char *why;
    size_t n;

    if (!entries_n) {
        why = wheel_place_check_empty(&place, &reader->last, reader->pool);
        if (why) {
            lose(reader, &place, why);
        }
        return 1;
    }
    for (n = 0; n < entries_n; n++) {
        if (!apply_entry(reader, wheel_wire_item(entries, n))) {
            return 0;
        }
    }
    return 1;
}

static void append_read(reader_t *reader, apr_interval_time_t block)
{
    redisAppendCommand(
        reader->connection.redis, "XREAD COUNT %d BLOCK %d STREAMS %s %s",
        WHEEL_REDIS_BATCH_MAX, block > 1000 ? (int)(block / 1000) : 1,
        reader->connection.link->key,
        wheel_place_text(&reader->place, reader->pool));
}

/* One pipeline, and its replies.  @return 0 if the connection is of no more
 * use */
static int read_round(reader_t *reader)
{
    wheel_connection_t *connection = &reader->connection;
    apr_int64_t now = wheel_redis_clock_usec();
    apr_int64_t until = now + connection->link->timeout;
    int due = now >= reader->heartbeat_due;
    int has_text = 0;
    apr_interval_time_t block;
    redisReply *reply;
    int good;

    apr_pool_clear(reader->pool);
    if (due) {
        has_text = reader_append_heartbeat(reader);
    }
    block = reader->heartbeat_due - now;
    if (is_ahead(reader) && block > READER_AHEAD_CHECK_USEC) {
        block = READER_AHEAD_CHECK_USEC;
    }
    append_check(reader);
    append_read(reader, block);
    if (!reader_take_owed(reader, until) ||
        (due && !reader_take_heartbeat(reader, has_text, until)) ||
        !check_stream(reader, until) || reader->moved) {
        return 0;
    }
    reply = wheel_connection_good_reply(connection,
                                        wheel_redis_clock_usec() + block +
                                            connection->link->timeout);
    good = reply && apply_batch(reader, reply);
    freeReplyObject(reply);
    if (good && now >= reader->forget_due) {
        good = reader_take_owed(reader, wheel_redis_clock_usec() +
                                            connection->link->timeout) &&
               reader_forget_hosts(reader);
    }
    return good && !reader->read_only;
}

/* --- Connections ---------------------------------------------------------- */

static void link_up(reader_t *reader)
{
    const wheel_service_t *service = reader->connection.service;

    reader->down[0] = '\0';
    reader->failed[0] = '\0';
    reader->moved = 0;
    service->linked(service->baton, NULL);
}

static void link_down(reader_t *reader)
{
    const wheel_connection_t *connection = &reader->connection;
    const wheel_service_t *service = connection->service;

    if (strcmp(reader->down, connection->why)) {
        apr_cpystrn(reader->down, connection->why, sizeof(reader->down));
        service->linked(service->baton, connection->why);
    }
}

/* From connect to disconnect.  When the place has moved, what is in the
 * pipeline belongs to the old one: connect again, and go on.
 * @return nonzero if it was good for a while */
static int serve_once(reader_t *reader)
{
    wheel_connection_t *connection = &reader->connection;
    int was_good = 0;

    reader->owed = 0;
    reader->heartbeat_due = 0;
    reader->forget_due = 0;
    reader->moved = 0;
    reader->read_only = 0;
    free(reader->heartbeat);
    reader->heartbeat = NULL;
    apr_pool_clear(reader->pool);
    if (wheel_connection_open(connection) && begin(reader)) {
        if (!reader->in_doubt) {
            link_up(reader);
        }
        while (!wheel_connection_ended(connection) && read_round(reader)) {
            if (!was_good && reader->in_doubt) {
                link_up(reader);
            }
            was_good = 1;
        }
    }
    else {
        reader->moved = 0;
    }
    wheel_connection_close(connection);
    reader->in_doubt = !was_good && !reader->moved;
    if (!wheel_connection_ended(connection) && !reader->moved) {
        link_down(reader);
    }
    return was_good;
}

void wheel_redis_serve(const wheel_link_t *link, const wheel_service_t *service,
                       apr_pool_t *pool)
{
    apr_interval_time_t again = READER_AGAIN_FIRST_USEC;
    unsigned seed = (unsigned)wheel_redis_clock_usec() ^ (unsigned)getpid();
    reader_t reader;

    memset(&reader, 0, sizeof(reader));
    reader.connection.link = link;
    reader.connection.service = service;
    apr_pool_create(&reader.pool, pool);
    while (!wheel_connection_ended(&reader.connection)) {
        apr_int64_t began = wheel_redis_clock_usec();

        if (serve_once(&reader)) {
            again = READER_AGAIN_FIRST_USEC;
            began = wheel_redis_clock_usec();
        }
        /* Not all hosts at once. */
        wheel_connection_wait(&reader.connection, -1, 0,
                              began + again / 2 + rand_r(&seed) % (again / 2));
        again = again * 2 < READER_AGAIN_MAX_USEC ? again * 2
                                                  : READER_AGAIN_MAX_USEC;
    }
    free(reader.heartbeat);
    apr_pool_destroy(reader.pool);
}
