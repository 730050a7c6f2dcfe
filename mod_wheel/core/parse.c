/* SPDX-License-Identifier: Apache-2.0 */
/* core/parse.c: what a request asks for, out of its text.
 *
 * Any thread; everything here comes from a stranger.
 */
#include "core/parse.h"

#include <string.h>

#include "apr_cstr.h"
#include "apr_escape.h"
#include "apr_lib.h"
#include "apr_strings.h"

#include "mod_wheel.h"

/* Digits of a second that count. */
#define PARSE_FRACTION_DIGITS 6

/* Numbers that fit any double, so that every JSON reader gets them right. */
#define PARSE_ID_MAX (UINT64_C(1) << 53)

int wheel_parse_name(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz"
                                 "0123456789._-");

    return length > 0 && length <= WHEEL_NAME_MAX && name[length] == '\0';
}

static const char *allowed_names(const wheel_param_t *params, apr_pool_t *pool)
{
    const char *names = "";
    const wheel_param_t *param;

    for (param = params; param->name; param++) {
        names = apr_pstrcat(pool, names, param == params ? "" : ", ",
                            param->name, NULL);
    }
    return names;
}

/* One name=value, in place. */
static const char *parse_pair(char *pair, wheel_param_t *params,
                              apr_pool_t *pool)
{
    wheel_param_t *param = params;
    char *value = strchr(pair, '=');

    if (value) {
        *value++ = '\0';
    }
    while (param->name && strcmp(param->name, pair)) {
        param++;
    }
    if (!param->name) {
        return apr_psprintf(pool, "unknown parameter '%.64s'; allowed are: %s",
                            pair, allowed_names(params, pool));
    }
    if (param->value) {
        return apr_psprintf(pool, "parameter '%s' is given twice", pair);
    }
    param->value = "";
    if (value && *value) {
        param->value = apr_punescape_url(pool, value, NULL, NULL, 1);
    }
    if (!param->value) {
        return apr_psprintf(pool, "parameter '%s' has a broken %%-escape",
                            pair);
    }
    return NULL;
}

const char *wheel_parse_query(const char *query, wheel_param_t *params,
                              apr_pool_t *pool)
{
    const char *error = NULL;
    wheel_param_t *param;
    char *pair;
    char *rest;

    for (param = params; param->name; param++) {
        param->value = NULL;
    }
    if (!query) {
        return NULL;
    }
    pair = apr_strtok(apr_pstrdup(pool, query), "&", &rest);
    while (pair && !error) {
        error = parse_pair(pair, params, pool);
        pair = apr_strtok(NULL, "&", &rest);
    }
    return error;
}

/* Digits from *text on.  @return 0 if there is none or the number is above
 * max; *text is behind them otherwise */
static int parse_digits(const char **text, apr_uint64_t max,
                        apr_uint64_t *number)
{
    const char *at = *text;

    *number = 0;
    while (apr_isdigit(*at)) {
        *number = *number * 10 + (apr_uint64_t)(*at++ - '0');
        if (*number > max) {
            return 0;
        }
    }
    if (at == *text) {
        return 0;
    }
    *text = at;
    return 1;
}

int wheel_parse_seconds(const char *text, apr_interval_time_t *usec)
{
    apr_uint64_t seconds;
    apr_interval_time_t fraction = 0;
    int digits = 0;

    if (!parse_digits(&text, WHEEL_SECONDS_MAX, &seconds)) {
        return 0;
    }
    if (*text == '.') {
        text++;
        while (digits < PARSE_FRACTION_DIGITS && apr_isdigit(text[digits])) {
            fraction = fraction * 10 + (text[digits++] - '0');
        }
        text += digits;
        if (!digits) {
            return 0;
        }
        for (; digits < PARSE_FRACTION_DIGITS; digits++) {
            fraction *= 10;
        }
    }
    if (*text || (seconds == WHEEL_SECONDS_MAX && fraction)) {
        return 0;
    }
    *usec = (apr_interval_time_t)seconds * APR_USEC_PER_SEC + fraction;
    return 1;
}

const char *wheel_parse_time(const char *name, const char *value,
                             apr_interval_time_t *usec, apr_pool_t *pool)
{
    if (!value || wheel_parse_seconds(value, usec)) {
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not a number of seconds from 0 to %d, "
                        "such as 30 or 0.5",
                        name, value, WHEEL_SECONDS_MAX);
}

const char *wheel_parse_flag(const char *name, const char *value, int *flag,
                             apr_pool_t *pool)
{
    *flag = value != NULL;
    if (!value || !*value) {
        return NULL;
    }
    return apr_psprintf(pool, "%s: takes no value, but has '%.64s'", name,
                        value);
}

int wheel_parse_load(const char *text, unsigned *load)
{
    apr_uint64_t percent;

    if (!parse_digits(&text, WHEEL_LOAD_MAX, &percent) || !percent || *text) {
        return 0;
    }
    *load = (unsigned)percent;
    return 1;
}

int wheel_parse_id(const char *text, apr_uint64_t *id)
{
    return parse_digits(&text, PARSE_ID_MAX, id) && *id > 0 && !*text;
}

/* Is this one preference (a name, perhaps a value, perhaps parameters) a wait
 * with a whole number? */
static int wait_seconds(char *preference, apr_uint64_t *seconds)
{
    const char *value;
    char *end;

    end = strchr(preference, ';');
    if (end) {
        *end = '\0'; /* wait has no parameters that mean anything */
    }
    apr_collapse_spaces(preference, preference);
    if (apr_cstr_casecmpn(preference, "wait=", 5)) {
        return 0;
    }
    value = preference + 5;
    if (*value == '"') {
        value++;
        end = strchr(value, '"');
        if (!end || end[1]) {
            return 0;
        }
        *end = '\0';
    }
    return parse_digits(&value, WHEEL_SECONDS_MAX, seconds) && !*value;
}

int wheel_parse_prefer_wait(const char *prefer, apr_interval_time_t *usec,
                            apr_pool_t *pool)
{
    char *rest;
    char *preference;
    apr_uint64_t seconds;

    if (!prefer) {
        return 0;
    }
    preference = apr_strtok(apr_pstrdup(pool, prefer), ",", &rest);
    while (preference) {
        if (wait_seconds(preference, &seconds)) {
            *usec = (apr_interval_time_t)seconds * APR_USEC_PER_SEC;
            return 1;
        }
        preference = apr_strtok(NULL, ",", &rest);
    }
    return 0;
}
