/* SPDX-License-Identifier: Apache-2.0 */
/* core/hosts.c: what a host tells the others of its jobs. */
#include "core/hosts.h"

void wheel_heartbeat_count(wheel_heartbeat_t *heartbeat,
                           const wheel_snapshot_t *snapshot, apr_pool_t *pool)
{
    wheel_heartbeat_job_t *jobs =
        apr_pcalloc(pool, WHEEL_HEARTBEAT_JOBS_MAX * sizeof(*jobs));
    unsigned n;

    heartbeat->rotating = (int)snapshot->rotating;
    heartbeat->stopping = (int)snapshot->stopping;
    heartbeat->draining = (int)snapshot->draining;
    heartbeat->jobs = jobs;
    heartbeat->jobs_n = 0;
    for (n = 0; n < snapshot->jobs_n; n++) {
        const wheel_record_t *from = &snapshot->jobs[n];
        wheel_heartbeat_job_t *job = &jobs[heartbeat->jobs_n];

        if (heartbeat->jobs_n == WHEEL_HEARTBEAT_JOBS_MAX) {
            break;
        }
        if (from->end == WHEEL_END_NONE) {
            job->id = from->id;
            job->name = from->name;
            job->client = from->client;
            job->started = from->started;
            heartbeat->jobs_n++;
        }
    }
}
