/* SPDX-License-Identifier: Apache-2.0 */
/* reference.h: what the benchmark's client compares a server with: a server at
 * its own priority, and what the machine takes to wake a thread and to fork.
 */
#ifndef BENCH_REFERENCE_H
#define BENCH_REFERENCE_H

#include <sys/types.h>

/* A process that is woken and forks when it is asked to. */
typedef struct reference_t {
    pid_t pid;
    int to;
    int from;
} reference_t;

/* Take real-time priority, above the client's if control is set, and keep all
 * memory.  Says so where it is not allowed. */
void reference_rise(int control);

/* Start a server that answers each request with a small text, at a priority
 * above the caller's.  It ends with the caller.
 * @param port  where it listens
 * @return its process */
pid_t reference_serve(int *port);

/* Start the process.  It keeps the priority of the caller, and ends with it. */
void reference_start(reference_t *reference);

/* Print two lines of samples in usec: "wake", to wake the process and to be
 * woken by it, and "fork", the same by a child that it forks for that. */
void reference_print(const reference_t *reference);

void reference_end(const reference_t *reference);

#endif
