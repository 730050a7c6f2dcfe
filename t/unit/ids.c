/* SPDX-License-Identifier: Apache-2.0 */
/* ids.c: numbers of jobs grow and are never used twice, whatever the clock
 * and the file say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "apr_errno.h"
#include "apr_general.h"

#include "children.h"
#include "table_test.h"

#include "core/ids.h"

#define STARTS 20

static char path[] = "/tmp/wheel-ids-XXXXXX";

static apr_uint64_t take(const char **problem)
{
    apr_uint64_t first = 0;

    wheel_ids_take(path, &first, problem);
    assert_true(first > 0 && first <= WHEEL_IDS_FIRST_MAX);
    return first;
}

static void put(const char *text)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static void a_first_number_fits_into_53_bits(void **state)
{
    static const apr_uint64_t numbers[] = {0,
                                           1,
                                           WHEEL_IDS_SPREAD,
                                           1795376525639456,
                                           WHEEL_IDS_FIRST_MAX,
                                           WHEEL_IDS_FIRST_MAX + 1,
                                           INT64_MAX,
                                           UINT64_MAX};
    size_t n = sizeof(numbers) / sizeof(*numbers);
    size_t a;
    size_t b;
    size_t c;

    (void)state;
    for (a = 0; a < n; a++) {
        for (b = 0; b < n; b++) {
            for (c = 0; c < n; c++) {
                apr_uint64_t first = wheel_ids_first(
                    numbers[a], (apr_time_t)numbers[b], numbers[c]);

                assert_true(first > 0 && first <= WHEEL_IDS_FIRST_MAX);
                assert_true(numbers[a] > WHEEL_IDS_FIRST_MAX ||
                            first >= numbers[a]);
            }
        }
    }
}

static void only_a_number_is_a_mark(void **state)
{
    static const char *const rubbish[] = {
        "",
        "\n",
        "17",
        "1795376525639456",
        "1795376525639456 ",
        "-795376525639456\n",
        "0x95376525639456\n",
        "9999999999999999\n",
        "17953765256394567\n",
        "1795376525639456\n\n",
    };
    size_t n;

    (void)state;
    assert_int_equal(wheel_ids_parse("1795376525639456\n", 17),
                     1795376525639456);
    for (n = 0; n < sizeof(rubbish) / sizeof(*rubbish); n++) {
        assert_int_equal(wheel_ids_parse(rubbish[n], strlen(rubbish[n])), 0);
    }
}

static void each_start_takes_numbers_behind_the_last(void **state)
{
    const char *problem;
    apr_uint64_t before = take(&problem);
    int n;

    (void)state;
    for (n = 0; n < STARTS; n++) {
        apr_uint64_t first = take(&problem);

        assert_null(problem);
        assert_true(first >= before + WHEEL_IDS_BLOCK);
        before = first;
    }
    /* As if the clock had been set back since. */
    put("8000000000000000\n");
    assert_true(take(&problem) == 8000000000000000);
    assert_true(take(&problem) == 8000000000000000 + WHEEL_IDS_BLOCK);
}

static void two_that_start_together_take_different_numbers(void **state)
{
    apr_uint64_t firsts[2][STARTS];
    const char *problem;
    int ends[2];
    int n;
    int i;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    if (start_child() == 0) {
        for (n = 0; n < STARTS; n++) {
            firsts[0][n] = take(&problem);
        }
        _exit(write(ends[1], firsts[0], sizeof(firsts[0])) < 0);
    }
    for (n = 0; n < STARTS; n++) {
        firsts[1][n] = take(&problem);
    }
    assert_int_equal(read(ends[0], firsts[0], sizeof(firsts[0])),
                     sizeof(firsts[0]));
    wait(NULL);
    for (n = 0; n < STARTS; n++) {
        for (i = 0; i < STARTS; i++) {
            assert_true(firsts[0][n] >= firsts[1][i] + WHEEL_IDS_BLOCK ||
                        firsts[1][i] >= firsts[0][n] + WHEEL_IDS_BLOCK);
        }
    }
}

static void hosts_that_start_together_are_far_apart(void **state)
{
    apr_uint64_t first = 0;
    apr_uint64_t other = 0;
    const char *problem;

    (void)state;
    assert_int_not_equal(wheel_ids_take("/nowhere/ids", &first, &problem),
                         APR_SUCCESS);
    assert_string_equal(problem, "it can't be opened");
    wheel_ids_take("/nowhere/ids", &other, &problem);
    assert_true(first > other ? first - other > 1000 : other - first > 1000);
}

static void rubbish_in_the_file_is_replaced(void **state)
{
    const char *problem;

    (void)state;
    put("rubbish that is longer than a number\n");
    take(&problem);
    assert_string_equal(problem,
                        "it does not hold a number, and is written anew");
    take(&problem);
    assert_null(problem);
}

static void a_file_that_others_may_write_is_not_used(void **state)
{
    const char *problem;

    (void)state;
    put("8000000000000000\n");
    assert_int_equal(chmod(path, 0666), 0);
    assert_true(take(&problem) < 8000000000000000);
    assert_string_equal(problem, "it is not this user's alone");
    assert_int_equal(chmod(path, 0600), 0);
    assert_true(take(&problem) == 8000000000000000);
}

/* A server that runs for long takes a further block before its numbers end. */
static void a_block_that_is_half_used_is_followed_by_another(void **state)
{
    test_table_t test;
    apr_uint64_t base;
    int n;

    (void)state;
    assert_true(table_open(&test, 4));
    base = wheel_table_next_id(test.table) + 1000;
    wheel_table_ids_set(test.table, base);
    for (n = 0; n < 5; n++) {
        assert_false(wheel_table_ids_low(test.table, 8));
        assert_true(wheel_table_next_id(test.table) == base + n);
    }
    assert_true(wheel_table_ids_low(test.table, 8));
    wheel_table_ids_set(test.table, base + 2000);
    assert_false(wheel_table_ids_low(test.table, 8));
    assert_true(wheel_table_next_id(test.table) == base + 2000);
    /* Numbers never go back. */
    wheel_table_ids_set(test.table, base);
    assert_true(wheel_table_next_id(test.table) == base + 2001);
    table_close(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_number_fits_into_53_bits),
        cmocka_unit_test(only_a_number_is_a_mark),
        cmocka_unit_test(each_start_takes_numbers_behind_the_last),
        cmocka_unit_test(two_that_start_together_take_different_numbers),
        cmocka_unit_test(hosts_that_start_together_are_far_apart),
        cmocka_unit_test(rubbish_in_the_file_is_replaced),
        cmocka_unit_test(a_file_that_others_may_write_is_not_used),
        cmocka_unit_test(a_block_that_is_half_used_is_followed_by_another),
    };
    int failed;
    int fd = mkstemp(path);

    apr_initialize();
    failed = fd < 0 ? 1
                    : cmocka_run_group_tests_name("numbers of jobs", tests,
                                                  NULL, NULL);
    unlink(path);
    return failed;
}
