/* SPDX-License-Identifier: Apache-2.0 */
/* spin.c: the wheel is fair, and it stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "apr_general.h"

#include "demo/spin.h"

#define DRAWS 1000000
#define WHEELS 20000

/* Chi-square with 9 degrees of freedom is above this once in a million
 * times. */
#define CHI_SQUARE_MAX 43.8

static double chi_square(const unsigned *counts, unsigned draws)
{
    double expected = (double)draws / WHEEL_NUMBERS;
    double sum = 0;
    int n;

    for (n = 0; n < WHEEL_NUMBERS; n++) {
        double off = counts[n] - expected;

        sum += off * off / expected;
    }
    return sum;
}

static void the_turns_of_a_wheel_are_uniform(void **state)
{
    unsigned counts[WHEEL_NUMBERS] = {0};
    double chi;
    wheel_t wheel;
    int n;

    (void)state;
    assert_int_equal(wheel_seed(&wheel), APR_SUCCESS);
    for (n = 0; n < DRAWS; n++) {
        apr_uint32_t number = wheel_turn(&wheel);

        assert_true(number < WHEEL_NUMBERS);
        counts[number]++;
    }
    chi = chi_square(counts, DRAWS);
    print_message("# chi-square %.1f over %d turns\n", chi, DRAWS);
    assert_true(chi < CHI_SQUARE_MAX);
}

static void the_first_numbers_of_wheels_are_uniform(void **state)
{
    unsigned counts[WHEEL_NUMBERS] = {0};
    double chi;
    wheel_t wheel;
    int n;

    (void)state;
    for (n = 0; n < WHEELS; n++) {
        assert_int_equal(wheel_seed(&wheel), APR_SUCCESS);
        counts[wheel.number]++;
    }
    chi = chi_square(counts, WHEELS);
    print_message("# chi-square %.1f over %d wheels\n", chi, WHEELS);
    assert_true(chi < CHI_SQUARE_MAX);
}

/* A number says nothing of the next: all pairs are as likely. */
static void neighbours_are_independent(void **state)
{
    static unsigned pairs[WHEEL_NUMBERS * WHEEL_NUMBERS];
    double expected = (double)DRAWS / (WHEEL_NUMBERS * WHEEL_NUMBERS);
    double chi = 0;
    wheel_t wheel;
    int n;

    (void)state;
    wheel_seed(&wheel);
    for (n = 0; n < DRAWS; n++) {
        apr_uint32_t before = wheel.number;

        pairs[before * WHEEL_NUMBERS + wheel_turn(&wheel)]++;
    }
    for (n = 0; n < WHEEL_NUMBERS * WHEEL_NUMBERS; n++) {
        chi += (pairs[n] - expected) * (pairs[n] - expected) / expected;
    }
    print_message("# chi-square %.1f over pairs\n", chi);
    assert_true(chi < 181); /* 99 degrees of freedom, once in a million */
}

/* What a companion shares with the rest, here without a table. */
typedef struct job_words_t {
    _Atomic apr_uint64_t mark;
    _Atomic apr_uint64_t progress;
    atomic_int looks;
    wheel_job_t job;
    wheel_t wheel;
} job_words_t;

static wheel_end_e count_look(wheel_job_t *job)
{
    job_words_t *words =
        (job_words_t *)((char *)job - offsetof(job_words_t, job));

    atomic_fetch_add(&words->looks, 1);
    return WHEEL_END_NONE;
}

static const wheel_job_calls_t calls = {count_look, NULL, NULL};

static void words_init(job_words_t *words)
{
    atomic_init(&words->mark, 0);
    atomic_init(&words->progress, 0);
    atomic_init(&words->looks, 0);
    words->job.calls = &calls;
    words->job.state = (const apr_uint64_t *)&words->mark;
    words->job.progress = (apr_uint64_t *)&words->progress;
    wheel_seed(&words->wheel);
}

static void *spin(void *data)
{
    job_words_t *words = data;

    wheel_spin(&words->job, &words->wheel);
    return NULL;
}

static void a_wheel_publishes_until_it_is_stopped(void **state)
{
    job_words_t words;
    pthread_t thread;
    apr_uint64_t first;

    (void)state;
    words_init(&words);
    assert_int_equal(pthread_create(&thread, NULL, spin, &words), 0);
    do {
        first = atomic_load(&words.progress);
    } while (first >> 8 == 0 || atomic_load(&words.looks) == 0);
    while (atomic_load(&words.progress) >> 8 == first >> 8) {
        sched_yield();
    }
    atomic_store(&words.mark, WHEEL_END_STOP);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true((atomic_load(&words.progress) & 0xff) < WHEEL_NUMBERS);
    assert_int_equal(atomic_load(&words.progress) & 0xff, words.wheel.number);
}

static void a_wheel_that_is_stopped_already_does_not_turn(void **state)
{
    job_words_t words;
    apr_uint32_t number;

    (void)state;
    words_init(&words);
    number = words.wheel.number;
    atomic_store(&words.mark, WHEEL_END_STOP);
    wheel_spin(&words.job, &words.wheel);
    assert_int_equal(atomic_load(&words.progress), 0);
    assert_int_equal(words.wheel.number, number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_turns_of_a_wheel_are_uniform),
        cmocka_unit_test(the_first_numbers_of_wheels_are_uniform),
        cmocka_unit_test(neighbours_are_independent),
        cmocka_unit_test(a_wheel_publishes_until_it_is_stopped),
        cmocka_unit_test(a_wheel_that_is_stopped_already_does_not_turn),
    };

    apr_initialize();
    return cmocka_run_group_tests_name("wheel_spin", tests, NULL, NULL);
}
