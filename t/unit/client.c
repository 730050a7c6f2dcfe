/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: which addresses count as one client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/client.h"

static void addresses_are_one_client_or_two(void **state)
{
    static const struct {
        const char *one;
        const char *other;
        int same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", 1},
        {"192.0.2.1", "192.0.2.2", 0},
        {"192.0.2.1", "::ffff:192.0.2.1", 1},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", 0},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 1},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", 0},
        {"2001:DB8:1:2::1", "2001:db8:1:2::1", 1},
        {"fe80::1%eth0", "fe80::2%eth0", 1},
        {"fe80::1%eth0", "fe80::1%eth1", 0},
        {"2001:db8::1%eth0", "2001:db8::1", 1},
        {"::1", "127.0.0.1", 0},
        {"unix", "unix", 1},
        {"unix", "other", 0},
        {"1:2:3", "1:2:4", 0},
        {"", "192.0.2.1", 0},
    };
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
        int same =
            wheel_client_key(cases[n].one) == wheel_client_key(cases[n].other);

        if (same != cases[n].same) {
            fail_msg("%s and %s", cases[n].one, cases[n].other);
        }
    }
}

static void only_nobody_has_the_key_0(void **state)
{
    (void)state;
    assert_int_equal(wheel_client_key(NULL), 0);
    assert_int_equal(wheel_client_key(""), 0);
    assert_int_not_equal(wheel_client_key("0.0.0.0"), 0);
    assert_int_not_equal(wheel_client_key("::"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_one_client_or_two),
        cmocka_unit_test(only_nobody_has_the_key_0),
    };

    return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
