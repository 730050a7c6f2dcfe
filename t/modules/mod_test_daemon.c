/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_daemon.c: a daemon that runs none of httpd's hooks, as
 * mod_wsgi's.  Each configuration forks one, which goes with it. */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_thread_proc.h"
#include "http_config.h"
#include "http_core.h"

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    apr_proc_t *proc = apr_pcalloc(pconf, sizeof(*proc));

    (void)plog;
    (void)ptemp;
    (void)s;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    if (apr_proc_fork(proc, pconf) == APR_INCHILD) {
        signal(SIGTERM, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "test-daemon");
        for (;;) {
            pause();
        }
    }
    apr_pool_note_subprocess(pconf, proc, APR_KILL_ALWAYS);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_daemon) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
