/* SPDX-License-Identifier: Apache-2.0 */
// mod_test_cxx.cc: a user of mod_wheel.h in C++98.
//
//   SetHandler test-cxx
//   GET /cxx?N    the sum of the numbers from 1 to N, in a companion
#include <cstdlib>
#include <cstring>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"

#include "mod_wheel.h"

extern "C" {
extern module AP_MODULE_DECLARE_DATA test_cxx_module;
}

namespace {

APR_OPTIONAL_FN_TYPE(wheel_job_run) *job_run;
APR_OPTIONAL_FN_TYPE(wheel_job_begin) *job_begin;
APR_OPTIONAL_FN_TYPE(wheel_job_end) *job_end;

struct Sum {
    apr_uint64_t to;
    apr_uint64_t sum;
};

extern "C" void add_up(wheel_job_t *job, void *baton)
{
    Sum *sum = static_cast<Sum *>(baton);

    for (apr_uint64_t n = 1; n <= sum->to && !wheel_job_stopped(job); n++) {
        sum->sum += n;
        wheel_job_progress(job, n, 0);
        if (n % 65536 == 0) {
            wheel_job_look(job);
        }
    }
    wheel_job_publish(job, &sum->sum, sizeof(sum->sum));
}

extern "C" int cxx_handler(request_rec *r)
{
    if (std::strcmp(r->handler, "test-cxx")) {
        return DECLINED;
    }
    Sum sum = {r->args ? std::strtoull(r->args, NULL, 10) : 0, 0};
    apr_uint64_t handed_over = 0;
    wheel_spec_t spec;
    wheel_result_t result;
    wheel_spec_init(&spec);
    spec.name = "cxx";
    spec.work = add_up;
    spec.baton = &sum;
    spec.baton_bytes = sizeof(sum);
    spec.result = &handed_over;
    spec.result_bytes = sizeof(handed_over);
    apr_status_t rv =
        job_run ? job_run(r, &spec, &result) : wheel_work_alone(&spec, &result);
    // The same in this very thread.
    apr_uint64_t own = 0;
    if (rv == APR_SUCCESS && job_begin) {
        wheel_job_t *job;
        rv = job_begin(r, &spec, &job, &result);
        if (rv == APR_SUCCESS) {
            for (apr_uint64_t n = 1; n <= sum.to && !wheel_job_look(job); n++) {
                own += n;
            }
            job_end(job, &result);
        }
    }
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r,
               "rv=%d end=%s sum=%" APR_UINT64_T_FMT
               " handed_over=%" APR_UINT64_T_FMT " own=%" APR_UINT64_T_FMT
               "\n",
               rv, wheel_end_name(result.end), sum.sum, handed_over, own);
    return OK;
}

extern "C" int cxx_post_config(apr_pool_t *, apr_pool_t *, apr_pool_t *,
                               server_rec *)
{
    bool there = wheel_api_is_there();
    job_run = there ? APR_RETRIEVE_OPTIONAL_FN(wheel_job_run) : NULL;
    job_begin = there ? APR_RETRIEVE_OPTIONAL_FN(wheel_job_begin) : NULL;
    job_end = there ? APR_RETRIEVE_OPTIONAL_FN(wheel_job_end) : NULL;
    return OK;
}

extern "C" void cxx_register(apr_pool_t *)
{
    ap_hook_post_config(cxx_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(cxx_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

} // namespace

extern "C" {
module AP_MODULE_DECLARE_DATA test_cxx_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, cxx_register,
    AP_MODULE_FLAG_NONE};
}
