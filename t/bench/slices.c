/* SPDX-License-Identifier: Apache-2.0 */
/* slices.c: how long a companion that yields waits for its turn beside loops of
 * normal priority on one core, with the kernel's slice and with the
 * shorter one for which the module asks.
 *
 *   slices SECONDS LOOPS ROUNDS
 *
 * Prints a line for each of both, in turns: how often it ran, and the mean and
 * the longest time in ms from one time to the next.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/platform.h"
#include "core/proc.h"

#define SLICES_LOOPS_MAX 64

/* From one yield to the next, as a companion. */
#define SLICES_YIELD_USEC 30

typedef struct companion_t {
    int is_short; /* as the module does it */
    atomic_int ends;
    unsigned runs;
    apr_int64_t most_usec;
} companion_t;

static void *compute_and_yield(void *data)
{
    companion_t *companion = data;
    struct sched_param none = {0};
    apr_int64_t before;
    apr_int64_t now;

    if (companion->is_short) {
        wheel_thread_schedule(WHEEL_SCHED_IDLE);
    }
    else {
        syscall(SYS_sched_setscheduler, 0, WHEEL_SCHED_IDLE, &none);
    }
    now = wheel_clock_usec();
    while (!atomic_load(&companion->ends)) {
        before = now;
        sched_yield();
        now = wheel_clock_usec();
        if (now - before > companion->most_usec) {
            companion->most_usec = now - before;
        }
        companion->runs++;
        for (before = now; wheel_clock_usec() < before + SLICES_YIELD_USEC;) {
        }
    }
    return NULL;
}

static pid_t start_loop(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent) {
        }
        _exit(0);
    }
    return pid;
}

static void measure(int is_short, double seconds, int loops)
{
    companion_t companion = {.is_short = is_short};
    pid_t pids[SLICES_LOOPS_MAX];
    pthread_t thread;
    int n;

    for (n = 0; n < loops; n++) {
        pids[n] = start_loop();
    }
    if (pthread_create(&thread, NULL, compute_and_yield, &companion) != 0) {
        fputs("slices: no thread\n", stderr);
        exit(1);
    }
    usleep((useconds_t)(seconds * 1e6));
    atomic_store(&companion.ends, 1);
    for (n = 0; n < loops; n++) {
        if (pids[n] > 0) {
            kill(pids[n], SIGKILL);
            waitpid(pids[n], NULL, 0);
        }
    }
    pthread_join(thread, NULL);
    printf("%-7s slice, %d loops: %u times, mean %.1f ms, most %.1f ms\n",
           is_short ? "shorter" : "usual", loops, companion.runs,
           seconds * 1e3 / (companion.runs ? companion.runs : 1),
           companion.most_usec / 1e3);
    fflush(stdout);
}

/* All on one core, the last that this process may use. */
static int pin(void)
{
    cpu_set_t allowed;
    int core = CPU_SETSIZE - 1;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return 0;
    }
    while (core > 0 && !CPU_ISSET(core, &allowed)) {
        core--;
    }
    CPU_ZERO(&allowed);
    CPU_SET(core, &allowed);
    return sched_setaffinity(0, sizeof(allowed), &allowed) == 0;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 20;
    int loops = argc > 2 ? atoi(argv[2]) : 4;
    int rounds = argc > 3 ? atoi(argv[3]) : 1;

    if (seconds <= 0 || loops < 0 || loops > SLICES_LOOPS_MAX || !pin()) {
        fputs("usage: slices SECONDS LOOPS ROUNDS\n", stderr);
        return 1;
    }
    while (rounds-- > 0) {
        measure(0, seconds, loops);
        measure(1, seconds, loops);
    }
    return 0;
}
