/* SPDX-License-Identifier: Apache-2.0 */
/* demo/spin.c: the hot loop and its random numbers.
 *
 * Runs in a companion thread at idle priority.  Builds without httpd, so that
 * unit programs and benchmarks link it as it is.
 */
#include "demo/spin.h"

#include <time.h>

#include "apr_general.h"

/* Turns from one publication, and one check of the mark, to the next: about a
 * microsecond.  Publishing on every turn would cost 18 % of them. */
#define SPIN_PUBLISH_TURNS 1024

/* Publications from one yield to the next: 32,768 turns, 25 to 35 usec. */
#define SPIN_YIELD_PUBLICATIONS 32

/* A wheel with a load turns for its share of a period and sleeps for the rest.
 * Short periods make smooth graphs, and each costs a wake-up.  They differ at
 * random: the kernel's tick, by whose samples most tools measure the use of a
 * CPU, would find a wheel in step with it always or never. */
#define SPIN_PERIOD_NSEC (10 * 1000 * 1000)
#define SPIN_JITTER_NSEC (10 * 1000 * 1000)

/* Publications from one reading of the CPU clock to the next, 7 to 9 usec: a
 * tenth of what 1 % of the shortest period is. */
#define SPIN_CLOCK_PUBLICATIONS 8

/* CPU time that a wheel catches up with if it did not get the core, a point of
 * 5 seconds.  What it missed beyond that is lost: it must not turn at full
 * speed for long, seconds after the reason has gone. */
#define SPIN_BEHIND_MAX_NSEC (50 * 1000 * 1000)

#define NSEC_PER_SEC 1000000000

/* A wheel while it turns. */
typedef struct spin_t {
    apr_uint64_t low;
    apr_uint64_t high;
    apr_uint32_t number;
    apr_uint64_t turns;
} spin_t;

static inline apr_uint64_t rotate_left(apr_uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

/* xoroshiro128+ (Blackman and Vigna, 2018): its high bits are the good ones,
 * and the reduction below uses the 32 highest.  The multiply-and-shift favours
 * no number by more than 10 in 2^32. */
static inline apr_uint32_t draw(apr_uint64_t *low, apr_uint64_t *high)
{
    apr_uint64_t sum = *low + *high;
    apr_uint64_t mixed = *low ^ *high;

    *low = rotate_left(*low, 24) ^ mixed ^ mixed << 16;
    *high = rotate_left(mixed, 37);
    return (apr_uint32_t)((sum >> 32) * WHEEL_NUMBERS >> 32);
}

apr_status_t wheel_seed(wheel_t *wheel)
{
    apr_status_t rv;

    rv = apr_generate_random_bytes((unsigned char *)wheel->state,
                                   sizeof(wheel->state));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!(wheel->state[0] | wheel->state[1])) {
        wheel->state[0] = 1; /* the one state that the generator never leaves */
    }
    wheel->load = 0;
    wheel_turn(wheel);
    return APR_SUCCESS;
}

apr_uint32_t wheel_turn(wheel_t *wheel)
{
    wheel->number = draw(&wheel->state[0], &wheel->state[1]);
    return wheel->number;
}

/* The turns of a publication, as fast as in a bare loop: it reads nothing,
 * and in a function of its own that calls nothing the compiler keeps its state
 * in registers of its choice. */
static void __attribute__((noinline)) turn_many(spin_t *spin)
{
    apr_uint64_t low = spin->low;
    apr_uint64_t high = spin->high;
    apr_uint32_t number = spin->number;
    int turn;

    for (turn = 0; turn < SPIN_PUBLISH_TURNS; turn++) {
        number = draw(&low, &high);
        /* Most draws are not used: keep the compiler from leaving them out. */
        __asm__ volatile("" : "+r"(number));
    }
    spin->low = low;
    spin->high = high;
    spin->number = number;
}

/* Turn until the next publication, and publish. */
static void turn_on(wheel_job_t *job, spin_t *spin)
{
    turn_many(spin);
    spin->turns += SPIN_PUBLISH_TURNS;
    wheel_job_progress(job, spin->turns, spin->number);
}

static void turn_at_full_speed(wheel_job_t *job, spin_t *spin)
{
    unsigned publications = 0;

    while (!wheel_job_stopped(job)) {
        turn_on(job, spin);
        if (++publications == SPIN_YIELD_PUBLICATIONS) {
            publications = 0;
            wheel_job_look(job);
        }
    }
}

/* --- A part of a core ----------------------------------------------------- */

static apr_int64_t clock_nsec(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (apr_int64_t)now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void sleep_until(apr_int64_t nsec)
{
    struct timespec until = {nsec / NSEC_PER_SEC, nsec % NSEC_PER_SEC};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Turn until this thread has used so much CPU time. */
static void turn_until(wheel_job_t *job, spin_t *spin, apr_int64_t cpu_nsec)
{
    unsigned publications = 0;

    while (!wheel_job_stopped(job) &&
           clock_nsec(CLOCK_THREAD_CPUTIME_ID) < cpu_nsec) {
        do {
            turn_on(job, spin);
        } while (++publications % SPIN_CLOCK_PUBLICATIONS);
        if (publications % SPIN_YIELD_PUBLICATIONS == 0) {
            wheel_job_look(job);
        }
    }
}

/* The length of the next period: bits of the generator's state will do. */
static apr_int64_t period_nsec(const spin_t *spin)
{
    return SPIN_PERIOD_NSEC + (apr_int64_t)(spin->low % SPIN_JITTER_NSEC);
}

/* What is due is counted from the start on, and wake-ups and readings of clocks
 * are CPU time of this thread, too: no error adds up. */
static void turn_at_load(wheel_job_t *job, spin_t *spin, unsigned load)
{
    apr_int64_t due = clock_nsec(CLOCK_THREAD_CPUTIME_ID);
    apr_int64_t now = clock_nsec(CLOCK_MONOTONIC);

    for (;;) {
        apr_int64_t end = now + period_nsec(spin);
        apr_int64_t late;
        apr_int64_t behind;

        due += (end - now) * load / WHEEL_LOAD_MAX;
        turn_until(job, spin, due);
        if (wheel_job_stopped(job)) {
            return;
        }
        sleep_until(end);
        now = clock_nsec(CLOCK_MONOTONIC);
        late = now - end;
        due += late * load / WHEEL_LOAD_MAX;
        behind = due - clock_nsec(CLOCK_THREAD_CPUTIME_ID);
        if (behind > SPIN_BEHIND_MAX_NSEC) {
            due -= behind - SPIN_BEHIND_MAX_NSEC;
        }
        wheel_job_look(job);
    }
}

void wheel_spin(wheel_job_t *job, void *baton)
{
    wheel_t *wheel = baton;
    spin_t spin = {wheel->state[0], wheel->state[1], wheel->number, 0};

    if (wheel->load && wheel->load < WHEEL_LOAD_MAX) {
        turn_at_load(job, &spin, wheel->load);
    }
    else {
        turn_at_full_speed(job, &spin);
    }
    wheel->state[0] = spin.low;
    wheel->state[1] = spin.high;
    wheel->number = spin.number;
}
