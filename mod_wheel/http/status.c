/* SPDX-License-Identifier: Apache-2.0 */
/* http/status.c: the handler wheel-status and the section in mod_status.
 *
 * Runs in the worker that runs the request: one snapshot, then one string.
 */
#include "http/status.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "apr_optional_hooks.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_protocol.h"
#include "mod_status.h"

#include "cluster/cluster.h"
#include "core/parse.h"
#include "http/accept.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/site.h"
#include "operations/report.h"
#include "operations/requests.h"
#include "render/render.h"
#include "server/config.h"

APLOG_USE_MODULE(wheel);

#define STATUS_METHODS "GET, HEAD"

/* ?refresh=N: seconds. */
#define STATUS_REFRESH_MAX 3600

/* --- The forms of the status ---------------------------------------------- */

static const char *render_openmetrics(const wheel_facts_t *facts,
                                      const wheel_snapshot_t *snapshot,
                                      apr_pool_t *pool)
{
    return wheel_render_metrics(facts, snapshot, WHEEL_METRICS_OPENMETRICS,
                                pool);
}

static const char *render_prometheus(const wheel_facts_t *facts,
                                     const wheel_snapshot_t *snapshot,
                                     apr_pool_t *pool)
{
    return wheel_render_metrics(facts, snapshot, WHEEL_METRICS_PROMETHEUS,
                                pool);
}

/* A form goes by its parameter in the query or, without one, by the media type
 * in Accept. */
typedef struct form_t {
    const char *type;
    const char *(*render)(const wheel_facts_t *facts,
                          const wheel_snapshot_t *snapshot, apr_pool_t *pool);
    int counts; /* it counts wheels and lists none */
} form_t;

enum {
    FORM_PAGE,
    FORM_JSON,
    FORM_OPENMETRICS,
    FORM_AUTO,
    FORM_PROMETHEUS,
    FORMS_N
};

static const form_t forms[FORMS_N] = {
    [FORM_PAGE] = {WHEEL_TYPE_HTML, wheel_render_page, 0},
    [FORM_JSON] = {WHEEL_TYPE_JSON, wheel_render_json, 0},
    [FORM_OPENMETRICS] = {WHEEL_TYPE_OPENMETRICS, render_openmetrics, 1},
    [FORM_AUTO] = {WHEEL_TYPE_AUTO, wheel_render_auto, 0},
    [FORM_PROMETHEUS] = {WHEEL_TYPE_PROMETHEUS, render_prometheus, 1},
};

static const wheel_media_t form_media[FORMS_N] = {
    [FORM_PAGE] = {"text/html", NULL},
    [FORM_JSON] = {"application/json", NULL},
    [FORM_OPENMETRICS] = {"application/openmetrics-text", "1.0.0"},
    [FORM_AUTO] = {"text/plain", NULL},
    [FORM_PROMETHEUS] = {"text/plain", "0.0.4"},
};

/* --- Request in ----------------------------------------------------------- */

/* What a request asks for. */
typedef struct status_ask_t {
    int json;
    int openmetrics;
    int autos;   /* ?auto */
    int refresh; /* seconds, 0 for once */
    int cluster; /* all hosts, not this one's jobs */
    wheel_filter_t filter;
    const form_t *form;
    int by_cpu; /* requests are sorted by CPU time, not by age */
} status_ask_t;

/* @param place an int */
static const char *read_refresh(const char *name, const char *value,
                                void *place, apr_pool_t *pool)
{
    size_t digits = strspn(value, "0123456789");
    int number = atoi(value);

    if (!digits || digits > 4 || value[digits] || number < 1 ||
        number > STATUS_REFRESH_MAX) {
        return apr_psprintf(pool,
                            "%s: '%.64s' is not a whole number of seconds "
                            "from 1 to %d",
                            name, value, STATUS_REFRESH_MAX);
    }
    *(int *)place = number;
    return NULL;
}

/* How requests are sorted.  @param place an int */
static const char *read_sort(const char *name, const char *value, void *place,
                             apr_pool_t *pool)
{
    *(int *)place = !strcmp(value, "cpu");
    return !strcmp(value, "cpu") || !strcmp(value, "age")
               ? NULL
               : apr_psprintf(pool, "%s: '%.64s' is not one of: age, cpu", name,
                              value);
}

static const wheel_param_t status_params[] = {
    {"json", wheel_parse_flag, offsetof(status_ask_t, json), NULL},
    {"openmetrics", wheel_parse_flag, offsetof(status_ask_t, openmetrics),
     NULL},
    {"auto", wheel_parse_flag, offsetof(status_ask_t, autos), NULL},
    {"refresh", read_refresh, offsetof(status_ask_t, refresh), NULL},
    {NULL, NULL, offsetof(status_ask_t, filter), wheel_filter_params},
    {"cluster", wheel_parse_flag, offsetof(status_ask_t, cluster), NULL},
    {"sort", read_sort, offsetof(status_ask_t, by_cpu), NULL},
    {NULL, NULL, 0, NULL},
};

static void choose_form(request_rec *r, status_ask_t *ask)
{
    if (ask->json) {
        ask->form = &forms[FORM_JSON];
    }
    else if (ask->openmetrics) {
        ask->form = &forms[FORM_OPENMETRICS];
    }
    else if (ask->autos) {
        ask->form = &forms[FORM_AUTO];
    }
    else if (ask->refresh) {
        ask->form = &forms[FORM_PAGE];
    }
    else {
        ask->form =
            &forms[wheel_accept_best(apr_table_get(r->headers_in, "Accept"),
                                     form_media, FORMS_N, r->pool)];
        apr_table_mergen(r->headers_out, "Vary", "Accept");
    }
}

/* @return NULL, or what is wrong with the query */
static const char *read_query(request_rec *r, status_ask_t *ask)
{
    const char *error;

    memset(ask, 0, sizeof(*ask));
    error = wheel_parse_query(r->args, status_params, ask, r->pool);
    if (!error &&
        ask->json + ask->openmetrics + ask->autos + !!ask->refresh > 1) {
        return "json, openmetrics, auto and refresh exclude each other";
    }
    return error;
}

/* --- Answer out ----------------------------------------------------------- */

static apr_status_t take_report(request_rec *r, const wheel_filter_t *filter,
                                wheel_report_t *report)
{
    apr_status_t rv = wheel_report_take(filter, report, r->pool);

    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0050: the status was refused: the mutex 'wheel' "
                      "failed; check the directory and rights of Mutex");
    }
    return rv;
}

static void set_page_headers(request_rec *r, const status_ask_t *ask)
{
    apr_table_setn(r->headers_out, "Content-Security-Policy",
                   wheel_render_page_policy());
    if (ask->refresh) {
        apr_table_setn(r->headers_out, "Refresh",
                       apr_itoa(r->pool, ask->refresh));
    }
}

/* What is wrong with a request for all hosts, NULL for nothing. */
static const char *cluster_error(const status_ask_t *ask)
{
    if (ask->form != &forms[FORM_PAGE] &&
        ask->form->render != wheel_render_json) {
        return "cluster: the hosts are listed as HTML or with json alone";
    }
    return wheel_filter_is_any(&ask->filter)
               ? NULL
               : "cluster: all wheels of all hosts are listed; filters are for "
                 "the other forms";
}

/* All hosts.  Without Redis, this one alone. */
static int answer_cluster(request_rec *r, const status_ask_t *ask)
{
    const char *error = cluster_error(ask);
    wheel_report_t report;
    wheel_peer_t *peers;
    unsigned peers_n;
    const char *problem;
    int html = ask->form == &forms[FORM_PAGE];

    if (error) {
        return wheel_reply_problem(r, HTTP_BAD_REQUEST, error);
    }
    if (!wheel_cluster_on()) {
        return wheel_reply_problem(r, HTTP_NOT_FOUND,
                                   "this server is no host of a cluster: it "
                                   "has no WheelCluster");
    }
    problem = wheel_cluster_peers(&peers, &peers_n, r->pool);
    if (take_report(r, &ask->filter, &report) != APR_SUCCESS) {
        return wheel_reply_problem(r, HTTP_SERVICE_UNAVAILABLE,
                                   "the table of wheels could not be locked");
    }
    if (html) {
        set_page_headers(r, ask);
    }
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    return wheel_reply(
        r, HTTP_OK, html ? WHEEL_TYPE_HTML : WHEEL_TYPE_JSON,
        (html ? wheel_render_hosts_page : wheel_render_hosts_json)(
            &report.facts, &report.snapshot, peers, peers_n, problem, r->pool));
}

static int answer_status(request_rec *r)
{
    status_ask_t ask;
    wheel_report_t report;
    const char *error;

    if (r->method_number != M_GET) {
        wheel_reply_method(r, STATUS_METHODS);
        return OK;
    }
    if (wheel_request_refuse(r, wheel_site_check(r)) != OK) {
        return OK;
    }
    error = read_query(r, &ask);
    if (error) {
        return wheel_reply_problem(r, HTTP_BAD_REQUEST, error);
    }
    choose_form(r, &ask);
    if (ask.cluster) {
        return answer_cluster(r, &ask);
    }
    if (ask.form->counts && !wheel_filter_is_any(&ask.filter)) {
        return wheel_reply_problem(
            r, HTTP_BAD_REQUEST,
            "metrics count all wheels: filters are for the other forms");
    }
    if (take_report(r, &ask.filter, &report) != APR_SUCCESS) {
        return wheel_reply_problem(r, HTTP_SERVICE_UNAVAILABLE,
                                   "the table of wheels could not be locked");
    }
    if (wheel_config_request(r).where && report.facts.requests) {
        wheel_requests_add_where(report.facts.requests, report.facts.requests_n,
                                 r->pool);
    }
    if (ask.by_cpu && report.facts.requests) {
        wheel_requests_sort_by_cpu(report.facts.requests,
                                   report.facts.requests_n);
    }
    if (ask.form == &forms[FORM_PAGE]) {
        set_page_headers(r, &ask);
    }
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    return wheel_reply(
        r, HTTP_OK, ask.form->type,
        ask.form->render(&report.facts, &report.snapshot, r->pool));
}

/* The section in mod_status's page.  Without a snapshot it is left out. */
static int add_section(request_rec *r, int flags)
{
    static const wheel_filter_t all;
    wheel_report_t report;

    if (take_report(r, &all, &report) != APR_SUCCESS) {
        return DECLINED;
    }
    if (flags & AP_STATUS_SHORT) {
        ap_rputs(
            wheel_render_section_auto(&report.facts, &report.snapshot, r->pool),
            r);
        return OK;
    }
    ap_rputs(wheel_render_section(&report.facts, &report.snapshot,
                                  !(flags & AP_STATUS_NOTABLE), r->pool),
             r);
    return OK;
}

void wheel_status_register(apr_pool_t *pconf)
{
    (void)pconf;
    wheel_request_answer("wheel-status", answer_status);
    APR_OPTIONAL_HOOK(ap, status_hook, add_section, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
