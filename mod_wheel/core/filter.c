/* SPDX-License-Identifier: Apache-2.0 */
/* core/filter.c: which jobs are meant.
 *
 * Any thread; the texts come from strangers.
 */
#include "core/filter.h"

#include <arpa/inet.h>
#include <string.h>

#include "apr_escape.h"
#include "apr_strings.h"

#include "mod_wheel.h"
#include "core/parse.h"

const char *const wheel_filter_params[] = {"name",    "id",    "client",
                                           "handler", "older", NULL};

/* --- From text ----------------------------------------------------------- */

static const char *read_name(wheel_filter_t *filter, const char *value,
                             apr_pool_t *pool)
{
    size_t length = strlen(value);
    size_t stem = length && value[length - 1] == '*' ? length - 1 : length;

    filter->name = apr_pstrdup(pool, value);
    if (stem < length && stem == 0) {
        return NULL;
    }
    if (wheel_parse_name(apr_pstrmemdup(pool, value, stem))) {
        return NULL;
    }
    return apr_psprintf(pool,
                        "name: '%.64s' is not the name of a wheel: allowed "
                        "are 1 to %d of A-Z a-z 0-9 . _ -, and a * at the end "
                        "for any rest",
                        value, WHEEL_NAME_MAX);
}

static const char *read_id(wheel_filter_t *filter, const char *value,
                           apr_pool_t *pool)
{
    if (wheel_parse_id(value, &filter->id)) {
        return NULL;
    }
    return apr_psprintf(pool,
                        "id: '%.64s' is not the number of a wheel, as in the "
                        "Wheel-Id of its answer or the status page",
                        value);
}

/* Kept in the one form in which httpd writes addresses. */
static const char *read_client(wheel_filter_t *filter, const char *value,
                               apr_pool_t *pool)
{
    unsigned char address[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];
    int family = strchr(value, ':') ? AF_INET6 : AF_INET;

    if (inet_pton(family, value, address) == 1 &&
        inet_ntop(family, address, text, sizeof(text))) {
        filter->client = apr_pstrdup(pool, text);
        return NULL;
    }
    return apr_psprintf(pool,
                        "client: '%.64s' is not the address of a client, such "
                        "as 192.0.2.7 or 2001:db8::7",
                        value);
}

static const char *read_handler(wheel_filter_t *filter, const char *value,
                                apr_pool_t *pool)
{
    if (wheel_parse_name(value) && strlen(value) < WHEEL_HANDLER_BYTES) {
        filter->handler = apr_pstrdup(pool, value);
        return NULL;
    }
    return apr_psprintf(pool,
                        "handler: '%.64s' is not the name of a handler: "
                        "allowed are 1 to %d of A-Z a-z 0-9 . _ -",
                        value, WHEEL_HANDLER_BYTES - 1);
}

static const char *read_older(wheel_filter_t *filter, const char *value,
                              apr_pool_t *pool)
{
    return wheel_parse_time("older", value, &filter->older, pool);
}

typedef const char *read_fn(wheel_filter_t *filter, const char *value,
                            apr_pool_t *pool);

/* In the order of wheel_filter_params. */
static read_fn *const readers[] = {read_name, read_id, read_client,
                                   read_handler, read_older};

#define FILTER_PARAMS_N (sizeof(readers) / sizeof(readers[0]))

const char *wheel_filter_read(wheel_filter_t *filter, const char *param,
                              const char *value, apr_pool_t *pool)
{
    unsigned n = 0;

    while (strcmp(wheel_filter_params[n], param)) {
        n++;
    }
    return value ? readers[n](filter, value, pool) : NULL;
}

const char *wheel_filter_parse(wheel_filter_t *filter, const char *query,
                               apr_pool_t *pool)
{
    wheel_param_t params[FILTER_PARAMS_N + 1];
    const char *error;
    unsigned n;

    memset(params, 0, sizeof(params));
    for (n = 0; n < FILTER_PARAMS_N; n++) {
        params[n].name = wheel_filter_params[n];
    }
    error = wheel_parse_query(query, params, pool);
    for (n = 0; n < FILTER_PARAMS_N && !error; n++) {
        error =
            wheel_filter_read(filter, params[n].name, params[n].value, pool);
    }
    return error;
}

/* --- Which jobs ---------------------------------------------------------- */

int wheel_filter_is_any(const wheel_filter_t *filter)
{
    return !filter->name && !filter->id && !filter->client &&
           !filter->handler && filter->older == 0;
}

static int name_matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);

    if (length && pattern[length - 1] == '*') {
        return *name && !strncmp(pattern, name, length - 1);
    }
    return !strcmp(pattern, name);
}

int wheel_filter_matches(const wheel_filter_t *filter,
                         const wheel_facets_t *job)
{
    return (!filter->id || filter->id == job->id) &&
           (!filter->name || name_matches(filter->name, job->name)) &&
           (!filter->client || !strcmp(filter->client, job->client)) &&
           (!filter->handler || !strcmp(filter->handler, job->handler)) &&
           job->elapsed >= filter->older;
}

/* --- To text ------------------------------------------------------------- */

static const char *with(const char *text, const char *param, const char *value,
                        apr_pool_t *pool)
{
    return apr_pstrcat(pool, text, *text ? "&" : "", param, "=", value, NULL);
}

const char *wheel_filter_text(const wheel_filter_t *filter, apr_pool_t *pool)
{
    const char *text = "";

    if (filter->name) {
        text = with(text, "name", filter->name, pool);
    }
    if (filter->id) {
        text = with(text, "id",
                    apr_psprintf(pool, "%" APR_UINT64_T_FMT, filter->id), pool);
    }
    if (filter->client) {
        text = with(text, "client",
                    apr_pescape_urlencoded(pool, filter->client), pool);
    }
    if (filter->handler) {
        text = with(text, "handler", filter->handler, pool);
    }
    if (filter->older) {
        text = with(text, "older",
                    apr_psprintf(pool, "%" APR_TIME_T_FMT ".%06" APR_TIME_T_FMT,
                                 apr_time_sec(filter->older),
                                 apr_time_usec(filter->older)),
                    pool);
    }
    return text;
}
