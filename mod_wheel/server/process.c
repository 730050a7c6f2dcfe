/* SPDX-License-Identifier: Apache-2.0 */
/* server/process.c: what one process of the server knows of itself: the table,
 * who it is, whether it is about to end; and how it starts threads.
 *
 * Runs in the parent and in any thread of a child.
 */
#include "server/process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_portable.h"
#include "apr_strings.h"

#include "core/platform.h"

#define PROCESS_KILL_WAIT_USEC APR_USEC_PER_SEC
#define PROCESS_KILL_STEP_USEC 500

static struct {
    wheel_table_t *table;
    wheel_proc_t self;
    pid_t configured_by;         /* the process that made the table */
    pid_t parent;                /* 0: a debugging server without children */
    apr_int64_t configured_usec; /* when, by wheel_clock_usec() */
    int generation;
    int threaded;

    /* The child doesn't wait for its requests any more.  Written by hooks and
     * signal handlers, read by any thread. */
    atomic_int ending;
} process;

wheel_table_t *wheel_process_table(void)
{
    return process.table;
}

wheel_proc_t wheel_process_self(void)
{
    return process.self;
}

pid_t wheel_process_parent(void)
{
    return process.parent;
}

int wheel_process_orphaned(void)
{
    return process.parent && getppid() != process.parent;
}

int wheel_process_generation(void)
{
    return process.generation;
}

void wheel_process_places(int *processes, int *threads)
{
    *processes = *threads = 0;
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, processes);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, threads);
}

int wheel_process_has_child(pid_t pid)
{
    siginfo_t info;

    info.si_pid = 0;
    return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

/* In a debugging server of one process (httpd -X), which is root no more, it
 * can't be killed.  There it ends with that process. */
void wheel_process_kill_child(pid_t pid)
{
    apr_int64_t until = wheel_clock_usec() + PROCESS_KILL_WAIT_USEC;

    if (kill(pid, SIGKILL) != 0) {
        return;
    }
    while (waitpid(pid, NULL, WNOHANG) == 0 && wheel_clock_usec() < until) {
        apr_sleep(PROCESS_KILL_STEP_USEC);
    }
}

int wheel_process_lost(const wheel_proc_t *proc)
{
    return proc->pid != getpid() && !wheel_process_has_child(proc->pid);
}

int wheel_process_threaded(void)
{
    return process.threaded;
}

int wheel_process_ending(void)
{
    return atomic_load_explicit(&process.ending, memory_order_relaxed);
}

void wheel_process_set_table(wheel_table_t *table)
{
    process.table = table;
    process.configured_by = getpid();
    process.configured_usec = wheel_clock_usec();
}

apr_interval_time_t wheel_process_uptime(void)
{
    return wheel_clock_usec() - process.configured_usec;
}

apr_status_t wheel_process_enter(apr_pool_t *pool)
{
    process.self = wheel_proc_self();
    process.parent =
        getpid() != process.configured_by ? process.configured_by : 0;
    ap_mpm_query(AP_MPMQ_IS_THREADED, &process.threaded);
    ap_mpm_query(AP_MPMQ_GENERATION, &process.generation);
    return process.table ? wheel_table_child_init(process.table, pool)
                         : APR_SUCCESS;
}

void wheel_process_set_ending(void)
{
    atomic_store_explicit(&process.ending, 1, memory_order_relaxed);
}

void wheel_process_end_jobs(void)
{
    wheel_process_set_ending();
    wheel_table_mark_own(process.table, process.self.pid, WHEEL_END_SHUTDOWN);
}

/* Builds from before there were sizes in keys used the bare name.  Those of
 * today keep zeros there, which say to any build that there was one. */
void *wheel_process_retained(const char *name, apr_size_t bytes,
                             apr_size_t shared_bytes, int makes)
{
    char key[64];
    void *kept;

#ifdef WHEEL_FAULTS /* for the test of a build that is replaced */
    shared_bytes += getenv("WHEEL_FAULT_SIZES") ? 1 : 0;
#endif
    apr_snprintf(key, sizeof(key), "%s-%u-%u", name, (unsigned)bytes,
                 (unsigned)shared_bytes);
    kept = ap_retained_data_get(key);
    if (kept || !makes) {
        return kept;
    }
    if (!ap_retained_data_get(name)) {
        ap_retained_data_create(name, bytes);
    }
    return ap_retained_data_create(key, bytes);
}

int wheel_process_replaced(const char *name, apr_size_t bytes,
                           apr_size_t shared_bytes)
{
    return ap_retained_data_get(name) &&
           !wheel_process_retained(name, bytes, shared_bytes, 0);
}

/* The cleanup is a function of APR, not one of the module. */
void wheel_process_lend(const char *key, int *fd, apr_pool_t *plog)
{
    apr_file_t *file;

    if (*fd >= 0) {
        apr_os_pipe_put_ex(&file, fd, 1, plog);
        apr_pool_userdata_set(file, key, NULL, plog);
        *fd = -1;
    }
}

int wheel_process_take_back(const char *key, apr_pool_t *plog)
{
    void *file = NULL;
    apr_os_file_t fd = -1;

    apr_pool_userdata_get(&file, key, plog);
    if (file) {
        apr_os_file_get(&fd, file);
    }
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
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
    error = pthread_create(thread, &attr, run, data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

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
    while (r->main) {
        r = r->main; /* the rest of its page comes, too */
    }
    if (!r->connection->master) {
        apr_pool_cleanup_register(r->pool, r->connection, abort_connection,
                                  apr_pool_cleanup_null);
    }
}
