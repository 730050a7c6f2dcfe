/* SPDX-License-Identifier: Apache-2.0 */
/* redis/url.c: the link to Redis, out of WheelCluster's URL and options.
 *
 * No message shows any part of an URL: it may be a part of a password,
 * wherever it stands.
 */
#include "redis/redis.h"

#include "redis/private.h"

#include <string.h>
#include <sys/un.h>

#include "apr_escape.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "apr_uri.h"

#define URL_PORT_DEFAULT "6379"
#define URL_PORT_DIGITS_MAX 9
#define URL_DB_MAX 65535

#define URL_FORM                                                        \
    "the URL is not of the form "                                       \
    "redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], where what stands in " \
    "USER and PASSWORD beside letters and digits is written as %XX"

/* @param plain set to the text without %XX, or NULL if there is none
 * @return 0 if what follows a % is wrong */
static int decode(const char *text, const char **plain, apr_pool_t *pool)
{
    *plain = NULL;
    if (!text || !*text) {
        return 1;
    }
    *plain = apr_punescape_url(pool, text, NULL, NULL, 0);
    return *plain != NULL;
}

static const char *read_tcp(wheel_link_t *link, const char *url,
                            apr_pool_t *pool)
{
    apr_uri_t uri;
    apr_int64_t db;
    char *end;

    if (apr_uri_parse(pool, url, &uri) != APR_SUCCESS || !uri.hostname ||
        !*uri.hostname || uri.query || uri.fragment) {
        return URL_FORM;
    }
    if (uri.port_str && *uri.port_str &&
        (uri.port == 0 || strlen(uri.port_str) > URL_PORT_DIGITS_MAX ||
         apr_strtoi64(uri.port_str, NULL, 10) > APR_UINT16_MAX)) {
        return "what follows the host in the URL is not the number of a port, "
               "from 1 to 65535";
    }
    link->host = uri.hostname;
    link->port =
        uri.port_str && *uri.port_str ? uri.port_str : URL_PORT_DEFAULT;
    if (!decode(uri.user, &link->user, pool) ||
        !decode(uri.password, &link->password, pool)) {
        return URL_FORM;
    }
    if (uri.path && uri.path[0] && uri.path[1]) {
        if (strchr(uri.path, '@')) {
            return URL_FORM; /* a slash in the password */
        }
        db = apr_strtoi64(uri.path + 1, &end, 10);
        if (!apr_isdigit(uri.path[1]) || *end || db > URL_DB_MAX) {
            return "what follows the host in the URL is not the number of a "
                   "database, from 0 to 65535";
        }
        link->db = (int)db;
    }
    link->where = apr_psprintf(pool, "redis://%s%s%s:%s/",
                               strchr(link->host, ':') ? "[" : "", link->host,
                               strchr(link->host, ':') ? "]" : "", link->port);
    return NULL;
}

static const char *read_unix(wheel_link_t *link, const char *url,
                             apr_pool_t *pool)
{
    struct sockaddr_un address;

    link->path = url + strlen(WHEEL_REDIS_UNIX ":");
    while (link->path[0] == '/' && link->path[1] == '/') {
        link->path++;
    }
    if (link->path[0] != '/' || strchr(link->path, '@') ||
        strlen(link->path) >= sizeof(address.sun_path)) {
        return apr_psprintf(pool,
                            "what follows unix: is not the path of a socket: "
                            "it begins with a slash, has no @ and at most %d "
                            "bytes",
                            (int)sizeof(address.sun_path) - 1);
    }
    link->where =
        apr_pstrcat(pool, WHEEL_REDIS_UNIX ":", link->path, "/", NULL);
    return NULL;
}

const char *wheel_redis_link_read(wheel_link_t **made,
                                  const wheel_link_spec_t *spec,
                                  apr_pool_t *pool)
{
    wheel_link_t *link = apr_pcalloc(pool, sizeof(*link));
    int is_unix =
        !strncmp(spec->url, WHEEL_REDIS_UNIX ":", sizeof(WHEEL_REDIS_UNIX));
    const char *error = (is_unix ? read_unix : read_tcp)(link, spec->url, pool);

    if (error) {
        return error;
    }
    link->key = spec->key;
    link->live = apr_pstrcat(pool, spec->key, ":live", NULL);
    link->hosts = apr_pstrcat(pool, spec->key, ":hosts", NULL);
    link->length_max = spec->length_max;
    link->timeout = spec->timeout;
    if (spec->db >= 0) {
        link->db = spec->db;
    }
    if (spec->user) {
        link->user = spec->user;
    }
    if (spec->password) {
        link->password = spec->password;
    }
    if (link->user && !link->password) {
        return "a user needs a password, in the URL or by password-file=";
    }
    link->where = apr_psprintf(pool, "%s%d", link->where, link->db);
    *made = link;
    return NULL;
}
