/* SPDX-License-Identifier: Apache-2.0 */
/* core/parse.c: reads names, numbers and queries from text.
 *
 * Any thread; the texts come from clients.
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

/* --- Queries -------------------------------------------------------------- */

/* A query while it is read. */
typedef struct query_t {
    const wheel_param_t *params;
    char *to;
    apr_array_header_t *given; /* of const wheel_param_t * */
    apr_pool_t *pool;
} query_t;

static const char *allowed_names(const wheel_param_t *params, apr_pool_t *pool)
{
    const char *names = "";
    const wheel_param_t *param;

    for (param = params; param->name || param->group; param++) {
        names = apr_pstrcat(pool, names, param == params ? "" : ", ",
                            param->name ? param->name
                                        : allowed_names(param->group, pool),
                            NULL);
    }
    return names;
}

/* @param to the struct that params is for; set to that of the parameter */
static const wheel_param_t *find_param(const wheel_param_t *params,
                                       const char *name, char **to)
{
    const wheel_param_t *param;

    for (param = params; param->name || param->group; param++) {
        if (param->group) {
            char *inner = *to + param->offset;
            const wheel_param_t *found = find_param(param->group, name, &inner);

            if (found) {
                *to = inner;
                return found;
            }
        }
        else if (!strcmp(param->name, name)) {
            return param;
        }
    }
    return NULL;
}

static int is_given(const query_t *query, const wheel_param_t *param)
{
    int n;

    for (n = 0; n < query->given->nelts; n++) {
        if (APR_ARRAY_IDX(query->given, n, const wheel_param_t *) == param) {
            return 1;
        }
    }
    return 0;
}

/* One name=value, which is overwritten. */
static const char *parse_pair(query_t *query, char *pair)
{
    apr_pool_t *pool = query->pool;
    const wheel_param_t *param;
    const char *decoded;
    char *to = query->to;
    char *value = strchr(pair, '=');

    if (value) {
        *value++ = '\0';
    }
    param = find_param(query->params, pair, &to);
    if (!param) {
        return apr_psprintf(pool, "unknown parameter '%.64s'; allowed are: %s",
                            pair, allowed_names(query->params, pool));
    }
    if (is_given(query, param)) {
        return apr_psprintf(pool, "parameter '%s' is given twice", pair);
    }
    APR_ARRAY_PUSH(query->given, const wheel_param_t *) = param;
    if (!value || !*value) {
        return param->read(param->name, "", to + param->offset, pool);
    }
    decoded = apr_punescape_url(pool, value, NULL, NULL, 1);
    if (!decoded) {
        return apr_psprintf(
            pool,
            "parameter '%s' has %%00 or a broken %%-escape; a %% "
            "of its own is written as %%25",
            pair);
    }
    return param->read(param->name, decoded, to + param->offset, pool);
}

const char *wheel_parse_query(const char *query, const wheel_param_t *params,
                              void *to, apr_pool_t *pool)
{
    query_t state = {params, to, NULL, pool};
    const char *error = NULL;
    char *pair;
    char *rest;

    if (!query || !*query) {
        return NULL;
    }
    state.given = apr_array_make(pool, 8, sizeof(const wheel_param_t *));
    pair = apr_strtok(apr_pstrdup(pool, query), "&", &rest);
    while (pair && !error) {
        error = parse_pair(&state, pair);
        pair = apr_strtok(NULL, "&", &rest);
    }
    if (!error && !state.given->nelts) {
        return apr_psprintf(pool,
                            "the query '%.64s' has no parameter; allowed are: "
                            "%s",
                            query, allowed_names(params, pool));
    }
    return error;
}

/* --- Values --------------------------------------------------------------- */

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

static const char *parse_time_up_to(const char *name, const char *value,
                                    int seconds_max, apr_interval_time_t *usec,
                                    apr_pool_t *pool)
{
    apr_interval_time_t parsed;

    if (wheel_parse_seconds(value, &parsed) &&
        parsed <= apr_time_from_sec(seconds_max)) {
        *usec = parsed;
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not a number of seconds from 0 to %d, "
                        "such as 30 or 0.5, with six decimals at most",
                        name, value, seconds_max);
}

const char *wheel_parse_time(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    return parse_time_up_to(name, value, WHEEL_SECONDS_MAX, place, pool);
}

const char *wheel_parse_stop_wait(const char *name, const char *value,
                                  void *place, apr_pool_t *pool)
{
    return parse_time_up_to(name, value, WHEEL_STOP_WAIT_MAX, place, pool);
}

const char *wheel_parse_flag(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    *(int *)place = 1;
    if (!*value) {
        return NULL;
    }
    return apr_psprintf(pool, "%s: takes no value, but has '%.64s'", name,
                        value);
}

const char *wheel_parse_load(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    const char *end = value;
    apr_uint64_t percent;

    if (parse_digits(&end, WHEEL_LOAD_MAX, &percent) && percent && !*end) {
        *(unsigned *)place = (unsigned)percent;
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not a whole number from 1 to %d, "
                        "percent of one core",
                        name, value, WHEEL_LOAD_MAX);
}

int wheel_parse_id(const char *text, apr_uint64_t *id)
{
    return parse_digits(&text, PARSE_ID_MAX, id) && *id > 0 && !*text;
}

int wheel_parse_prefer_wait(const char *preference, apr_interval_time_t *usec)
{
    const char *value;
    apr_uint64_t seconds;
    int quoted;

    if (strncmp(preference, "wait=", 5)) {
        return 0;
    }
    value = preference + 5;
    quoted = *value == '"';
    value += quoted;
    if (!parse_digits(&value, WHEEL_SECONDS_MAX, &seconds) ||
        (quoted && *value++ != '"') || (*value && *value != ';')) {
        return 0;
    }
    *usec = (apr_interval_time_t)seconds * APR_USEC_PER_SEC;
    return 1;
}
