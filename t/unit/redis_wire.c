/* SPDX-License-Identifier: Apache-2.0 */
/* redis_wire.c: what another client may have written is checked, and what is
 * missing from the stream is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apr_general.h"
#include "apr_strings.h"

#include "redis/place.h"
#include "redis/wire.h"

/* In usec: the end of November 2024. */
#define NOW INT64_C(1732900000000000)

static apr_pool_t *pool;

/* A reply, by the bytes that Redis sends; lines end in \n here. */
static redisReply *reply_of(const char *lines)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    for (; *lines; lines++) {
        redisReaderFeed(reader, *lines == '\n' ? "\r\n" : lines,
                        *lines == '\n' ? 2 : 1);
    }
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

#define ENTRY(fields) "*2\n$3\n1-1\n" fields

static void test_stops(void **state)
{
    static const struct {
        const char *lines;
        int good;
    } cases[] = {
        {ENTRY("*6\n$4\nhost\n$3\na/1\n$4\nstop\n$1\n0\n$6\nfilter\n$0\n\n"),
         1},
        {ENTRY("*6\n$4\nhost\n$3\na/1\n$4\nstop\n$1\n0\n$6\nfilter\n$-1\n"), 0},
        {ENTRY("*6\n$4\nhost\n$3\na/1\n$4\nstop\n:7\n$6\nfilter\n$0\n\n"), 0},
        {ENTRY("*5\n$4\nhost\n$3\na/1\n$4\nstop\n$1\n0\n$6\nfilter\n"), 0},
        {ENTRY("*6\n$4\nhost\n$3\n/a1\n$4\nstop\n$1\n0\n$6\nfilter\n$0\n\n"),
         0},
        {ENTRY("*6\n$4\nhost\n$3\na/1\n$4\nstop\n$1\n*\n$6\nfilter\n$0\n\n"),
         0},
        {ENTRY("$1\nx\n"), 0},
        {ENTRY("*-1\n"), 0},
        {"*1\n$3\n1-1\n", 0},
        {"$-1\n", 0},
        {":1\n", 0},
    };
    wheel_notice_t notice;
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        redisReply *reply = reply_of(cases[n].lines);

        assert_int_equal(wheel_wire_read_stop(reply, &notice), cases[n].good);
        freeReplyObject(reply);
    }
}

/* A text of so many bytes, each of which is written as six. */
static const char *longest(size_t bytes)
{
    char *text = apr_palloc(pool, bytes + 1);

    memset(text, '\\', bytes);
    text[bytes] = '\0';
    return text;
}

/* The longest filter that there is fits. */
static void test_filter(void **state)
{
    wheel_filter_t filter;
    const char *written;

    (void)state;
    memset(&filter, 0, sizeof(filter));
    filter.handler = longest(WHEEL_HANDLER_BYTES);
    filter.path = longest(WHEEL_REQUEST_PATH_BYTES);
    filter.host = longest(WHEEL_REQUEST_HOST_BYTES);
    filter.method = longest(WHEEL_REQUEST_METHOD_BYTES);
    filter.name = longest(WHEEL_NAME_MAX);
    filter.client = longest(WHEEL_CLIENT_BYTES);
    filter.id = UINT64_MAX;
    filter.older = INT64_MAX;
    filter.kind = WHEEL_FILTER_REQUEST;
    written = wheel_filter_text(&filter, pool);
    assert_in_range(strlen(written), 6 * WHEEL_WIRE_TEXTS_MAX,
                    WHEEL_WIRE_FILTER_MAX);
}

static void test_replies(void **state)
{
    static const struct {
        const char *n;
        int good;
        int stopped;
    } cases[] = {
        {"$1\n7\n", 1, 7},
        {"$10\n2147483647\n", 1, 2147483647},
        {"$10\n2147483648\n", 1, WHEEL_REPLY_FAILED},
        {"$2\n-2\n", 1, WHEEL_REPLY_FAILED},
        {"$2\n-1\n", 1, WHEEL_REPLY_FAILED},
        {"$2\n7x\n", 1, WHEEL_REPLY_FAILED},
        {"$0\n\n", 1, WHEEL_REPLY_FAILED},
        {":7\n", 0, 0},
        {"$-1\n", 0, 0},
    };
    wheel_reply_t said = {NULL, 0};
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        char lines[100] = ENTRY("*4\n$4\nhost\n$3\na/1\n$1\nn\n");
        redisReply *reply = reply_of(strcat(lines, cases[n].n));

        assert_int_equal(wheel_wire_read_reply(reply, &said), cases[n].good);
        if (cases[n].good) {
            assert_int_equal(said.stopped, cases[n].stopped);
        }
        freeReplyObject(reply);
    }
}

static void test_live(void **state)
{
    static const struct {
        const char *lines;
        int known;
        int live;
    } cases[] = {
        {"*2\n$3\na/1\n$13\n1732900000000\n", 1, 1},
        {"*2\n$3\na/1\n$13\n1732899998000\n", 1, 1},
        {"*2\n$3\na/1\n$13\n1732899997000\n", 1, 0},
        {"*2\n$3\na/1\n$13\n1732900003000\n", 1, 0},
        {"*2\n$3\na/1\n$3\ninf\n", 1, 0},
        {"*2\n$3\na/1\n$4\n-inf\n", 1, 0},
        {"*2\n$3\na/1\n$5\n1e300\n", 1, 0},
        {"*2\n$3\na/1\n$3\nnan\n", 0, 0},
        {"*2\n$3\na 1\n$1\n1\n", 0, 0},
        {"*2\n$3\na/1\n:1\n", 0, 0},
        {"*1\n$3\na/1\n", 0, 0},
        {"$3\na/1\n", 0, 0},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        redisReply *reply = reply_of(cases[n].lines);
        apr_interval_time_t age;
        const char *host = wheel_wire_live(reply, 0, NOW, &age);

        assert_int_equal(host != NULL, cases[n].known);
        assert_int_equal(host && wheel_wire_is_live(age), cases[n].live);
        freeReplyObject(reply);
    }
}

static void test_time(void **state)
{
    static const struct {
        const char *lines;
        apr_int64_t usec;
    } cases[] = {
        {"*2\n$10\n1732900000\n$1\n7\n", NOW + 7},
        {"*2\n$10\n1732900000\n$7\n1000000\n", 0},
        {"*2\n$19\n9223372036854775807\n$1\n7\n", 0},
        {"*2\n$2\n-1\n$1\n7\n", 0},
        {"*2\n:1\n:7\n", 0},
        {"*0\n", 0},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        redisReply *reply = reply_of(cases[n].lines);

        assert_int_equal(wheel_wire_time(reply), cases[n].usec);
        freeReplyObject(reply);
    }
}

static void test_stream(void **state)
{
    static const struct {
        const char *lines;
        int good;
    } cases[] = {
        {"*4\n$17\nlast-generated-id\n$3\n5-6\n$13\nentries-added\n:7\n", 1},
        {"*4\n$17\nlast-generated-id\n$3\n5-6\n$13\nentries-added\n:-7\n", 0},
        {"*4\n$17\nlast-generated-id\n$1\n5\n$13\nentries-added\n:7\n", 0},
        {"*4\n$17\nlast-generated-id\n:5\n$13\nentries-added\n:7\n", 0},
        /* Redis 6.2 */
        {"*4\n$17\nlast-generated-id\n$3\n5-6\n$6\nlength\n:7\n", 0},
        {"*3\n$13\nentries-added\n:7\n$17\nlast-generated-id\n", 0},
        {"*0\n", 0},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        redisReply *reply = reply_of(cases[n].lines);
        wheel_place_t last = {0};

        assert_int_equal(!wheel_wire_stream(reply, &last), cases[n].good);
        if (cases[n].good) {
            assert_int_equal(last.ms, 5);
            assert_int_equal(last.seq, 6);
            assert_int_equal(last.added, 7);
        }
        freeReplyObject(reply);
    }
}

/* --- The place in the stream ---------------------------------------------- */

#define NEW WHEEL_ADDED_UNKNOWN

static void test_place(void **state)
{
    static const struct {
        const char *what;
        wheel_place_t place;
        wheel_place_t last;
        apr_uint64_t checked_ms;
        int lost;
        wheel_place_t then;
    } cases[] = {
        {"at the end", {9, 1, 5}, {9, 1, 5}, 10, 0, {9, 1, 5}},
        {"more to read", {9, 1, 5}, {10, 0, 8}, 10, 0, {9, 1, 5}},
        {"nothing yet", {0, 0, 0}, {0, 0, 0}, 10, 0, {0, 0, 0}},
        {"the first", {0, 0, 0}, {9, 0, 1}, 10, 0, {0, 0, 0}},
        {"deleted before", {9, 1, 5}, {9, 1, 7}, 10, 1, {9, 1, 7}},
        {"anew, same id", {9, 1, 5}, {9, 1, 1}, 10, 1, {9, 1, 1}},
        {"anew, later id", {9, 1, 5}, {12, 0, 2}, 10, 1, {9, 1, NEW}},
        {"counted anew", {9, 1, NEW}, {12, 0, 2}, 10, 0, {9, 1, NEW}},
        {"counted", {12, 0, NEW}, {12, 0, 2}, 10, 0, {12, 0, 2}},
        {"gone", {9, 1, 5}, {0, 0, 0}, 10, 1, {0, 0, 0}},
        {"older", {9, 1, 5}, {8, 0, 3}, 10, 1, {8, 0, 3}},
        {"after the highest",
         {UINT64_MAX, UINT64_MAX, 5},
         {12, 0, 1},
         10,
         1,
         {9, UINT64_MAX, NEW}},
        {"never checked", {UINT64_MAX, 0, 5}, {12, 0, 1}, 0, 1, {12, 0, 1}},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        wheel_place_t place = cases[n].place;
        const char *why = wheel_place_check(&place, &cases[n].last,
                                            cases[n].checked_ms, pool);

        if (!why != !cases[n].lost ||
            memcmp(&place, &cases[n].then, sizeof(place))) {
            fail_msg("%s: %s", cases[n].what, why ? why : "not lost");
        }
    }
}

static void test_place_of_empty_read(void **state)
{
    wheel_place_t place = {9, 1, 5};
    const wheel_place_t same = {9, 1, 5};
    const wheel_place_t later = {10, 0, 6};

    (void)state;
    assert_null(wheel_place_check_empty(&place, &same, pool));
    assert_non_null(wheel_place_check_empty(&place, &later, pool));
    assert_memory_equal(&place, &later, sizeof(place));
}

static void test_ids(void **state)
{
    static const char *const wrong[] = {"",
                                        "1",
                                        "1-",
                                        "-1",
                                        "1-1-1",
                                        "1-1 ",
                                        " 1-1",
                                        "+1-1",
                                        "1--1",
                                        "x-1",
                                        "18446744073709551616-0"};
    wheel_place_t place = {0};
    size_t n;

    (void)state;
    assert_true(wheel_place_read(&place, "18446744073709551615-3"));
    assert_true(place.ms == UINT64_MAX && place.seq == 3);
    for (n = 0; n < sizeof(wrong) / sizeof(*wrong); n++) {
        assert_false(wheel_place_read(&place, wrong[n]));
    }
}

/* --- Heartbeats ----------------------------------------------------------- */

static void test_heartbeat(void **state)
{
    const wheel_heartbeat_job_t jobs[] = {
        {INT64_MAX, "red", "192.0.2.1", 1500000},
        {2, "", "\xff\"\n", 0},
    };
    const wheel_heartbeat_t mine = {"event", 1, 2, 3, 4, 5, 6, 7, 2, jobs};
    wheel_heartbeat_t read;
    const char *text = wheel_wire_heartbeat(&mine, pool);

    (void)state;
    memset(&read, 0, sizeof(read));
    assert_true(wheel_wire_read_heartbeat(&read, text, strlen(text), pool));
    assert_string_equal(read.mpm, "event");
    assert_int_equal(read.generation, 1);
    assert_int_equal(read.rotating_max, 2);
    assert_int_equal(read.reserve, 3);
    assert_int_equal(read.per_client_max, 4);
    assert_int_equal(read.rotating, 5);
    assert_int_equal(read.stopping, 6);
    assert_int_equal(read.draining, 7);
    assert_int_equal(read.jobs_n, 2);
    assert_int_equal(read.jobs[0].id, INT64_MAX);
    assert_string_equal(read.jobs[0].name, "red");
    assert_int_equal(read.jobs[0].started, 1500000);
    assert_string_equal(read.jobs[1].name, "");
    assert_string_equal(read.jobs[1].client, "?\"?");
    assert_false(
        wheel_wire_read_heartbeat(&read, text, strlen(text) - 1, pool));
}

static int make_pool(void **state)
{
    (void)state;
    apr_initialize();
    return apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_live),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_place_of_empty_read),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_heartbeat),
    };

    return cmocka_run_group_tests(tests, make_pool, NULL);
}
