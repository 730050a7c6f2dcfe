/* SPDX-License-Identifier: Apache-2.0 */
/* http/handler.c: /rotate and /stop: request in, answer out.
 *
 * Runs in the worker that runs the request.
 */
#include "http/handler.h"

#include <poll.h>
#include <string.h>

#include "apr_fnmatch.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"

#include "http/reply.h"
#include "cluster/cluster.h"
#include "server/config.h"
#include "server/job.h"
#include "core/parse.h"
#include "server/process.h"
#include "render/render.h"
#include "demo/spin.h"
#include "operations/stop.h"

APLOG_USE_MODULE(wheel);

#define HANDLER_METHODS "GET, POST"

#define HANDLER_STOPPED                                               \
    "\"Wheel running job stopped. See the rotate request output now " \
    "to see the lucky number.\""

/* Seconds after which a client that was refused may come again. */
#define HANDLER_RETRY_AFTER "1"

/* A note on a connection whose last request was refused. */
#define HANDLER_REFUSED "wheel-refused"

/* Numbers of wheels that still turn, in a header: this many at most. */
#define HANDLER_RUNNING_MAX 100

/* What a rotate asks for; both handlers have the name in common. */
typedef struct handler_ask_t {
    const char *name;              /* NULL for none */
    apr_interval_time_t wait_max;  /* usec, -1 for none */
    apr_interval_time_t preferred; /* out of Prefer, -1 for none */
    unsigned load;                 /* percent of a core, 0 for all */
    int json;
} handler_ask_t;

static const char *const refusal_details[WHEEL_REFUSED_COUNT] = {
    [WHEEL_REFUSED_MAX] = "as many wheels rotate as WheelMax allows",
    [WHEEL_REFUSED_RESERVE] =
        "no more workers are idle than are kept for other requests",
    [WHEEL_REFUSED_CLIENT] =
        "as many wheels of this client rotate as WheelMaxPerClient allows",
    [WHEEL_REFUSED_HTTP2] =
        "over HTTP/2, one wheel can rotate on each connection, and in each "
        "process half as many as it has HTTP/2 workers",
    [WHEEL_REFUSED_SLOTS] = "every slot of the wheel table is taken",
    [WHEEL_REFUSED_THREAD] = "no thread for a wheel could be started",
    [WHEEL_REFUSED_LOCK] = "the table of wheels could not be locked",
    [WHEEL_REFUSED_STOPPING] = "the server is stopping",
};

/* --- Request in ----------------------------------------------------------- */

/* How much of the path a Location section covers, or 0 if it doesn't apply:
 * as ap_location_walk() decides it. */
static size_t section_covers(const core_dir_config *section, const char *path)
{
    size_t length = strlen(section->d);
    ap_regmatch_t match;

    if (section->r) {
        return ap_regexec(section->r, path, 1, &match, 0) ? 0 : match.rm_eo;
    }
    if (section->d_is_fnmatch) {
        return apr_fnmatch(section->d, path, APR_FNM_PATHNAME) ? 0
                                                               : strlen(path);
    }
    if (length && section->d[length - 1] == '/') {
        length--;
    }
    if (strncmp(section->d, path, length) ||
        (path[length] != '/' && path[length] != '\0')) {
        return 0;
    }
    return length;
}

/* The path behind the Location section that set the handler: the file system
 * has no say in what a wheel is called.  Where the handler was set for a
 * directory or file, it is the path info, as everywhere in httpd. */
static const char *path_behind_handler(const request_rec *r)
{
    const core_server_config *core =
        ap_get_core_module_config(r->server->module_config);
    ap_conf_vector_t **sections = (ap_conf_vector_t **)core->sec_url->elts;
    const char *behind = r->path_info ? r->path_info : "";
    int n;

    for (n = 0; n < core->sec_url->nelts; n++) {
        const core_dir_config *section = ap_get_core_module_config(sections[n]);
        size_t covered;

        if (!section->expr_handler) { /* it has no SetHandler */
            continue;
        }
        covered = section_covers(section, r->uri);
        if (covered) {
            behind = r->uri + covered; /* the last that applies wins */
        }
    }
    return behind;
}

/* @return OK, or the status of the problem that has been answered */
static int read_name(request_rec *r, handler_ask_t *ask)
{
    const char *behind = path_behind_handler(r);

    if (!*behind) {
        return OK;
    }
    ask->name = behind + 1;
    if (wheel_parse_name(ask->name)) {
        return OK;
    }
    wheel_answer_problem(
        r, HTTP_NOT_FOUND,
        apr_psprintf(
            r->pool,
            "'%.64s' is not the name of a wheel: allowed are 1 to %d of "
            "A-Z a-z 0-9 . _ -",
            ask->name, WHEEL_NAME_MAX));
    return HTTP_NOT_FOUND;
}

static const char *read_wait(const char *value, handler_ask_t *ask,
                             apr_pool_t *pool)
{
    return wheel_parse_time("wait", value, &ask->wait_max, pool);
}

static const char *read_load(const char *value, handler_ask_t *ask,
                             apr_pool_t *pool)
{
    if (value && !wheel_parse_load(value, &ask->load)) {
        return apr_psprintf(pool,
                            "load: '%.64s' is not a whole number from 1 to %d, "
                            "percent of one core",
                            value, WHEEL_LOAD_MAX);
    }
    return NULL;
}

static const char *read_json(const char *value, handler_ask_t *ask,
                             apr_pool_t *pool)
{
    return wheel_parse_flag("json", value, &ask->json, pool);
}

typedef const char *read_param_fn(const char *value, handler_ask_t *ask,
                                  apr_pool_t *pool);

/* What both handlers look at first.
 * @return OK, or the status of the problem that has been answered */
static int read_path(request_rec *r, handler_ask_t *ask)
{
    memset(ask, 0, sizeof(*ask));
    ask->wait_max = ask->preferred = -1;
    if (r->header_only ||
        (r->method_number != M_GET && r->method_number != M_POST)) {
        wheel_answer_method(r, HANDLER_METHODS);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    return read_name(r, ask);
}

/* What both handlers look at last, before they do anything.
 * @param error what is wrong with the query, NULL for nothing
 * @return OK, or the status of the problem that has been answered */
static int read_rest(request_rec *r, const char *error)
{
    int status;

    if (error) {
        wheel_answer_problem(r, HTTP_BAD_REQUEST, error);
        return HTTP_BAD_REQUEST;
    }
    status = ap_discard_request_body(r);
    if (status != OK) {
        r->connection->keepalive = AP_CONN_CLOSE;
        wheel_answer_problem(r, status, "the body could not be read");
    }
    return status;
}

/* @return OK, or the status of the problem that has been answered */
static int read_rotate(request_rec *r, handler_ask_t *ask)
{
    wheel_param_t params[] = {
        {"wait", NULL}, {"load", NULL}, {"json", NULL}, {NULL, NULL}};
    static read_param_fn *const readers[] = {read_wait, read_load, read_json};
    const char *error;
    int status = read_path(r, ask);
    int n;

    if (status != OK) {
        return status;
    }
    error = wheel_parse_query(r->args, params, r->pool);
    for (n = 0; params[n].name && !error; n++) {
        error = readers[n](params[n].value, ask, r->pool);
    }
    return read_rest(r, error);
}

/* @return OK, or the status of the problem that has been answered */
static int read_stop(request_rec *r, wheel_stop_t *stop)
{
    handler_ask_t ask;
    const char *error;
    int status = read_path(r, &ask);

    if (status != OK) {
        return status;
    }
    memset(stop, 0, sizeof(*stop));
    error = wheel_stop_read(stop, r->args, r->pool);
    if (!error && ask.name && stop->filter.name) {
        error = "name: the path has the name already; give one or the other";
    }
    if (ask.name) {
        stop->filter.name = ask.name;
    }
    return read_rest(r, error);
}

/* --- Facts about the answer ----------------------------------------------- */

/* One fact of a wheel, as a header and for CustomLog. */
static void tell(request_rec *r, const char *header, const char *note,
                 const char *value)
{
    apr_table_setn(r->headers_out, header, value);
    apr_table_setn(r->notes, note, value);
}

/* What every job notes is also in the headers of a rotate. */
static void tell_result(request_rec *r)
{
    static const char *const facts[][2] = {
        {"Wheel-Id", "wheel-id"},
        {"Wheel-Turns", "wheel-turns"},
        {"Wheel-Elapsed", "wheel-elapsed"},
        {"Wheel-Stopped-By", "wheel-stopped-by"},
    };
    unsigned n;

    for (n = 0; n < sizeof(facts) / sizeof(facts[0]); n++) {
        apr_table_setn(r->headers_out, facts[n][0],
                       apr_table_get(r->notes, facts[n][1]));
    }
}

/* --- Rotate --------------------------------------------------------------- */

/* Is there something that the client has sent and nobody has read? */
static int unread(const conn_rec *c)
{
    struct pollfd look = {-1, POLLIN, 0};
    apr_socket_t *socket = ap_get_conn_socket((conn_rec *)c);

    return !socket || apr_os_sock_get(&look.fd, socket) != APR_SUCCESS ||
           poll(&look, 1, 0) != 0;
}

/* httpd ends a connection by waiting two seconds for the client to close it,
 * too, and under prefork and worker a worker does that.  Where there are none
 * to spare, a client that takes its time must not hold one.  (Closing with
 * something unread would be a reset, which could overtake the answer.) */
static int close_refused(conn_rec *c)
{
    if (!c->master && apr_table_get(c->notes, HANDLER_REFUSED)) {
        ap_flush_conn(c);
        if (!unread(c)) {
            c->aborted = 1; /* which means: don't linger */
        }
    }
    return OK;
}

int wheel_handler_refuse(request_rec *r, wheel_refusal_e refusal)
{
    apr_table_setn(r->connection->notes, HANDLER_REFUSED, "");
    apr_table_setn(r->notes, "wheel-refused", wheel_refusal_name(refusal));
    apr_table_setn(r->headers_out, "Retry-After", HANDLER_RETRY_AFTER);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r, "WH0040: refused: %s",
                  refusal_details[refusal]);
    return wheel_answer_problem(r, HTTP_SERVICE_UNAVAILABLE,
                                refusal_details[refusal]);
}

/* RFC 7240: say so when the preference was what ended the wheel's time. */
static void tell_preference(request_rec *r, const handler_ask_t *ask,
                            const wheel_spec_t *spec)
{
    apr_interval_time_t allowed = wheel_config_request(r).wait_max;

    if (ask->preferred >= 0 && spec->wait_max == ask->preferred &&
        (allowed == 0 || ask->preferred <= allowed)) {
        apr_table_setn(r->headers_out, "Preference-Applied",
                       apr_psprintf(r->pool, "wait=%" APR_TIME_T_FMT,
                                    apr_time_sec(ask->preferred)));
    }
}

static int answer_number(request_rec *r, const handler_ask_t *ask,
                         const wheel_result_t *result)
{
    const char *body;

    tell_result(r);
    if (result->end == WHEEL_END_GONE) {
        return OK; /* nobody is there to read it */
    }
    body = ask->json ? wheel_render_rotate(result, ask->name, r->pool)
                     : apr_psprintf(r->pool, "\"Your lucky number is %u!\"",
                                    result->value);
    if (result->end == WHEEL_END_SHUTDOWN) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    wheel_answer(r, HTTP_OK, WHEEL_TYPE_JSON, body);
    if (result->end == WHEEL_END_SHUTDOWN) {
        ap_rflush(r); /* the process may not live to do it later */
    }
    return OK;
}

static int rotate(request_rec *r)
{
    handler_ask_t ask;
    wheel_spec_t spec;
    wheel_result_t result;
    wheel_t wheel;
    apr_status_t rv;

    if (strcmp(r->handler, "wheel-rotate")) {
        return DECLINED;
    }
    if (read_rotate(r, &ask) != OK) {
        return OK;
    }
    rv = wheel_seed(&wheel);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0041: no entropy to seed a wheel");
        return wheel_answer_problem(r, HTTP_INTERNAL_SERVER_ERROR,
                                    "the wheel could not be seeded");
    }
    wheel.load = ask.load;
    wheel_parse_prefer_wait(apr_table_get(r->headers_in, "Prefer"),
                            &ask.preferred, r->pool);
    wheel_spec_init(&spec);
    spec.name = ask.name;
    spec.wait_max = ask.wait_max >= 0 ? ask.wait_max : ask.preferred;
    spec.work = wheel_spin;
    spec.baton = &wheel;
    spec.baton_bytes = sizeof(wheel);
    spec.value = wheel.number;
    spec.load = ask.load;
    if (wheel_job_run(r, &spec, &result) != APR_SUCCESS) {
        return wheel_handler_refuse(r, result.refusal);
    }
    if (ask.wait_max < 0) {
        tell_preference(r, &ask, &spec);
    }
    return answer_number(r, &ask, &result);
}

/* --- Stop ----------------------------------------------------------------- */

/* Wheel-Running: the numbers of those that have not ended in time. */
static void tell_running(request_rec *r, const wheel_stop_t *stop)
{
    const char *ids = NULL;
    unsigned told = 0;
    unsigned n;

    for (n = 0; n < stop->hits_n && told < HANDLER_RUNNING_MAX; n++) {
        if (stop->hits[n].outcome == WHEEL_OUTCOME_RUNNING) {
            ids =
                apr_psprintf(r->pool, "%s%s%" APR_UINT64_T_FMT, ids ? ids : "",
                             ids ? ", " : "", stop->hits[n].id);
            told++;
        }
    }
    if (ids) {
        apr_table_setn(r->headers_out, "Wheel-Running", ids);
    }
}

/* What is known of all hosts. */
static void tell_hosts(request_rec *r, const wheel_stop_t *stop)
{
    const char *silent = wheel_stop_hosts(stop, WHEEL_REPLY_NONE, r->pool);
    const char *failed = wheel_stop_hosts(stop, WHEEL_REPLY_FAILED, r->pool);

    tell(r, "Wheel-Stopped", "wheel-stopped",
         apr_psprintf(r->pool, "%u", wheel_stop_count(stop)));
    if (silent && stop->round.told == WHEEL_TOLD) {
        apr_table_setn(r->headers_out, "Wheel-Unanswered", silent);
    }
    if (failed) {
        apr_table_setn(r->headers_out, "Wheel-Failed", failed);
    }
}

static int answer_stopped(request_rec *r, wheel_stop_t *stop)
{
    int wakes = !stop->waits && !stop->told; /* else they are awake */

    if (stop->waits) {
        wheel_stop_wake(stop);
        wheel_stop_wait(stop);
        tell_running(r, stop);
    }
    wheel_answer(r, HTTP_OK, WHEEL_TYPE_JSON,
                 stop->json ? wheel_stop_json(stop, r->pool) : HANDLER_STOPPED);
    if (wakes) {
        /* The marks have stopped the wheels already; waking their workers
         * comes after the answer. */
        ap_rflush(r);
        wheel_stop_wake(stop);
    }
    return OK;
}

static int stop(request_rec *r)
{
    wheel_stop_t stop;
    const char *problem;
    int status;
    apr_status_t rv;

    if (strcmp(r->handler, "wheel-stop")) {
        return DECLINED;
    }
    if (read_stop(r, &stop) != OK) {
        return OK;
    }
    rv = wheel_stop_mark(&stop, r->pool);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0042: the mutex 'wheel' failed");
        return wheel_handler_refuse(r, WHEEL_REFUSED_LOCK);
    }
    if (wheel_cluster_on()) {
        wheel_stop_wake(&stop);
        wheel_stop_tell(&stop, stop.waits ? stop.wait_max : -1, r->pool);
    }
    problem = wheel_stop_problem(&stop, &status, r->pool);
    if (!problem || status != HTTP_NOT_FOUND) {
        tell_hosts(r, &stop);
    }
    if (problem) {
        return wheel_answer_problem(r, status, problem);
    }
    return answer_stopped(r, &stop);
}

/* --- Hooks ---------------------------------------------------------------- */

/* Where our path is that of a directory, too, mod_dir would send the client to
 * the same path with a slash behind it, which names no wheel. */
static int forget_directory(request_rec *r)
{
    static const char *const handlers[] = {"wheel-rotate", "wheel-stop",
                                           "wheel-status"};
    size_t n;

    for (n = 0; n < sizeof(handlers) / sizeof(*handlers); n++) {
        if (r->handler && !strcmp(r->handler, handlers[n])) {
            r->finfo.filetype = APR_NOFILE;
        }
    }
    return DECLINED;
}

void wheel_handler_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_fixups(forget_directory, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(rotate, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(stop, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(close_refused, NULL, NULL, APR_HOOK_LAST);
}
