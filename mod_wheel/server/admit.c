/* SPDX-License-Identifier: Apache-2.0 */
/* server/admit.c: may one more job begin without taking the last workers?
 *
 * Runs in workers, wheel_admit_reserve() with the table's mutex held: it only
 * reads the scoreboard.  A worker that asks is busy itself, so whoever asks
 * last sees all who asked before as busy, too.
 */
#include "server/admit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_log.h"
#include "scoreboard.h"

#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* mod_http2's defaults: its workers are at least this many, and three for
 * every two of the MPM's. */
#define ADMIT_HTTP2_WORKERS_MIN 4

/* Jobs take one of so many HTTP/2 workers at most: mod_http2 may forget a
 * request that comes while all its workers are busy until the next one comes,
 * so there must be enough of them left that this doesn't happen. */
#define ADMIT_HTTP2_SHARE 2

/* A stream of HTTP/2 in whose request jobs run: one on each connection. */
typedef struct admit_stream_t {
    const conn_rec *c;
    unsigned jobs;
} admit_stream_t;

/* Those of this process, and how many workers mod_http2 has for it. */
static admit_stream_t *http2_streams;
static unsigned http2_streams_n;
static unsigned http2_workers;
static pthread_mutex_t http2_mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- The workers of the MPM ---------------------------------------------- */

static void count_process(const process_score *process,
                          const worker_score *scores, int threads, pid_t self,
                          wheel_workers_t *workers)
{
    int stays =
        !process->quiescing &&
        process->generation == ap_scoreboard_image->global->running_generation;
    int own = stays && process->pid == self;
    int t;

    for (t = 0; t < threads; t++) {
        int status = scores[t].status;
        int ready = stays && status == SERVER_READY;

        workers->own_idle += own && ready;
        if (ready && !process->not_accepting) {
            workers->idle++;
        }
        else if (status > SERVER_STARTING) {
            workers->busy++;
        }
    }
    workers->own_has_several |= own && threads > 1;
}

void wheel_admit_count(wheel_workers_t *workers)
{
    const scoreboard *board = ap_scoreboard_image;
    pid_t self = getpid(); /* a system call: not one for each process */
    int threads = 1;
    int threads_max;
    int processes;
    int p;

    memset(workers, 0, sizeof(*workers));
    wheel_process_places(&processes, &threads_max);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (threads < 1 || threads > threads_max) {
        threads = threads_max; /* prefork says 0 */
    }
    for (p = 0; p < processes; p++) {
        if (board->parent[p].pid) {
            count_process(&board->parent[p], board->servers[p], threads, self,
                          workers);
        }
    }
}

wheel_refusal_e wheel_admit_reserve(void *baton, unsigned rotating)
{
    int reserve = *(const int *)baton;
    wheel_workers_t workers;

    (void)rotating;
    if (reserve == 0) {
        return WHEEL_REFUSED_NONE;
    }
    wheel_admit_count(&workers);
    if (workers.idle < (unsigned)reserve) {
        return WHEEL_REFUSED_RESERVE;
    }
    /* A connection that is kept alive stays with its process: where all the
     * threads turn wheels, it would never be answered again. */
    if (workers.own_has_several && workers.own_idle == 0) {
        return WHEEL_REFUSED_RESERVE;
    }
    return WHEEL_REFUSED_NONE;
}

/* --- The workers of mod_http2 -------------------------------------------- */

/* Which of them is on this connection; if none is, the first free place. */
static unsigned find_stream(const conn_rec *master)
{
    unsigned n = 0;

    while (n < http2_streams_n && http2_streams[n].c->master != master) {
        n++;
    }
    return n;
}

int wheel_admit_http2_enter(const request_rec *r, int reserve)
{
    unsigned kept = reserve > 1 ? reserve : 1;
    unsigned jobs_max = http2_workers / ADMIT_HTTP2_SHARE;
    int entered = 0;
    unsigned n;

    if (!r->connection->master) {
        return 1;
    }
    pthread_mutex_lock(&http2_mutex);
    n = find_stream(r->connection->master);
    if (n < http2_streams_n) {
        /* A job within another of its request takes no further worker. */
        entered = http2_streams[n].c == r->connection;
    }
    else if (n < jobs_max && n + kept < http2_workers) {
        http2_streams[n].c = r->connection;
        http2_streams[n].jobs = 0;
        http2_streams_n++;
        entered = 1;
    }
    if (entered) {
        http2_streams[n].jobs++;
    }
    pthread_mutex_unlock(&http2_mutex);
    return entered;
}

void wheel_admit_http2_leave(const request_rec *r)
{
    unsigned n;

    if (!r->connection->master) {
        return;
    }
    pthread_mutex_lock(&http2_mutex);
    n = find_stream(r->connection->master);
    if (n < http2_streams_n && --http2_streams[n].jobs == 0) {
        http2_streams[n] = http2_streams[--http2_streams_n];
    }
    pthread_mutex_unlock(&http2_mutex);
}

/* The last value of a directive that stands outside of virtual hosts, 0 if it
 * stands nowhere: mod_http2 has no call that says how it is configured. */
static int directive_number(const ap_directive_t *node, const char *name)
{
    int number = 0;

    for (; node; node = node->next) {
        if (!ap_cstr_casecmp(node->directive, name)) {
            number = atoi(node->args);
        }
    }
    return number;
}

static int count_http2_workers(void)
{
    int threads = 0;
    int workers_min = directive_number(ap_conftree, "H2MinWorkers");
    int workers_max = directive_number(ap_conftree, "H2MaxWorkers");

    if (workers_max > 0) {
        return workers_max;
    }
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (workers_min <= 0) {
        workers_min = threads;
    }
    workers_max = workers_min * 3 / 2;
    return workers_max > ADMIT_HTTP2_WORKERS_MIN ? workers_max
                                                 : ADMIT_HTTP2_WORKERS_MIN;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)plog;
    (void)ptemp;
    (void)s;
    http2_workers = count_http2_workers();
    http2_streams_n = 0;
    http2_streams = apr_pcalloc(pconf, sizeof(*http2_streams) * http2_workers);
    return OK;
}

void wheel_admit_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
}
