/* SPDX-License-Identifier: Apache-2.0 */
/* lua/mod_wheel_lua.c: the module mod_wheel_lua: a stopped request's Lua code
 * raises an error.
 *
 * mod_lua shows each request's Lua state to a hook.  There, Lua is told to call
 * back now and then; once the request is to be interrupted, this ends in an
 * error, again and again until no pcall() of the script is left that could
 * catch it.
 *
 * Runs in the worker that runs the request.
 */
#include "httpd.h"
#include "http_config.h"

#include "apr_optional.h"
#include "apr_optional_hooks.h"

#include <lauxlib.h>
#include <lua.h>

#include "mod_wheel.h"

/* Instructions of Lua from one look at the mark to the next: well below a
 * millisecond. */
#define LUA_INSTRUCTIONS 10000

/* mod_lua.h, which httpd's packages leave out, declares the hook so. */
typedef int ap_lua_HOOK_lua_request_t(lua_State *L, request_rec *r);

static APR_OPTIONAL_FN_TYPE(wheel_request_interrupted) * is_interrupted;

static void look(lua_State *L, lua_Debug *where)
{
    (void)where;
    if (is_interrupted && is_interrupted()) {
        /* Whatever catches this one fails at its next instruction. */
        lua_sethook(L, look, LUA_MASKCOUNT, 1);
        luaL_error(L, "the request was stopped");
    }
}

static int watch_request(lua_State *L, request_rec *r)
{
    (void)r;
    lua_sethook(L, look, LUA_MASKCOUNT, LUA_INSTRUCTIONS);
    return OK;
}

/* Without mod_wheel, scripts run as ever. */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    is_interrupted = APR_RETRIEVE_OPTIONAL_FN(wheel_request_interrupted);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap_lua, lua_request, watch_request, NULL, NULL,
                      APR_HOOK_MIDDLE);
}

/* The one symbol that the module exports. */
#pragma GCC visibility push(default)
AP_DECLARE_MODULE(wheel_lua) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
#pragma GCC visibility pop
