/* SPDX-License-Identifier: Apache-2.0 */
/* demo/rotate.c: the handler wheel-rotate, the first user of the job API.
 *
 * It uses mod_wheel.h and the way in which all handlers here read requests and
 * answer, nothing else: without this folder, mod_wheel builds all the same.
 * Runs in the worker that runs the request.
 */
#include "demo/rotate.h"

#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "httpd.h"
#include "http_config.h"
#include "http_log.h"
#include "http_protocol.h"

#include "demo/spin.h"
#include "http/reply.h"
#include "http/request.h"

APLOG_USE_MODULE(wheel);

static APR_OPTIONAL_FN_TYPE(wheel_job_run) * job_run;

/* What a request asks for. */
typedef struct rotate_ask_t {
    const char *name;              /* NULL for none */
    apr_interval_time_t wait_max;  /* usec, -1 for none */
    apr_interval_time_t preferred; /* out of Prefer, -1 for none */
    unsigned load;                 /* percent of a core, 0 for all */
    int json;
} rotate_ask_t;

/* --- Request in ----------------------------------------------------------- */

static const wheel_param_t rotate_params[] = {
    {"wait", wheel_parse_time, offsetof(rotate_ask_t, wait_max), NULL},
    {"load", wheel_parse_load, offsetof(rotate_ask_t, load), NULL},
    {"json", wheel_parse_flag, offsetof(rotate_ask_t, json), NULL},
    {NULL, NULL, 0, NULL},
};

/* @return OK, or the status of the problem that has been answered */
static int read_rotate(request_rec *r, rotate_ask_t *ask)
{
    memset(ask, 0, sizeof(*ask));
    ask->wait_max = -1;
    ask->preferred = wheel_request_prefer_wait(r);
    return wheel_request_read(r, rotate_params, ask, &ask->name);
}

/* --- Answer out ----------------------------------------------------------- */

static json_t *result_json(const rotate_ask_t *ask,
                           const wheel_result_t *result)
{
    return json_pack("{s:i, s:I, s:s?, s:I, s:f, s:s}", "number",
                     (int)result->value, "id", (json_int_t)result->id, "name",
                     ask->name, "turns", (json_int_t)result->done, "elapsed",
                     result->elapsed / 1e6, "stopped_by",
                     wheel_end_name(result->end));
}

static int answer_number(request_rec *r, const rotate_ask_t *ask,
                         const wheel_result_t *result)
{
    wheel_reply_job_headers(r);
    if (result->end == WHEEL_END_GONE) {
        return OK; /* nobody is there to read it */
    }
    if (result->end == WHEEL_END_SHUTDOWN) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    if (ask->json) {
        wheel_reply_json(r, result_json(ask, result));
    }
    else {
        wheel_reply_text(r,
                         apr_psprintf(r->pool, "\"Your lucky number is %u!\"",
                                      result->value));
    }
    if (result->end == WHEEL_END_SHUTDOWN) {
        ap_rflush(r); /* the process may not live to do it later */
    }
    return OK;
}

static int rotate(request_rec *r)
{
    rotate_ask_t ask;
    wheel_spec_t spec;
    wheel_result_t result;
    wheel_t wheel;
    apr_status_t rv;

    if (read_rotate(r, &ask) != OK) {
        return OK;
    }
    rv = wheel_seed(&wheel);
    if (rv != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                      "WH0041: the kernel gave no random numbers to seed a "
                      "wheel: allow getrandom() in filters of system calls");
        return wheel_reply_problem(r, HTTP_INTERNAL_SERVER_ERROR,
                                   "the wheel could not be seeded");
    }
    wheel.load = ask.load;
    wheel_spec_init(&spec);
    spec.name = ask.name;
    spec.wait_max = ask.wait_max >= 0 ? ask.wait_max : ask.preferred;
    spec.work = wheel_spin;
    spec.baton = &wheel;
    spec.baton_bytes = sizeof(wheel);
    spec.value = wheel.number;
    spec.load = ask.load;
    if (job_run(r, &spec, &result) != APR_SUCCESS) {
        return wheel_reply_refuse(r, result.refusal);
    }
    if (ask.wait_max < 0) {
        wheel_reply_preference(r, ask.preferred);
    }
    return answer_number(r, &ask, &result);
}

static void find_api(void)
{
    job_run = APR_RETRIEVE_OPTIONAL_FN(wheel_job_run);
}

void wheel_rotate_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_optional_fn_retrieve(find_api, NULL, NULL, APR_HOOK_MIDDLE);
    wheel_request_answer("wheel-rotate", rotate);
}
