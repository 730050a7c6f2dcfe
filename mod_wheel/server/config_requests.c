/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_requests.c: the directives for requests as jobs.
 *
 * Runs while the configuration is read; later, any thread reads the result.
 */
#include "server/config_requests.h"

#include <string.h>

#include "apr_hash.h"
#include "apr_strings.h"
#include "http_log.h"

#include "core/request_slots.h"
#include "server/config_steps.h"
#include "server/config_values.h"
#include "server/privileged.h"

APLOG_USE_MODULE(wheel);

/* Pools of PHP-FPM that have a WheelFpmStatus. */
#define CONFIG_FPM_MAX 64

static struct {
    int used; /* WheelRequests on stands somewhere */
    wheel_fastcgi_t fpm[CONFIG_FPM_MAX];
    apr_uint32_t fpm_hash[CONFIG_FPM_MAX]; /* of its URL, never 0 */
    unsigned fpm_n;
} config_requests;

void wheel_config_requests_reset(void)
{
    memset(&config_requests, 0, sizeof(config_requests));
}

/* --- Read ---------------------------------------------------------------- */

int wheel_config_requests_used(void)
{
    return config_requests.used;
}

int wheel_config_requests_on(const request_rec *r)
{
    return wheel_config_location(r)->requests == 1;
}

int wheel_config_requests_watched(const request_rec *r)
{
    return wheel_config_location(r)->stop_on_disconnect == 1;
}

int wheel_config_own_steps(const request_rec *r)
{
    const wheel_dir_config_t *here = wheel_config_location(r);
    const wheel_dir_config_t *server =
        ap_get_module_config(r->server->lookup_defaults, &wheel_module);

    return here->interrupt_after != server->interrupt_after ||
           here->cut_after != server->cut_after ||
           here->cooldown_after != server->cooldown_after ||
           here->drain_after != server->drain_after;
}

/* --- Parse -------------------------------------------------------------- */

/* The value of "name=value".  @return NULL if text is another option */
static const char *option_value(const char *text, const char *name)
{
    size_t bytes = strlen(name);

    return !strncmp(text, name, bytes) && text[bytes] == '=' ? text + bytes + 1
                                                             : NULL;
}

static const wheel_config_word_t where_words[] = {
    {"none", 0},
    {"log", 1},
    {NULL, 0},
};

/* slow=TIME or where=WORD */
static const char *set_option(cmd_parms *cmd, wheel_dir_config_t *config,
                              const char *option)
{
    const char *slow = option_value(option, "slow");
    const char *where = option_value(option, "where");

    if (slow) {
        return wheel_config_time(cmd, "slow=", slow, &config->slow);
    }
    return where ? wheel_config_word(cmd, "where=", where, where_words,
                                     &config->where_log)
                 : apr_psprintf(cmd->pool,
                                "%s: '%s' is not slow=TIME, where=log or "
                                "where=none",
                                cmd->cmd->name, option);
}

const char *wheel_config_set_requests(cmd_parms *cmd, void *dir,
                                      const char *word, const char *first,
                                      const char *second)
{
    wheel_dir_config_t *config = dir;
    const char *error = wheel_config_word(cmd, "", word, wheel_config_switch,
                                          &config->requests);

    if (error) {
        return error;
    }
    config_requests.used |= config->requests;
    if (first) {
        error = set_option(cmd, config, first);
    }
    if (error || !second) {
        return error;
    }
    error = set_option(cmd, config, second);
    return error ? error : wheel_config_twice(cmd, first, second);
}

static const wheel_config_word_t action_words[] = {
    {"stop", WHEEL_ACTION_STOP},
    {"log", WHEEL_ACTION_LOG},
    {"cooldown", WHEEL_ACTION_COOLDOWN},
    {"drain", WHEEL_ACTION_DRAIN},
    {NULL, 0},
};

/* action=WORD */
static const char *parse_action(cmd_parms *cmd, const char *option, int *action)
{
    const char *word = option_value(option, "action");
    const char *error;

    if (!word) {
        return apr_psprintf(cmd->pool,
                            "%s: '%s' is not action=stop, action=log, "
                            "action=cooldown or action=drain",
                            cmd->cmd->name, option);
    }
    error = wheel_config_word(cmd, "action=", word, action_words, action);
    if (!error && *action == WHEEL_ACTION_COOLDOWN) {
        wheel_config_need(cmd, WHEEL_PRIVILEGED_COOLDOWN);
    }
    return error;
}

const char *wheel_config_set_timeout(cmd_parms *cmd, void *dir,
                                     const char *time, const char *action)
{
    wheel_dir_config_t *config = dir;
    const char *error = wheel_config_time(cmd, "", time, &config->wait_max);

    config->wait_action = 0;
    return error || !action ? error
                            : parse_action(cmd, action, &config->wait_action);
}

const char *wheel_config_set_cpu_limit(cmd_parms *cmd, void *dir,
                                       const char *time, const char *action)
{
    wheel_dir_config_t *config = dir;
    const char *error = wheel_config_time(cmd, "", time, &config->cpu_max);

    config->cpu_action = 0;
    return error || !action ? error
                            : parse_action(cmd, action, &config->cpu_action);
}

const wheel_fastcgi_t *wheel_config_fpm(apr_uint32_t hash)
{
    unsigned n;

    for (n = 0; n < config_requests.fpm_n; n++) {
        if (config_requests.fpm_hash[n] == hash) {
            return &config_requests.fpm[n];
        }
    }
    return NULL;
}

const char *wheel_config_set_fpm_status(cmd_parms *cmd, void *dir,
                                        const char *url)
{
    wheel_dir_config_t *config = dir;
    unsigned n = config_requests.fpm_n;
    apr_ssize_t bytes = (apr_ssize_t)strlen(url);
    apr_uint32_t hash = apr_hashfunc_default(url, &bytes) | 1;
    const char *error;

    config->fpm = hash;
    if (wheel_config_fpm(hash)) {
        return NULL;
    }
    if (n == CONFIG_FPM_MAX) {
        return apr_psprintf(cmd->pool, "%s: there are more than %d of these",
                            cmd->cmd->name, CONFIG_FPM_MAX);
    }
    error = wheel_fastcgi_parse(&config_requests.fpm[n], url, cmd->pool);
    if (error) {
        return apr_psprintf(cmd->pool, "%s: '%s': %s", cmd->cmd->name, url,
                            error);
    }
    config_requests.fpm_hash[n] = hash;
    config_requests.fpm_n++;
    return NULL;
}
