/* SPDX-License-Identifier: Apache-2.0 */
/* series.h: samples of the benchmark's client, by kind.
 *
 * For one thread.
 */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

/* Samples of one kind. */
typedef struct series_t {
    const char *name;
    double *usec;
    int n;
} series_t;

/* Without room for more, a sample is left out. */
void series_add(series_t *series, double usec);

/* Print a line, if there are any: the name, then the samples. */
void series_print(const series_t *series);

#endif
