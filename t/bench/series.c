/* SPDX-License-Identifier: Apache-2.0 */
/* series.c: samples of the benchmark's client, by kind. */
#include "series.h"

#include <stdio.h>
#include <stdlib.h>

#define SERIES_SAMPLES_MAX 1000000

void series_add(series_t *series, double usec)
{
    if (!series->usec) {
        series->usec = malloc(sizeof(*series->usec) * SERIES_SAMPLES_MAX);
    }
    if (series->usec && series->n < SERIES_SAMPLES_MAX) {
        series->usec[series->n++] = usec;
    }
}

void series_print(const series_t *series)
{
    int n;

    if (!series->n) {
        return;
    }
    printf("%s", series->name);
    for (n = 0; n < series->n; n++) {
        printf(" %.1f", series->usec[n]);
    }
    printf("\n");
}
