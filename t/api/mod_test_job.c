/* mod_test_job.c: another module that runs its own work as a job.
 *
 * Knows mod_wheel by mod_wheel.h and its optional function alone.
 *   /job/sum    adds the numbers from 1 to the query's number
 *   /job/spin   never ends by itself
 */
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"

#include "mod_wheel.h"

module AP_MODULE_DECLARE_DATA test_job_module;

static APR_OPTIONAL_FN_TYPE(wheel_job_run) * run_job;

typedef struct sum_t {
    apr_uint64_t to;
    apr_uint64_t sum;
} sum_t;

static void add_up(wheel_job_t *job, void *baton)
{
    sum_t *sum = baton;
    apr_uint64_t n;

    for (n = 1; n <= sum->to && !wheel_job_stopped(job); n++) {
        sum->sum += n;
        wheel_job_progress(job, n, n % 7);
        if (n % 65536 == 0) {
            wheel_job_look(job);
        }
    }
}

static void spin(wheel_job_t *job, void *baton)
{
    apr_uint64_t n = 0;

    (void)baton;
    while (!wheel_job_stopped(job)) {
        wheel_job_progress(job, ++n, 200);
        wheel_job_look(job);
    }
}

static int handler(request_rec *r)
{
    int spins = r->path_info && !strcmp(r->path_info, "/spin");
    sum_t sum = {r->args ? strtoull(r->args, NULL, 10) : 0, 0};
    wheel_spec_t spec;
    wheel_result_t result;
    apr_status_t rv;

    if (strcmp(r->handler, "test-job")) {
        return DECLINED;
    }
    if (!run_job) {
        return HTTP_NOT_IMPLEMENTED;
    }
    wheel_spec_init(&spec);
    spec.name = r->args && !strcmp(r->args, "odd") ? "not a name" : "foreign";
    spec.work = spins ? spin : add_up;
    spec.baton = &sum;
    spec.baton_bytes = sizeof(sum);
    rv = run_job(r, &spec, &result);
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r,
               "rv=%d end=%d refusal=%d sum=%" APR_UINT64_T_FMT
               " done=%" APR_UINT64_T_FMT " value=%u\n",
               rv, result.end, result.refusal, sum.sum, result.done,
               result.value);
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    run_job = APR_RETRIEVE_OPTIONAL_FN(wheel_job_run);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_job) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
