/* SPDX-License-Identifier: Apache-2.0 */
/* server/fork.c: the processes that the parent forks, and which of them inherit
 * what it shares with its helper.
 *
 * The C library calls close_in_forked() in every new process, whoever forks.
 */
#include "server/fork.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "http_config.h"

#define FORK_CLOSES_MAX 8

static struct {
    wheel_fork_close_t close[FORK_CLOSES_MAX];
    unsigned n;
    pid_t parent;
    int keeps; /* the one that is forked keeps all, and so do its own */
} forks;

void wheel_fork_closes(wheel_fork_close_t close_own)
{
    ap_assert(forks.n < FORK_CLOSES_MAX);
    forks.close[forks.n++] = close_own;
}

apr_status_t wheel_fork(apr_proc_t *proc, apr_pool_t *pool)
{
    apr_status_t rv;

    forks.keeps = 1;
    rv = apr_proc_fork(proc, pool);
    if (rv != APR_INCHILD) {
        forks.keeps = 0;
    }
    return rv;
}

/* Processes that children fork share nothing that is the helper's. */
static void close_in_forked(void)
{
    unsigned n;

    for (n = 0; n < forks.n && !forks.keeps && getppid() == forks.parent; n++) {
        forks.close[n]();
    }
}

/* By now, a server that starts has become a daemon: another process. */
static int note_parent(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    forks.parent = getpid();
    return OK;
}

void wheel_fork_register(apr_pool_t *pconf)
{
    int error;

    (void)pconf;
    memset(&forks, 0, sizeof(forks));
    forks.parent = getpid();
    /* The C library forgets it when the module is unloaded.  Without memory for
     * it, children would have a way to the privileged process. */
    error = pthread_atfork(NULL, NULL, close_in_forked);
    ap_assert(!error);
    ap_hook_post_config(note_parent, NULL, NULL, APR_HOOK_REALLY_FIRST);
}
