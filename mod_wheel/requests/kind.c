/* SPDX-License-Identifier: Apache-2.0 */
/* requests/kind.c: what kind of request it is, and what it is for.
 *
 * Runs in the worker that runs the request.
 */
#include "requests/kind.h"

#include <string.h>

#include "apr_strings.h"

/* How a handler can be interrupted.  The first row that fits. */
typedef struct run_kind_t {
    const char *handler; /* how its name begins */
    wheel_kind_e kind;
} run_kind_t;

static const run_kind_t kinds[] = {
    {"application/x-httpd-php", WHEEL_KIND_PHP},
    {"php", WHEEL_KIND_PHP},
    {"cgi-script", WHEEL_KIND_CGI},
    {"application/x-httpd-cgi", WHEEL_KIND_CGI},
    {"proxy:fcgi:", WHEEL_KIND_FCGI},
    {"proxy:ajp:", WHEEL_KIND_BLIND},
    {"proxy:scgi:", WHEEL_KIND_BLIND},
    {"proxy:", WHEEL_KIND_PROXY},
};

static int begins_with(const char *text, const char *begin)
{
    return text && *text == *begin && !strncmp(text, begin, strlen(begin));
}

/* --- Its kind ------------------------------------------------------------ */

/* SetHandler "proxy:..." names the backend, ProxyPass sets the file name. */
static const char *backend_of(const request_rec *r)
{
    return r->proxyreq && begins_with(r->filename, "proxy:") ? r->filename
                                                             : r->handler;
}

/* Over a socket of this machine, the scheme stands behind its path. */
static const char *behind_socket(const char *backend, const char **prefix)
{
    const char *bar =
        begins_with(backend, "proxy:unix:") ? strchr(backend, '|') : NULL;

    *prefix = bar ? "proxy:" : "";
    return bar ? bar + 1 : backend;
}

wheel_kind_e wheel_kind_of(const request_rec *r)
{
    const char *prefix;
    const char *name = behind_socket(backend_of(r), &prefix);
    size_t prefix_length = strlen(prefix);
    size_t n;

    for (n = 0; name && n < sizeof(kinds) / sizeof(kinds[0]); n++) {
        if ((!prefix_length || begins_with(kinds[n].handler, prefix)) &&
            begins_with(name, kinds[n].handler + prefix_length)) {
            return kinds[n].kind;
        }
    }
    return WHEEL_KIND_OTHER;
}

/* Behind the backend's address, or as it is where SetHandler names that. */
const char *wheel_kind_script(request_rec *r)
{
    const char *prefix;
    const char *name;
    char *path;

    if (!begins_with(r->filename, "proxy:")) {
        return r->filename;
    }
    name = behind_socket(r->filename, &prefix);
    name = strstr(name, "://");
    name = name ? strchr(name + 3, '/') : NULL;
    while (name && name[1] == '/') {
        name++;
    }
    path = apr_pstrdup(r->pool, name ? name : "");
    ap_unescape_url(path);
    return path;
}

/* --- Its path ------------------------------------------------------------ */

/* Decoding it would change nothing. */
static int is_plain(const char *path)
{
    return !strchr(path, '%') && !strstr(path, "//") && !strstr(path, "/.");
}

/* As the client has asked, and decoded; httpd decodes r->uri later than a job
 * begins.  Only what was rewritten, redirected or encoded differs. */
const char *wheel_kind_path(const request_rec *r)
{
    const request_rec *first = r;
    const char *asked;
    char *path;

    while (first->prev) {
        first = first->prev;
    }
    asked = first->parsed_uri.path;
    if (!asked || *asked != '/' ||
        (!strcmp(asked, r->uri) && is_plain(asked))) {
        return r->uri;
    }
    path = apr_pstrdup(r->pool, asked);
    if (!ap_normalize_path(path, AP_NORMALIZE_MERGE_SLASHES |
                                     AP_NORMALIZE_DECODE_UNRESERVED) ||
        ap_unescape_url(path) != OK) {
        return r->uri;
    }
    return path;
}
