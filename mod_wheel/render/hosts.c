/* SPDX-License-Identifier: Apache-2.0 */
/* render/hosts.c: the hosts of a cluster, as JSON and as a page.
 *
 * Strings of another host may hold any bytes.  The worker that answers runs
 * it; never with the mutex held.
 */
#include "render/render.h"

#include "render/facts.h"
#include "render/html.h"
#include "render/json.h"
#include "render/text.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

/* A host, as the status shows it. */
typedef struct host_t {
    const char *name;
    int own;
    int live;
    double age;
    const wheel_heartbeat_t *heartbeat; /* all zeros if it is not known */
} host_t;

/* --- All hosts ----------------------------------------------------------- */

static const wheel_heartbeat_t unknown;

static int by_host(const void *a, const void *b)
{
    const wheel_peer_t *left = a;
    const wheel_peer_t *right = b;

    return strcmp(left->host, right->host);
}

/* A host that was started again is not missing as what it was before. */
static int is_back(const wheel_peer_t *peers, unsigned peers_n, unsigned n)
{
    const char *slash = strrchr(peers[n].host, '/');
    size_t bytes = slash ? slash - peers[n].host + 1 : 0;
    unsigned other;

    for (other = 0; other < peers_n && bytes; other++) {
        if (peers[other].age < WHEEL_MISSING_USEC &&
            !strncmp(peers[other].host, peers[n].host, bytes)) {
            return 1;
        }
    }
    return 0;
}

/* This host as it is now, and all others as they were.
 * @return how many */
static unsigned read_hosts(host_t *hosts, const wheel_facts_t *facts,
                           const wheel_snapshot_t *snapshot,
                           wheel_peer_t *peers, unsigned peers_n,
                           apr_pool_t *pool)
{
    wheel_heartbeat_t *own = apr_pcalloc(pool, sizeof(*own));
    unsigned hosts_n = 1;
    unsigned n;

    own->mpm = facts->mpm;
    own->generation = facts->generation;
    own->rotating_max = facts->rotating_max;
    own->reserve = facts->reserve;
    own->per_client_max = facts->per_client_max;
    wheel_heartbeat_count(own, snapshot, pool);
    hosts[0].name = wheel_render_host(facts->cluster->host, pool);
    hosts[0].own = hosts[0].live = 1;
    hosts[0].heartbeat = own;
    qsort(peers, peers_n, sizeof(*peers), by_host);
    for (n = 0; n < peers_n; n++) {
        host_t *host = &hosts[hosts_n];

        host->live = peers[n].age < WHEEL_MISSING_USEC;
        if (!strcmp(peers[n].host, facts->cluster->host) ||
            (!host->live && is_back(peers, peers_n, n))) {
            continue;
        }
        host->name = wheel_render_host(peers[n].host, pool);
        host->age = peers[n].age > 0 ? peers[n].age / 1e6 : 0;
        host->heartbeat = peers[n].heartbeat ? peers[n].heartbeat : &unknown;
        hosts_n++;
    }
    return hosts_n;
}

/* --- All of them as JSON ------------------------------------------------- */

static json_t *job_json(const wheel_heartbeat_job_t *job, apr_pool_t *pool)
{
    return json_pack("{s:I, s:o, s:o, s:f}", "id", (json_int_t)job->id, "name",
                     wheel_json_name(job->name, pool), "client",
                     wheel_json_client(job->client, pool), "started",
                     job->started / 1e6);
}

static json_t *host_json(const host_t *host, apr_pool_t *pool)
{
    const wheel_heartbeat_t *said = host->heartbeat;
    json_t *running = json_array();
    unsigned n;

    for (n = 0; n < said->jobs_n; n++) {
        running = wheel_json_append(running, job_json(&said->jobs[n], pool));
    }
    return json_pack(
        "{s:s, s:b, s:s, s:f, s:s?, s:i, s:{s:i, s:i, s:i}, "
        "s:{s:i, s:i, s:i}, s:o}",
        "host", host->name, "own", host->own, "state",
        host->live ? "live" : "missing", "age", host->age, "mpm",
        said->mpm ? wheel_render_text(said->mpm, WHEEL_NAME_MAX, pool) : NULL,
        "generation", said->generation, "limits", "wheel_max",
        said->rotating_max, "wheel_reserve", said->reserve,
        "wheel_max_per_client", said->per_client_max, "jobs", "rotating",
        said->rotating, "stopping", said->stopping, "draining", said->draining,
        "running", running);
}

const char *wheel_render_hosts_json(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool)
{
    host_t *hosts = apr_pcalloc(pool, (peers_n + 1) * sizeof(*hosts));
    unsigned hosts_n = read_hosts(hosts, facts, snapshot, peers, peers_n, pool);
    json_t *list = json_array();
    unsigned n;

    for (n = 0; n < hosts_n; n++) {
        list = wheel_json_append(list, host_json(&hosts[n], pool));
    }
    return wheel_json_text(
        json_pack("{s:i, s:f, s:o, s:s?, s:o}", "version", WHEEL_RENDER_VERSION,
                  "time", snapshot->taken / 1e6, "cluster",
                  wheel_json_cluster(facts, pool), "problem",
                  problem ? wheel_render_text(problem, WHEEL_DETAIL_MAX, pool)
                          : NULL,
                  "hosts", list),
        WHEEL_JSON_STATUS_BYTES + hosts_n * WHEEL_JSON_STATUS_BYTES, pool);
}

/* --- All of them as HTML ------------------------------------------------- */

/* Any bytes, as text of a page. */
static const char *cell(const char *text, apr_size_t bytes_max,
                        apr_pool_t *pool)
{
    return wheel_text_html(wheel_render_text(text, bytes_max, pool), pool);
}

static void put_host_row(wheel_text_t *out, const host_t *host)
{
    const wheel_heartbeat_t *said = host->heartbeat;

    wheel_text_putf(out, "<tr><th scope=\"row\">%s%s</th><td>%s</td>",
                    wheel_text_html(host->name, out->pool),
                    host->own ? " (this one)" : "",
                    host->live ? "live" : "<strong>missing</strong>");
    if (!said->mpm) {
        wheel_text_putf(
            out, "<td class=\"n\">%.1f</td><td colspan=\"7\"></td></tr>\n",
            host->age);
        return;
    }
    wheel_text_putf(out,
                    "<td class=\"n\">%.1f</td><td class=\"n\">%d</td>"
                    "<td class=\"n\">%d</td><td class=\"n\">%d</td>"
                    "<td class=\"n\">%d</td><td class=\"n\">%d</td><td>%s</td>"
                    "<td class=\"n\">%d</td></tr>\n",
                    host->age, said->rotating, said->stopping, said->draining,
                    said->rotating_max, said->reserve,
                    cell(said->mpm, WHEEL_NAME_MAX, out->pool),
                    said->generation);
}

static void put_host_wheels(wheel_text_t *out, const host_t *host)
{
    const wheel_heartbeat_t *said = host->heartbeat;
    unsigned n;

    for (n = 0; n < said->jobs_n; n++) {
        const wheel_heartbeat_job_t *job = &said->jobs[n];

        wheel_text_putf(out,
                        "<tr><th scope=\"row\">%s</th>"
                        "<td class=\"n\">%" APR_UINT64_T_FMT "</td>"
                        "<td>%s</td><td>%s</td><td>%s</td></tr>\n",
                        wheel_text_html(host->name, out->pool), job->id,
                        cell(job->name, WHEEL_NAME_MAX, out->pool),
                        cell(job->client, WHEEL_CLIENT_BYTES, out->pool),
                        wheel_text_date(job->started, out->pool));
    }
}

static void put_host_tables(wheel_text_t *out, const host_t *hosts,
                            unsigned hosts_n)
{
    unsigned n;

    wheel_html_table(out, apr_psprintf(out->pool, "Hosts: %u", hosts_n));
    wheel_text_put(out,
                   "<tr><th scope=\"col\">Host</th><th scope=\"col\">State</th>"
                   "<th scope=\"col\" class=\"n\">Seen, s ago</th>"
                   "<th scope=\"col\" class=\"n\">Rotating</th>"
                   "<th scope=\"col\" class=\"n\">Stopping</th>"
                   "<th scope=\"col\" class=\"n\">Draining</th>"
                   "<th scope=\"col\" class=\"n\">WheelMax</th>"
                   "<th scope=\"col\" class=\"n\">WheelReserve</th>"
                   "<th scope=\"col\">MPM</th>"
                   "<th scope=\"col\" class=\"n\">Gen.</th></tr>\n");
    for (n = 0; n < hosts_n; n++) {
        put_host_row(out, &hosts[n]);
    }
    wheel_html_table_end(out);
    wheel_html_table(out, apr_psprintf(out->pool,
                                       "Rotating, the oldest %d of each host",
                                       WHEEL_HEARTBEAT_JOBS_MAX));
    wheel_text_put(out,
                   "<tr><th scope=\"col\">Host</th>"
                   "<th scope=\"col\" class=\"n\">Id</th>"
                   "<th scope=\"col\">Name</th><th scope=\"col\">Client</th>"
                   "<th scope=\"col\">Started, UTC</th></tr>\n");
    for (n = 0; n < hosts_n; n++) {
        put_host_wheels(out, &hosts[n]);
    }
    wheel_html_table_end(out);
}

const char *wheel_render_hosts_page(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool)
{
    host_t *hosts = apr_pcalloc(pool, (peers_n + 1) * sizeof(*hosts));
    unsigned hosts_n = read_hosts(hosts, facts, snapshot, peers, peers_n, pool);
    wheel_text_t *out = wheel_text_make(pool);

    wheel_html_head(out, "Hosts of the cluster");
    wheel_text_putf(out, "<p>%s UTC.</p>\n",
                    wheel_text_date(snapshot->taken, pool));
    if (problem) {
        wheel_text_putf(
            out, "<p><strong>The other hosts can't be seen: %s.</strong></p>\n",
            wheel_text_html(wheel_render_text(problem, WHEEL_DETAIL_MAX, pool),
                            pool));
    }
    wheel_text_put(out,
                   "<p>The same as <a href=\"?cluster&amp;json\">JSON</a>; "
                   "<a href=\"?cluster&amp;refresh=2\">every 2 seconds</a>; "
                   "<a href=\"?\">this host alone</a>.</p>\n");
    put_host_tables(out, hosts, hosts_n);
    wheel_text_put(out, "</body>\n</html>\n");
    return wheel_text_join(out);
}
