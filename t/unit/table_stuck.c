/* SPDX-License-Identifier: Apache-2.0 */
/* table_stuck.c: jobs of a wheel_table that don't poll their cancel flag. */
#include "table_one.h"

#include <pthread.h>

#include "core/platform.h"

#define POLL_MAX_USEC 20000

/* A job of this thread that has last looked so long ago. */
static void claim_looked(apr_interval_time_t ago)
{
    claim_one("late");
    wheel_table_poll_max_set(test.table, POLL_MAX_USEC);
    wheel_table_set_thread(test.table, slot, wheel_thread_number(),
                           WHEEL_CLASS_IDLE);
    wheel_table_polled(test.table, slot, wheel_clock_usec() - ago,
                       wheel_clock_thread_usec());
}

static void burn(apr_interval_time_t usec)
{
    apr_int64_t until = wheel_clock_thread_usec() + usec;

    while (wheel_clock_thread_usec() < until) {
    }
}

static void a_job_that_does_not_look_is_told_once(void **state)
{
    wheel_record_t record;

    (void)state;
    claim_looked(0);
    assert_int_equal(snapshot_of(&test).stuck, 0);
    burn(POLL_MAX_USEC * 3); /* the clock of /proc is a coarse one */
    assert_int_equal(snapshot_of(&test).stuck, 1);
    assert_true(snapshot_of(&test).jobs[0].stuck);
    assert_int_equal(told(), 1);
    assert_int_equal(told(), 0);
    assert_false(wheel_table_stuck_news(test.table, slot, &record));
    assert_int_equal(snapshot_of(&test).stuck, 1);
    wheel_table_leave(test.table, slot, WHEEL_END_STOP, NULL, NULL, &record);
    assert_int_equal(snapshot_of(&test).stuck, 1);
    wheel_table_companion_leave(test.table, slot);
    assert_int_equal(snapshot_of(&test).stuck, 0);
    claim_looked(0);
    burn(POLL_MAX_USEC * 3);
    assert_true(wheel_table_stuck_news(test.table, slot, &record));
    assert_int_equal(record.id, id);
    assert_int_equal(told(), 0);
}

static void a_job_that_looks_again_is_not_stuck(void **state)
{
    (void)state;
    claim_looked(0);
    burn(POLL_MAX_USEC * 3);
    wheel_table_polled(test.table, slot, wheel_clock_usec(),
                       wheel_clock_thread_usec());
    assert_int_equal(snapshot_of(&test).stuck, 0);
    assert_int_equal(told(), 0);
}

static void a_job_without_the_cpu_is_not_stuck(void **state)
{
    (void)state;
    claim_looked(10 * APR_USEC_PER_SEC);
    assert_int_equal(snapshot_of(&test).stuck, 0);
    assert_int_equal(told(), 0);
}

static void *sleep_until(void *data)
{
    const atomic_int *over = data;

    wheel_table_set_thread(test.table, slot, wheel_thread_number(),
                           WHEEL_CLASS_IDLE);
    while (!atomic_load(over)) {
        apr_sleep(100 * 1000);
    }
    return NULL;
}

static void a_companion_that_sleeps_is_stuck(void **state)
{
    apr_int64_t until = wheel_clock_usec() + 30 * APR_USEC_PER_SEC;
    atomic_int over = 0;
    unsigned stuck = 0;
    pthread_t thread;

    (void)state;
    claim_looked(0);
    assert_int_equal(pthread_create(&thread, NULL, sleep_until, &over), 0);
    while (!stuck && wheel_clock_usec() < until) {
        stuck = snapshot_of(&test).stuck;
    }
    atomic_store(&over, 1);
    pthread_join(thread, NULL);
    assert_int_equal(stuck, 1);
}

static void no_job_is_stuck_if_nobody_wants_to_know(void **state)
{
    (void)state;
    claim_looked(0);
    wheel_table_poll_max_set(test.table, 0);
    burn(POLL_MAX_USEC * 3);
    assert_int_equal(snapshot_of(&test).stuck, 0);
    assert_int_equal(told(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_does_not_look_is_told_once),
        TEST(a_job_that_looks_again_is_not_stuck),
        TEST(a_job_without_the_cpu_is_not_stuck),
        TEST(a_companion_that_sleeps_is_stuck),
        TEST(no_job_is_stuck_if_nobody_wants_to_know),
    };

    return RUN_GROUP(tests, "wheel_table with stuck jobs");
}
