/* SPDX-License-Identifier: Apache-2.0 */
/* server/config.c: the directives: create, merge, parse, check.
 *
 * Runs while the configuration is read; later, any thread reads the result.
 */
#include "server/config.h"
#include "server/config_requests.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ap_mpm.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"

#include "server/config_cluster.h"
#include "server/config_steps.h"
#include "server/config_values.h"

APLOG_USE_MODULE(wheel);

#define CONFIG_RESERVE_DEFAULT 1
#define CONFIG_LOOK_DEFAULT_USEC APR_USEC_PER_SEC

static const wheel_config_word_t scheduling_words[] = {
    {"idle", WHEEL_SCHEDULING_IDLE},
    {"batch", WHEEL_SCHEDULING_BATCH},
    {"normal", WHEEL_SCHEDULING_NORMAL},
    {NULL, 0},
};

static const wheel_config_word_t disconnect_words[] = {
    {"stop", 1},
    {"continue", 0},
    {NULL, 0},
};

static const wheel_config_word_t switch_words[] = {
    {"on", 1},
    {"off", 0},
    {NULL, 0},
};

static const wheel_config_word_t allow_words[] = {
    {"refuse", 0},
    {"allow", 1},
    {NULL, 0},
};

static const wheel_config_word_t restart_words[] = {
    {"continue", 0},
    {"stop", 1},
    {NULL, 0},
};

/* --- Create and merge ---------------------------------------------------- */

void *wheel_config_create_server(apr_pool_t *pconf, server_rec *s)
{
    wheel_server_config_t *config = apr_pcalloc(pconf, sizeof(*config));

    (void)s;
    config->rotating_max = -1;
    config->reserve = -1;
    config->per_client_max = -1;
    config->stop_on_restart = -1;
    config->look_max = -1;
    config->control_group = WHEEL_CONTROL_NO_GROUP;
    return config;
}

void *wheel_config_create_dir(apr_pool_t *pconf, char *dir)
{
    wheel_dir_config_t *config = apr_pcalloc(pconf, sizeof(*config));

    (void)dir;
    config->wait_max = -1;
    config->scheduling = WHEEL_SCHEDULING_UNSET;
    config->stop_on_disconnect = -1;
    config->cross_site = -1;
    config->forwarded = -1;
    config->proxy = -1;
    wheel_config_requests_unset(config);
    return config;
}

void *wheel_config_merge_dir(apr_pool_t *pool, void *base, void *add)
{
    const wheel_dir_config_t *outer = base;
    const wheel_dir_config_t *inner = add;
    wheel_dir_config_t *config = apr_pmemdup(pool, inner, sizeof(*inner));

    if (inner->wait_max == -1) {
        config->wait_max = outer->wait_max;
    }
    if (inner->scheduling == WHEEL_SCHEDULING_UNSET) {
        config->scheduling = outer->scheduling;
    }
    if (inner->stop_on_disconnect == -1) {
        config->stop_on_disconnect = outer->stop_on_disconnect;
    }
    if (inner->cross_site == -1) {
        config->cross_site = outer->cross_site;
    }
    if (inner->forwarded == -1) {
        config->forwarded = outer->forwarded;
    }
    if (inner->proxy == -1) {
        config->proxy = outer->proxy;
    }
    wheel_config_requests_merge(config, outer, inner);
    return config;
}

/* --- Parse --------------------------------------------------------------- */

/* The settings of the whole server: where in it, and the least value. */
static const char *set_server_number(cmd_parms *cmd, const char *text,
                                     size_t offset, int min)
{
    char *config;
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (error) {
        return error;
    }
    config = ap_get_module_config(cmd->server->module_config, &wheel_module);
    return wheel_config_number(cmd, text, min, (int *)(config + offset));
}

static const char *set_max(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    return set_server_number(cmd, text,
                             offsetof(wheel_server_config_t, rotating_max), 1);
}

static const char *set_reserve(cmd_parms *cmd, void *dir, const char *text)
{
    (void)dir;
    return set_server_number(cmd, text,
                             offsetof(wheel_server_config_t, reserve), 0);
}

static const char *set_max_per_client(cmd_parms *cmd, void *dir,
                                      const char *text)
{
    (void)dir;
    return set_server_number(
        cmd, text, offsetof(wheel_server_config_t, per_client_max), 0);
}

static const char *set_on_restart(cmd_parms *cmd, void *dir, const char *text)
{
    wheel_server_config_t *config;
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (error) {
        return error;
    }
    config = ap_get_module_config(cmd->server->module_config, &wheel_module);
    return wheel_config_word(cmd, text, restart_words,
                             &config->stop_on_restart);
}

/* For root and who started the server alone, or for a group, too. */
static const char *set_control_mode(cmd_parms *cmd, const char *text,
                                    wheel_server_config_t *config)
{
    char *end;
    apr_int64_t mode = apr_strtoi64(text, &end, 8);

    if (!apr_isdigit(*text) || *end || (mode != 0600 && mode != 0660)) {
        return apr_psprintf(cmd->pool,
                            "%s: mode=%s is not one of: 0600, 0660; nobody "
                            "outside its owner and group may use the socket",
                            cmd->cmd->name, text);
    }
    config->control_mode = (int)mode;
    return NULL;
}

static const char *set_control_option(cmd_parms *cmd, const char *text,
                                      wheel_server_config_t *config)
{
    apr_gid_t group;

    if (!strncmp(text, "mode=", 5)) {
        return set_control_mode(cmd, text + 5, config);
    }
    if (strncmp(text, "group=", 6)) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not one of: mode=, group=",
                            cmd->cmd->name, text);
    }
    if (apr_gid_get(&group, text + 6, cmd->pool) != APR_SUCCESS) {
        return apr_psprintf(cmd->pool,
                            "%s: group=%s: there is no group of that name",
                            cmd->cmd->name, text + 6);
    }
    config->control_group = group;
    return NULL;
}

/* @param path of the socket, or off */
static const char *set_control_path(cmd_parms *cmd, const char *path,
                                    wheel_server_config_t *config)
{
    struct sockaddr_un address;

    config->control = NULL;
    if (!ap_cstr_casecmp(path, "off")) {
        return NULL;
    }
    config->control = ap_runtime_dir_relative(cmd->pool, path);
    if (!*path || !config->control) {
        return apr_psprintf(cmd->pool,
                            "%s: '%s' is not the path of a socket, or off",
                            cmd->cmd->name, path);
    }
    if (strlen(config->control) >= sizeof(address.sun_path)) {
        return apr_psprintf(cmd->pool,
                            "%s: the path '%s' has %d bytes; that of a local "
                            "socket has %d at most",
                            cmd->cmd->name, config->control,
                            (int)strlen(config->control),
                            (int)sizeof(address.sun_path) - 1);
    }
    return NULL;
}

/* WheelControl PATH|off [mode=0600|0660] [group=NAME] */
static const char *set_control(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[])
{
    wheel_server_config_t *config;
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    int n;

    (void)dir;
    if (!error && (argc < 1 || argc > 3)) {
        error = apr_pstrcat(cmd->pool, cmd->cmd->name,
                            " takes a path or off, and then mode= and group= "
                            "once each",
                            NULL);
    }
    if (error) {
        return error;
    }
    config = ap_get_module_config(cmd->server->module_config, &wheel_module);
    config->control_mode = 0;
    config->control_group = WHEEL_CONTROL_NO_GROUP;
    error = set_control_path(cmd, argv[0], config);
    for (n = 1; n < argc && !error; n++) {
        error = set_control_option(cmd, argv[n], config);
    }
    if (!config->control_mode) {
        config->control_mode =
            config->control_group == WHEEL_CONTROL_NO_GROUP ? 0600 : 0660;
    }
    if (!error && config->control_mode == 0600 &&
        config->control_group != WHEEL_CONTROL_NO_GROUP) {
        error = apr_pstrcat(cmd->pool, cmd->cmd->name,
                            ": mode=0600 keeps the group out that group= lets "
                            "in; give one or the other",
                            NULL);
    }
    return error;
}

static const char *set_look_warning(cmd_parms *cmd, void *dir, const char *text)
{
    wheel_server_config_t *config;
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    (void)dir;
    if (error) {
        return error;
    }
    config = ap_get_module_config(cmd->server->module_config, &wheel_module);
    return wheel_config_time(cmd, text, &config->look_max);
}

static const char *set_scheduling(cmd_parms *cmd, void *dir, const char *text)
{
    wheel_dir_config_t *config = dir;
    int scheduling = config->scheduling;
    const char *error =
        wheel_config_word(cmd, text, scheduling_words, &scheduling);

    config->scheduling = scheduling;
    return error;
}

static const char *set_on_disconnect(cmd_parms *cmd, void *dir,
                                     const char *text)
{
    wheel_dir_config_t *config = dir;

    return wheel_config_word(cmd, text, disconnect_words,
                             &config->stop_on_disconnect);
}

static const char *set_proxy(cmd_parms *cmd, void *dir, const char *text)
{
    wheel_dir_config_t *config = dir;

    return wheel_config_word(cmd, text, switch_words, &config->proxy);
}

static const char *set_cross_site(cmd_parms *cmd, void *dir, const char *text)
{
    wheel_dir_config_t *config = dir;

    return wheel_config_word(cmd, text, allow_words, &config->cross_site);
}

static const char *set_forwarded(cmd_parms *cmd, void *dir, const char *text)
{
    wheel_dir_config_t *config = dir;

    return wheel_config_word(cmd, text, allow_words, &config->forwarded);
}

const command_rec wheel_config_directives[] = {
    AP_INIT_TAKE_ARGV("WheelCluster", wheel_config_set_cluster, NULL, RSRC_CONF,
                      "the URL by which this host hears of stops on others, "
                      "and options"),
    AP_INIT_TAKE1("WheelMax", set_max, NULL, RSRC_CONF,
                  "wheels that may rotate at once in the whole server"),
    AP_INIT_TAKE1("WheelReserve", set_reserve, NULL, RSRC_CONF,
                  "workers that are kept idle for everything else"),
    AP_INIT_TAKE1("WheelMaxPerClient", set_max_per_client, NULL, RSRC_CONF,
                  "wheels of one client address at once, or 0 for no limit"),
    AP_INIT_TAKE1("WheelOnRestart", set_on_restart, NULL, RSRC_CONF,
                  "what a graceful restart does to wheels under way: "
                  "continue or stop"),
    AP_INIT_TAKE_ARGV("WheelControl", set_control, NULL, RSRC_CONF,
                      "path of the local socket that wheelctl uses, or off; "
                      "then mode=0600 or 0660, and group=NAME"),
    AP_INIT_TAKE1("WheelLookWarning", set_look_warning, NULL, RSRC_CONF,
                  "a job that does not poll its mark for so long "
                  "is stuck; 0 for never"),
    AP_INIT_TAKE1("WheelScheduling", set_scheduling, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "how wheels share the CPU: idle, batch or normal"),
    AP_INIT_TAKE1("WheelOnDisconnect", set_on_disconnect, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "what a vanished client does to its wheel: stop or continue"),
    AP_INIT_TAKE1("WheelCrossSite", set_cross_site, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "requests that pages of other sites make browsers send: "
                  "refuse or allow"),
    AP_INIT_TAKE1("WheelForwarded", set_forwarded, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "requests that a proxy on this machine passes on: refuse "
                  "or allow"),
    AP_INIT_TAKE1("WheelProxy", set_proxy, NULL, RSRC_CONF | ACCESS_CONF,
                  "proxied requests end with their clients and leave workers "
                  "idle, as wheels do: on or off"),
    AP_INIT_TAKE12("WheelRequests", wheel_config_set_requests, NULL,
                   RSRC_CONF | ACCESS_CONF,
                   "every request here is a job: on or off, and slow=, the "
                   "time after which it is listed"),
    AP_INIT_TAKE12("WheelTimeout", wheel_config_set_timeout, NULL,
                   RSRC_CONF | ACCESS_CONF,
                   "deadline of every wheel and of requests that are jobs, 0 "
                   "for none; and action=stop, log, cooldown or drain"),
    AP_INIT_TAKE12("WheelCpuLimit", wheel_config_set_cpu_limit, NULL,
                   RSRC_CONF | ACCESS_CONF,
                   "CPU time of a request that is a job, 0 for no limit; and "
                   "action=stop, log, cooldown or drain"),
    AP_INIT_TAKE1("WheelFpmStatus", wheel_config_set_fpm_status, NULL,
                  RSRC_CONF | ACCESS_CONF,
                  "where PHP-FPM tells its status: fcgi://ADDRESS:PORT/PATH "
                  "or unix:/SOCKET|fcgi://localhost/PATH"),
    AP_INIT_ITERATE("WheelPrivileged", wheel_config_set_privileged, NULL,
                    RSRC_CONF,
                    "steps that may use the privilege of root: cut, cooldown, "
                    "where; or none"),
    AP_INIT_TAKE_ARGV("WheelOnStop", wheel_config_set_on_stop, NULL,
                      RSRC_CONF | ACCESS_CONF,
                      "how far a stop of a request may go, with the time of "
                      "each step: refuse interrupt cut cooldown drain"),
    {NULL, {NULL}, NULL, 0, RAW_ARGS, NULL},
};

/* --- Read ---------------------------------------------------------------- */

/* Workers that the MPM runs at most. */
static int workers_max(void)
{
    int daemons = 0;
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return (daemons > 0 ? daemons : 1) * (threads > 0 ? threads : 1);
}

static int or_default(int value, int otherwise)
{
    return value == -1 ? otherwise : value;
}

static wheel_server_config_t server_settings(const server_rec *s)
{
    wheel_server_config_t config =
        *(wheel_server_config_t *)ap_get_module_config(s->module_config,
                                                       &wheel_module);

    config.rotating_max = or_default(config.rotating_max, workers_max());
    config.reserve = or_default(config.reserve, CONFIG_RESERVE_DEFAULT);
    config.per_client_max = or_default(config.per_client_max, 0);
    config.stop_on_restart = or_default(config.stop_on_restart, 0);
    if (config.look_max == -1) {
        config.look_max = CONFIG_LOOK_DEFAULT_USEC;
    }
    return config;
}

wheel_server_config_t wheel_config_server(void)
{
    return server_settings(ap_server_conf);
}

wheel_dir_config_t wheel_config_request(const request_rec *r)
{
    wheel_dir_config_t config = *(wheel_dir_config_t *)ap_get_module_config(
        r->per_dir_config, &wheel_module);

    if (config.wait_max == -1) {
        config.wait_max = 0;
    }
    if (config.scheduling == WHEEL_SCHEDULING_UNSET) {
        config.scheduling = WHEEL_SCHEDULING_IDLE;
    }
    config.stop_on_disconnect = or_default(config.stop_on_disconnect, 1);
    config.cross_site = or_default(config.cross_site, 0);
    config.forwarded = or_default(config.forwarded, 0);
    config.proxy = or_default(config.proxy, 0);
    wheel_config_requests_default(&config);
    return config;
}

/* --- Check --------------------------------------------------------------- */

/* Runs at httpd -t, too, where post_config doesn't; after the MPM has settled
 * its own numbers. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    wheel_server_config_t config = server_settings(s);

    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (config.reserve >= workers_max()) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "WH0030: WheelReserve: %d leaves no worker for a wheel, "
                     "since MaxRequestWorkers allows %d; allowed is 0 to %d",
                     config.reserve, workers_max(), workers_max() - 1);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ap_find_linked_module("mpm_itk.c")) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "WH0031: mpm_itk is loaded, which forks a process for "
                     "each connection: these end without a word to httpd, and "
                     "the table of wheels would fill; unload mpm_itk or "
                     "mod_wheel");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

void wheel_config_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
}
