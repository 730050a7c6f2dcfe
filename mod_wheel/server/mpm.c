/* SPDX-License-Identifier: Apache-2.0 */
/* server/mpm.c: what keeps an MPM from accepting connections where jobs hold
 * workers for long.
 *
 * Runs in workers, now and then while they wait.  It reads the scoreboard and
 * never writes there: it wakes event's listener by a call that MPMs have for
 * that, has connections closed after their answers, and ends jobs of its own
 * process.
 */
#include "server/mpm.h"

#include <stdatomic.h>
#include <unistd.h>

#include "ap_listen.h"
#include "ap_mpm.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "scoreboard.h"

#include "core/each_request.h"
#include "server/admit.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* From one check of the scoreboard to the next, for a whole process. */
#define MPM_HELP_USEC (200 * 1000)

/* How long connections of a process that does not accept are closed after their
 * answers, unless a job sees it again. */
#define MPM_CLOSE_USEC (3 * MPM_HELP_USEC)

/* How long no process accepts connections before the oldest jobs end, and from
 * then to the next. */
#define MPM_FULL_USEC (3 * APR_USEC_PER_SEC)

/* How long a server that listens may take to show it, and from one such check
 * of a process without a parent to the next. */
#define MPM_CONNECT_USEC (50 * 1000)
#define MPM_ORPHAN_USEC APR_USEC_PER_SEC

/* How event's parent marks a process that is about to end, once it has counted
 * how many more processes it needs.  While the server stops gracefully it needs
 * none, and doesn't count. */
#define MPM_REPLACED 2

/* This process, as a job has seen it, and until when that counts. */
static struct {
    const process_score *_Atomic own;
    _Atomic apr_int64_t until_usec;
} closing;

/* @return this process's place in the scoreboard, or -1 if another process has
 * it by now */
static int own_place(void)
{
    const scoreboard *board = ap_scoreboard_image;
    pid_t pid = getpid();
    int processes;
    int threads;
    int p;

    wheel_process_places(&processes, &threads);
    for (p = 0; p < processes; p++) {
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
 * Where jobs hold all the others, there is no next one for long.
 *
 * It also stops when a process has more connections than
 * AsyncRequestWorkerFactor allows beside its idle workers.  Where jobs hold all
 * workers but one, a single client that asks again and again over a connection
 * that is kept alive would keep all new clients out. */
static void make_accept(const process_score *own, apr_int64_t now)
{
    wheel_workers_t workers;

    if (!own->not_accepting) {
        return;
    }
    wheel_admit_count(&workers);
    if (workers.own_idle > 0) {
        atomic_store_explicit(&closing.until_usec, now + MPM_CLOSE_USEC,
                              memory_order_relaxed);
        atomic_store_explicit(&closing.own, own, memory_order_release);
        ap_mpm_register_timed_callback(0, do_nothing, NULL);
    }
}

/* Before mod_cache, which answers in this hook. */
WHEEL_EACH_REQUEST static int close_after_answer(request_rec *r, int lookup)
{
    const process_score *own =
        atomic_load_explicit(&closing.own, memory_order_acquire);

    if (own && !lookup && own->not_accepting &&
        wheel_clock_usec() <
            atomic_load_explicit(&closing.until_usec, memory_order_relaxed)) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    return DECLINED;
}

/* Does the parent want a new process, and can't start one in this place?
 * event's parent needs a free place.  worker's parent also takes one of a
 * process that is about to end, but only if one of its threads is marked as
 * ended; threads that were told to end before the process was noted as ending
 * are marked as ending and stay so. */
static int place_is_taken(int place, int threads, int async)
{
    const scoreboard *board = ap_scoreboard_image;
    const process_score *process = &board->parent[place];
    int t;

    if (!process->pid || async) {
        return process->pid && process->quiescing == MPM_REPLACED;
    }
    if (!process->quiescing) {
        return 0;
    }
    for (t = 0; t < threads; t++) {
        if (board->servers[place][t].status == SERVER_DEAD) {
            return 0;
        }
    }
    return 1;
}

/* worker's parent starts no process in a place that MaxRequestWorkers leaves
 * unused, whatever ServerLimit says. */
static int nobody_serves(int async)
{
    const scoreboard *board = ap_scoreboard_image;
    int processes;
    int threads;
    int used;
    int p;

    wheel_process_places(&processes, &threads);
    used = processes;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    if (!async) {
        ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &used);
    }
    for (p = 0; p < processes; p++) {
        if ((p < used || board->parent[p].pid) &&
            !place_is_taken(p, threads, async)) {
            return 0;
        }
    }
    return 1;
}

/* A connection that shows that somebody does is closed at once. */
static int nobody_listens(void)
{
    ap_listen_rec *listener = ap_listeners;
    apr_socket_t *socket;
    apr_pool_t *pool;
    apr_status_t rv;

    if (!listener || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 0;
    }
    rv = apr_socket_create(&socket, listener->bind_addr->family, SOCK_STREAM,
                           APR_PROTO_TCP, pool);
    if (rv == APR_SUCCESS) {
        apr_socket_timeout_set(socket, MPM_CONNECT_USEC);
        rv = apr_socket_connect(socket, listener->bind_addr);
    }
    apr_pool_destroy(pool);
    return APR_STATUS_IS_ECONNREFUSED(rv);
}

/* Is it time again, in one of the threads that ask?
 * @param last_usec when it was, 0 for never */
static int is_time(_Atomic apr_int64_t *last_usec, apr_int64_t now,
                   apr_interval_time_t pause)
{
    apr_int64_t last = atomic_load_explicit(last_usec, memory_order_relaxed);

    return now - last >= pause &&
           atomic_compare_exchange_strong_explicit(last_usec, &last, now,
                                                   memory_order_relaxed,
                                                   memory_order_relaxed);
}

/* A process that is worn out, spare or of an old generation keeps its place
 * until its last job ends.  Should such processes hold all places, no new one
 * starts, nobody accepts, and nobody could stop the jobs. */
static void give_way(int async)
{
    static _Atomic apr_int64_t full_usec;
    static _Atomic apr_int64_t listened_usec;
    apr_int64_t since = atomic_load_explicit(&full_usec, memory_order_relaxed);
    apr_int64_t now = wheel_clock_usec();

    if (!nobody_serves(async)) {
        atomic_store_explicit(&full_usec, 0, memory_order_relaxed);
        return;
    }
    if (!since) {
        atomic_store_explicit(&full_usec, now, memory_order_relaxed);
        return;
    }
    if (now - since < MPM_FULL_USEC) {
        return;
    }
    /* While the server stops gracefully, worker's processes look like those
     * that are worn out. */
    if (!async &&
        (!is_time(&listened_usec, now, MPM_FULL_USEC) || nobody_listens())) {
        return;
    }
    if (wheel_table_give_way(wheel_process_table(), getpid(), since,
                             MPM_FULL_USEC)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0013: processes that are about to end hold all "
                     "places for processes: the wheels of this one are "
                     "ended");
    }
}

void wheel_mpm_help(void)
{
    static _Atomic apr_int64_t helped_usec;
    apr_int64_t now = wheel_clock_usec();
    const process_score *own;
    int threaded = 0;
    int async = 0;
    int place;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    if (!threaded || !is_time(&helped_usec, now, MPM_HELP_USEC)) {
        return;
    }
    place = own_place();
    own = place < 0 ? NULL : &ap_scoreboard_image->parent[place];
    /* Under worker, a process that is about to end may have lost its place to
     * its successor. */
    if (!own || own->quiescing) {
        give_way(async);
    }
    else if (async) {
        make_accept(own, now);
    }
}

/* A restart that fails ends the parent, while its children, which have closed
 * their listeners, wait for their jobs. */
void wheel_mpm_end_unreachable(void)
{
    static _Atomic apr_int64_t tried_usec;

    if (!is_time(&tried_usec, wheel_clock_usec(), MPM_ORPHAN_USEC) ||
        !nobody_listens()) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "WH0015: the parent of this process has ended, and nobody "
                 "listens any more who could stop its wheels: they are ended");
    wheel_process_end_jobs();
}

void wheel_mpm_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_quick_handler(close_after_answer, NULL, NULL,
                          APR_HOOK_REALLY_FIRST);
}
