/* SPDX-License-Identifier: Apache-2.0 */
/* http/site.c: refuses requests that another site has made a browser send, and
 * those that come through a local proxy.
 *
 * A browser sends what any page tells it to, from where its user is and with
 * his rights.  It says so in Sec-Fetch-Site, but not to a server that it knows
 * by an outside name or an address of the local network without TLS.  There,
 * Origin or Referer have to show that the page is one of this server.  curl and
 * other programs do only what their users tell them.
 *
 * Runs in the worker that runs the request.
 */
#include "http/site.h"

#include <arpa/inet.h>
#include <string.h>

#include "apr_strings.h"
#include "ap_provider.h"
#include "http_core.h"
#include "http_request.h"
#include "mod_auth.h"

#include "server/config.h"

/* How the names of headers begin that are set by whatever passes on the request
 * of another client.  A header without a value counts, too. */
static const char *const forwarding[] = {"CDN-Loop",
                                         "CF-Connecting-IP",
                                         "CF-Ray",
                                         "Client-IP",
                                         "Fastly-Client-IP",
                                         "Fly-Client-IP",
                                         "Forwarded",
                                         "Incap-Client-IP",
                                         "Proxy-Client-IP",
                                         "True-Client-IP",
                                         "Via",
                                         "WL-Proxy-",
                                         "X-Amzn-Trace-Id",
                                         "X-Appengine-",
                                         "X-ARR-",
                                         "X-Azure-",
                                         "X-Client-IP",
                                         "X-Cluster-Client-IP",
                                         "X-Envoy-",
                                         "X-Forward",
                                         "X-Original-",
                                         "X-Originating-IP",
                                         "X-Proxy",
                                         "X-Real-IP",
                                         "X-Remote-",
                                         "X-Scheme",
                                         "X-Varnish"};

/* Browsers that fetch or render ahead of their users say so in these. */
static const char *const purposes[] = {"Sec-Purpose", "Purpose", "X-Purpose",
                                       "X-Moz"};

/* Only browsers send one of these, and each browser sends one at least.
 * Sec-Fetch-Mode without Sec-Fetch-Site comes from fetch() of Node.js. */
static const char *const browser_headers[] = {"Origin", "Referer",
                                              "Sec-Fetch-Site", "Sec-CH-UA",
                                              "Upgrade-Insecure-Requests"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* @return the first of these headers that the request has, NULL for none */
static const char *first_of(const request_rec *r, const char *const *headers,
                            size_t headers_n)
{
    size_t n;

    for (n = 0; n < headers_n; n++) {
        const char *value = apr_table_get(r->headers_in, headers[n]);

        if (value && *value) {
            return headers[n];
        }
    }
    return NULL;
}

static int is_browser(const request_rec *r)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    const char *language = apr_table_get(r->headers_in, "Accept-Language");

    /* Any language at all is what programs ask for. */
    return first_of(r, browser_headers, COUNT(browser_headers)) ||
           (language && strcmp(language, "*")) ||
           (agent && strstr(agent, "Mozilla/"));
}

/* --- Proxies -------------------------------------------------------------- */

static int is_loopback(const apr_sockaddr_t *address)
{
    const unsigned char *bytes = address->ipaddr_ptr;

    if (address->family == APR_INET) {
        return bytes[0] == 127;
    }
#if APR_HAVE_IPV6
    if (address->family == APR_INET6) {
        const struct in6_addr *ipv6 = address->ipaddr_ptr;

        return IN6_IS_ADDR_LOOPBACK(ipv6) ||
               (IN6_IS_ADDR_V4MAPPED(ipv6) && bytes[12] == 127);
    }
#endif
    return 0;
}

typedef struct site_forwarding_t {
    const char *header; /* NULL: none yet */
} site_forwarding_t;

static int find_forwarding(void *data, const char *header, const char *value)
{
    site_forwarding_t *found = data;
    size_t n;

    (void)value;
    for (n = 0; n < COUNT(forwarding); n++) {
        if (!ap_cstr_casecmpn(header, forwarding[n], strlen(forwarding[n]))) {
            found->header = header;
            return 0;
        }
    }
    return 1;
}

/* A proxy on this machine, for which "Require local" lets everybody in.  Where
 * mod_remoteip has named the client, that is who is let in or not. */
static const char *check_proxy(request_rec *r)
{
    const conn_rec *c = r->connection;
    site_forwarding_t found = {NULL};

    if (r->useragent_addr != c->client_addr ||
        !(is_loopback(c->client_addr) ||
          apr_sockaddr_equal(c->client_addr, c->local_addr))) {
        return NULL;
    }
    apr_table_do(find_forwarding, &found, r->headers_in, NULL);
    return found.header
               ? apr_psprintf(r->pool,
                              "a proxy on this machine has passed the request "
                              "on (%.64s), so its client may be anywhere; see "
                              "WheelForwarded",
                              found.header)
               : NULL;
}

/* --- The server's names --------------------------------------------------- */

/* A name of wildcards alone is that of a host for all names, also foreign
 * ones. */
static int is_in(const apr_array_header_t *names, const char *host, int wild)
{
    int n;

    for (n = 0; names && n < names->nelts; n++) {
        const char *name = APR_ARRAY_IDX(names, n, const char *);

        if (name[strspn(name, "*?.")] &&
            (wild ? !ap_strcasecmp_match(host, name)
                  : !ap_cstr_casecmp(host, name))) {
            return 1;
        }
    }
    return 0;
}

static int is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static int is_localhost(const char *host)
{
    static const char name[] = ".localhost";
    size_t length = strlen(host);

    return !ap_cstr_casecmp(host, name + 1) ||
           (length >= sizeof(name) &&
            !ap_cstr_casecmp(host + length - (sizeof(name) - 1), name));
}

/* A name that ServerName or ServerAlias gives it. */
static int is_given(const server_rec *s, const char *host)
{
    return (s->server_hostname && !ap_cstr_casecmp(host, s->server_hostname)) ||
           is_in(s->names, host, 0) || is_in(s->wild_names, host, 1);
}

/* A name that leads here although nobody has given it to this server may be
 * one of another site, whose pages a browser then takes for ours. */
static const char *check_host(request_rec *r)
{
    const char *host = r->hostname;

    if (!host || !is_browser(r) || is_address(host) || is_localhost(host) ||
        is_given(r->server, host)) {
        return NULL;
    }
    return apr_psprintf(r->pool,
                        "'%.64s' is no name of this server; ServerName and "
                        "ServerAlias give it one, or see WheelCrossSite",
                        host);
}

/* --- Other sites ---------------------------------------------------------- */

/* Does a URL, or an origin, have the host and port that the request is for? */
static int is_of_host(const request_rec *r, const char *url)
{
    const char *host = apr_table_get(r->headers_in, "Host");
    size_t length;

    if (!host || !*host) {
        return 0;
    }
    if (!ap_cstr_casecmpn(url, "http://", 7)) {
        url += 7;
    }
    else if (!ap_cstr_casecmpn(url, "https://", 8)) {
        url += 8;
    }
    else {
        return 0;
    }
    length = strcspn(url, "/?#");
    return length == strlen(host) && !ap_cstr_casecmpn(url, host, length);
}

static const char *of_other_site(request_rec *r, const char *header,
                                 const char *value)
{
    return apr_psprintf(r->pool,
                        "a page of another site has sent the request (%s: "
                        "%.64s); see WheelCrossSite",
                        header, value);
}

/* The first that says where the request comes from decides. */
static const char *check_origin(request_rec *r)
{
    static const char *const headers[] = {"Origin", "Referer"};
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    size_t n;

    if (site) {
        return !strcmp(site, "same-origin") || !strcmp(site, "none")
                   ? NULL
                   : of_other_site(r, "Sec-Fetch-Site", site);
    }
    for (n = 0; n < COUNT(headers); n++) {
        const char *value = apr_table_get(r->headers_in, headers[n]);

        if (value) {
            return is_of_host(r, value) ? NULL
                                        : of_other_site(r, headers[n], value);
        }
    }
    return is_browser(r) ? "a browser has sent the request, and nothing shows "
                           "that a page of this server has asked for it: use "
                           "the live page, https, a program such as curl, or "
                           "see WheelCrossSite"
                         : NULL;
}

/* --- All of it ------------------------------------------------------------ */

const char *wheel_site_check(request_rec *r)
{
    wheel_dir_config_t config = wheel_config_request(r);
    const char *error = NULL;

    if (!config.forwarded) {
        error = check_proxy(r);
    }
    if (!error && !config.cross_site) {
        error = check_host(r);
    }
    return error;
}

const char *wheel_site_check_change(request_rec *r)
{
    wheel_dir_config_t config = wheel_config_request(r);
    const char *error = wheel_site_check(r);
    const char *purpose;

    /* A subrequest is made by a page of this server. */
    if (error || config.cross_site || r->main) {
        return error;
    }
    purpose = first_of(r, purposes, COUNT(purposes));
    if (purpose) {
        return apr_psprintf(r->pool,
                            "a browser has sent the request ahead of its user "
                            "(%s); see WheelCrossSite",
                            purpose);
    }
    return check_origin(r);
}

/* --- Require wheel-own-name ----------------------------------------------- */

static authz_status check_own_name(request_rec *r, const char *line,
                                   const void *parsed)
{
    (void)line;
    (void)parsed;
    return r->hostname && is_given(r->server, r->hostname) ? AUTHZ_GRANTED
                                                           : AUTHZ_DENIED;
}

static const char *parse_own_name(cmd_parms *cmd, const char *line,
                                  const void **parsed)
{
    *parsed = NULL;
    return *line ? apr_psprintf(cmd->pool,
                                "Require wheel-own-name takes no argument, but "
                                "'%s' stands behind it",
                                line)
                 : NULL;
}

static const authz_provider own_name = {check_own_name, parse_own_name};

void wheel_site_register(apr_pool_t *pconf)
{
    ap_register_auth_provider(pconf, AUTHZ_PROVIDER_GROUP, "wheel-own-name",
                              AUTHZ_PROVIDER_VERSION, &own_name,
                              AP_AUTH_INTERNAL_PER_CONF);
}
