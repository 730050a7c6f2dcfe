/* SPDX-License-Identifier: Apache-2.0 */
/* server/wait.h: what a worker checks while its job runs, and how it waits. */
#ifndef WHEEL_SERVER_WAIT_H
#define WHEEL_SERVER_WAIT_H

#include "httpd.h"

#include "core/table.h"
#include "server/watch.h"

/** A job while its worker waits for it or does it.  For that worker. */
typedef struct wheel_wait_t {
    wheel_table_t *table;
    unsigned slot;
    apr_uint64_t id;
    apr_int64_t deadline_usec; /* by wheel_clock_usec(), 0 for none */
    apr_interval_time_t tick;
    apr_uint64_t request; /* that it has hidden, 0 for none */
    int in_worker;        /* there is no companion */
    wheel_class_e asked;  /* by the companion; unknown: none, or it is logged */
    int watched;          /* a vanished client ends it */
    wheel_watch_t watch;
} wheel_wait_t;

/**
 * Check everything that may end a job, except a stop: its companion, its
 * client, its deadline, its server.  Never waits.
 * @return what was found, WHEEL_END_NONE to go on
 */
wheel_end_e wheel_wait_round(wheel_wait_t *wait);

/**
 * Wait until the job of a companion ends.  Whatever is found is a mark, too, so
 * that a stop which comes later doesn't count a job that has ended.
 * @return how it ends
 */
wheel_end_e wheel_wait_for_end(wheel_wait_t *wait);

/** Work in its worker has polled its mark late: log it if that was later than
 * WheelLookWarning allows, once for each job.
 * @param late usec of CPU time */
void wheel_wait_log_late(const wheel_wait_t *wait, apr_interval_time_t late);

#endif /* WHEEL_SERVER_WAIT_H */
