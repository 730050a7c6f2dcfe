/* SPDX-License-Identifier: Apache-2.0 */
/* mod_test_job.c: jobs good and bad, for the tests of mod_wheel.h.
 *
 *   SetHandler test-job
 *   GET /job/WHAT?N, where WHAT is one of the tables' names below
 *
 * Each answers with a line that says what came of it.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "apr_strings.h"

#include "mod_wheel.h"

/* What blocks() hands over at a time: long enough to be interrupted in. */
#define BLOCK_BYTES 65536

/* How often, and a millisecond apart, a job that is refused is asked for. */
#define MANY_TRIES 10000

module AP_MODULE_DECLARE_DATA test_job_module;

static APR_OPTIONAL_FN_TYPE(wheel_job_run) * job_run;
static APR_OPTIONAL_FN_TYPE(wheel_job_begin) * job_begin;
static APR_OPTIONAL_FN_TYPE(wheel_job_end) * job_end;

typedef struct sum_t {
    apr_uint64_t to;
    apr_uint64_t sum;
} sum_t;

/* --- Work in a companion -------------------------------------------------- */

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

/* Never looks, and never ends. */
static void burn(wheel_job_t *job, void *baton)
{
    volatile apr_uint64_t n = 0;

    (void)baton;
    wheel_job_publish(job, "burning", 7);
    while (n < n + 1) {
        n++;
    }
}

/* The same without the CPU. */
static void doze(wheel_job_t *job, void *baton)
{
    (void)job;
    (void)baton;
    while (1) {
        sleep(1000);
    }
}

/* Hands over blocks that are each of one byte's value, does hardly anything
 * else, and goes on after the mark until its worker has taken one. */
static void blocks(wheel_job_t *job, void *baton)
{
    char *block = wheel_job_memory(job);
    apr_uint64_t n = 0;

    (void)baton;
    memset(block + BLOCK_BYTES, 1, BLOCK_BYTES);
    do {
        wheel_job_progress(job, ++n, 0);
        if (n % 1024 == 0) { /* a look may be where it loses the core */
            wheel_job_look(job);
        }
    } while (wheel_job_publish(job, block + n % 2 * BLOCK_BYTES,
                               BLOCK_BYTES - n % 3));
}

/* The same with the numbers from 0 on, one behind the other, and from 0 on
 * again when there is no more room. */
static void numbers(wheel_job_t *job, void *baton)
{
    apr_uint32_t n = 0;
    apr_uint64_t handed_over = 0;

    (void)baton;
    while (wheel_job_publish(job, &n, sizeof(n))) {
        for (n = 1; wheel_job_append(job, &n, sizeof(n)); n++) {
            handed_over++;
        }
        n = 0;
        wheel_job_progress(job, handed_over, 0);
        wheel_job_look(job);
    }
}

/* Says what each call said, in letters. */
static void tries(wheel_job_t *job, void *baton)
{
    char *memory = wheel_job_memory(job);
    char said[16] = "";
    char *to = said;
    int n;

    (void)baton;
    *to++ = wheel_job_publish(job, memory, BLOCK_BYTES + 1) ? '1' : '0';
    *to++ = wheel_job_publish(job, memory, BLOCK_BYTES) ? '1' : '0';
    *to++ = wheel_job_append(job, memory, 1) ? '1' : '0';
    *to++ = wheel_job_publish(job, "", 0) ? '1' : '0';
    for (n = 0; n < BLOCK_BYTES && !memory[n]; n++) {
    }
    *to++ = n == BLOCK_BYTES ? 'z' : 'n';
    memset(memory, 1, BLOCK_BYTES);
    wheel_job_publish(job, said, 3);
    wheel_job_append(job, said + 3, strlen(said) - 3);
}

/* --- Work in the worker --------------------------------------------------- */

typedef void own_fn(wheel_job_t *job, request_rec *r);

/* Until it is stopped. */
static void own_spin(wheel_job_t *job, request_rec *r)
{
    apr_uint32_t value = r->args ? atoi(r->args) : 0;
    apr_uint64_t n = 0;

    while (wheel_job_look(job) == WHEEL_END_NONE) {
        wheel_job_progress(job, ++n, value);
    }
}

/* Burns until there is a file /go, and does not look. */
static void own_burn(wheel_job_t *job, request_rec *r)
{
    const char *file = apr_pstrcat(r->pool, ap_document_root(r), "/go", NULL);

    while (access(file, F_OK) != 0) {
    }
    wheel_job_publish(job, "burnt", 5);
}

static void wait_for_go(request_rec *r)
{
    const char *file = apr_pstrcat(r->pool, ap_document_root(r), "/go", NULL);

    while (access(file, F_OK) != 0) {
        usleep(1000);
    }
}

/* Goes on with its job when that has ended, and there is a file /go. */
static void own_late(wheel_job_t *job, request_rec *r)
{
    wheel_result_t result;

    job_end(job, NULL);
    job_end(NULL, NULL);
    wait_for_go(r);
    wheel_job_progress(job, 4242, 42);
    wheel_job_publish(job, "late", 4);
    ap_rprintf(r, "look=%d stopped=%d ", wheel_job_look(job),
               wheel_job_stopped(job));
    job_end(job, &result);
    ap_rprintf(r, "end=%d done=%" APR_UINT64_T_FMT " ", result.end,
               result.done);
}

/* Runs another job of its request. */
static void own_within(wheel_job_t *job, request_rec *r)
{
    sum_t sum = {1, 0};
    wheel_result_t result;
    wheel_spec_t spec;

    (void)job;
    wheel_spec_init(&spec);
    spec.work = add_up;
    spec.baton = &sum;
    spec.baton_bytes = sizeof(sum);
    ap_rprintf(r, "within=%d ", job_run(r, &spec, &result));
}

static void own_nothing(wheel_job_t *job, request_rec *r)
{
    (void)job;
    (void)r;
}

/* Counts the jobs whose memory is aligned for any type, wherever their pool
 * stands. */
static void own_memory(wheel_job_t *job, request_rec *r)
{
    wheel_result_t result;
    wheel_spec_t spec;
    unsigned aligned = 0;
    unsigned n;

    job_end(job, NULL);
    wheel_spec_init(&spec);
    spec.memory_bytes = sizeof(max_align_t);
    for (n = 0; n < 8; n++) {
        apr_palloc(r->pool, 8);
        if (job_begin(r, &spec, &job, &result) == APR_SUCCESS) {
            aligned += (apr_uintptr_t)wheel_job_memory(job) %
                           __alignof__(max_align_t) ==
                       0;
            job_end(job, NULL);
        }
    }
    ap_rprintf(r, "aligned=%u ", aligned);
}

/* --- The handler -------------------------------------------------------- */

static const struct {
    const char *name;
    wheel_work_fn *work;
} companions[] = {
    {"/sum", add_up},  {"/spin", spin},     {"/burn", burn},
    {"/doze", doze},   {"/blocks", blocks}, {"/numbers", numbers},
    {"/tries", tries}, {"/far", add_up},    {NULL, NULL},
};

static const struct {
    const char *name;
    own_fn *work;
    int ends;
} owns[] = {
    {"/own-spin", own_spin, 1},
    {"/own-burn", own_burn, 1},
    {"/own-late", own_late, 0},
    {"/own-forgets", own_nothing, 0},
    {"/own-memory", own_memory, 0},
    {"/own-within", own_within, 1},
    {NULL, NULL, 0},
};

/* What is wrong with a result, "right" if nothing is. */
static const char *judge(request_rec *r, const char *what, const char *result,
                         apr_size_t bytes)
{
    apr_size_t n;

    if (!bytes) {
        return "nothing";
    }
    if (!strcmp(what, "/blocks")) {
        for (n = 0; n < bytes && result[n] == result[0]; n++) {
        }
        return n == bytes && bytes >= BLOCK_BYTES - 2 ? "right" : "torn";
    }
    if (!strcmp(what, "/numbers")) {
        const apr_uint32_t *number = (const apr_uint32_t *)result;

        for (n = 0; n < bytes / 4 && number[n] == n; n++) {
        }
        return n == bytes / 4 && bytes % 4 == 0 && n ? "right" : "torn";
    }
    return apr_pstrmemdup(r->pool, result, bytes);
}

static APR_OPTIONAL_FN_TYPE(wheel_request_interrupted) * is_interrupted;
static APR_OPTIONAL_FN_TYPE(wheel_request_trace_wanted) * is_trace_wanted;
static APR_OPTIONAL_FN_TYPE(wheel_request_trace) * tell_trace;

/* An engine of scripts, which tells where it is until it is interrupted. */
static int run_script(request_rec *r, int begun)
{
    apr_bucket_brigade *brigade;
    char text[400];

    if (begun) {
        /* Below the filters of the request. */
        brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
        apr_brigade_puts(brigade, NULL, NULL, "begun");
        ap_fflush(r->proto_output_filters, brigade);
    }

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text, "script:7 \n\033[1m<b>", 17);
    while (!is_interrupted()) {
        if (is_trace_wanted()) {
            tell_trace(text);
        }
    }
    return OK;
}

static int answer(request_rec *r, apr_status_t rv, const sum_t *sum,
                  const wheel_result_t *result, const char *judged)
{
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r,
               "rv=%d end=%d refusal=%d sum=%" APR_UINT64_T_FMT
               " done=%" APR_UINT64_T_FMT " value=%u result=%s\n",
               rv, result->end, result->refusal, sum->sum, result->done,
               result->value, judged);
    return OK;
}

/* @return 1 if every call refuses */
static int answer_nulls(request_rec *r, const wheel_spec_t *right)
{
    wheel_spec_t wrong = *right;
    wheel_result_t result;
    wheel_job_t *job;

    wrong.baton = NULL;
    return job_run(NULL, right, &result) == APR_EINVAL &&
           job_run(r, NULL, &result) == APR_EINVAL &&
           job_run(r, right, NULL) == APR_EINVAL &&
           job_begin(NULL, right, &job, &result) == APR_EINVAL && !job &&
           job_begin(r, NULL, &job, &result) == APR_EINVAL &&
           job_begin(r, right, NULL, &result) == APR_EINVAL &&
           job_begin(r, right, &job, NULL) == APR_EINVAL &&
           wheel_work_alone(&wrong, &result) == APR_EINVAL;
}

/* Specs that are wrong, each in one way. */
static int answer_wrong(request_rec *r)
{
    sum_t sum = {1, 0};
    wheel_spec_t right;
    wheel_spec_t specs[10];
    wheel_result_t result;
    wheel_job_t *job;
    unsigned n = 0;
    unsigned i;

    wheel_spec_init(&right);
    right.work = add_up;
    right.baton = &sum;
    right.baton_bytes = sizeof(sum);
    for (i = 0; i < 10; i++) {
        specs[i] = right;
    }
    specs[n++].name = "not a name";
    specs[n++].work = NULL;
    specs[n++].baton = NULL;
    specs[n++].result_bytes = 1;
    specs[n++].baton_bytes = WHEEL_BYTES_MAX + 1;
    specs[n++].memory_bytes = (apr_size_t)-1;
    specs[n++].load = WHEEL_LOAD_MAX + 1;
    specs[n++].version = 0;
    specs[n++].version = (WHEEL_API_MAJOR + 1) << 16;
    specs[n++].version = WHEEL_API_VERSION + 1;
    ap_set_content_type(r, "text/plain");
    for (i = 0; i < n; i++) {
        apr_status_t rv = job_run(r, &specs[i], &result);
        apr_status_t begun = job_begin(r, &specs[i], &job, &result);

        if (job) {
            job_end(job, &result);
        }
        ap_rprintf(r, "%s/%s ",
                   rv == APR_EINVAL     ? "invalid"
                   : rv == APR_ENOTIMPL ? "version"
                                        : "taken",
                   begun == APR_EINVAL     ? "invalid"
                   : begun == APR_ENOTIMPL ? "version"
                                           : "taken");
    }
    ap_rputs(answer_nulls(r, &right) ? "invalid\n" : "taken\n", r);
    return OK;
}

/* Waits before its job, or after it, until there is a file /go. */
static int answer_late(request_rec *r, wheel_spec_t *spec, int before)
{
    wheel_result_t result;
    apr_status_t rv;

    if (before) {
        wait_for_go(r);
    }
    spec->work = before ? spin : add_up;
    rv = job_run(r, spec, &result);
    if (!before) {
        wait_for_go(r);
    }
    return answer(r, rv, spec->baton, &result, "none");
}

/* Begin a job: one that is refused, since others have the workers, is asked for
 * again. */
static apr_status_t begin_patiently(request_rec *r, wheel_spec_t *spec,
                                    wheel_job_t **job, wheel_result_t *result)
{
    apr_status_t rv = job_begin(r, spec, job, result);
    int n;

    for (n = 0; n < MANY_TRIES && rv != APR_SUCCESS; n++) {
        usleep(1000);
        rv = job_begin(r, spec, job, result);
    }
    return rv;
}

/* One job after another until one has been stopped, with hardly anything in
 * between: a stop is to come there. */
static int answer_many(request_rec *r, wheel_spec_t *spec)
{
    wheel_result_t result;
    wheel_job_t *job;
    apr_status_t rv;
    int n = 0;

    spec->memory_bytes = 0;
    do {
        rv = begin_patiently(r, spec, &job, &result);
        if (n++ % 16 == 0) {
            usleep(10);
        }
        job_end(job, &result);
    } while (!rv && result.end == WHEEL_END_FINISHED);
    return answer(r, rv, spec->baton, &result, "none");
}

static int handler(request_rec *r)
{
    const char *what = r->path_info ? r->path_info : "";
    sum_t sum = {r->args ? strtoull(r->args, NULL, 10) : 0, 0};
    wheel_spec_t spec;
    wheel_result_t result;
    wheel_job_t *job;
    apr_status_t rv;
    unsigned n;

    if (strcmp(r->handler, "test-job")) {
        return DECLINED;
    }
    if (!job_run) {
        return HTTP_NOT_IMPLEMENTED;
    }
    if (!strcmp(what, "/script") || !strcmp(what, "/begun-script")) {
        return run_script(r, what[1] == 'b');
    }
    if (!strcmp(what, "/wrong")) {
        return answer_wrong(r);
    }
    wheel_spec_init(&spec);
    spec.name = "foreign";
    spec.baton = &sum;
    spec.baton_bytes = sizeof(sum);
    spec.memory_bytes = 2 * BLOCK_BYTES;
    spec.result = apr_palloc(r->pool, BLOCK_BYTES);
    spec.result_bytes = BLOCK_BYTES;
    if (!strcmp(what, "/far")) {
        spec.wait_max = APR_INT64_MAX;
    }
    if (!strcmp(what, "/late") || !strcmp(what, "/then")) {
        return answer_late(r, &spec, what[1] == 'l');
    }
    if (!strcmp(what, "/many")) {
        return answer_many(r, &spec);
    }
    for (n = 0; companions[n].name; n++) {
        if (!strcmp(what, companions[n].name)) {
            spec.work = companions[n].work;
            rv = job_run(r, &spec, &result);
            return answer(r, rv, &sum, &result,
                          judge(r, what, spec.result, result.result_bytes));
        }
    }
    for (n = 0; owns[n].name; n++) {
        if (strcmp(what, owns[n].name)) {
            continue;
        }
        rv = job_begin(r, &spec, &job, &result);
        if (rv == APR_SUCCESS) {
            owns[n].work(job, r);
            if (owns[n].ends) {
                job_end(job, &result);
            }
        }
        return answer(r, rv, &sum, &result,
                      judge(r, what, spec.result, result.result_bytes));
    }
    return HTTP_NOT_FOUND;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    if (wheel_api_is_there()) {
        job_run = APR_RETRIEVE_OPTIONAL_FN(wheel_job_run);
        job_begin = APR_RETRIEVE_OPTIONAL_FN(wheel_job_begin);
        job_end = APR_RETRIEVE_OPTIONAL_FN(wheel_job_end);
        is_interrupted = APR_RETRIEVE_OPTIONAL_FN(wheel_request_interrupted);
        is_trace_wanted = APR_RETRIEVE_OPTIONAL_FN(wheel_request_trace_wanted);
        tell_trace = APR_RETRIEVE_OPTIONAL_FN(wheel_request_trace);
    }
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
