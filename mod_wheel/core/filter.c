/* SPDX-License-Identifier: Apache-2.0 */
/* core/filter.c: filters, by which stops and listings select jobs.
 *
 * Any thread; the texts come from clients.
 */
#include "core/filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "apr_escape.h"
#include "apr_strings.h"

#include "mod_wheel.h"
#include "core/parse.h"

/* --- From text ----------------------------------------------------------- */

/* @param place a const char * */
static const char *read_name(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    size_t length = strlen(value);
    size_t stem = length && value[length - 1] == '*' ? length - 1 : length;

    if ((stem < length && stem == 0) ||
        wheel_parse_name(apr_pstrmemdup(pool, value, stem))) {
        *(const char **)place = apr_pstrdup(pool, value);
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not the name of a wheel: allowed "
                        "are 1 to %d of A-Z a-z 0-9 . _ -, and a * at the end "
                        "for any rest",
                        name, value, WHEEL_NAME_MAX);
}

/* @param place an apr_uint64_t */
static const char *read_id(const char *name, const char *value, void *place,
                           apr_pool_t *pool)
{
    if (wheel_parse_id(value, place)) {
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not the number of a wheel, as in the "
                        "Wheel-Id of its answer or the status page",
                        name, value);
}

/* Kept in the one form in which httpd writes addresses: one of IPv4 without
 * what IPv6 puts before it, a link-local one with its zone (fe80::1%eth0).
 * @param place a const char * */
static const char *read_client(const char *name, const char *value, void *place,
                               apr_pool_t *pool)
{
    const char *zone = strchr(value, '%');
    const char *plain =
        zone ? apr_pstrmemdup(pool, value, (apr_size_t)(zone - value)) : value;
    int family = strchr(plain, ':') ? AF_INET6 : AF_INET;
    struct in6_addr address;
    const void *bytes = &address;
    char text[INET6_ADDRSTRLEN];

    if (inet_pton(family, plain, &address) == 1 &&
        (!zone || (family == AF_INET6 && wheel_parse_name(zone + 1)))) {
        if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address)) {
            family = AF_INET;
            bytes = address.s6_addr + 12;
        }
        inet_ntop(family, bytes, text, sizeof(text));
        *(const char **)place = apr_pstrcat(pool, text, zone, NULL);
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not the address of a client, such "
                        "as 192.0.2.7, 2001:db8::7 or fe80::7%%eth0",
                        name, value);
}

/* Texts that httpd has from its configuration or from clients: handlers are
 * called proxy:fcgi://localhost or text/html as well.
 * @param place a const char * */
static const char *read_text(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    size_t bytes = strlen(value);
    int odd = bytes == 0 || bytes > WHEEL_FILTER_TEXT_MAX;
    size_t n;

    for (n = 0; n < bytes; n++) {
        odd |= value[n] <= ' ' || value[n] > '~';
    }
    if (!odd) {
        *(const char **)place = apr_pstrdup(pool, value);
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not allowed: 1 to %d printable "
                        "characters of ASCII without blanks, and a * at the "
                        "end for any rest",
                        name, value, WHEEL_FILTER_TEXT_MAX);
}

/* @param place a wheel_filter_kind_e */
static const char *read_kind(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    wheel_filter_kind_e *kind = place;

    if (!strcmp(value, "request")) {
        *kind = WHEEL_FILTER_REQUEST;
        return NULL;
    }
    if (!strcmp(value, "wheel")) {
        *kind = WHEEL_FILTER_WHEEL;
        return NULL;
    }
    return apr_psprintf(pool, "%s: '%.64s' is not one of: request, wheel", name,
                        value);
}

const wheel_param_t wheel_filter_params[] = {
    {"name", read_name, offsetof(wheel_filter_t, name), NULL},
    {"id", read_id, offsetof(wheel_filter_t, id), NULL},
    {"client", read_client, offsetof(wheel_filter_t, client), NULL},
    {"handler", read_text, offsetof(wheel_filter_t, handler), NULL},
    {"older", wheel_parse_time, offsetof(wheel_filter_t, older), NULL},
    {"path", read_text, offsetof(wheel_filter_t, path), NULL},
    {"host", read_text, offsetof(wheel_filter_t, host), NULL},
    {"method", read_text, offsetof(wheel_filter_t, method), NULL},
    {"kind", read_kind, offsetof(wheel_filter_t, kind), NULL},
    {NULL, NULL, 0, NULL},
};

const char *wheel_filter_read(wheel_filter_t *filter, const char *param,
                              const char *value, apr_pool_t *pool)
{
    const wheel_param_t *found = wheel_filter_params;

    while (strcmp(found->name, param)) {
        found++;
    }
    return found->read(param, value, (char *)filter + found->offset, pool);
}

const char *wheel_filter_parse(wheel_filter_t *filter, const char *query,
                               apr_pool_t *pool)
{
    return wheel_parse_query(query, wheel_filter_params, filter, pool);
}

/* --- Which jobs ---------------------------------------------------------- */

int wheel_filter_means_requests(const wheel_filter_t *filter)
{
    return filter->kind != WHEEL_FILTER_WHEEL &&
           (filter->id || filter->handler || filter->path || filter->host ||
            filter->method || filter->kind == WHEEL_FILTER_REQUEST);
}

int wheel_filter_is_any(const wheel_filter_t *filter)
{
    return !filter->name && !filter->id && !filter->client &&
           !filter->handler && !filter->path && !filter->host &&
           !filter->method && filter->kind == WHEEL_FILTER_ANY &&
           filter->older == 0;
}

static int name_matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);

    if (length && pattern[length - 1] == '*') {
        return *name && !strncmp(pattern, name, length - 1);
    }
    return !strcmp(pattern, name);
}

/* @param text NULL: jobs that are no requests have none */
static int text_matches(const char *pattern, const char *text)
{
    return !pattern || (text && name_matches(pattern, text));
}

static int kind_matches(wheel_filter_kind_e kind, const wheel_facets_t *job)
{
    return kind == WHEEL_FILTER_ANY ||
           (kind == WHEEL_FILTER_REQUEST) == (job->path != NULL);
}

int wheel_filter_matches(const wheel_filter_t *filter,
                         const wheel_facets_t *job)
{
    return (!filter->id || filter->id == job->id) &&
           (!filter->name || name_matches(filter->name, job->name)) &&
           (!filter->client || !strcmp(filter->client, job->client)) &&
           text_matches(filter->handler, job->handler) &&
           text_matches(filter->path, job->path) &&
           text_matches(filter->host, job->host) &&
           text_matches(filter->method, job->method) &&
           kind_matches(filter->kind, job) && job->elapsed >= filter->older;
}

/* --- To text ------------------------------------------------------------- */

static const char *with(const char *text, const char *param, const char *value,
                        apr_pool_t *pool)
{
    return apr_pstrcat(pool, text, *text ? "&" : "", param, "=", value, NULL);
}

/* The * that stands for any rest is no character of the text. */
static const char *with_text(const char *text, const char *param,
                             const char *value, apr_pool_t *pool)
{
    return value ? with(text, param, apr_pescape_urlencoded(pool, value), pool)
                 : text;
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
    text = with_text(text, "handler", filter->handler, pool);
    text = with_text(text, "path", filter->path, pool);
    text = with_text(text, "host", filter->host, pool);
    text = with_text(text, "method", filter->method, pool);
    if (filter->kind != WHEEL_FILTER_ANY) {
        text = with(text, "kind",
                    filter->kind == WHEEL_FILTER_REQUEST ? "request" : "wheel",
                    pool);
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
