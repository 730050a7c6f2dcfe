/* wheel_handler.c: /rotate and /stop: request in, answer out.
 *
 * Runs in the worker that runs the request.
 */
#include "wheel_handler.h"

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

#include "wheel_answer.h"
#include "wheel_config.h"
#include "wheel_job.h"
#include "wheel_parse.h"
#include "wheel_process.h"
#include "wheel_render.h"
#include "wheel_spin.h"

APLOG_USE_MODULE(wheel);

#define HANDLER_METHODS "GET, POST"

#define HANDLER_STOPPED                                               \
    "\"Wheel running job stopped. See the rotate request output now " \
    "to see the lucky number.\""

/* Seconds after which a client that was refused may come again. */
#define HANDLER_RETRY_AFTER "1"

/* A note on a connection whose last request was refused. */
#define HANDLER_REFUSED "wheel-refused"

/* How often a stop that waits looks whether its wheels have ended. */
#define HANDLER_POLL_FIRST_USEC 500
#define HANDLER_POLL_MAX_USEC (20 * 1000)

/* Numbers of wheels that still turn, in a header: this many at most. */
#define HANDLER_RUNNING_MAX 100

/* What a request asks for. */
typedef struct handler_ask_t {
    const char *name;              /* NULL for none */
    apr_uint64_t id;               /* 0 for none */
    apr_interval_time_t wait_max;  /* usec, -1 for none */
    apr_interval_time_t preferred; /* out of Prefer, -1 for none */
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
    if (value && !wheel_parse_seconds(value, &ask->wait_max)) {
        return apr_psprintf(
            pool,
            "wait: '%.64s' is not a number of seconds from 0 to "
            "%d, such as 30 or 0.5",
            value, WHEEL_SECONDS_MAX);
    }
    return NULL;
}

static const char *read_json(const char *value, handler_ask_t *ask,
                             apr_pool_t *pool)
{
    if (value && *value) {
        return apr_psprintf(pool, "json: takes no value, but has '%.64s'",
                            value);
    }
    ask->json = value != NULL;
    return NULL;
}

static const char *read_id(const char *value, handler_ask_t *ask,
                           apr_pool_t *pool)
{
    if (!value) {
        return NULL;
    }
    if (ask->name) {
        return "a stop takes a name or an id, not both";
    }
    if (!wheel_parse_id(value, &ask->id)) {
        return apr_psprintf(
            pool,
            "id: '%.64s' is not the number of a wheel, as in the "
            "Wheel-Id of its answer or the status page",
            value);
    }
    return NULL;
}

typedef const char *read_param_fn(const char *value, handler_ask_t *ask,
                                  apr_pool_t *pool);

/* Everything that both handlers do before they do anything.
 * @return OK, or the status of the problem that has been answered */
static int read_request(request_rec *r, wheel_param_t *params,
                        read_param_fn *const *readers, handler_ask_t *ask)
{
    const char *error;
    int status;
    int n;

    memset(ask, 0, sizeof(*ask));
    ask->wait_max = ask->preferred = -1;
    if (r->header_only ||
        (r->method_number != M_GET && r->method_number != M_POST)) {
        wheel_answer_method(r, HANDLER_METHODS);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    status = read_name(r, ask);
    if (status != OK) {
        return status;
    }
    error = wheel_parse_query(r->args, params, r->pool);
    for (n = 0; params[n].name && !error; n++) {
        error = readers[n](params[n].value, ask, r->pool);
    }
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

/* --- Facts about the answer ----------------------------------------------- */

/* One fact of a wheel, as a header and for CustomLog. */
static void tell(request_rec *r, const char *header, const char *note,
                 const char *value)
{
    if (header) {
        apr_table_setn(r->headers_out, header, value);
    }
    apr_table_setn(r->notes, note, value);
}

static void tell_result(request_rec *r, const wheel_result_t *result)
{
    apr_pool_t *pool = r->pool;

    tell(r, "Wheel-Id", "wheel-id",
         apr_psprintf(pool, "%" APR_UINT64_T_FMT, result->id));
    tell(r, "Wheel-Turns", "wheel-turns",
         apr_psprintf(pool, "%" APR_UINT64_T_FMT, result->done));
    tell(r, "Wheel-Elapsed", "wheel-elapsed",
         apr_psprintf(pool, "%" APR_TIME_T_FMT ".%06" APR_TIME_T_FMT,
                      apr_time_sec(result->elapsed),
                      apr_time_usec(result->elapsed)));
    tell(r, "Wheel-Stopped-By", "wheel-stopped-by",
         wheel_end_name(result->end));
    tell(r, NULL, "wheel-number", apr_psprintf(pool, "%u", result->value));
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

static int refuse(request_rec *r, wheel_refusal_e refusal)
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

    tell_result(r, result);
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
    wheel_param_t params[] = {{"wait", NULL}, {"json", NULL}, {NULL, NULL}};
    static read_param_fn *const readers[] = {read_wait, read_json};
    handler_ask_t ask;
    wheel_spec_t spec;
    wheel_result_t result;
    wheel_t wheel;
    apr_status_t rv;

    if (strcmp(r->handler, "wheel-rotate")) {
        return DECLINED;
    }
    if (read_request(r, params, readers, &ask) != OK) {
        return OK;
    }
    rv = wheel_seed(&wheel);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0041: no entropy to seed a wheel");
        return wheel_answer_problem(r, HTTP_INTERNAL_SERVER_ERROR,
                                    "the wheel could not be seeded");
    }
    wheel_parse_prefer_wait(apr_table_get(r->headers_in, "Prefer"),
                            &ask.preferred, r->pool);
    wheel_spec_init(&spec);
    spec.name = ask.name;
    spec.wait_max = ask.wait_max >= 0 ? ask.wait_max : ask.preferred;
    spec.work = wheel_spin;
    spec.baton = &wheel;
    spec.baton_bytes = sizeof(wheel);
    spec.value = wheel.number;
    if (ask.name) {
        tell(r, NULL, "wheel-name", ask.name);
    }
    if (wheel_job_run(r, &spec, &result) != APR_SUCCESS) {
        return refuse(r, result.refusal);
    }
    if (ask.wait_max < 0) {
        tell_preference(r, &ask, &spec);
    }
    return answer_number(r, &ask, &result);
}

/* --- Stop ----------------------------------------------------------------- */

/* Wait until every wheel has really ended, its companion, too.
 * @return which still run, one byte for each hit */
static const unsigned char *await(wheel_table_t *table, const wheel_hit_t *hits,
                                  unsigned hits_n, apr_interval_time_t wait_max,
                                  apr_pool_t *pool)
{
    unsigned char *running = apr_pcalloc(pool, hits_n + 1);
    apr_int64_t until = wheel_clock_usec() + wait_max;
    apr_interval_time_t nap = HANDLER_POLL_FIRST_USEC;
    unsigned n = 0;

    while (n < hits_n) {
        if (!wheel_table_owners(table, hits[n].slot, hits[n].id)) {
            n++;
            continue;
        }
        if (wheel_clock_usec() >= until || wheel_process_ending()) {
            break;
        }
        apr_sleep(nap);
        nap = nap * 2 < HANDLER_POLL_MAX_USEC ? nap * 2 : HANDLER_POLL_MAX_USEC;
    }
    for (; n < hits_n; n++) {
        running[n] = wheel_table_owners(table, hits[n].slot, hits[n].id) != 0;
    }
    return running;
}

/* Wheel-Running: the numbers of those that have not ended in time. */
static void tell_running(request_rec *r, const wheel_hit_t *hits,
                         unsigned hits_n, const unsigned char *running)
{
    const char *ids = NULL;
    unsigned told = 0;
    unsigned n;

    for (n = 0; n < hits_n && told < HANDLER_RUNNING_MAX; n++) {
        if (running[n]) {
            ids = apr_psprintf(r->pool, "%s%s%" APR_UINT64_T_FMT,
                               ids ? ids : "", ids ? ", " : "", hits[n].id);
            told++;
        }
    }
    if (ids) {
        apr_table_setn(r->headers_out, "Wheel-Running", ids);
    }
}

static int none_rotates(request_rec *r, const handler_ask_t *ask)
{
    const char *detail =
        ask->name
            ? apr_psprintf(r->pool, "no wheel named '%s' rotates", ask->name)
            : apr_psprintf(r->pool,
                           "wheel %" APR_UINT64_T_FMT " doesn't rotate",
                           ask->id);

    return wheel_answer_problem(r, HTTP_NOT_FOUND, detail);
}

static int answer_stopped(request_rec *r, const handler_ask_t *ask,
                          const wheel_hit_t *hits, unsigned hits_n)
{
    wheel_table_t *table = wheel_process_table();
    const unsigned char *running = NULL;
    int waits = ask->wait_max >= 0;

    tell(r, "Wheel-Stopped", "wheel-stopped",
         apr_psprintf(r->pool, "%u", hits_n));
    if (waits) {
        wheel_table_ring_next(table, 0);
        running = await(table, hits, hits_n, ask->wait_max, r->pool);
        tell_running(r, hits, hits_n, running);
    }
    wheel_answer(r, HTTP_OK, WHEEL_TYPE_JSON,
                 ask->json
                     ? wheel_render_stop(hits, hits_n, running, waits, r->pool)
                     : HANDLER_STOPPED);
    if (!waits) {
        /* The marks have stopped the wheels already; waking their workers
         * comes after the answer. */
        ap_rflush(r);
        wheel_table_ring_next(table, 0);
    }
    return OK;
}

static int stop(request_rec *r)
{
    wheel_param_t params[] = {
        {"id", NULL}, {"wait", NULL}, {"json", NULL}, {NULL, NULL}};
    static read_param_fn *const readers[] = {read_id, read_wait, read_json};
    wheel_table_t *table = wheel_process_table();
    handler_ask_t ask;
    wheel_filter_t filter;
    wheel_hit_t *hits = NULL;
    unsigned hits_n;
    apr_status_t rv;

    if (strcmp(r->handler, "wheel-stop")) {
        return DECLINED;
    }
    if (read_request(r, params, readers, &ask) != OK) {
        return OK;
    }
    memset(&filter, 0, sizeof(filter));
    filter.name = ask.name;
    filter.id = ask.id;
    if (ask.json || ask.wait_max >= 0) { /* else their count is enough */
        hits =
            apr_palloc(r->pool, sizeof(*hits) * wheel_table_slots_max(table));
    }
    rv = wheel_table_stop(table, &filter, WHEEL_END_STOP, hits, &hits_n);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0042: the mutex 'wheel' failed");
        return refuse(r, WHEEL_REFUSED_LOCK);
    }
    if (!hits_n && (ask.name || ask.id)) {
        return none_rotates(r, &ask);
    }
    return answer_stopped(r, &ask, hits, hits_n);
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
