/* SPDX-License-Identifier: Apache-2.0 */
/* core/stopped.h: what came of a stop.
 *
 * A plain type that every layer shares: those that stop jobs, and those that
 * answer.
 */
#ifndef WHEEL_CORE_STOPPED_H
#define WHEEL_CORE_STOPPED_H

#include "core/hosts.h"
#include "core/table.h"

/** What came of a stop. */
typedef struct wheel_stopped_t {
    int status;              /* as in HTTP: 200, 404, 502, 503 or 504 */
    const char *problem;     /* NULL for 200, else what went wrong */
    int dry;                 /* nothing was stopped */
    unsigned stopped;        /* jobs that were, those of other hosts included */
    unsigned hits_n;         /* jobs of this host that the stop meant */
    const wheel_hit_t *hits; /* these, by id; NULL if not asked for */
    const wheel_round_t *round; /* what all hosts replied; NULL if no other
                                 * host was to be told */
} wheel_stopped_t;

#endif /* WHEEL_CORE_STOPPED_H */
