/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c: fuzz what reads replies of Redis.
 *
 * libFuzzer calls LLVMFuzzerTestOneInput() with ever other bytes: first as what
 * Redis sends, which hiredis takes apart and every reader of redis/wire.c gets,
 * and then as a heartbeat.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apr_general.h"

#include "redis/place.h"
#include "redis/wire.h"
#include "must.h"

/* In usec: the end of November 2024. */
#define NOW INT64_C(1732900000000000)

static apr_pool_t *pool;

static void read_entry(const redisReply *entry)
{
    wheel_place_t place = {0};
    wheel_notice_t notice;
    wheel_reply_t reply;

    wheel_wire_place(entry, &place);
    if (wheel_wire_read_stop(entry, &notice)) {
        MUST(wheel_wire_is_host(notice.host));
        MUST(strlen(notice.host) < WHEEL_HOST_BYTES);
        MUST(strlen(notice.stop) < WHEEL_STOP_BYTES);
        MUST(strlen(notice.filter) <= WHEEL_WIRE_FILTER_MAX);
    }
    if (wheel_wire_read_reply(entry, &reply)) {
        MUST(wheel_wire_is_host(reply.host));
        MUST(reply.stopped >= 0 || reply.stopped == WHEEL_REPLY_FAILED);
    }
}

static void read_reply(const redisReply *reply)
{
    const redisReply *entries = wheel_wire_entries(reply);
    wheel_place_t last = {0};
    wheel_place_t place = {9, 1, 5};
    apr_interval_time_t age = 0;
    apr_int64_t usec = wheel_wire_time(reply);
    size_t n;

    MUST(usec >= 0 && usec < INT64_MAX / 2);
    for (n = 0; n < wheel_wire_count(reply); n++) {
        if (wheel_wire_live(reply, n, NOW, &age)) {
            MUST(age <= NOW && age > -INT64_MAX / 2);
        }
    }
    for (n = 0; n < wheel_wire_count(entries); n++) {
        read_entry(wheel_wire_item(entries, n));
    }
    read_entry(reply);
    if (!wheel_wire_stream(reply, &last) &&
        wheel_place_check(&place, &last, 10, pool)) {
        MUST(wheel_place_compare(&place, &last) <= 0);
    }
}

static void read_heartbeat(const uint8_t *data, size_t bytes)
{
    wheel_heartbeat_t heartbeat;
    wheel_heartbeat_t again;
    const char *text;

    memset(&heartbeat, 0, sizeof(heartbeat));
    if (!wheel_wire_read_heartbeat(&heartbeat, (const char *)data, bytes,
                                   pool)) {
        return;
    }
    MUST(heartbeat.jobs_n <= WHEEL_HEARTBEAT_JOBS_MAX);
    text = wheel_wire_heartbeat(&heartbeat, pool);
    MUST(wheel_wire_read_heartbeat(&again, text, strlen(text), pool));
    MUST(!strcmp(wheel_wire_heartbeat(&again, pool), text));
}

/* hiredis makes room for as many elements as Redis says will come: that is
 * Redis' own word, and none of another client. */
static int promises_much(const uint8_t *data, size_t bytes)
{
    size_t digits = 0;
    size_t n;

    for (n = 0; n < bytes; n++) {
        int in_count = digits ? data[n] >= '0' && data[n] <= '9'
                              : data[n] == '*' || data[n] == '$';

        digits = in_count ? digits + 1 : 0;
        if (digits > 5) {
            return 1;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    redisReader *reader;
    void *reply = NULL;

    if (promises_much(data, bytes)) {
        return 0;
    }
    reader = redisReaderCreate();
    if (!pool) {
        apr_initialize();
        MUST(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    }
    redisReaderFeed(reader, (const char *)data, bytes);
    if (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        read_reply(reply);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    read_heartbeat(data, bytes);
    apr_pool_clear(pool);
    return 0;
}
