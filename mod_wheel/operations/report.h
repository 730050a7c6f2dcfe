/* SPDX-License-Identifier: Apache-2.0 */
/* operations/report.h: the one report of the server and its jobs.
 *
 * HTTP, mod_status's page, the control socket and other hosts show what is
 * filled in here, each in its own form.
 */
#ifndef WHEEL_OPERATIONS_REPORT_H
#define WHEEL_OPERATIONS_REPORT_H

#include "apr_pools.h"

#include "core/filter.h"
#include "core/hosts.h"
#include "render/render.h"

/** The facts of the server and a copy of its table, taken together. */
typedef struct wheel_report_t {
    wheel_facts_t facts;
    wheel_snapshot_t snapshot;
} wheel_report_t;

/**
 * Fill in a report.  Takes the table's mutex for the copy alone.  Any thread,
 * after child_init.
 *
 * @param filter the jobs that are listed; counters are of all jobs
 * @param pool holds what the report points to
 * @return APR_SUCCESS, or an error of the mutex
 */
apr_status_t wheel_report_take(const wheel_filter_t *filter,
                               wheel_report_t *report, apr_pool_t *pool);

/** The same facts for the other hosts of a cluster.  Jobs are left out where
 * the mutex fails. */
void wheel_report_heartbeat(wheel_heartbeat_t *heartbeat, apr_pool_t *pool);

#endif /* WHEEL_OPERATIONS_REPORT_H */
