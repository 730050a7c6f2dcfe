/* SPDX-License-Identifier: Apache-2.0 */
/* platform.c: how a thread is scheduled that gives itself the idle class. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include <cmocka.h>

#include "core/platform.h"

/* The kernel's struct sched_attr, as it first was: the slice stands behind
 * 24 bytes. */
#define ATTR_BYTES 48
#define ATTR_SLICE 24

static apr_uint64_t slice_nsec(void)
{
    unsigned char attr[ATTR_BYTES];
    apr_uint64_t nsec;

    assert_int_equal(syscall(SYS_sched_getattr, 0, attr, ATTR_BYTES, 0), 0);
    memcpy(&nsec, attr + ATTR_SLICE, sizeof(nsec));
    return nsec;
}

/* Whether the kernel has slices (from Linux 6.12 on), and the one in the idle
 * class, of a thread of its own. */
static void *be_idle(void *data)
{
    apr_uint64_t *nsec = data;

    nsec[0] = slice_nsec();
    assert_int_equal(wheel_thread_schedule(WHEEL_SCHED_IDLE), WHEEL_CLASS_IDLE);
    nsec[1] = slice_nsec();
    return NULL;
}

static void an_idle_thread_has_shorter_slices(void **state)
{
    apr_uint64_t nsec[2];
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, be_idle, nsec), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("# a slice of %ld usec, then %ld\n", (long)nsec[0] / 1000,
                  (long)nsec[1] / 1000);
    assert_int_equal(nsec[1], nsec[0] ? 400000 : 0);
}

static void a_thread_can_stay_as_it_is(void **state)
{
    apr_uint64_t before = slice_nsec();

    (void)state;
    assert_int_equal(wheel_thread_schedule(SCHED_OTHER), WHEEL_CLASS_NORMAL);
    assert_int_equal(slice_nsec(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_thread_has_shorter_slices),
        cmocka_unit_test(a_thread_can_stay_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
