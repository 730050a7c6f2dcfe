/* wheel_spin.c: the hot loop and its random numbers.
 *
 * Runs in a companion thread at idle priority.  Builds without httpd, so that
 * unit programs and benchmarks link it as it is.
 */
#include "wheel_spin.h"

#include "apr_general.h"

/* Turns from one publication to the next.  Publishing on every turn would
 * cost 18 % of them. */
#define SPIN_PUBLISH_TURNS 256

/* Publications from one yield to the next: 65,536 turns, 50 to 70 usec. */
#define SPIN_YIELD_PUBLICATIONS 256

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
    wheel_turn(wheel);
    return APR_SUCCESS;
}

apr_uint32_t wheel_turn(wheel_t *wheel)
{
    wheel->number = draw(&wheel->state[0], &wheel->state[1]);
    return wheel->number;
}

void wheel_spin(wheel_job_t *job, void *baton)
{
    wheel_t *wheel = baton;
    apr_uint64_t low = wheel->state[0];
    apr_uint64_t high = wheel->state[1];
    apr_uint32_t number = wheel->number;
    apr_uint64_t turns = 0;
    unsigned publications = 0;

    while (!wheel_job_stopped(job)) {
        int turn;

        for (turn = 0; turn < SPIN_PUBLISH_TURNS; turn++) {
            if (wheel_job_stopped(job)) {
                break;
            }
            number = draw(&low, &high);
            /* Nobody looks at most draws: keep the compiler from noticing. */
            __asm__ volatile("" : "+r"(number));
        }
        turns += turn;
        wheel_job_progress(job, turns, number);
        if (++publications == SPIN_YIELD_PUBLICATIONS) {
            publications = 0;
            wheel_job_look(job);
        }
    }
    wheel->state[0] = low;
    wheel->state[1] = high;
    wheel->number = number;
}
