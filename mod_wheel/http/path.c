/* SPDX-License-Identifier: Apache-2.0 */
/* http/path.c: where the path of a handler ends and a name begins.
 *
 * A stop without a name stops all jobs, so a segment that may be a name is
 * one, whatever the configuration.  Runs in the worker that runs the request.
 */
#include "http/path.h"

#include <string.h>

#include "apr_fnmatch.h"
#include "apr_lib.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_request.h"

#include "mod_wheel.h"

/* Segments of a path that are compared, at most. */
#define PATH_SEGMENTS_MAX 16

/* mod_rewrite notes here the handler that its flag [H=...] sets. */
#define PATH_REWRITE_NOTE "rewrite-forced-handler"

/* --- Is the handler set for a path? --------------------------------------- */

static int section_applies(const core_dir_config *section, const char *path)
{
    size_t length = strlen(section->d);

    if (section->r) {
        return ap_regexec(section->r, path, 0, NULL, 0) == 0;
    }
    if (section->d_is_fnmatch) {
        return apr_fnmatch(section->d, path, APR_FNM_PATHNAME) == 0;
    }
    return !strncmp(section->d, path, length) &&
           (!length || section->d[length - 1] == '/' || path[length] == '/' ||
            path[length] == '\0');
}

/* Does this section, of whatever kind, set the request's handler? */
static int section_sets(request_rec *r, const core_dir_config *section)
{
    const char *error = NULL;
    const char *handler;

    if (!section->expr_handler) { /* it has no SetHandler */
        return 0;
    }
    handler = ap_expr_str_exec(r, section->expr_handler, &error);
    return !error && handler && !strcmp(handler, r->handler);
}

/* The Location that has set the handler: the last that applies and sets one.
 * @return NULL if something else has set it */
static const core_dir_config *find_location(request_rec *r, const char *path)
{
    const core_server_config *core =
        ap_get_core_module_config(r->server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    const core_dir_config *found = NULL;
    int n;

    for (n = 0; n < core->sec_url->nelts; n++) {
        const core_dir_config *section = ap_get_core_module_config(sections[n]);

        if (section->expr_handler && section_applies(section, path)) {
            found = section;
        }
    }
    return found && section_sets(r, found) ? found : NULL;
}

/* Where no Location has set it, httpd is asked what it would do.  A path that
 * the client may not see is known by its sections and by mod_rewrite's note. */
static int lookup_sets(request_rec *r, const char *path)
{
    request_rec *other =
        ap_sub_req_lookup_uri(ap_os_escape_path(r->pool, path, 1), r, NULL);
    const char *forced = apr_table_get(other->notes, PATH_REWRITE_NOTE);
    int sets =
        (other->handler && !strcmp(other->handler, r->handler)) ||
        (forced && !strcmp(forced, r->handler)) ||
        section_sets(r, ap_get_core_module_config(other->per_dir_config));

    ap_destroy_sub_req(other);
    return sets;
}

static int is_set(request_rec *r, const core_dir_config *location,
                  const char *path)
{
    return location ? section_applies(location, path) : lookup_sets(r, path);
}

/* --- The own path --------------------------------------------------------- */

/* The next longer part of the path that ends with a segment or the slash behind
 * it.  @param bytes how long the last one was, 0 at first */
static size_t next_part(const char *path, size_t bytes)
{
    if (path[bytes] == '/') {
        return bytes + 1;
    }
    return bytes + strcspn(path + bytes, "/");
}

/* The shortest part for which the handler is set.  @return 0 for none */
static size_t own_part(request_rec *r, const core_dir_config *location,
                       const char *path)
{
    size_t bytes = 0;
    int parts = 0;

    while (path[bytes] && parts++ < 2 * PATH_SEGMENTS_MAX) {
        bytes = next_part(path, bytes);
        if (is_set(r, location, apr_pstrmemdup(r->pool, path, bytes))) {
            return bytes;
        }
    }
    return 0;
}

/* Another character of the same kind. */
static char other_than(char c)
{
    if (apr_isdigit(c)) {
        return c == '9' ? '0' : c + 1;
    }
    if (apr_isalpha(c)) {
        return c == 'z' || c == 'Z' ? c - 25 : c + 1;
    }
    return c == '-' ? '_' : c == '.' || c == '_' ? '-' : c;
}

/* A pattern without backslashes, and without what may stand behind its last
 * segment.  @return NULL if it is a list of patterns */
static const char *plain_pattern(const char *pattern, apr_pool_t *pool)
{
    static const char *const ends[] = {"$", "/?", "/", ".*"};
    char *plain = apr_pstrdup(pool, pattern);
    size_t bytes = 0;
    int depth = 0;
    size_t n;

    for (; *pattern; pattern++) {
        if (*pattern == '\\' && apr_ispunct(pattern[1])) {
            pattern++;
        }
        else if (*pattern == '|' && depth == 0) {
            return NULL;
        }
        else {
            depth += *pattern == '(' ? 1 : *pattern == ')' ? -1 : 0;
        }
        plain[bytes++] = *pattern;
    }
    for (n = 0; n < sizeof(ends) / sizeof(ends[0]); n++) {
        size_t end_bytes = strlen(ends[n]);

        if (bytes >= end_bytes &&
            !memcmp(plain + bytes - end_bytes, ends[n], end_bytes)) {
            bytes -= end_bytes;
        }
    }
    plain[bytes] = '\0';
    return depth == 0 ? plain : NULL;
}

/* Is the last segment written out at the end of the pattern, as in
 * "^/app/[a-z]+/stop$" or "^/stop/?$"?  Then what varies stands before it. */
static int ends_literally(const core_dir_config *section, const char *segment,
                          apr_pool_t *pool)
{
    const char *plain = plain_pattern(section->d, pool);
    size_t bytes = plain ? strlen(plain) : 0;
    size_t own_bytes = strlen(segment);

    return bytes > own_bytes && plain[bytes - own_bytes - 1] == '/' &&
           !ap_cstr_casecmp(plain + bytes - own_bytes, segment);
}

static int is_pattern(const core_dir_config *section)
{
    return section->r || section->d_is_fnmatch;
}

/* The last of these Directory or Files sections that sets the handler by a
 * pattern for this path.  @return NULL for none */
static const core_dir_config *find_pattern(request_rec *r,
                                           const apr_array_header_t *sections,
                                           const char *path)
{
    int n;

    for (n = sections ? sections->nelts : 0; n > 0; n--) {
        const core_dir_config *section = ap_get_core_module_config(
            APR_ARRAY_IDX(sections, n - 1, ap_conf_vector_t *));

        if (is_pattern(section) && section_sets(r, section) &&
            section_applies(section, path)) {
            return section;
        }
    }
    return NULL;
}

/* The same for the request's file and its directory.
 * @param name set to the last segment of that */
static const core_dir_config *find_file_pattern(request_rec *r,
                                                const char **name)
{
    const core_server_config *server =
        ap_get_core_module_config(r->server->module_config);
    const core_dir_config *merged =
        ap_get_core_module_config(r->per_dir_config);
    const core_dir_config *found;
    char *path = apr_pstrdup(r->pool, r->filename ? r->filename : "");
    size_t bytes = strlen(path);
    const char *slash;

    if (bytes && path[bytes - 1] == '/') {
        path[bytes - 1] = '\0';
    }
    slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    found = find_pattern(r, merged->sec_file, *name);
    if (!found) {
        found = find_pattern(r, server->sec_dir, path);
    }
    return found ? found
                 : find_pattern(r, server->sec_dir,
                                apr_pstrcat(r->pool, path, "/", NULL));
}

/* Is the handler set for another segment, too, with all characters replaced by
 * others of their kind? */
static int is_set_replaced(request_rec *r, const core_dir_config *location,
                           const char *own, size_t start, size_t end)
{
    char *other = apr_pstrdup(r->pool, own);
    size_t n;

    for (n = start; n < end; n++) {
        other[n] = other_than(other[n]);
    }
    return strcmp(own, other) && is_set(r, location, other);
}

/* The same with one character replaced or left out, as by "^/stop/r.d$", or by
 * "^/stop" for /stopped. */
static int is_set_changed(request_rec *r, const core_dir_config *location,
                          const char *own, size_t start, size_t end)
{
    size_t n;

    for (n = start; n < end && n <= start + WHEEL_NAME_MAX; n++) {
        if (is_set_replaced(r, location, own, n, n + 1) ||
            (end > start + 1 &&
             is_set(r, location,
                    apr_pstrcat(r->pool, apr_pstrmemdup(r->pool, own, n),
                                own + n + 1, NULL)))) {
            return 1;
        }
    }
    return 0;
}

/* Is the handler set for names behind this path, and not for what only begins
 * as its last segment does? */
static int has_room(request_rec *r, const core_dir_config *location,
                    const char *own, size_t end)
{
    const char *part = apr_pstrmemdup(r->pool, own, end);

    return is_set(r, location, apr_pstrcat(r->pool, part, "/a", NULL)) &&
           (own[end] == '/' ||
            !(is_set(r, location, apr_pstrcat(r->pool, part, "a", NULL)) ||
              is_set(r, location, apr_pstrcat(r->pool, part, "0", NULL))));
}

/* Where similar segments don't tell: a pattern or a condition may list very
 * different ones, as "^/stop/(red|blue)$".  The path is the handler's own if it
 * stands in the configuration as it is, or if there is room for names behind
 * it; behind a file, there always is. */
static int is_known(request_rec *r, const core_dir_config *location,
                    const char *own, size_t start, size_t end)
{
    const core_dir_config *section;
    const char *segment = apr_pstrmemdup(r->pool, own + start, end - start);

    if (!location) {
        section = find_file_pattern(r, &segment);
        return section ? ends_literally(section, segment, r->pool)
                       : has_room(r, NULL, own, end);
    }
    return !is_pattern(location) ||
           ends_literally(location, segment, r->pool) ||
           has_room(r, location, own, end);
}

/* Is the last segment of the own path one of many, or may it be?  It is if the
 * handler is set for similar ones, too.  A file whose suffix sets the handler
 * is no name. */
static int is_variable(request_rec *r, const core_dir_config *location,
                       const char *own)
{
    size_t end = strlen(own);
    size_t start;

    end -= own[end - 1] == '/';
    for (start = end; start && own[start - 1] != '/'; start--) {
    }
    if (is_set_replaced(r, location, own, start, end)) {
        return 1;
    }
    if (!location && own[end] != '/' && r->finfo.filetype == APR_REG &&
        strchr(own + start, '.')) {
        return 0;
    }
    if (own[end] != '/' && is_set_changed(r, location, own, start, end)) {
        return 1;
    }
    return end > start && !is_known(r, location, own, start, end);
}

wheel_path_e wheel_path_split(request_rec *r, const char **name)
{
    char *path = apr_pstrdup(r->pool, r->uri);
    const core_dir_config *location;
    const char *behind;
    size_t bytes;

    ap_no2slash(path); /* whatever MergeSlashes says */
    *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    location = find_location(r, r->uri);
    if (!location) {
        location = find_location(r, path);
    }
    bytes = own_part(r, location, path);
    if (!bytes) {
        return WHEEL_PATH_LONG;
    }
    behind = path + bytes;
    if (!*behind) {
        return is_variable(r, location, path) ? WHEEL_PATH_NAME
                                              : WHEEL_PATH_OWN;
    }
    if (*behind == '/') {
        behind++;
    }
    return strchr(behind, '/') ? WHEEL_PATH_LONG : WHEEL_PATH_NAME;
}
