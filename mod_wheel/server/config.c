/* SPDX-License-Identifier: Apache-2.0 */
/* server/config.c: the directives: create, merge, parse, check.
 *
 * Runs while the configuration is read; later, any thread reads the result.
 */
#include "server/config.h"

#include <stddef.h>
#include <string.h>

#include "ap_mpm.h"
#include "apr_strings.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"

#include "core/request_slots.h"
#include "server/config_cluster.h"
#include "server/config_control.h"
#include "server/config_requests.h"
#include "server/config_steps.h"
#include "server/config_values.h"

APLOG_USE_MODULE(wheel);

#define CONFIG_RESERVE_DEFAULT 1
#define CONFIG_POLL_DEFAULT_USEC APR_USEC_PER_SEC
#define CONFIG_SLOW_DEFAULT_USEC (250 * 1000)

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

/* --- Create, merge, default ---------------------------------------------- */

/* The members of wheel_dir_config_t that are unset at -1, with what holds where
 * they are. */
typedef struct config_int_t {
    size_t offset;
    int usual;
} config_int_t;

static const config_int_t dir_ints[] = {
    {offsetof(wheel_dir_config_t, scheduling), WHEEL_SCHEDULING_IDLE},
    {offsetof(wheel_dir_config_t, stop_on_disconnect), 1},
    {offsetof(wheel_dir_config_t, cross_site), 0},
    {offsetof(wheel_dir_config_t, forwarded), 0},
    {offsetof(wheel_dir_config_t, proxy), 0},
    {offsetof(wheel_dir_config_t, where), 0},
    {offsetof(wheel_dir_config_t, where_log), 0},
    {offsetof(wheel_dir_config_t, requests), 0},
    {offsetof(wheel_dir_config_t, wait_action), WHEEL_ACTION_STOP},
    {offsetof(wheel_dir_config_t, cpu_action), WHEEL_ACTION_STOP},
};

typedef struct config_time_t {
    size_t offset;
    apr_interval_time_t usual;
} config_time_t;

static const config_time_t dir_times[] = {
    {offsetof(wheel_dir_config_t, wait_max), 0},
    {offsetof(wheel_dir_config_t, slow), CONFIG_SLOW_DEFAULT_USEC},
    {offsetof(wheel_dir_config_t, cpu_max), 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int *int_at(void *config, size_t offset)
{
    return (int *)((char *)config + offset);
}

static apr_interval_time_t *time_at(void *config, size_t offset)
{
    return (apr_interval_time_t *)((char *)config + offset);
}

void *wheel_config_create_server(apr_pool_t *pconf, server_rec *s)
{
    wheel_server_config_t *config = apr_pcalloc(pconf, sizeof(*config));

    (void)s;
    config->rotating_max = -1;
    config->reserve = -1;
    config->per_client_max = -1;
    config->stop_on_restart = -1;
    config->poll_max = -1;
    config->control_group = WHEEL_CONTROL_NO_GROUP;
    return config;
}

void *wheel_config_create_dir(apr_pool_t *pconf, char *dir)
{
    wheel_dir_config_t *config = apr_pcalloc(pconf, sizeof(*config));
    size_t n;

    (void)dir;
    for (n = 0; n < COUNT(dir_ints); n++) {
        *int_at(config, dir_ints[n].offset) = -1;
    }
    for (n = 0; n < COUNT(dir_times); n++) {
        *time_at(config, dir_times[n].offset) = -1;
    }
    wheel_config_steps_unset(config);
    return config;
}

void *wheel_config_merge_dir(apr_pool_t *pool, void *base, void *add)
{
    wheel_dir_config_t *outer = base;
    const wheel_dir_config_t *inner = add;
    wheel_dir_config_t *config = apr_pmemdup(pool, inner, sizeof(*inner));
    size_t n;

    for (n = 0; n < COUNT(dir_ints); n++) {
        int *value = int_at(config, dir_ints[n].offset);

        *value = *value == -1 ? *int_at(outer, dir_ints[n].offset) : *value;
    }
    for (n = 0; n < COUNT(dir_times); n++) {
        apr_interval_time_t *time = time_at(config, dir_times[n].offset);

        *time = *time == -1 ? *time_at(outer, dir_times[n].offset) : *time;
    }
    config->fpm = inner->fpm ? inner->fpm : outer->fpm;
    wheel_config_steps_merge(config, outer, inner);
    return config;
}

/* --- Parse --------------------------------------------------------------- */

/* A directive that sets one int: to a number, or to one of several words. */
typedef struct config_value_t {
    size_t offset;
    const wheel_config_word_t *words; /* NULL: a number from min */
    int min;
} config_value_t;

static const config_value_t max_value = {
    offsetof(wheel_server_config_t, rotating_max), NULL, 1};
static const config_value_t reserve_value = {
    offsetof(wheel_server_config_t, reserve), NULL, 0};
static const config_value_t per_client_value = {
    offsetof(wheel_server_config_t, per_client_max), NULL, 0};
static const config_value_t restart_value = {
    offsetof(wheel_server_config_t, stop_on_restart), restart_words, 0};
static const config_value_t scheduling_value = {
    offsetof(wheel_dir_config_t, scheduling), scheduling_words, 0};
static const config_value_t disconnect_value = {
    offsetof(wheel_dir_config_t, stop_on_disconnect), disconnect_words, 0};
static const config_value_t cross_site_value = {
    offsetof(wheel_dir_config_t, cross_site), allow_words, 0};
static const config_value_t forwarded_value = {
    offsetof(wheel_dir_config_t, forwarded), allow_words, 0};
static const config_value_t proxy_value = {offsetof(wheel_dir_config_t, proxy),
                                           wheel_config_switch, 0};
static const config_value_t where_value = {offsetof(wheel_dir_config_t, where),
                                           wheel_config_switch, 0};

static const char *set_value(cmd_parms *cmd, void *config, const char *text)
{
    const config_value_t *value = cmd->info;
    int *place = int_at(config, value->offset);

    return value->words ? wheel_config_word(cmd, "", text, value->words, place)
                        : wheel_config_number(cmd, text, value->min, place);
}

/* The settings of the server, if the directive stands where it may.
 * @return NULL, and an error, if it stands elsewhere */
static wheel_server_config_t *server_of(cmd_parms *cmd, const char **error)
{
    *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    return *error ? NULL
                  : ap_get_module_config(cmd->server->module_config,
                                         &wheel_module);
}

static const char *set_server_value(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error;
    wheel_server_config_t *config = server_of(cmd, &error);

    (void)dir;
    return error ? error : set_value(cmd, config, text);
}

static const char *set_look_warning(cmd_parms *cmd, void *dir, const char *text)
{
    const char *error;
    wheel_server_config_t *config = server_of(cmd, &error);

    (void)dir;
    return error ? error : wheel_config_time(cmd, "", text, &config->poll_max);
}

const command_rec wheel_config_directives[] = {
    AP_INIT_TAKE_ARGV("WheelCluster", wheel_config_set_cluster, NULL, RSRC_CONF,
                      "the URL by which this host hears of stops on others, "
                      "and options"),
    AP_INIT_TAKE1("WheelMax", set_server_value, (void *)&max_value, RSRC_CONF,
                  "wheels that may rotate at once in the whole server"),
    AP_INIT_TAKE1("WheelReserve", set_server_value, (void *)&reserve_value,
                  RSRC_CONF, "workers that are kept idle for everything else"),
    AP_INIT_TAKE1("WheelMaxPerClient", set_server_value,
                  (void *)&per_client_value, RSRC_CONF,
                  "wheels of one client address at once, or 0 for no limit"),
    AP_INIT_TAKE1("WheelOnRestart", set_server_value, (void *)&restart_value,
                  RSRC_CONF,
                  "what a graceful restart does to wheels under way: "
                  "continue or stop"),
    AP_INIT_TAKE_ARGV("WheelControl", wheel_config_set_control, NULL, RSRC_CONF,
                      "path of the local socket that wheelctl uses, or off; "
                      "then mode=0600 or 0660, and group=NAME"),
    AP_INIT_TAKE1("WheelLookWarning", set_look_warning, NULL, RSRC_CONF,
                  "a job that does not poll its mark for so long "
                  "is stuck; 0 for never"),
    AP_INIT_TAKE1("WheelScheduling", set_value, (void *)&scheduling_value,
                  RSRC_CONF | ACCESS_CONF,
                  "how wheels share the CPU: idle, batch or normal"),
    AP_INIT_TAKE1("WheelOnDisconnect", set_value, (void *)&disconnect_value,
                  RSRC_CONF | ACCESS_CONF,
                  "what a vanished client does to its wheel: stop or continue"),
    AP_INIT_TAKE1("WheelCrossSite", set_value, (void *)&cross_site_value,
                  RSRC_CONF | ACCESS_CONF,
                  "requests that pages of other sites make browsers send: "
                  "refuse or allow"),
    AP_INIT_TAKE1("WheelForwarded", set_value, (void *)&forwarded_value,
                  RSRC_CONF | ACCESS_CONF,
                  "requests that a proxy on this machine passes on: refuse "
                  "or allow"),
    AP_INIT_TAKE1("WheelProxy", set_value, (void *)&proxy_value,
                  RSRC_CONF | ACCESS_CONF,
                  "proxied requests end with their clients and leave workers "
                  "idle, as wheels do: on or off"),
    AP_INIT_TAKE1("WheelWhere", set_value, (void *)&where_value,
                  RSRC_CONF | ACCESS_CONF,
                  "the status here shows where requests are stuck: on or off"),
    AP_INIT_TAKE123("WheelRequests", wheel_config_set_requests, NULL,
                    RSRC_CONF | ACCESS_CONF,
                    "every request here is a job: on or off; slow=, the time "
                    "after which it is listed; where=log, the log has where it "
                    "is stuck then"),
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
    AP_INIT_TAKE_ARGV("WheelPrivileged", wheel_config_set_privileged, NULL,
                      RSRC_CONF,
                      "steps that may use the privilege of root: cut, "
                      "cooldown, where; or none"),
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
    if (config.poll_max == -1) {
        config.poll_max = CONFIG_POLL_DEFAULT_USEC;
    }
    return config;
}

wheel_server_config_t wheel_config_server(void)
{
    return server_settings(ap_server_conf);
}

const wheel_dir_config_t *wheel_config_location(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &wheel_module);
}

wheel_dir_config_t wheel_config_request(const request_rec *r)
{
    wheel_dir_config_t config = *wheel_config_location(r);
    size_t n;

    for (n = 0; n < COUNT(dir_ints); n++) {
        int *value = int_at(&config, dir_ints[n].offset);

        *value = or_default(*value, dir_ints[n].usual);
    }
    for (n = 0; n < COUNT(dir_times); n++) {
        apr_interval_time_t *time = time_at(&config, dir_times[n].offset);

        *time = *time == -1 ? dir_times[n].usual : *time;
    }
    wheel_config_steps_default(&config);
    return config;
}

/* --- Check --------------------------------------------------------------- */

/* A start reads the configuration twice. */
static int is_first_pass(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG &&
           ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_NORMAL;
}

/* Runs at httpd -t, too, where post_config doesn't; after the MPM has settled
 * its own numbers. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    wheel_server_config_t config = server_settings(s);
    int generation = 0;

    (void)pconf;
    (void)plog;
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    if (config.reserve >= workers_max()) {
        ap_log_error(APLOG_MARK, generation ? APLOG_ERR : APLOG_EMERG, 0, s,
                     "WH0030: WheelReserve: %d leaves no worker for a wheel, "
                     "since MaxRequestWorkers allows %d; allowed is 0 to %d",
                     config.reserve, workers_max(), workers_max() - 1);
        /* httpd -t can't know that a server which runs keeps its ServerLimit,
         * and so has fewer workers.  It refuses wheels from now on, which is
         * better than to end. */
        if (!generation) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (ap_find_linked_module("mpm_itk.c")) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "WH0031: mpm_itk is loaded, which forks a process for "
                     "each connection: these end without a word to httpd, and "
                     "the table of wheels would fill; unload mpm_itk or "
                     "mod_wheel");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (wheel_config_requests_used() && !is_first_pass()) {
        wheel_config_steps_check(&config, ptemp, s);
    }
    return OK;
}

void wheel_config_register(apr_pool_t *pconf)
{
    (void)pconf;
    /* A module that is linked into httpd, or that the C library doesn't unload,
     * has what it has read before. */
    wheel_config_requests_reset();
    wheel_config_steps_reset();
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
}
