/* wheel_admit.c: may one more job begin without taking the last workers?  And
 * what an MPM misses where jobs hold workers for long.
 *
 * Runs in workers, wheel_admit_reserve() with the table's mutex held: it only
 * reads the scoreboard.  A worker that asks is busy itself, so whoever asks
 * last sees all who asked before as busy, too.
 */
#include "wheel_admit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_log.h"
#include "http_main.h"
#include "scoreboard.h"

#include "wheel_process.h"

APLOG_USE_MODULE(wheel);

/* mod_http2's defaults: its workers are at least this many, and three for
 * every two of the MPM's. */
#define ADMIT_HTTP2_WORKERS_MIN 4

/* How often one process looks at most whether its MPM needs help. */
#define ADMIT_HELP_USEC (200 * 1000)

/* How long nobody serves before the oldest jobs end for that, and from then to
 * the next. */
#define ADMIT_FULL_USEC (3 * APR_USEC_PER_SEC)

/* Jobs take one of so many HTTP/2 workers at most: mod_http2 may forget a
 * request that comes while all its workers are busy until the next one comes,
 * so there must be enough of them left that this doesn't happen. */
#define ADMIT_HTTP2_SHARE 2

/* HTTP/2 connections of this process on which a job runs, and how many workers
 * mod_http2 has for it. */
static const conn_rec **http2_connections;
static unsigned http2_connections_n;
static unsigned http2_workers;
static pthread_mutex_t http2_mutex = PTHREAD_MUTEX_INITIALIZER;

/* --- The workers of the MPM ---------------------------------------------- */

static void count_process(const process_score *process,
                          const worker_score *scores, int threads,
                          wheel_workers_t *workers)
{
    int stays =
        !process->quiescing &&
        process->generation == ap_scoreboard_image->global->running_generation;
    int own = stays && process->pid == getpid();
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
    int threads = 1;
    int p;

    memset(workers, 0, sizeof(*workers));
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (threads < 1 || threads > board->global->thread_limit) {
        threads = board->global->thread_limit; /* prefork says 0 */
    }
    for (p = 0; p < board->global->server_limit; p++) {
        if (board->parent[p].pid) {
            count_process(&board->parent[p], board->servers[p], threads,
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

/* --- What an MPM misses --------------------------------------------------- */

/* @return this process's place in the scoreboard, or -1 if another process has
 * it by now */
static int own_place(void)
{
    const scoreboard *board = ap_scoreboard_image;
    pid_t pid = getpid();
    int p;

    for (p = 0; p < board->global->server_limit; p++) {
        if (board->parent[p].pid == pid) {
            return p;
        }
    }
    return -1;
}

static void do_nothing(void *baton)
{
    (void)baton;
}

/* event's listener stops accepting when it finds all workers busy, and sleeps
 * on if one has become idle in between: the next one that does would wake it.
 * Where jobs hold all the others, there is no next one for long. */
static void wake_listener(const process_score *own)
{
    wheel_workers_t workers;

    if (!own->not_accepting) {
        return;
    }
    wheel_admit_count(&workers);
    if (workers.own_idle > 0) {
        ap_mpm_register_timed_callback(0, do_nothing, NULL);
    }
}

/* How event's parent marks a process that is about to end, once it has seen so
 * while it looks how many more it needs.  Where it stops gracefully, it needs
 * none, and doesn't look. */
#define ADMIT_REPLACED 2

/* Does event's parent want a new process, and is every place of the scoreboard
 * taken by one that is about to end? */
static int nobody_serves(void)
{
    const scoreboard *board = ap_scoreboard_image;
    int p;

    for (p = 0; p < board->global->server_limit; p++) {
        if (!board->parent[p].pid ||
            board->parent[p].quiescing != ADMIT_REPLACED) {
            return 0;
        }
    }
    return 1;
}

/* A process of event that is worn out, spare or of an old generation keeps its
 * place until its last job ends.  Should such processes hold all places, no new
 * one starts, nobody accepts, and nobody could stop the jobs. */
static void give_way(void)
{
    static _Atomic apr_int64_t full_usec;
    apr_int64_t since = atomic_load_explicit(&full_usec, memory_order_relaxed);
    apr_int64_t now = wheel_clock_usec();

    if (!nobody_serves()) {
        atomic_store_explicit(&full_usec, 0, memory_order_relaxed);
        return;
    }
    if (!since) {
        atomic_store_explicit(&full_usec, now, memory_order_relaxed);
        return;
    }
    if (now - since >= ADMIT_FULL_USEC &&
        wheel_table_give_way(wheel_process_table(), getpid(),
                             ADMIT_FULL_USEC)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0013: processes that are about to end hold all %d "
                     "places of ServerLimit: the wheels of this one, which "
                     "has the oldest, are ended",
                     ap_scoreboard_image->global->server_limit);
    }
}

/* worker's listener tells the idle threads to end before it notes that the
 * process does.  Those that are as quick as that mark their entries as ending
 * and not as ended, and the parent starts a new process in this one's place
 * only if one has ended: where jobs hold all the others, that is not for long,
 * and without another place nobody accepts meanwhile.  A new process takes the
 * two marks for the same. */
static void give_places(int place)
{
    int threads = 0;
    int t;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    for (t = 0; t < threads; t++) {
        if (ap_scoreboard_image->servers[place][t].status == SERVER_GRACEFUL) {
            ap_update_child_status_from_indexes(place, t, SERVER_DEAD, NULL);
        }
    }
}

void wheel_admit_help_mpm(void)
{
    static _Atomic apr_int64_t helped_usec;
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t last = atomic_load_explicit(&helped_usec, memory_order_relaxed);
    const process_score *own;
    int threaded = 0;
    int async = 0;
    int place;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    if (!threaded || now - last < ADMIT_HELP_USEC ||
        !atomic_compare_exchange_strong_explicit(&helped_usec, &last, now,
                                                 memory_order_relaxed,
                                                 memory_order_relaxed)) {
        return;
    }
    place = own_place();
    if (place < 0) {
        return;
    }
    own = &ap_scoreboard_image->parent[place];
    if (async && !own->quiescing) {
        wake_listener(own);
    }
    else if (async) {
        give_way();
    }
    else if (own->quiescing) {
        give_places(place);
    }
}

/* --- The workers of mod_http2 -------------------------------------------- */

int wheel_admit_http2_enter(const request_rec *r, int reserve)
{
    const conn_rec *master = r->connection->master;
    unsigned kept = reserve > 1 ? reserve : 1;
    unsigned jobs_max = http2_workers / ADMIT_HTTP2_SHARE;
    unsigned n = 0;
    int entered;

    if (!master) {
        return 1;
    }
    pthread_mutex_lock(&http2_mutex);
    while (n < http2_connections_n && http2_connections[n] != master) {
        n++;
    }
    entered =
        n == http2_connections_n && n < jobs_max && n + kept < http2_workers;
    if (entered) {
        http2_connections[http2_connections_n++] = master;
    }
    pthread_mutex_unlock(&http2_mutex);
    return entered;
}

void wheel_admit_http2_leave(const request_rec *r)
{
    unsigned n = 0;

    if (!r->connection->master) {
        return;
    }
    pthread_mutex_lock(&http2_mutex);
    while (n < http2_connections_n &&
           http2_connections[n] != r->connection->master) {
        n++;
    }
    if (n < http2_connections_n) {
        http2_connections[n] = http2_connections[--http2_connections_n];
    }
    pthread_mutex_unlock(&http2_mutex);
}

/* The last value of a directive that stands outside of virtual hosts, 0 if it
 * stands nowhere: mod_http2 doesn't tell how it is configured. */
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
    http2_connections_n = 0;
    http2_connections =
        apr_pcalloc(pconf, sizeof(*http2_connections) * http2_workers);
    return OK;
}

void wheel_admit_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
}
