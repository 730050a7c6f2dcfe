/* SPDX-License-Identifier: Apache-2.0 */
/* bare.c: the physical limit: the wheel's own draw in a loop with nothing
 * around it, in so many processes at once.
 *
 *   bare SECONDS PROCESSES      prints "rate" and turns a second of each
 */
#include "demo/spin.c"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two looks at the clock, which so cost nothing. */
#define BARE_TURNS (1 << 20)

#define BARE_PROCESSES_MAX 64

static double now_sec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Turns a second of one bare wheel. */
static double turn_for(double seconds)
{
    wheel_t wheel;
    apr_uint64_t low;
    apr_uint64_t high;
    double begun = now_sec();
    double took;
    double turns = 0;

    if (wheel_seed(&wheel) != APR_SUCCESS) {
        return 0;
    }
    low = wheel.state[0];
    high = wheel.state[1];
    do {
        int turn;

        for (turn = 0; turn < BARE_TURNS; turn++) {
            apr_uint32_t number = draw(&low, &high);

            __asm__ volatile("" : "+r"(number));
        }
        turns += BARE_TURNS;
        took = now_sec() - begun;
    } while (took < seconds);
    return turns / took;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    int processes = argc > 2 ? atoi(argv[2]) : 1;
    int failed = 0;
    int status;
    int n;

    if (seconds <= 0 || processes < 1 || processes > BARE_PROCESSES_MAX) {
        fprintf(stderr, "usage: bare SECONDS PROCESSES (1 to %d)\n",
                BARE_PROCESSES_MAX);
        return 2;
    }
    for (n = 0; n < processes; n++) {
        if (fork() == 0) {
            printf("rate %.0f\n", turn_for(seconds));
            return 0;
        }
    }
    while (wait(&status) > 0) {
        failed |= status;
    }
    return failed != 0;
}
