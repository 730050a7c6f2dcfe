/* SPDX-License-Identifier: Apache-2.0 */
/* requests/backend.c: a stop is no fault of a backend.
 *
 * To mod_proxy, a request that is stopped while it waits for its backend looks
 * like an error of the backend: it would use that no more for a minute, for any
 * request, and send this one to the next member of a balancer.  So this notes
 * which backend a request is sent to.  If the request was stopped, it takes the
 * error back, and refuses to try another one.
 *
 * Runs in the worker that runs the request.
 */
#include "requests/backend.h"

#include <dlfcn.h>

#include "http_config.h"

#include "mod_proxy.h"

/* What mod_proxy calls to add to this hook of its own. */
typedef void (*backend_add_t)(proxy_HOOK_scheme_handler_t *hook,
                              const char *const *before,
                              const char *const *after, int order);

void wheel_backend_spare(wheel_running_t *running)
{
    proxy_worker *backend = running->backend;

    if (backend) {
        backend->s->status &= ~PROXY_WORKER_IN_ERROR;
        running->backend = NULL;
    }
}

/* Before mod_proxy sends a request, and again before it tries another member
 * of a balancer. */
static int note_backend(request_rec *r, proxy_worker *worker,
                        proxy_server_conf *conf, char *url, const char *host,
                        apr_port_t port)
{
    wheel_running_t *running = wheel_run_current();

    (void)r;
    (void)conf;
    (void)url;
    (void)host;
    (void)port;
    if (!running || running->over) {
        return DECLINED;
    }
    if (wheel_run_marked(running) != WHEEL_MARK_NONE) {
        return HTTP_BAD_GATEWAY; /* which mod_proxy holds against nobody */
    }
    running->backend =
        (worker->s->status & PROXY_WORKER_IN_ERROR) ? NULL : worker;
    return DECLINED;
}

/* All modules are loaded, and hooks are sorted later.  mod_proxy may be one of
 * them, a part of httpd itself, or missing. */
static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    void *add = dlsym(RTLD_DEFAULT, "proxy_hook_scheme_handler");

    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (add) {
        ((backend_add_t)add)(note_backend, NULL, NULL, APR_HOOK_REALLY_FIRST);
    }
    return OK;
}

void wheel_backend_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
}
