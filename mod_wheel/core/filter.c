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
#include "core/request_slots.h"

/* As the status writes them. */
#define HEX_DIGITS "0123456789abcdef"

/* The longest name of an interface. */
#define ZONE_BYTES_MAX 15

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

/* Interfaces have names of nearly any characters. */
static int is_zone(const char *zone)
{
    size_t bytes = strlen(zone);
    size_t n;

    for (n = 0; n < bytes; n++) {
        if (zone[n] <= ' ' || zone[n] > '~' || zone[n] == '/') {
            return 0;
        }
    }
    return bytes > 0 && bytes <= ZONE_BYTES_MAX;
}

/* Kept in the one form in which httpd writes addresses: one of IPv4 without
 * what IPv6 puts before it, a link-local one, and no other, with its zone
 * (fe80::1%eth0).
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
    size_t zone_bytes = zone ? strlen(zone) : 0;

    if (inet_pton(family, plain, &address) == 1 &&
        (!zone || (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address) &&
                   is_zone(zone + 1)))) {
        if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address)) {
            family = AF_INET;
            bytes = address.s6_addr + 12;
        }
        inet_ntop(family, bytes, text, sizeof(text));
        if (strlen(text) + zone_bytes < WHEEL_REQUEST_CLIENT_BYTES) {
            *(const char **)place = apr_pstrcat(pool, text, zone, NULL);
            return NULL;
        }
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not the address of a client, such "
                        "as 192.0.2.7, 2001:db8::7 or fe80::7%%eth0, of %d "
                        "bytes at most",
                        name, value, WHEEL_REQUEST_CLIENT_BYTES - 1);
}

static int hex_digit(char c)
{
    const char *digit = c ? strchr(HEX_DIGITS, c) : NULL;

    return digit ? (int)(digit - HEX_DIGITS) : -1;
}

/* Undo how the status shows what is not printable: \\ and \x0a.
 * @return how many bytes there are; 0 if one of them is a NUL */
static size_t unescape(char *text)
{
    const char *from = text;
    char *to = text;

    while (*from) {
        int high = from[0] == '\\' && from[1] == 'x' ? hex_digit(from[2]) : -1;
        int low = high >= 0 ? hex_digit(from[3]) : -1;

        if (low >= 0) {
            *to = (char)(high << 4 | low);
            if (!*to++) {
                return 0;
            }
            from += 4;
            continue;
        }
        from += from[0] == '\\' && from[1] == '\\';
        *to++ = *from++;
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* How many bytes of its text a job keeps.  A longer one in a filter would match
 * none. */
static size_t kept_max(const char *param)
{
    static const struct {
        const char *param;
        size_t bytes;
    } kept[] = {
        {"handler", WHEEL_HANDLER_BYTES},
        {"path", WHEEL_REQUEST_PATH_BYTES},
        {"host", WHEEL_REQUEST_HOST_BYTES},
        {"method", WHEEL_REQUEST_METHOD_BYTES},
    };
    size_t n = 0;

    while (strcmp(kept[n].param, param)) {
        n++;
    }
    return kept[n].bytes - 1;
}

/* Texts that httpd has from its configuration or from clients, of any bytes, as
 * they are or as the status shows them.
 * @param place a const char * */
static const char *read_text(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    char *text = apr_pstrdup(pool, value);
    size_t bytes = unescape(text);
    size_t bytes_max = kept_max(name);

    if (bytes > 0 && bytes - (text[bytes - 1] == '*') <= bytes_max) {
        *(const char **)place = text;
        return NULL;
    }
    return apr_psprintf(pool,
                        "%s: '%.64s' is not 1 to %d bytes, with a * at the end "
                        "for any rest; of a longer %s, jobs keep the first %d",
                        name, value, (int)bytes_max, name, (int)bytes_max);
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

/* As the status shows it, in so far as it would be read as something else: a
 * backslash stands twice. */
static const char *escape(const char *text, apr_pool_t *pool)
{
    char *escaped = apr_palloc(pool, 2 * strlen(text) + 1);
    char *to = escaped;

    while (*text) {
        if (*text == '\\') {
            *to++ = '\\';
        }
        *to++ = *text++;
    }
    *to = '\0';
    return escaped;
}

static const char *with_text(const char *text, const char *param,
                             const char *value, apr_pool_t *pool)
{
    return value ? with(text, param,
                        apr_pescape_urlencoded(pool, escape(value, pool)), pool)
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
