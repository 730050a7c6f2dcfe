/* SPDX-License-Identifier: Apache-2.0 */
/* demo/spin.h: the wheel itself, ten numbers as fast as a core allows. */
#ifndef WHEEL_DEMO_SPIN_H
#define WHEEL_DEMO_SPIN_H

#include "mod_wheel.h"

/** Numbers on the wheel: 0 to WHEEL_NUMBERS - 1, each as likely. */
#define WHEEL_NUMBERS 10

/** One wheel: its generator's state, the number that it shows, and how much
 * of a core it takes. */
typedef struct wheel_t {
    apr_uint64_t state[2];
    apr_uint32_t number;
    unsigned load; /* percent, up to WHEEL_LOAD_MAX; 0 for all it gets */
} wheel_t;

/**
 * Seed a wheel from the system's entropy, draw its first number, and give it no
 * load.  Any thread may call it; it may block early at boot, until there is
 * entropy.
 * @return APR_SUCCESS, or the error of apr_generate_random_bytes()
 */
apr_status_t wheel_seed(wheel_t *wheel);

/** Turn once and return the number, 0 to 9.  For the wheel's thread alone. */
apr_uint32_t wheel_turn(wheel_t *wheel);

/**
 * Turn until the job is stopped: a wheel_work_fn whose baton is a wheel_t.
 * Publishes turns and number, yields about every 33 thousand turns, and takes
 * no lock, clock or memory in between.
 *
 * With a load below WHEEL_LOAD_MAX, it turns and sleeps by turns, so that its
 * thread uses that share of the time that passes.  It sees its mark 20 ms after
 * it was made at the latest, once it has the core.  CPU time that it misses
 * beside others it makes up for, up to 50 ms.
 */
void wheel_spin(wheel_job_t *job, void *baton);

#endif /* WHEEL_DEMO_SPIN_H */
