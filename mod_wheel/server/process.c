/* SPDX-License-Identifier: Apache-2.0 */
/* server/process.c: the table and the companions of one process.
 *
 * The parent makes the table in post_config and keeps it over restarts.  Each
 * child takes it over, keeps a list of the companions that it has started, and
 * ends only when they are gone: code and memory go with the process's pools,
 * under the feet of a thread that still runs.
 */
#include "server/process.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apr_strings.h"
#include "ap_mpm.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "mpm_common.h"
#include "util_mutex.h"

#include "core/buffer.h"
#include "server/config.h"
#include "core/platform.h"

APLOG_USE_MODULE(wheel);

/* Type of the mutex, for the Mutex directive. */
#define PROCESS_MUTEX "wheel"

/* Under this key the table outlives restarts. */
#define PROCESS_RETAINED "mod_wheel-table"

/* A companion's stack.  Sanitizers need more of it than work does. */
#define PROCESS_STACK_BYTES (256 * 1024)

/* Slots for each worker that there can be: one for the job that it runs, one
 * for a companion of its last job that hasn't got the CPU since. */
#define PROCESS_SLOTS_PER_WORKER 2

/* A companion that was stopped ends so much later than its work. */
#define PROCESS_END_LATER_USEC 2000

/* Stuck jobs that the parent tells of at a time. */
#define PROCESS_STUCK_MAX 8

/* How long an exiting child waits for its companions. */
#define PROCESS_EXIT_WAIT_USEC (500 * 1000)

/* All that its work may touch is one piece of memory with it, made and freed
 * by workers. */
struct wheel_companion_t {
    wheel_job_t job;         /* first: by its address the work finds the rest */
    wheel_companion_t *next; /* in the list of those that have started */
    pthread_t thread;
    int released; /* the worker has left it */
    int policy;
    unsigned slot;
    apr_int64_t looked_usec;
    wheel_work_fn *work;
    void *memory; /* NULL if the spec asks for none */
    wheel_area_t area;
    max_align_t baton[];
};

/* What outlives restarts, on the process pool: no pointer into the module. */
typedef struct process_retained_t {
    wheel_table_t *table;
    apr_uint64_t layout;
} process_retained_t;

static wheel_table_t *process_table;
static wheel_proc_t process_self;
static pid_t process_parent;
static int process_generation;
static int process_threaded;

/* Set once the child must not wait for its requests any more.  Written by
 * hooks and signal handlers. */
static volatile sig_atomic_t process_ending;

/* With threads: the parent has sent TERM; the child is stopping gracefully.
 * Where both are so, in whatever order, the child ends. */
static atomic_int term_came;
static atomic_int stops_gracefully;

/* The signal that a request of this prefork child has held, or 0. */
static volatile sig_atomic_t held_signal;

/* Requests that hold signals, and what prefork did with these before.  A
 * request whose answer is not yet sent lives on beside the next one of its
 * connection and may end before it. */
static unsigned holders;
static struct sigaction unheld_term;
static struct sigaction unheld_hup;

/* Guarded by the mutex. */
static wheel_companion_t *companions;
static apr_int64_t companions_joined_usec; /* when the ended were last joined */
static pthread_mutex_t companions_mutex = PTHREAD_MUTEX_INITIALIZER;

wheel_table_t *wheel_process_table(void)
{
    return process_table;
}

wheel_proc_t wheel_process_self(void)
{
    return process_self;
}

int wheel_process_generation(void)
{
    return process_generation;
}

int wheel_process_threaded(void)
{
    return process_threaded;
}

/* --- Signals ------------------------------------------------------------- */

int wheel_process_ending(void)
{
    return process_ending;
}

/* Ends the waits of a prefork worker; the signal is given back later. */
static void on_held(int signal)
{
    held_signal = signal;
    process_ending = 1;
}

static apr_status_t let_signals(void *data)
{
    int signal;

    (void)data;
    if (--holders > 0) {
        return APR_SUCCESS;
    }
    sigaction(SIGTERM, &unheld_term, NULL);
    sigaction(SIGHUP, &unheld_hup, NULL);
    signal = held_signal;
    if (signal) {
        raise(signal); /* the process ends in here */
    }
    return APR_SUCCESS;
}

static apr_status_t abort_connection(void *data)
{
    conn_rec *c = data;

    c->aborted = 1;
    return APR_SUCCESS;
}

/* httpd would linger for two seconds or more on a client that keeps its
 * connection open.  The price: a client that has sent more than its request
 * may find a reset in place of the answer. */
void wheel_process_hasten(request_rec *r)
{
    if (!r->connection->master) {
        apr_pool_cleanup_register(r->pool, r->connection, abort_connection,
                                  apr_pool_cleanup_null);
    }
}

static void end_jobs(void)
{
    process_ending = 1;
    wheel_table_mark_own(process_table, process_self.pid, WHEEL_END_SHUTDOWN);
}

/* A child that is stopping gracefully ignores TERM: its parent would wait for
 * ten seconds and kill it.  Other threads of the child send TERM as well.  A
 * child that isn't stopping will hear from the parent in another way, and is
 * to keep its connections until then. */
static void on_term(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (info->si_pid != process_parent) {
        return;
    }
    /* Sequential consistency, here and in stop_gracefully(): of two threads
     * that each set one and look at the other, one sees both. */
    atomic_store_explicit(&term_came, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&stops_gracefully, memory_order_seq_cst)) {
        end_jobs();
    }
}

static void heed_term(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_term;
    action.sa_flags = SA_SIGINFO; /* no SA_RESTART: the MPM's waits end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
}

static void stop_gracefully(void)
{
    heed_term();
    atomic_store_explicit(&stops_gracefully, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&term_came, memory_order_seq_cst)) {
        end_jobs();
    }
}

static void hold_signals(apr_pool_t *pool)
{
    struct sigaction action;

    /* The request has been answered and logged when its pool goes. */
    apr_pool_cleanup_register(pool, NULL, let_signals, apr_pool_cleanup_null);
    if (holders++ > 0) {
        return;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_held; /* no SA_RESTART: waits are to end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, &unheld_term);
    sigaction(SIGHUP, &action, &unheld_hup);
}

void wheel_process_hold_signals(apr_pool_t *pool)
{
    if (process_threaded) {
        heed_term(); /* the MPM has set its own since child_init */
    }
    else {
        hold_signals(pool);
    }
}

/* --- What the work of a companion calls ----------------------------------- */

/* The kernel's tick is fine enough, and most looks come within the same. */
static void note_look(wheel_companion_t *companion)
{
    apr_int64_t now = wheel_clock_coarse_usec();

    if (now != companion->looked_usec) {
        companion->looked_usec = now;
        wheel_table_look(process_table, companion->slot, now,
                         wheel_clock_thread_usec());
    }
}

static wheel_end_e look(wheel_job_t *job)
{
    wheel_companion_t *companion = (wheel_companion_t *)job;

    note_look(companion);
    sched_yield();
    return wheel_table_marked(process_table, companion->slot);
}

static int hand_over(wheel_job_t *job, const void *data, apr_size_t bytes,
                     int append)
{
    return wheel_area_put(&((wheel_companion_t *)job)->area, data, bytes,
                          append);
}

static void *memory_of(wheel_job_t *job)
{
    return ((wheel_companion_t *)job)->memory;
}

static const wheel_job_calls_t companion_calls = {look, hand_over, memory_of};

/* --- Companions ---------------------------------------------------------- */

static void *companion_main(void *data)
{
    wheel_companion_t *companion = data;
    unsigned slot = companion->slot;
    int stopped;

    wheel_table_set_tid(process_table, slot, wheel_thread_number());
    wheel_thread_schedule(companion->policy);
    note_look(companion);
    companion->work(&companion->job, companion->baton);
    stopped = wheel_job_stopped(&companion->job);
    wheel_table_companion_leave(process_table, slot);
    if (stopped) {
        /* The end of a thread disturbs the process on all processors (its
         * stack is unmapped): let the stop be answered first. */
        usleep(PROCESS_END_LATER_USEC);
    }
    else {
        wheel_table_ring(process_table, slot);
    }
    return NULL;
}

/* Join the companions that have ended: once in a tick of the kernel's, or the
 * workers of many that are stopped together would each go through them all.
 * With companions_mutex held. */
static void join_ended(void)
{
    wheel_companion_t **link = &companions;
    apr_int64_t now = wheel_clock_coarse_usec();

    if (now == companions_joined_usec) {
        return;
    }
    companions_joined_usec = now;
    while (*link) {
        wheel_companion_t *companion = *link;

        if (!companion->released ||
            wheel_thread_join_ended(companion->thread) != 0) {
            link = &companion->next;
            continue;
        }
        *link = companion->next;
        free(companion);
    }
}

int wheel_process_thread(pthread_t *thread, size_t stack_bytes,
                         void *(*run)(void *), void *data)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int error;

    error = pthread_attr_init(&attr);
    if (error) {
        return error;
    }
    pthread_attr_setstacksize(&attr, stack_bytes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = wheel_thread_create(thread, &attr, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

/* Room for so many bytes, so that what is behind them is aligned. */
static apr_size_t room(apr_size_t bytes)
{
    return (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
}

/* Everything that a companion needs; memory that it doesn't touch costs
 * nothing. */
static wheel_companion_t *make_companion(const wheel_spec_t *spec,
                                         unsigned slot)
{
    apr_size_t baton = room(spec->baton_bytes);
    apr_size_t memory = room(spec->memory_bytes);
    wheel_companion_t *made;
    char *at;

    made = calloc(1, sizeof(*made) + baton + memory + 2 * spec->result_bytes);
    if (!made) {
        return NULL;
    }
    at = (char *)made->baton;
    if (spec->baton_bytes) {
        memcpy(at, spec->baton, spec->baton_bytes);
    }
    made->memory = memory ? at + baton : NULL;
    wheel_area_init(&made->area, at + baton + memory, spec->result_bytes);
    made->slot = slot;
    made->job = wheel_table_job(process_table, slot);
    made->job.calls = &companion_calls;
    made->work = spec->work;
    wheel_job_progress(&made->job, 0, spec->value);
    return made;
}

apr_status_t wheel_process_start(wheel_companion_t **companion,
                                 const wheel_spec_t *spec, unsigned slot,
                                 int policy)
{
    wheel_companion_t *made = make_companion(spec, slot);
    int error;

    if (!made) {
        return APR_ENOMEM;
    }
    made->policy = policy;

    pthread_mutex_lock(&companions_mutex);
    join_ended();
    error = wheel_process_thread(&made->thread, PROCESS_STACK_BYTES,
                                 companion_main, made);
    if (!error) {
        made->next = companions;
        companions = made;
    }
    pthread_mutex_unlock(&companions_mutex);
    if (error) {
        free(made);
        return error;
    }
    *companion = made;
    return APR_SUCCESS;
}

const void *wheel_process_baton(const wheel_companion_t *companion)
{
    return companion->baton;
}

apr_size_t wheel_process_take(wheel_companion_t *companion, void *result)
{
    return wheel_area_take(&companion->area, result);
}

void wheel_process_release(wheel_companion_t *companion)
{
    pthread_mutex_lock(&companions_mutex);
    companion->released = 1;
    join_ended();
    pthread_mutex_unlock(&companions_mutex);
}

/* --- The end of a child -------------------------------------------------- */

static apr_status_t exit_at_once(void *code)
{
    (void)code;
    _exit(0);
}

void wheel_process_exit_early(server_rec *s)
{
    apr_pool_cleanup_register(s->process->pconf, NULL, exit_at_once,
                              apr_pool_cleanup_null);
}

/* Wait for every companion.
 * @return how many are left after so long */
static int join_all(apr_interval_time_t wait_max)
{
    apr_int64_t until_usec = wheel_clock_usec() + wait_max;
    wheel_companion_t *companion;
    int left = 0;

    for (companion = companions; companion; companion = companion->next) {
        left += wheel_thread_join_until(companion->thread, until_usec) != 0;
    }
    companions = NULL;
    return left;
}

/* The first of a child's pools to go.  Its requests have ended, or, under
 * prefork, never will: this may run inside a signal handler, but not in one
 * that has interrupted a job. */
static apr_status_t child_exit(void *data)
{
    server_rec *s = data;
    int left;

    wheel_table_mark_own(process_table, process_self.pid, WHEEL_END_SHUTDOWN);
    if (process_threaded) {
        signal(SIGTERM, SIG_IGN); /* on_term() may be unmapped before the end */
    }
    left = join_all(PROCESS_EXIT_WAIT_USEC);
    if (left) {
        /* Other load keeps them from the CPU.  Let the other modules clean
         * up, and leave before the module and the table are unmapped. */
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, s,
                     "WH0008: %d companion threads have not left in time",
                     left);
        wheel_process_exit_early(s);
    }
    return APR_SUCCESS;
}

/* Threaded MPMs: runs in the main thread, before the workers are joined.
 * Prefork: runs inside the signal handler, and there is nothing to tell. */
static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    if (!process_threaded || !process_table) {
        return;
    }
    if (graceful) {
        stop_gracefully();
        return;
    }
    end_jobs();
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    process_self = wheel_proc_self();
    process_parent = getppid();
    ap_mpm_query(AP_MPMQ_IS_THREADED, &process_threaded);
    ap_mpm_query(AP_MPMQ_GENERATION, &process_generation);
    if (!process_table) {
        return;
    }
    rv = wheel_table_child_init(process_table, pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     "WH0007: the mutex 'wheel' can't be used in this child; "
                     "it will refuse every wheel");
    }
    apr_pool_pre_cleanup_register(pchild, s, child_exit);
}

/* --- The parent ---------------------------------------------------------- */

/* While it stops or restarts, httpd takes a child that is held by SIGSTOP for
 * one that has ended. */
static int is_alive(pid_t pid)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t generation,
                         int slot, mpm_child_status status)
{
    unsigned taken = 0;
    apr_status_t rv;

    (void)generation;
    (void)slot;
    if (status != MPM_CHILD_EXITED || !process_table || is_alive(pid)) {
        return;
    }
    rv = wheel_table_reap(process_table, pid, &taken);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, rv, s,
                     "WH0009: the slots of child %" APR_PID_T_FMT
                     " come back later",
                     pid);
    }
    else if (taken) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "WH0010: child %" APR_PID_T_FMT
                     " has died with %u wheels; their slots are free again",
                     pid, taken);
    }
}

/* Jobs whose workers have answered, or do the work themselves: nobody else
 * would tell. */
static void tell_stuck(server_rec *s)
{
    wheel_record_t records[PROCESS_STUCK_MAX];
    unsigned records_n = 0;
    unsigned n;

    /* Should the mutex fail, there is another time. */
    (void)wheel_table_stuck_list(process_table, records, PROCESS_STUCK_MAX,
                                 &records_n);
    for (n = 0; n < records_n; n++) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0012: wheel %" APR_UINT64_T_FMT " of handler %s, in "
                     "child %" APR_PID_T_FMT ", hasn't looked for "
                     "%" APR_TIME_T_FMT " ms whether it is to end",
                     records[n].id, records[n].handler, records[n].pid,
                     apr_time_as_msec(records[n].looked));
    }
}

/* Every ten seconds or so: deaths that child_status doesn't report. */
static int monitor(apr_pool_t *pool, server_rec *s)
{
    unsigned taken = 0;

    (void)pool;
    if (process_table &&
        wheel_table_sweep(process_table, &taken) == APR_SUCCESS && taken) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "WH0011: %u wheels of dead children found; their slots "
                     "are free again",
                     taken);
    }
    if (process_table) {
        tell_stuck(s);
    }
    return DECLINED;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    apr_status_t rv;

    (void)plog;
    (void)ptemp;
    rv = ap_mutex_register(pconf, PROCESS_MUTEX, NULL, APR_LOCK_DEFAULT, 0);
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
    return PROCESS_SLOTS_PER_WORKER * (daemons > 0 ? daemons : 1) *
           (threads > 0 ? threads : 1);
}

/* Another table beside one that old children still use has a mutex of another
 * name, since some types are files. */
static const char *mutex_instance(const process_retained_t *kept,
                                  apr_pool_t *pool)
{
    int generation = 0;

    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    return kept->table ? apr_itoa(pool, generation) : NULL;
}

static apr_status_t make_table(process_retained_t *kept, server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    apr_global_mutex_t *mutex;
    apr_status_t rv;

    rv = ap_global_mutex_create(&mutex, NULL, PROCESS_MUTEX,
                                mutex_instance(kept, pool), s, pool, 0);
    if (rv != APR_SUCCESS) {
        return rv; /* it has been logged */
    }
    if (!mutex_recovers(mutex, s)) {
        return APR_ENOTIMPL;
    }
    rv = wheel_table_create(&kept->table, slots_wanted(), mutex, pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "WH0002: no shared memory for a table of %u slots",
                     slots_wanted());
        return rv;
    }
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

/* How many processes of a generation and of later ones hold jobs. */
static int count_processes(const wheel_snapshot_t *snapshot, int generation)
{
    const wheel_record_t *jobs = snapshot->jobs;
    int count = 0;
    unsigned n;

    for (n = 0; n < snapshot->jobs_n; n++) {
        unsigned first = 0;

        while (jobs[first].pid != jobs[n].pid) {
            first++;
        }
        count += first == n && jobs[n].generation >= generation;
    }
    return count;
}

/* Wheels of event could hold all places, and nobody would be there to stop
 * them: after a restart, end the oldest until there is one place at least. */
static void leave_room(apr_pool_t *ptemp, server_rec *s)
{
    wheel_snapshot_t snapshot;
    int async = 0;
    int daemons_max = 0;
    int generation = 0;
    int floor;
    int oldest;
    unsigned n;

    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons_max);
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    if (!async ||
        wheel_table_snapshot(process_table, &snapshot, ptemp) != APR_SUCCESS) {
        return;
    }
    oldest = generation;
    for (n = 0; n < snapshot.jobs_n; n++) {
        if (snapshot.jobs[n].generation < oldest) {
            oldest = snapshot.jobs[n].generation;
        }
    }
    floor = oldest;
    while (floor < generation &&
           count_processes(&snapshot, floor) >= daemons_max) {
        floor++;
    }
    if (floor > oldest &&
        wheel_table_stop_before(process_table, floor) == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0006: no place of ServerLimit %d was left for a new "
                     "process: wheels of generations before %d are ended",
                     daemons_max, floor);
    }
}

static void end_old_generations(apr_pool_t *ptemp, server_rec *s)
{
    int generation = 0;
    apr_status_t rv;

    (void)ptemp;
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    rv = wheel_table_stop_before(process_table, generation);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                     "WH0005: WheelOnRestart stop: the wheels of the old "
                     "generation could not be stopped");
    }
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
    process_retained_t *kept;

    (void)pconf;
    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    kept = ap_retained_data_get(PROCESS_RETAINED);
    if (!kept) {
        kept = ap_retained_data_create(PROCESS_RETAINED, sizeof(*kept));
    }
    if (kept->table && kept->layout != wheel_table_layout()) {
        warn_of_replaced_module(s);
    }
    if (!(kept->table && kept->layout == wheel_table_layout()) &&
        make_table(kept, s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    process_table = kept->table;
    wheel_table_look_max_set(process_table, wheel_config_server().look_max);
    warn_of_full_server(s);
    if (wheel_config_server().stop_on_restart) {
        end_old_generations(ptemp, s);
    }
    else {
        leave_room(ptemp, s);
    }
    return OK;
}

void wheel_process_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}
