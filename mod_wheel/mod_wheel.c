/* SPDX-License-Identifier: Apache-2.0 */
/* mod_wheel.c: the module record.  Each part registers its own hooks. */
#include "httpd.h"
#include "http_config.h"

#include "cluster/cluster.h"
#include "control/control.h"
#include "control/socket.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/site.h"
#include "http/status.h"
#include "http/stop.h"
#include "operations/stop.h"
#include "requests/engine.h"
#include "requests/proxy.h"
#include "requests/run.h"
#include "requests/where.h"
#include "requests/backend.h"
#include "requests/blocked.h"
#include "server/admit.h"
#include "server/config.h"
#include "server/fork.h"
#include "server/helper.h"
#include "server/job.h"
#include "server/child.h"
#include "server/mpm.h"
#include "server/parent.h"
#include "server/signals.h"
#include "server/privileged.h"
#include "server/requests.h"

#ifdef WHEEL_DEMO
#include "demo/rotate.h"
#endif

static void register_hooks(apr_pool_t *pconf)
{
    wheel_config_register(pconf);
    wheel_parent_register(pconf);
    wheel_child_register(pconf);
    wheel_fork_register(pconf);
    wheel_helper_register(pconf);
    wheel_signals_register(pconf);
    wheel_admit_register(pconf);
    wheel_mpm_register(pconf);
    wheel_job_register(pconf);
    wheel_cluster_register(pconf);
    wheel_stop_serve_hosts();
    wheel_request_register(pconf);
    wheel_reply_register(pconf);
    wheel_site_register(pconf);
    wheel_stop_register(pconf);
    wheel_status_register(pconf);
    wheel_proxy_register(pconf);
    wheel_requests_slots_register(pconf);
    wheel_privileged_register(pconf);
    wheel_blocked_register(pconf);
    wheel_run_register(pconf);
    wheel_backend_register(pconf);
    wheel_where_register(pconf);
    wheel_engine_register(pconf);
    wheel_socket_register(pconf);
    wheel_control_register(pconf);
#ifdef WHEEL_DEMO
    wheel_rotate_register(pconf);
#endif
}

/* The one symbol that the module exports. */
#pragma GCC visibility push(default)
AP_DECLARE_MODULE(wheel) = {
    STANDARD20_MODULE_STUFF,
    wheel_config_create_dir,
    wheel_config_merge_dir,
    wheel_config_create_server,
    NULL, /* the server's settings are not allowed in virtual hosts */
    wheel_config_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE,
};
#pragma GCC visibility pop
