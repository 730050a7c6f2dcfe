/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c: a filter means the jobs that it says, and survives its own text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apr_general.h"
#include "apr_strings.h"

#include "core/filter.h"
#include "core/parse.h"

static apr_pool_t *pool;

static const wheel_facets_t red = {
    "red", 7, "192.0.2.7", "wheel-rotate", 5 * 1000000, NULL, NULL, NULL};
static const wheel_facets_t redder = {"red.2", 8,    "2001:db8::7", "primes",
                                      1000000, NULL, NULL,          NULL};
static const wheel_facets_t nameless = {"", 9,    "192.0.2.7", "wheel-rotate",
                                        0,  NULL, NULL,        NULL};

/* Read "name=red*&older=5" as a handler would. */
static const char *read_text(const char *text, wheel_filter_t *filter)
{
    memset(filter, 0, sizeof(*filter));
    return wheel_filter_parse(filter, text, pool);
}

/* Which of the three jobs a text means, as in "red redder nameless". */
static const char *meant(const char *text)
{
    wheel_filter_t filter;

    assert_null(read_text(text, &filter));
    return apr_pstrcat(
        pool, wheel_filter_matches(&filter, &red) ? "red " : "",
        wheel_filter_matches(&filter, &redder) ? "redder " : "",
        wheel_filter_matches(&filter, &nameless) ? "nameless " : "", NULL);
}

static void filters_mean_the_jobs_that_they_say(void **state)
{
    (void)state;
    assert_string_equal(meant(""), "red redder nameless ");
    assert_string_equal(meant("name=red"), "red ");
    assert_string_equal(meant("name=red*"), "red redder ");
    assert_string_equal(meant("name=red.*"), "redder ");
    assert_string_equal(meant("name=*"), "red redder ");
    assert_string_equal(meant("name=re"), "");
    assert_string_equal(meant("id=8"), "redder ");
    assert_string_equal(meant("client=192.0.2.7"), "red nameless ");
    assert_string_equal(meant("client=2001:DB8:0::7"), "redder ");
    assert_string_equal(meant("handler=primes"), "redder ");
    assert_string_equal(meant("older=1"), "red redder ");
    assert_string_equal(meant("older=1.5"), "red ");
    assert_string_equal(meant("older=0"), "red redder nameless ");
    assert_string_equal(meant("client=192.0.2.7&name=red*&older=5"), "red ");
    assert_string_equal(meant("client=192.0.2.7&handler=primes"), "");
}

/* What a status shows of a client, a filter takes. */
static void addresses_are_taken_as_httpd_writes_them(void **state)
{
    static const char *const cases[][2] = {
        {"fe80::1%25eth0", "fe80::1%eth0"},
        {"FE80:0::1%25br-0.7", "fe80::1%br-0.7"},
        {"%3A%3Affff:192.0.2.7", "192.0.2.7"},
        {"::1", "::1"},
    };
    wheel_filter_t filter;
    unsigned n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        assert_null(read_text(apr_pstrcat(pool, "client=", cases[n][0], NULL),
                              &filter));
        assert_string_equal(filter.client, cases[n][1]);
        assert_null(read_text(wheel_filter_text(&filter, pool), &filter));
        assert_string_equal(filter.client, cases[n][1]);
    }
}

static void bad_values_are_named(void **state)
{
    static const char *const bad[] = {"name=",
                                      "name=r*d",
                                      "name=a%20b",
                                      "name=**",
                                      "id=",
                                      "id=0",
                                      "id=x",
                                      "client=",
                                      "client=red",
                                      "client=1.2",
                                      "client=::g",
                                      "client=192.0.2.0/24",
                                      "client=fe80::1%25",
                                      "client=fe80::1%25a%20b",
                                      "client=2001:db8::7%25eth0",
                                      "client=::ffff:192.0.2.70%25eth0",
                                      "client=192.0.2.7%25lo",
                                      "handler=",
                                      "path=%5cx00",
                                      "kind=wheels",
                                      "method=",
                                      "older=",
                                      "older=-1",
                                      "older=1h"};
    wheel_filter_t filter;
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
        const char *error = read_text(bad[n], &filter);
        size_t param_bytes = strcspn(bad[n], "=");

        assert_non_null(error);
        assert_memory_equal(error, bad[n], param_bytes);
        assert_int_equal(error[param_bytes], ':');
    }
}

static void a_filter_survives_its_own_text(void **state)
{
    static const char *const texts[] = {
        "",
        "name=red*",
        "id=1795372839000001",
        "client=2001%3adb8%3a%3a7",
        "name=a&id=2&client=192.0.2.7&handler=x.y&older=0.500000",
        "path=%2fa%3fb*&host=example.org&method=POST&kind=request",
        "client=fe80%3a%3a7%25a%23b",
        "handler=a+b&path=%2f%c3%bc%09&host=%5c%5cx41"};
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(texts) / sizeof(*texts); n++) {
        wheel_filter_t filter;

        assert_null(read_text(texts[n], &filter));
        assert_int_equal(wheel_filter_is_any(&filter), n == 0);
        assert_string_equal(wheel_filter_text(&filter, pool), texts[n]);
    }
}

/* What the status shows is a filter as well. */
static void texts_are_taken_as_they_are_shown(void **state)
{
    static const char *const texts[][2] = {
        {"/a b", "/a b"},           {"/\\xc3\\xbc", "/\xc3\xbc"},
        {"/\xc3\xbc", "/\xc3\xbc"}, {"/a\\\\x41", "/a\\x41"},
        {"/a\\b\\", "/a\\b\\"},     {"/\\x", "/\\x"},
        {"/\\xc", "/\\xc"},         {"/\\x7F", "/\\x7F"},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(texts) / sizeof(*texts); n++) {
        wheel_filter_t filter = {0};

        assert_null(wheel_filter_read(&filter, "path", texts[n][0], pool));
        assert_string_equal(filter.path, texts[n][1]);
    }
}

/* A longer one would match nothing, and nobody would know why. */
static void texts_longer_than_jobs_keep_are_refused(void **state)
{
    static const struct {
        const char *param;
        size_t bytes_max;
    } params[] = {{"handler", 31}, {"path", 191}, {"host", 63}, {"method", 15}};
    wheel_filter_t filter;
    char text[256];
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(params) / sizeof(*params); n++) {
        const char *param = params[n].param;
        size_t bytes = params[n].bytes_max;
        const char *error;

        memset(&filter, 0, sizeof(filter));
        memset(text, 'x', sizeof(text));
        text[bytes] = '\0';
        assert_null(wheel_filter_read(&filter, param, text, pool));
        text[bytes] = 'x';
        text[bytes + 1] = '\0';
        error = wheel_filter_read(&filter, param, text, pool);
        assert_non_null(error);
        assert_non_null(strstr(
            error, apr_psprintf(pool, "1 to %u bytes", (unsigned)bytes)));
        text[bytes] = '*';
        assert_null(wheel_filter_read(&filter, param, text, pool));
    }
    assert_null(read_text("client=fe80:1234:1234:1234:1234:1234:1234:1234"
                          "%25abcdefg",
                          &filter));
    assert_non_null(read_text("client=fe80:1234:1234:1234:1234:1234:1234:1234"
                              "%25abcdefgh",
                              &filter));
}

static int set_up(void **state)
{
    (void)state;
    return apr_initialize() || apr_pool_create(&pool, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_mean_the_jobs_that_they_say),
        cmocka_unit_test(addresses_are_taken_as_httpd_writes_them),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(texts_are_taken_as_they_are_shown),
        cmocka_unit_test(texts_longer_than_jobs_keep_are_refused),
        cmocka_unit_test(a_filter_survives_its_own_text),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
