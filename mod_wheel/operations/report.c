/* SPDX-License-Identifier: Apache-2.0 */
/* operations/report.c: fills in the facts of the server and its jobs.
 *
 * Runs in whatever thread reports.
 */
#include "operations/report.h"

#include "ap_mpm.h"
#include "httpd.h"
#include "scoreboard.h"

#include "cluster/cluster.h"
#include "core/request_steps.h"
#include "operations/requests.h"
#include "server/admit.h"
#include "server/config.h"
#include "server/privileged.h"
#include "server/process.h"
#include "server/requests.h"

static void fill_privileged(wheel_facts_t *facts)
{
    unsigned missing = wheel_privileged_missing();
    unsigned on = wheel_privileged_steps() | missing;
    unsigned step;

    facts->privileged_n = 0;
    for (step = 1; step <= WHEEL_PRIVILEGED_ALL; step <<= 1) {
        wheel_privileged_fact_t *fact = &facts->privileged[facts->privileged_n];

        if (on & step) {
            fact->step = wheel_privileged_name(step);
            fact->missing =
                (missing & step) ? wheel_privileged_why(step) : NULL;
            facts->privileged_n++;
        }
    }
}

static void fill_facts(wheel_facts_t *facts, apr_pool_t *pool)
{
    const global_score *global = ap_scoreboard_image->global;
    wheel_server_config_t config = wheel_config_server();
    wheel_workers_t workers;
    int daemons = 1;
    int threads = 1;

    wheel_admit_count(&workers);
    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    facts->mpm = ap_show_mpm();
    facts->generation = global->running_generation;
    facts->uptime = wheel_process_uptime();
    facts->version = WHEEL_VERSION;
    facts->rotating_max = config.rotating_max;
    facts->reserve = config.reserve;
    facts->per_client_max = config.per_client_max;
    facts->workers_max = daemons * (threads > 1 ? threads : 1);
    facts->workers_idle = workers.idle;
    facts->workers_busy = workers.busy;
    facts->requests = NULL;
    facts->requests_n = 0;
    fill_privileged(facts);
    facts->cluster = wheel_cluster_on() ? wheel_cluster_read(pool) : NULL;
}

/* Keep the jobs that the filter means.  @return how many */
static unsigned keep(const wheel_filter_t *filter, wheel_record_t *jobs,
                     unsigned jobs_n)
{
    unsigned kept = 0;
    unsigned n;

    for (n = 0; n < jobs_n; n++) {
        wheel_facets_t facets = wheel_table_facets(&jobs[n]);

        if (wheel_filter_matches(filter, &facets)) {
            jobs[kept++] = jobs[n];
        }
    }
    return kept;
}

apr_status_t wheel_report_take(const wheel_filter_t *filter,
                               wheel_report_t *report, apr_pool_t *pool)
{
    wheel_snapshot_t *snapshot = &report->snapshot;
    wheel_request_t *requests;
    apr_status_t rv;

    rv = wheel_table_snapshot(wheel_process_table(), snapshot, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    fill_facts(&report->facts, pool);
    if (wheel_requests_max()) {
        report->facts.requests_n = wheel_requests_list(filter, &requests, pool);
        report->facts.requests = requests;
        wheel_request_slots_counts(wheel_requests_slots(),
                                   report->facts.requests_marked,
                                   report->facts.requests_logged);
        wheel_request_steps_counts(wheel_requests_slots(),
                                   report->facts.requests_steps);
    }
    report->facts.filter = wheel_filter_text(filter, pool);
    snapshot->jobs_n = keep(filter, snapshot->jobs, snapshot->jobs_n);
    snapshot->recent_n = keep(filter, snapshot->recent, snapshot->recent_n);
    return APR_SUCCESS;
}

void wheel_report_heartbeat(wheel_heartbeat_t *heartbeat, apr_pool_t *pool)
{
    wheel_facts_t facts;
    wheel_snapshot_t snapshot;

    fill_facts(&facts, pool);
    heartbeat->mpm = facts.mpm;
    heartbeat->generation = facts.generation;
    heartbeat->rotating_max = facts.rotating_max;
    heartbeat->reserve = facts.reserve;
    heartbeat->per_client_max = facts.per_client_max;
    if (wheel_table_snapshot(wheel_process_table(), &snapshot, pool) ==
        APR_SUCCESS) {
        wheel_heartbeat_count(heartbeat, &snapshot, pool);
    }
}
