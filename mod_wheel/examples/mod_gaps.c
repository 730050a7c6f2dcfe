/* SPDX-License-Identifier: Apache-2.0 */
/* mod_gaps.c: the record gaps between primes, one line each as they are found.
 *
 *   SetHandler gaps
 *   GET /gaps?to=1000000000
 *
 * Shows work that stays in its worker, since it streams its answer and takes
 * memory from the request's pool.  The last line tells how far it came and
 * what ended it.
 */
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "apr_strings.h"

#include "mod_wheel.h"

#define TO_DEFAULT 1000000000000
#define TO_MAX 1000000000000

/* Numbers that are sieved at once: in the first cache, and some 50
 * microseconds' work. */
#define SEGMENT 32768

module AP_MODULE_DECLARE_DATA gaps_module;

static APR_OPTIONAL_FN_TYPE(wheel_job_begin) * job_begin;
static APR_OPTIONAL_FN_TYPE(wheel_job_end) * job_end;

/* A search under way. */
typedef struct search_t {
    request_rec *r;
    wheel_job_t *job;    /* NULL without mod_wheel */
    apr_uint64_t to;     /* the last number to look at */
    apr_uint64_t done;   /* the last that was looked at */
    apr_uint64_t before; /* the last prime, 0 before the first */
    apr_uint64_t record; /* the widest gap */
    unsigned records;    /* how many there were */
    unsigned *primes;    /* those whose squares are not above to */
    unsigned primes_n;
} search_t;

static apr_uint64_t root(apr_uint64_t number)
{
    apr_uint64_t n = 1;

    while (n * n <= number) {
        n++;
    }
    return n - 1;
}

static void find_small_primes(search_t *search)
{
    unsigned max = (unsigned)root(search->to);
    char *composite = apr_pcalloc(search->r->pool, max + 1);
    unsigned n;

    search->primes = apr_palloc(search->r->pool, sizeof(unsigned) * (max + 1));
    for (n = 2; n <= max; n++) {
        apr_uint64_t multiple;

        if (composite[n]) {
            continue;
        }
        search->primes[search->primes_n++] = n;
        for (multiple = (apr_uint64_t)n * n; multiple <= max; multiple += n) {
            composite[multiple] = 1;
        }
    }
}

static void sieve(const search_t *search, apr_uint64_t from, char *composite)
{
    unsigned n;

    memset(composite, 0, SEGMENT);
    for (n = 0; n < search->primes_n; n++) {
        apr_uint64_t prime = search->primes[n];
        apr_uint64_t multiple = (from + prime - 1) / prime * prime;

        if (prime * prime >= from + SEGMENT) {
            break;
        }
        if (multiple < prime * prime) {
            multiple = prime * prime;
        }
        for (; multiple < from + SEGMENT; multiple += prime) {
            composite[multiple - from] = 1;
        }
    }
}

/* @return 0 when nobody reads any more */
static int take_prime(search_t *search, apr_uint64_t prime)
{
    apr_uint64_t gap = prime - search->before;
    int is_record = search->before && gap > search->record;

    if (is_record) {
        search->record = gap;
        search->records++;
        ap_rprintf(search->r,
                   "%" APR_UINT64_T_FMT " after %" APR_UINT64_T_FMT "\n", gap,
                   search->before);
    }
    search->before = prime;
    return !is_record || ap_rflush(search->r) >= 0;
}

static int take_segment(search_t *search, const char *composite)
{
    apr_uint64_t from = search->done + 1;
    unsigned n;

    for (n = 0; n < SEGMENT && from + n <= search->to; n++) {
        if (!composite[n] && from + n >= 2 && !take_prime(search, from + n)) {
            return 0;
        }
    }
    search->done += n;
    return 1;
}

static void find_gaps(search_t *search)
{
    char *composite = apr_palloc(search->r->pool, SEGMENT);

    find_small_primes(search);
    while (search->done < search->to) {
        if (search->job && wheel_job_look(search->job) != WHEEL_END_NONE) {
            return;
        }
        sieve(search, search->done + 1, composite);
        if (!take_segment(search, composite)) {
            return;
        }
        if (search->job) {
            wheel_job_progress(search->job, search->done, 0);
        }
    }
}

static int handler(request_rec *r)
{
    search_t search = {r, NULL, TO_DEFAULT, 0, 0, 0, 0, NULL, 0};
    wheel_end_e end = WHEEL_END_FINISHED;
    wheel_spec_t spec;
    wheel_result_t result;
    apr_status_t rv;

    if (strcmp(r->handler, "gaps")) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        return HTTP_METHOD_NOT_ALLOWED;
    }
    if (r->args && !strncmp(r->args, "to=", 3)) {
        search.to = strtoull(r->args + 3, NULL, 10);
    }
    if (search.to < 2 || search.to > TO_MAX) {
        return HTTP_BAD_REQUEST;
    }
    wheel_spec_init(&spec);
    spec.name = "gaps";
    if (job_begin) {
        rv = job_begin(r, &spec, &search.job, &result);
        if (rv == APR_EAGAIN) {
            apr_table_setn(r->err_headers_out, "Retry-After", "1");
            return HTTP_SERVICE_UNAVAILABLE;
        }
        if (rv != APR_SUCCESS) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    ap_set_content_type(r, "text/plain");
    find_gaps(&search);
    if (search.job) {
        job_end(search.job, &result);
        end = result.end;
    }
    ap_rprintf(r, "# %u gaps up to %" APR_UINT64_T_FMT ": %s\n", search.records,
               search.done, wheel_end_name(end));
    if (end == WHEEL_END_SHUTDOWN) {
        ap_rflush(r); /* the process may not live to do it later */
    }
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    job_begin = NULL;
    job_end = NULL;
    if (wheel_api_is_there()) {
        job_begin = APR_RETRIEVE_OPTIONAL_FN(wheel_job_begin);
        job_end = APR_RETRIEVE_OPTIONAL_FN(wheel_job_end);
    }
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(gaps) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
