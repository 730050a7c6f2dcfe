/* SPDX-License-Identifier: Apache-2.0 */
/* message.c: what a child and the helper write to each other is read as it was
 * written, or refused: cut off, longer, or with any byte changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apr_general.h"
#include "apr_pools.h"

/* It is no part of core/, which the unit programs link. */
#include "cluster/message.c"

#define CHANGES 20000

static apr_pool_t *pool;

static int open_pool(void **state)
{
    (void)state;
    return apr_initialize() || apr_pool_create(&pool, NULL);
}

static int close_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

static const char *a_round(apr_size_t *bytes)
{
    static wheel_reply_t replies[] = {
        {"near/00", 3}, {"far/01", WHEEL_REPLY_NONE}, {"", WHEEL_REPLY_FAILED}};
    static const wheel_round_t round = {WHEEL_TOLD_PERHAPS, "why", 3, replies};

    return message_write_round(&round, bytes, pool);
}

static void a_round_is_read_as_it_was_written(void **state)
{
    apr_size_t bytes;
    const char *text = a_round(&bytes);
    wheel_round_t round;

    (void)state;
    assert_int_equal(message_read_round(text, bytes, &round, pool),
                     APR_SUCCESS);
    assert_int_equal(round.told, WHEEL_TOLD_PERHAPS);
    assert_string_equal(round.why, "why");
    assert_int_equal(round.replies_n, 3);
    assert_string_equal(round.replies[0].host, "near/00");
    assert_int_equal(round.replies[0].stopped, 3);
    assert_string_equal(round.replies[1].host, "far/01");
    assert_int_equal(round.replies[1].stopped, WHEEL_REPLY_NONE);
    assert_string_equal(round.replies[2].host, "");
    assert_int_equal(round.replies[2].stopped, WHEEL_REPLY_FAILED);
}

static void a_request_is_read_as_it_was_written(void **state)
{
    const message_request_t written = {7, -1, "name=red*&older=5"};
    char text[MESSAGE_REQUEST_BYTES];
    message_request_t request;
    wheel_round_t round;
    apr_size_t bytes;

    (void)state;
    assert_int_equal(message_write_request(&written, text, &bytes),
                     APR_SUCCESS);
    assert_int_equal(message_read_request(text, bytes, &request, pool),
                     APR_SUCCESS);
    assert_int_equal(request.stopped, 7);
    assert_int_equal(request.wait_max, -1);
    assert_string_equal(request.filter, "name=red*&older=5");
    assert_int_not_equal(message_read_request(text, bytes - 1, &request, pool),
                         APR_SUCCESS);
    assert_int_not_equal(message_read_round(text, bytes, &round, pool),
                         APR_SUCCESS);
}

static void what_is_cut_off_or_longer_is_refused(void **state)
{
    apr_size_t bytes;
    const char *text = a_round(&bytes);
    char *longer = calloc(1, bytes + 1);
    wheel_round_t round;
    apr_size_t n;

    (void)state;
    memcpy(longer, text, bytes);
    assert_int_not_equal(message_read_round(longer, bytes + 1, &round, pool),
                         APR_SUCCESS);
    free(longer);
    for (n = 0; n < bytes; n++) {
        /* Of its own size, so that a sanitizer sees who reads behind it. */
        char *part = malloc(n ? n : 1);

        memcpy(part, text, n);
        assert_int_not_equal(message_read_round(part, n, &round, pool),
                             APR_SUCCESS);
        free(part);
    }
}

static void changed_bytes_do_no_harm(void **state)
{
    apr_size_t bytes;
    const char *text = a_round(&bytes);
    unsigned seed = 1;
    unsigned n;

    (void)state;
    for (n = 0; n < CHANGES; n++) {
        char *changed = malloc(bytes);
        apr_pool_t *own;
        wheel_round_t round;
        unsigned changes;

        apr_pool_create(&own, pool);
        memcpy(changed, text, bytes);
        for (changes = 1 + rand_r(&seed) % 4; changes; changes--) {
            changed[rand_r(&seed) % bytes] = (char)rand_r(&seed);
        }
        if (message_read_round(changed, bytes, &round, own) == APR_SUCCESS) {
            assert_true(round.told <= WHEEL_TOLD_PERHAPS);
            assert_true(round.replies_n <= bytes);
        }
        free(changed);
        apr_pool_destroy(own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_round_is_read_as_it_was_written),
        cmocka_unit_test(a_request_is_read_as_it_was_written),
        cmocka_unit_test(what_is_cut_off_or_longer_is_refused),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };

    return cmocka_run_group_tests_name("message", tests, open_pool, close_pool);
}
