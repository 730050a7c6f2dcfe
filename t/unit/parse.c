/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: what strangers write is read as it is meant, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apr_general.h"

#include "core/parse.h"

static apr_pool_t *pool;

static void names_are_of_63_plain_characters(void **state)
{
    static const char *const good[] = {"a", "A-Z_a.z-0", "...", "-", "9"};
    static const char *const bad[] = {"",         " ",    "a b", "a/b", "a\n",
                                      "\xc3\xa4", "a%20", "a:b", "a\"", "<i>"};
    char longest[65];
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(good) / sizeof(*good); n++) {
        assert_true(wheel_parse_name(good[n]));
    }
    for (n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
        assert_false(wheel_parse_name(bad[n]));
    }
    memset(longest, 'x', 64);
    longest[64] = '\0';
    assert_false(wheel_parse_name(longest));
    assert_true(wheel_parse_name(longest + 1));
}

static void seconds_are_decimal_and_bounded(void **state)
{
    static const struct {
        const char *text;
        apr_interval_time_t usec;
    } good[] = {
        {"0", 0},         {"1", 1000000},
        {"0.5", 500000},  {"1.000001", 1000001},
        {"007", 7000000}, {"31536000", (apr_interval_time_t)31536000 * 1000000},
    };
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "-1",
                                      "+1",
                                      "1e3",
                                      "0x1",
                                      ".5",
                                      "5.",
                                      "1.0000001",
                                      "1.2.3",
                                      "nan",
                                      "inf",
                                      "1,5",
                                      "31536001",
                                      "31536000.1",
                                      "99999999999999999999999"};
    apr_interval_time_t usec;
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(good) / sizeof(*good); n++) {
        assert_true(wheel_parse_seconds(good[n].text, &usec));
        assert_int_equal(usec, good[n].usec);
    }
    for (n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
        assert_false(wheel_parse_seconds(bad[n], &usec));
    }
}

static void numbers_of_wheels_are_whole_and_positive(void **state)
{
    static const char *const bad[] = {
        "", "0", "-1", "1.0", "1 ", "0x10", "18446744073709551617", "x"};
    apr_uint64_t id;
    size_t n;

    (void)state;
    assert_true(wheel_parse_id("1795375333474603", &id));
    assert_int_equal(id, UINT64_C(1795375333474603));
    for (n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
        assert_false(wheel_parse_id(bad[n], &id));
    }
}

static void loads_are_whole_percents_of_a_core(void **state)
{
    static const struct {
        const char *text;
        unsigned load; /* 0: not allowed */
    } cases[] = {
        {"1", 1},
        {"5", 5},
        {"99", 99},
        {"100", 100},
        {"007", 7},
        {"0", 0},
        {"101", 0},
        {"-1", 0},
        {"+1", 0},
        {"1.5", 0},
        {"1%", 0},
        {" 1", 0},
        {"1 ", 0},
        {"", 0},
        {"full", 0},
        {"1e1", 0},
        {"0x1", 0},
        {"000", 0},
        {"18446744073709551617", 0},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        unsigned load = 0;

        assert_int_equal(wheel_parse_load("load", cases[n].text, &load, pool) ==
                             NULL,
                         cases[n].load != 0);
        assert_int_equal(load, cases[n].load);
    }
}

typedef struct inner_t {
    apr_interval_time_t wait;
    int json;
} inner_t;

typedef struct asked_t {
    unsigned load;
    inner_t inner;
} asked_t;

static const wheel_param_t inner_params[] = {
    {"wait", wheel_parse_time, offsetof(inner_t, wait), NULL},
    {"json", wheel_parse_flag, offsetof(inner_t, json), NULL},
    {NULL, NULL, 0, NULL},
};

static const wheel_param_t params[] = {
    {"load", wheel_parse_load, offsetof(asked_t, load), NULL},
    {NULL, NULL, offsetof(asked_t, inner), inner_params},
    {NULL, NULL, 0, NULL},
};

static void a_query_fills_in_a_struct_and_its_group(void **state)
{
    asked_t asked = {0, {-1, 0}};

    (void)state;
    assert_null(wheel_parse_query("wait=1%2E5&json&", params, &asked, pool));
    assert_int_equal(asked.load, 0);
    assert_int_equal(asked.inner.wait, 1500000);
    assert_int_equal(asked.inner.json, 1);
    assert_null(wheel_parse_query(NULL, params, &asked, pool));
    assert_null(wheel_parse_query("", params, &asked, pool));
    assert_int_equal(asked.inner.wait, 1500000);
    assert_null(wheel_parse_query("load=7", params, &asked, pool));
    assert_int_equal(asked.load, 7);
}

static void a_query_that_is_wrong_says_why(void **state)
{
    static const struct {
        const char *query;
        const char *said;
    } cases[] = {
        {"wiat=1", "'wiat'"},       {"wiat=1", "load, wait, json"},
        {"wait=1&wait=2", "twice"}, {"json&json", "twice"},
        {"wait=%zz", "%25"},        {"=1", "''"},
        {"wait", "wait: ''"},       {"json=1", "json: "},
        {"&", "load, wait, json"},  {"&&&", "'&&&'"},
    };
    asked_t asked = {0, {-1, 0}};
    unsigned n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        const char *error =
            wheel_parse_query(cases[n].query, params, &asked, pool);

        assert_non_null(error);
        assert_non_null(strstr(error, cases[n].said));
    }
}

static void a_wait_preference_is_whole_seconds(void **state)
{
    static const struct {
        const char *prefer;
        int seconds; /* -1: none */
    } cases[] = {
        {"wait=10", 10},         {"wait=\"10\"", 10},
        {"wait=10;foo=bar", 10}, {"wait=\"10\";foo=bar", 10},
        {"wait=10foo", -1},      {"wait=\"10\"foo", -1},
        {"foo;wait=3", -1},      {"wait", -1},
        {"wait=", -1},           {"wait=1.5", -1},
        {"wait=-1", -1},         {"wait=\"10", -1},
        {"waiter=10", -1},       {"", -1},
    };
    apr_interval_time_t usec;
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        usec = -1000000;
        wheel_parse_prefer_wait(cases[n].prefer, &usec);
        assert_int_equal(usec, (apr_interval_time_t)cases[n].seconds * 1000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_of_63_plain_characters),
        cmocka_unit_test(seconds_are_decimal_and_bounded),
        cmocka_unit_test(numbers_of_wheels_are_whole_and_positive),
        cmocka_unit_test(loads_are_whole_percents_of_a_core),
        cmocka_unit_test(a_query_fills_in_a_struct_and_its_group),
        cmocka_unit_test(a_query_that_is_wrong_says_why),
        cmocka_unit_test(a_wait_preference_is_whole_seconds),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests_name("wheel_parse", tests, NULL, NULL);
    apr_terminate();
    return failed;
}
