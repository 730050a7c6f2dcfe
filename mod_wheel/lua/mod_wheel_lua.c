/* SPDX-License-Identifier: Apache-2.0 */
/* lua/mod_wheel_lua.c: the module mod_wheel_lua: a stopped request's Lua code
 * raises an error.
 *
 * mod_lua shows each request's Lua state to a hook.  There, Lua is told to call
 * back now and then; once the request is to be interrupted, this ends in an
 * error, again and again until no pcall() of the script is left that could
 * catch it.  There, it also tells where the script is, if somebody asks.
 *
 * Runs in the worker that runs the request.
 */
#include "httpd.h"
#include "http_config.h"

#include "apr_optional.h"
#include "apr_optional_hooks.h"
#include "apr_strings.h"

#include <lauxlib.h>
#include <lua.h>
#include <string.h>

#include "mod_wheel.h"

/* Instructions of Lua from one poll of the mark to the next: well below a
 * millisecond. */
#define LUA_INSTRUCTIONS 10000

/* mod_lua.h, which httpd's packages leave out, declares the hook so. */
typedef int ap_lua_HOOK_lua_request_t(lua_State *L, request_rec *r);

/* What mod_wheel keeps of a trace, and functions that are told of. */
#define LUA_TRACE_BYTES 256
#define LUA_TRACE_LEVELS 12

static APR_OPTIONAL_FN_TYPE(wheel_request_interrupted) * is_interrupted;
static APR_OPTIONAL_FN_TYPE(wheel_request_trace_wanted) * is_trace_wanted;
static APR_OPTIONAL_FN_TYPE(wheel_request_trace) * tell_trace;

/* "FILE:LINE (FUNCTION)", cut to fit.  A function in C has no line.
 * @return how long it is */
static size_t write_function(const lua_Debug *at, char *text, size_t text_bytes)
{
    char line[16] = "";

    if (at->currentline > 0) {
        apr_snprintf(line, sizeof(line), ":%d", at->currentline);
    }
    apr_snprintf(text, text_bytes, "%s%s%s%s%s", at->short_src, line,
                 at->name ? " (" : "", at->name ? at->name : "",
                 at->name ? ")" : "");
    return strlen(text);
}

/* The functions that are under way, as "... < ...", the innermost first.
 * Changes nothing in the state, and takes no memory of it. */
static void trace(lua_State *L)
{
    char text[LUA_TRACE_BYTES] = "";
    size_t used = 0;
    lua_Debug at;
    int level;

    for (level = 0; level < LUA_TRACE_LEVELS && used < sizeof(text) - 1 &&
                    lua_getstack(L, level, &at);
         level++) {
        lua_getinfo(L, "Sln", &at);
        apr_cpystrn(text + used, level ? " < " : "", sizeof(text) - used);
        used += strlen(text + used);
        used += write_function(&at, text + used, sizeof(text) - used);
    }
    tell_trace(text);
}

static void poll_mark(lua_State *L, lua_Debug *where)
{
    (void)where;
    if (is_trace_wanted && tell_trace && is_trace_wanted()) {
        trace(L);
    }
    if (is_interrupted && is_interrupted()) {
        /* Whatever catches this one fails at its next instruction. */
        lua_sethook(L, poll_mark, LUA_MASKCOUNT, 1);
        luaL_error(L, "the request was stopped");
    }
}

static int watch_request(lua_State *L, request_rec *r)
{
    (void)r;
    lua_sethook(L, poll_mark, LUA_MASKCOUNT, LUA_INSTRUCTIONS);
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
    is_trace_wanted = APR_RETRIEVE_OPTIONAL_FN(wheel_request_trace_wanted);
    tell_trace = APR_RETRIEVE_OPTIONAL_FN(wheel_request_trace);
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
