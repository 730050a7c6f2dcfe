/* SPDX-License-Identifier: Apache-2.0 */
/* server/child.c: the life of a child: it takes the table over, and ends when
 * its companions are gone.
 *
 * Runs in hooks and pool cleanups of a child.
 */
#include "server/child.h"

#include <sys/resource.h>

#include "httpd.h"

#include "http_config.h"
#include "http_log.h"
#include "mpm_common.h"

#include "server/companion.h"
#include "server/process.h"
#include "server/signals.h"

APLOG_USE_MODULE(wheel);

/* How long an exiting child waits for its companions. */
#define CHILD_EXIT_WAIT_USEC (500 * 1000)

/* RLIMIT_NICE counts nice values down from here. */
#define CHILD_NICE_MAX 20

/* The first of a child's pools to go.  Its requests have ended, or, under
 * prefork, never will: this may run inside a signal handler, but not in one
 * that has interrupted a job. */
static apr_status_t child_exit(void *data)
{
    server_rec *s = data;
    int left;

    wheel_table_mark_own(wheel_process_table(), wheel_process_self().pid,
                         WHEEL_END_SHUTDOWN);
    wheel_signals_leave_child();
    left = wheel_companion_join_all(CHILD_EXIT_WAIT_USEC);
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

/* While it is root, it lets its threads come back from the idle class to the
 * nice value that all others have: wheel_companion_join_all() does that.  A
 * container may refuse. */
static int allow_normal_class(apr_pool_t *pchild, server_rec *s)
{
    rlim_t wanted = (rlim_t)(CHILD_NICE_MAX - getpriority(PRIO_PROCESS, 0));
    struct rlimit limit;

    (void)pchild;
    (void)s;
    if (getrlimit(RLIMIT_NICE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return OK;
    }
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted) {
        limit.rlim_max = wanted;
    }
    (void)setrlimit(RLIMIT_NICE, &limit);
    return OK;
}

/* Threaded MPMs: runs in the main thread, before the workers are joined.
 * Prefork: runs inside the signal handler, and no job is running. */
static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    if (!wheel_process_threaded() || !wheel_process_table()) {
        return;
    }
    if (graceful) {
        wheel_signals_stop_gracefully();
        return;
    }
    wheel_process_end_jobs();
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv = wheel_process_enter(pchild);

    if (!wheel_process_table()) {
        return;
    }
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, s,
                     "WH0007: the mutex 'wheel' can't be used in this child; "
                     "it will refuse every wheel");
    }
    apr_pool_pre_cleanup_register(pchild, s, child_exit);
}

void wheel_child_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_drop_privileges(allow_normal_class, NULL, NULL,
                            APR_HOOK_REALLY_FIRST);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
}
