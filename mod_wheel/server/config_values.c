/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_values.c: the values of directives: numbers, words, times.
 *
 * Runs while the configuration is read.
 */
#include "server/config_values.h"

#include <string.h>

#include "apr_lib.h"
#include "apr_strings.h"

/* Any number that has no limit of its own: far above what an MPM can run. */
#define CONFIG_NUMBER_MAX 10000000

/* WheelTimeout: a year. */
#define CONFIG_TIMEOUT_MAX_USEC (365 * 24 * 3600 * APR_USEC_PER_SEC)

const wheel_config_word_t wheel_config_switch[] = {
    {"on", 1},
    {"off", 0},
    {NULL, 0},
};

const char *wheel_config_range(cmd_parms *cmd, const char *option,
                               const char *text, int min, int max, int *number)
{
    apr_int64_t parsed;
    char *end;

    parsed = apr_strtoi64(text, &end, 10);
    if (!apr_isdigit(*text) || *end || parsed < min || parsed > max) {
        return apr_psprintf(cmd->pool,
                            "%s: %s'%s' is not a whole number from %d to %d",
                            cmd->cmd->name, option, text, min, max);
    }
    *number = (int)parsed;
    return NULL;
}

const char *wheel_config_number(cmd_parms *cmd, const char *text, int min,
                                int *number)
{
    return wheel_config_range(cmd, "", text, min, CONFIG_NUMBER_MAX, number);
}

const char *wheel_config_word(cmd_parms *cmd, const char *option,
                              const char *text,
                              const wheel_config_word_t *words, int *value)
{
    const char *allowed = "";
    const wheel_config_word_t *word;

    for (word = words; word->word; word++) {
        if (!ap_cstr_casecmp(text, word->word)) {
            *value = word->value;
            return NULL;
        }
        allowed = apr_pstrcat(cmd->pool, allowed, word == words ? "" : ", ",
                              word->word, NULL);
    }
    return apr_psprintf(cmd->pool, "%s: %s'%s' is not one of: %s",
                        cmd->cmd->name, option, text, allowed);
}

const char *wheel_config_twice(cmd_parms *cmd, const char *option,
                               const char *other)
{
    size_t bytes = strcspn(option, "=");

    if (option[bytes] != '=' || strncmp(option, other, bytes + 1)) {
        return NULL;
    }
    return apr_psprintf(cmd->pool, "%s: %.*s= is given twice", cmd->cmd->name,
                        (int)bytes, option);
}

const char *wheel_config_time(cmd_parms *cmd, const char *option,
                              const char *text, apr_interval_time_t *time)
{
    apr_interval_time_t parsed;

    if (!apr_isdigit(*text) ||
        ap_timeout_parameter_parse(text, &parsed, "s") != APR_SUCCESS ||
        parsed < 0 || parsed > CONFIG_TIMEOUT_MAX_USEC) {
        return apr_psprintf(cmd->pool,
                            "%s: %s'%s' is not 0 or a time from 1ms to 8760h, "
                            "such as 30, 500ms, 10min or 2h",
                            cmd->cmd->name, option, text);
    }
    *time = parsed;
    return NULL;
}
