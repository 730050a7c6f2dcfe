/* SPDX-License-Identifier: Apache-2.0 */
/* mod_wheel_redis.c: a module of its own, by which mod_wheel finds the way to
 * Redis.  It has no directives and serves nothing: see WheelCluster.
 */
#include "httpd.h"
#include "http_config.h"

#include "ap_provider.h"

#include "redis/redis.h"

static void register_hooks(apr_pool_t *pconf)
{
    ap_register_provider(pconf, WHEEL_PROVIDER_GROUP, WHEEL_REDIS_TCP,
                         WHEEL_PROVIDER_VERSION, &wheel_redis_provider);
    ap_register_provider(pconf, WHEEL_PROVIDER_GROUP, WHEEL_REDIS_UNIX,
                         WHEEL_PROVIDER_VERSION, &wheel_redis_provider);
}

/* The one symbol that the module exports. */
#pragma GCC visibility push(default)
AP_DECLARE_MODULE(wheel_redis) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
#pragma GCC visibility pop
