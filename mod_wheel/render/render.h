/* SPDX-License-Identifier: Apache-2.0 */
/* render/render.h: answers and snapshots as text.  All escaping is here.
 *
 * Nothing here knows of requests or takes a lock: facts and a snapshot go in,
 * a string in the caller's pool comes out, never NULL.  Any thread.  Without
 * memory, the pool's abort function is called.
 */
#ifndef WHEEL_RENDER_RENDER_H
#define WHEEL_RENDER_RENDER_H

#include "apr_pools.h"

#include "mod_wheel.h"
#include "core/hosts.h"
#include "core/stopped.h"
#include "core/request_slots.h"
#include "core/table.h"

/** The version of the JSON status; its schema is wheel-status.schema.json. */
#define WHEEL_RENDER_VERSION 1

#define WHEEL_TYPE_JSON "application/json"
#define WHEEL_TYPE_PROBLEM "application/problem+json"
#define WHEEL_TYPE_HTML "text/html; charset=utf-8"
#define WHEEL_TYPE_AUTO "text/plain; charset=utf-8"
#define WHEEL_TYPE_OPENMETRICS \
    "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define WHEEL_TYPE_PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

/** The two text formats that Prometheus reads. */
typedef enum {
    WHEEL_METRICS_OPENMETRICS, /* 1.0.0, ends with # EOF */
    WHEEL_METRICS_PROMETHEUS   /* 0.0.4, for scrapers that know no other and
                                * for promtool check metrics */
} wheel_metrics_e;

/** Steps that WheelPrivileged can name. */
#define WHEEL_PRIVILEGED_FACTS_MAX 3

/** A step that it names. */
typedef struct wheel_privileged_fact_t {
    const char *step;
    const char *missing; /* why it can't be taken; NULL: it can */
} wheel_privileged_fact_t;

/** What the status says of the server besides the table. */
typedef struct wheel_facts_t {
    const char *mpm;
    int generation;
    apr_interval_time_t uptime; /* usec since the last start or restart */
    int rotating_max;           /* WheelMax */
    int reserve;                /* WheelReserve */
    int per_client_max;         /* WheelMaxPerClient, 0 for no limit */
    unsigned workers_max;       /* that the MPM may start */
    unsigned workers_idle;      /* that wait for a request now */
    unsigned workers_busy;      /* that have one now */
    const char *filter;         /* which jobs are listed, as a query; empty
                                 * for all */
    const wheel_cluster_facts_t *cluster; /* NULL for none */
    struct wheel_request_t *requests;     /* NULL where none is a job */
    unsigned requests_n;
    apr_uint64_t requests_marked[WHEEL_MARK_COUNT]; /* since the start */
    apr_uint64_t requests_logged[WHEEL_MARK_COUNT];
    apr_uint64_t requests_steps[WHEEL_STEP_COUNT];
    const char *version; /* of mod_wheel */
    wheel_privileged_fact_t privileged[WHEEL_PRIVILEGED_FACTS_MAX];
    unsigned privileged_n;
} wheel_facts_t;

/**
 * Any bytes as printable ASCII: the rest becomes \xNN, a backslash is doubled,
 * and what is longer than bytes_max is cut and ends in "...".
 */
const char *wheel_render_text(const char *text, apr_size_t bytes_max,
                              apr_pool_t *pool);

/**
 * An error as an RFC 9457 problem object.
 * @param status the HTTP status
 * @param title what kind of problem
 * @param detail what was wrong this time; may hold any bytes of the request
 */
const char *wheel_render_problem(int status, const char *title,
                                 const char *detail, apr_pool_t *pool);

/** The object of /stop?json: how many jobs were stopped, each with its outcome,
 * and in a cluster what each host replied. */
const char *wheel_render_stopped(const wheel_stopped_t *result,
                                 apr_pool_t *pool);

/**
 * The object of /stop?id=N&step=...: which request, in which thread.
 * @param outcome what becomes of it
 */
const char *wheel_render_step(const wheel_request_t *request, wheel_step_e step,
                              const char *outcome, apr_pool_t *pool);

/** A host's name: its id without what makes it unique. */
const char *wheel_render_host(const char *host, apr_pool_t *pool);

/**
 * All hosts of a cluster as JSON: ?cluster&json.
 * @param facts,snapshot of this host, which needs no heartbeat
 * @param peers out of wheel_cluster_peers(); sorted on the way
 * @param problem NULL, or why there are none
 */
const char *wheel_render_hosts_json(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool);

/** The same as a page of HTML: ?cluster. */
const char *wheel_render_hosts_page(const wheel_facts_t *facts,
                                    const wheel_snapshot_t *snapshot,
                                    wheel_peer_t *peers, unsigned peers_n,
                                    const char *problem, apr_pool_t *pool);

/** The status as JSON: ?json. */
const char *wheel_render_json(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool);

/** The status as metrics: ?openmetrics. */
const char *wheel_render_metrics(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot,
                                 wheel_metrics_e format, apr_pool_t *pool);

/** The status as lines of "key: value": ?auto. */
const char *wheel_render_auto(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool);

/** The Content-Security-Policy that the page below can live with: its one
 * style sheet, known by its hash, and nothing else. */
const char *wheel_render_page_policy(void);

/** The status as a page of HTML. */
const char *wheel_render_page(const wheel_facts_t *facts,
                              const wheel_snapshot_t *snapshot,
                              apr_pool_t *pool);

/**
 * The status as a part of mod_status's page.
 * @param tables 0 for a browser that shows no tables
 */
const char *wheel_render_section(const wheel_facts_t *facts,
                                 const wheel_snapshot_t *snapshot, int tables,
                                 apr_pool_t *pool);

/** The totals as lines of mod_status's ?auto. */
const char *wheel_render_section_auto(const wheel_facts_t *facts,
                                      const wheel_snapshot_t *snapshot,
                                      apr_pool_t *pool);

#endif /* WHEEL_RENDER_RENDER_H */
