/* SPDX-License-Identifier: Apache-2.0 */
/* area.c: what one thread hands over, another takes whole and once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sched.h>

#include <cmocka.h>

#include "core/buffer.h"

#define BYTES_MAX 4096
#define ROUNDS 300

static char memory[2 * BYTES_MAX];
static char taken[BYTES_MAX];
static wheel_area_t area;

static int open_it(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    memset(taken, 0, sizeof(taken));
    wheel_area_init(&area, memory, BYTES_MAX);
    return 0;
}

static void nothing_is_taken_where_nothing_was_put(void **state)
{
    (void)state;
    assert_int_equal(wheel_area_take(&area, taken), 0);
}

static void the_last_that_was_put_is_taken(void **state)
{
    (void)state;
    assert_true(wheel_area_put(&area, "first", 5, 0));
    assert_true(wheel_area_put(&area, "second", 6, 0));
    assert_true(wheel_area_put(&area, "the third", 9, 0));
    assert_int_equal(wheel_area_take(&area, taken), 9);
    assert_memory_equal(taken, "the third", 9);
}

static void pieces_stand_behind_each_other(void **state)
{
    (void)state;
    assert_true(wheel_area_put(&area, "gone", 4, 1));
    assert_true(wheel_area_put(&area, "one", 3, 0));
    assert_true(wheel_area_put(&area, " two", 4, 1));
    assert_true(wheel_area_put(&area, "", 0, 1));
    assert_true(wheel_area_put(&area, " three", 6, 1));
    assert_int_equal(wheel_area_take(&area, taken), 13);
    assert_memory_equal(taken, "one two three", 13);
}

static void what_does_not_fit_changes_nothing(void **state)
{
    static const char much[BYTES_MAX + 1];

    (void)state;
    assert_true(wheel_area_put(&area, "some", 4, 0));
    assert_false(wheel_area_put(&area, much, BYTES_MAX + 1, 0));
    assert_false(wheel_area_put(&area, much, BYTES_MAX - 3, 1));
    assert_false(wheel_area_put(&area, much, SIZE_MAX, 1));
    assert_int_equal(wheel_area_take(&area, taken), 4);
    assert_memory_equal(taken, "some", 4);
}

static void all_of_the_room_can_be_used(void **state)
{
    static char much[BYTES_MAX];

    (void)state;
    memset(much, 'x', sizeof(much));
    assert_true(wheel_area_put(&area, much, BYTES_MAX, 0));
    assert_true(wheel_area_put(&area, much, BYTES_MAX - 1, 0));
    assert_true(wheel_area_put(&area, "y", 1, 1));
    assert_int_equal(wheel_area_take(&area, taken), BYTES_MAX);
    assert_int_equal(taken[BYTES_MAX - 1], 'y');
}

static void nothing_is_put_once_it_was_taken(void **state)
{
    (void)state;
    assert_true(wheel_area_put(&area, "some", 4, 0));
    assert_int_equal(wheel_area_take(&area, taken), 4);
    assert_false(wheel_area_put(&area, "more", 4, 0));
    assert_false(wheel_area_put(&area, "more", 4, 1));
    assert_false(wheel_area_put(&area, "", 0, 1));
}

/* --- Two threads -------------------------------------------------------- */

/* Puts blocks of one byte's value, then pieces of it, until it is told that
 * the area has been taken. */
static void *put_all_the_time(void *data)
{
    atomic_uint *puts = data;
    char block[BYTES_MAX];
    unsigned n;

    for (n = 0;; n++) {
        memset(block, 'a' + n % 26, sizeof(block));
        if (!wheel_area_put(&area, block, BYTES_MAX - 64 - n % 7, 0) ||
            !wheel_area_put(&area, block, 1 + n % 7, 1)) {
            return NULL;
        }
        atomic_fetch_add_explicit(puts, 1, memory_order_relaxed);
    }
}

static void what_is_taken_in_the_midst_is_whole(void **state)
{
    unsigned round;

    (void)state;
    for (round = 0; round < ROUNDS; round++) {
        atomic_uint puts = 0;
        pthread_t thread;
        apr_size_t bytes;
        apr_size_t n;

        open_it(NULL);
        assert_int_equal(pthread_create(&thread, NULL, put_all_the_time, &puts),
                         0);
        while (atomic_load(&puts) < round % 5) {
            sched_yield();
        }
        bytes = wheel_area_take(&area, taken);
        for (n = 0; n < bytes && taken[n] == taken[0]; n++) {
        }
        assert_int_equal(n, bytes);
        pthread_join(thread, NULL);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, open_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_taken_where_nothing_was_put),
        TEST(the_last_that_was_put_is_taken),
        TEST(pieces_stand_behind_each_other),
        TEST(what_does_not_fit_changes_nothing),
        TEST(all_of_the_room_can_be_used),
        TEST(nothing_is_put_once_it_was_taken),
        TEST(what_is_taken_in_the_midst_is_whole),
    };

    return cmocka_run_group_tests_name("wheel_area", tests, NULL, NULL);
}
