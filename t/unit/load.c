/* SPDX-License-Identifier: Apache-2.0 */
/* load.c: a wheel with a load takes that share of the time that passes.
 *
 * The clocks are ours here, so that hours of load can't make these tests fail:
 * CPU time passes while the wheel turns, and what else passes is the plan of
 * each test.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "apr_general.h"

#include "demo/spin.h"

#define NSEC_PER_SEC 1000000000
#define NSEC_PER_MSEC 1000000

/* What a turn takes here, more than outside, to be done sooner; and a look at
 * the CPU clock. */
#define TURN_NSEC 30
#define LOOK_NSEC 500

/* What going to sleep and waking up takes, and how late it is. */
#define WAKE_NSEC (20 * 1000)
#define LATE_NSEC (70 * 1000)

/* What catching up may add: see the header. */
#define BEHIND_MAX_NSEC (50 * NSEC_PER_MSEC)

/* The longest period that the header leaves. */
#define PERIOD_MAX_NSEC (20 * NSEC_PER_MSEC)

/* --- The clocks ----------------------------------------------------------- */

static apr_int64_t now_nsec;
static apr_int64_t cpu_nsec;
static apr_int64_t end_nsec;      /* somebody stops the wheel then */
static apr_int64_t hog_from_nsec; /* others have the core from then */
static apr_int64_t hog_to_nsec;   /* till then */
static unsigned looks;
static unsigned sleeps;
static apr_int64_t slept_most_nsec;

static apr_uint64_t mark;
static apr_uint64_t progress;
static apr_uint64_t turns_seen;

static void pass(apr_int64_t nsec)
{
    now_nsec += nsec;
    if (now_nsec >= hog_from_nsec && now_nsec < hog_to_nsec) {
        now_nsec = hog_to_nsec;
    }
    if (now_nsec >= end_nsec) {
        mark = WHEEL_END_STOP;
    }
}

static void tell(struct timespec *at, apr_int64_t nsec)
{
    at->tv_sec = nsec / NSEC_PER_SEC;
    at->tv_nsec = nsec % NSEC_PER_SEC;
}

static void use(apr_int64_t nsec)
{
    cpu_nsec += nsec;
    pass(nsec);
}

/* The time of the turns since the last call. */
static void use_turns(void)
{
    apr_uint64_t turns = progress >> 8;

    use((apr_int64_t)(turns - turns_seen) * TURN_NSEC);
    turns_seen = turns;
}

static wheel_end_e look(wheel_job_t *job)
{
    (void)job;
    use_turns();
    return (wheel_end_e)mark;
}

static const wheel_job_calls_t calls = {look, NULL, NULL};

/* These take the place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *at)
{
    use_turns();
    if (clock == CLOCK_THREAD_CPUTIME_ID) {
        looks++;
        use(LOOK_NSEC);
        tell(at, cpu_nsec);
    }
    else {
        tell(at, now_nsec);
    }
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                    struct timespec *left)
{
    apr_int64_t till = (apr_int64_t)until->tv_sec * NSEC_PER_SEC;

    (void)left;
    till += until->tv_nsec;
    assert_int_equal(clock, CLOCK_MONOTONIC);
    assert_int_equal(flags, TIMER_ABSTIME);
    if (till > now_nsec) {
        sleeps++;
        if (till - now_nsec > slept_most_nsec) {
            slept_most_nsec = till - now_nsec;
        }
        use(WAKE_NSEC);
        pass(till - now_nsec + LATE_NSEC);
    }
    return 0;
}

/* --- The tests ------------------------------------------------------------ */

/* Turn until a time; nothing is stopped before. */
static void spin_for(unsigned load, apr_int64_t nsec)
{
    wheel_job_t job = {&calls, &mark, &progress};
    wheel_t wheel;

    wheel_seed(&wheel);
    wheel.load = load;
    now_nsec = cpu_nsec = 0;
    looks = sleeps = 0;
    slept_most_nsec = 0;
    turns_seen = 0;
    end_nsec = nsec;
    mark = WHEEL_END_NONE;
    progress = 0;
    wheel_spin(&job, &wheel);
    assert_true(progress >> 8 > 0);
    assert_int_equal(progress & 0xff, wheel.number);
}

static void undisturbed(void)
{
    hog_from_nsec = hog_to_nsec = 0;
}

static double percent(void)
{
    return 100.0 * cpu_nsec / now_nsec;
}

static void a_load_is_kept_to(void **state)
{
    static const unsigned loads[] = {1, 2, 5, 20, 50, 80, 99};
    size_t n;

    (void)state;
    undisturbed();
    for (n = 0; n < sizeof(loads) / sizeof(*loads); n++) {
        double off;

        spin_for(loads[n], (apr_int64_t)5 * NSEC_PER_SEC);
        off = percent() - loads[n];
        print_message("# load %u: %+.3f points in 5 s\n", loads[n], off);
        assert_true(off > -0.2 && off < 0.2);
    }
}

static void it_comes_in_small_portions(void **state)
{
    (void)state;
    undisturbed();
    spin_for(5, NSEC_PER_SEC);
    assert_in_range(sleeps, 50, 100);
    assert_true(slept_most_nsec < PERIOD_MAX_NSEC);
}

static void periods_differ(void **state)
{
    apr_int64_t first;

    (void)state;
    undisturbed();
    spin_for(1, NSEC_PER_MSEC);
    first = slept_most_nsec;
    do {
        spin_for(1, NSEC_PER_MSEC);
    } while (slept_most_nsec / NSEC_PER_MSEC == first / NSEC_PER_MSEC);
}

static void a_short_wait_for_the_core_is_made_up_for(void **state)
{
    (void)state;
    hog_from_nsec = NSEC_PER_SEC;
    hog_to_nsec = hog_from_nsec + 80 * NSEC_PER_MSEC;
    spin_for(50, (apr_int64_t)2 * NSEC_PER_SEC);
    print_message("# load 50, 80 of 2000 ms taken: %.2f %%\n", percent());
    assert_true(percent() > 49 && percent() < 51);
}

/* One that turns sees its mark at once, and needs no sleep before it ends. */
static void a_stop_is_not_slept_over(void **state)
{
    apr_int64_t end = 3 * NSEC_PER_MSEC;

    (void)state;
    undisturbed();
    spin_for(99, end);
    assert_int_equal(sleeps, 0);
    assert_true(now_nsec < end + NSEC_PER_MSEC);
}

/* A second later it takes no more than it was asked for. */
static void a_long_wait_for_the_core_is_no_debt(void **state)
{
    apr_int64_t expected;

    (void)state;
    hog_from_nsec = NSEC_PER_SEC;
    hog_to_nsec = (apr_int64_t)10 * NSEC_PER_SEC;
    spin_for(50, (apr_int64_t)11 * NSEC_PER_SEC);
    expected = NSEC_PER_SEC; /* half of the two seconds that it could have */
    print_message("# load 50, 9 of 11 s taken: %.0f ms\n", cpu_nsec / 1e6);
    assert_true(cpu_nsec >= expected);
    assert_true(cpu_nsec < expected + BEHIND_MAX_NSEC + PERIOD_MAX_NSEC);
}

/* Clocks would cost it turns. */
static void no_load_and_the_whole_core_neither_look_nor_sleep(void **state)
{
    static const unsigned loads[] = {0, WHEEL_LOAD_MAX};
    size_t n;

    (void)state;
    undisturbed();
    for (n = 0; n < sizeof(loads) / sizeof(*loads); n++) {
        spin_for(loads[n], NSEC_PER_SEC / 10);
        assert_int_equal(looks, 0);
        assert_int_equal(sleeps, 0);
        assert_int_equal(cpu_nsec, now_nsec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_is_kept_to),
        cmocka_unit_test(it_comes_in_small_portions),
        cmocka_unit_test(periods_differ),
        cmocka_unit_test(a_short_wait_for_the_core_is_made_up_for),
        cmocka_unit_test(a_stop_is_not_slept_over),
        cmocka_unit_test(a_long_wait_for_the_core_is_no_debt),
        cmocka_unit_test(no_load_and_the_whole_core_neither_look_nor_sleep),
    };

    apr_initialize();
    return cmocka_run_group_tests_name("wheel_spin load", tests, NULL, NULL);
}
