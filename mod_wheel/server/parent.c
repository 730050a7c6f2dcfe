/* SPDX-License-Identifier: Apache-2.0 */
/* server/parent.c: the parent: it makes the table and keeps it over restarts,
 * decides which jobs a restart ends, and takes back the slots of dead children.
 *
 * Runs in the parent alone, which is root: the table may hold whatever a child
 * has written, and no mutex is taken here.
 */
#include "server/parent.h"

#include "httpd.h"

#include "ap_mpm.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "mpm_common.h"
#include "util_mutex.h"

#include "core/ids.h"
#include "core/table.h"
#include "server/config.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* Type of the mutex, for the Mutex directive. */
#define PARENT_MUTEX "wheel"

/* Under this key the table outlives restarts. */
#define PARENT_RETAINED "mod_wheel-table"

/* In DefaultRuntimeDir: where the numbers of the next start begin. */
#define PARENT_IDS_FILE "wheel-ids"

/* Slots for each worker that there can be: one for the job that it runs, one
 * for a companion of its last job that hasn't got the CPU since. */
#define PARENT_SLOTS_PER_WORKER 2

/* Stuck jobs that the parent logs at a time. */
#define PARENT_STUCK_MAX 8

/* What outlives restarts, on the process pool: no pointer into the module. */
typedef struct parent_retained_t {
    wheel_table_t *table;
    apr_uint64_t layout;
} parent_retained_t;

static void child_status(server_rec *s, pid_t pid, ap_generation_t generation,
                         int slot, mpm_child_status status)
{
    unsigned taken;

    (void)generation;
    (void)slot;
    if (status != MPM_CHILD_EXITED || !wheel_process_table() ||
        wheel_process_has_child(pid)) {
        return;
    }
    taken = wheel_table_reap(wheel_process_table(), pid);
    if (taken) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "WH0010: child %" APR_PID_T_FMT " has died while it ran "
                     "wheels (%u), whose slots are free again: find out what "
                     "has ended it",
                     pid, taken);
    }
}

/* Jobs whose workers have answered, or do the work themselves: no worker can
 * log these. */
static void log_stuck(server_rec *s)
{
    wheel_record_t records[PARENT_STUCK_MAX];
    unsigned records_n = 0;
    unsigned n;

    wheel_table_stuck_list(wheel_process_table(), records, PARENT_STUCK_MAX,
                           &records_n);
    for (n = 0; n < records_n; n++) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0012: wheel %" APR_UINT64_T_FMT " of handler %s, in "
                     "child %" APR_PID_T_FMT ", has not polled its mark for "
                     "%" APR_TIME_T_FMT " ms",
                     records[n].id, records[n].handler, records[n].pid,
                     apr_time_as_msec(records[n].polled));
    }
}

static void take_ids(wheel_table_t *table, server_rec *s, apr_pool_t *pool)
{
    const char *path = ap_runtime_dir_relative(pool, PARENT_IDS_FILE);
    const char *problem;
    apr_uint64_t first;
    apr_status_t rv = wheel_ids_take(path, &first, &problem);

    wheel_table_ids_set(table, first);
    if (problem) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     "WH0014: the file %s, by which the ids of wheels grow "
                     "over restarts, is not used as it is: %s; the ids of this "
                     "start begin at %" APR_UINT64_T_FMT,
                     path, problem, first);
    }
}

/* Every ten seconds or so: deaths that child_status doesn't report, jobs
 * that no worker logs, and numbers for more jobs. */
static int monitor(apr_pool_t *pool, server_rec *s)
{
    unsigned dead = 0;

    if (wheel_process_table() &&
        wheel_table_reap_all(wheel_process_table(), wheel_process_lost,
                             &dead) == APR_SUCCESS &&
        dead) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "WH0011: children have died while they ran wheels (%u), "
                     "whose slots are free again: find out what has ended "
                     "them",
                     dead);
    }
    if (wheel_process_table()) {
        log_stuck(s);
        if (wheel_table_ids_low(wheel_process_table(), WHEEL_IDS_BLOCK)) {
            take_ids(wheel_process_table(), s, pool);
        }
    }
    return DECLINED;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    apr_status_t rv;

    (void)plog;
    (void)ptemp;
    rv = ap_mutex_register(pconf, PARENT_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
    return rv == APR_SUCCESS ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* A job that is killed while it holds a POSIX semaphore takes it along. */
static int mutex_recovers(apr_global_mutex_t *mutex, server_rec *s)
{
    if (apr_global_mutex_mech(mutex) != APR_LOCK_POSIXSEM) {
        return 1;
    }
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                 "WH0001: Mutex %s: a child that is killed while it holds a "
                 "posixsem mutex blocks all others for ever; use pthread, "
                 "sysvsem, fcntl or flock for the mutex 'wheel'",
                 apr_global_mutex_name(mutex));
    return 0;
}

static unsigned slots_wanted(void)
{
    int daemons = 0;
    int threads = 0;

    /* ServerLimit and ThreadLimit: they stay until a full stop, as the table
     * does. */
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    return PARENT_SLOTS_PER_WORKER * (daemons > 0 ? daemons : 1) *
           (threads > 0 ? threads : 1);
}

/* Another table beside one that old children may still use has a mutex of
 * another name, since some types are files. */
static const char *mutex_instance(apr_pool_t *pool)
{
    int generation = 0;

    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    return generation ? apr_itoa(pool, generation) : NULL;
}

static apr_status_t make_table(parent_retained_t *kept, server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    apr_global_mutex_t *mutex;
    apr_status_t rv;

    rv = ap_global_mutex_create(&mutex, NULL, PARENT_MUTEX,
                                mutex_instance(pool), s, pool, 0);
    if (rv != APR_SUCCESS) {
        return rv; /* it has been logged */
    }
    if (!mutex_recovers(mutex, s)) {
        return APR_ENOTIMPL;
    }
    rv = wheel_table_create(&kept->table, slots_wanted(), mutex, pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "WH0002: no shared memory for a table of %u slots: lower "
                     "ServerLimit or ThreadLimit, or allow more memory",
                     slots_wanted());
        return rv;
    }
    take_ids(kept->table, s, pool);
    kept->layout = wheel_table_layout();
    return APR_SUCCESS;
}

/* After a graceful restart old children keep their places while wheels turn
 * in them.  A process of an MPM like event holds a place of ServerLimit with
 * one wheel; elsewhere each wheel holds one worker of MaxRequestWorkers, and
 * ServerLimit is of no help. */
static void warn_of_full_server(server_rec *s)
{
    wheel_server_config_t config = wheel_config_server();
    int daemons = 0;
    int daemons_max = 0;
    int threads = 0;
    int async = 0;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons_max);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    if (config.stop_on_restart) {
        return;
    }
    if (async && daemons >= daemons_max) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0004: ServerLimit %d leaves no process to spare beside "
                     "the %d that MaxRequestWorkers needs: a graceful restart "
                     "may have to end wheels in old processes, so that new "
                     "ones can start; raise ServerLimit",
                     daemons_max, daemons);
    }
    if (!async && config.reserve == 0 &&
        config.rotating_max >= daemons * threads) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0004: wheels may take all %d workers: after a graceful "
                     "restart, those in old processes keep new ones from "
                     "starting; set WheelReserve to 1 or more, WheelMax to "
                     "less, or WheelOnRestart stop",
                     daemons * threads);
    }
}

/* Wheels of event could hold all places, and nobody would be there to stop
 * them: after a restart, end the oldest until there is one place at least. */
static void leave_room(apr_pool_t *ptemp, server_rec *s)
{
    int async = 0;
    int daemons_max = 0;
    int generation = 0;
    int floor = -1;

    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons_max);
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    if (async) {
        floor = wheel_table_floor(wheel_process_table(), generation,
                                  daemons_max, ptemp);
    }
    if (floor >= 0) {
        wheel_table_stop_before(wheel_process_table(), floor);
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "WH0006: no place of ServerLimit %d was left for a new "
            "process: wheels of generations before %d are ended; raise "
            "ServerLimit",
            daemons_max, floor);
    }
}

static void end_old_generations(void)
{
    int generation = 0;

    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    wheel_table_stop_before(wheel_process_table(), generation);
}

static void warn_of_replaced_module(server_rec *s)
{
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 "WH0003: mod_wheel has been replaced by a build whose table "
                 "has another layout: new processes use a new, empty table; "
                 "wheels in old processes go on until their clients leave, "
                 "their deadlines pass or the server stops, and no /stop or "
                 "status reaches them");
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    parent_retained_t *kept;
    int replaced;

    (void)pconf;
    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    replaced = wheel_process_replaced(PARENT_RETAINED, sizeof(*kept), 0);
    kept = wheel_process_retained(PARENT_RETAINED, sizeof(*kept), 0, 1);
    if (replaced || (kept->table && kept->layout != wheel_table_layout())) {
        warn_of_replaced_module(s);
    }
    if (!(kept->table && kept->layout == wheel_table_layout()) &&
        make_table(kept, s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    wheel_process_set_table(kept->table);
    wheel_table_poll_max_set(wheel_process_table(),
                             wheel_config_server().poll_max);
    warn_of_full_server(s);
    if (wheel_config_server().stop_on_restart) {
        end_old_generations();
    }
    else {
        leave_room(ptemp, s);
    }
    return OK;
}

void wheel_parent_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}
