/* SPDX-License-Identifier: Apache-2.0 */
/* requests/guard.c: keeps mod_cache from storing an answer that was cut.
 *
 * A script that is ended closes its output, as one does that has finished.
 * mod_cache, whose filter reads that output, would store a part of the answer
 * and send it to others as the whole.  So a bucket stands before the end of an
 * answer: whoever reads it learns that the request was marked meanwhile.
 *
 * Runs in the worker that runs the request.
 */
#include "requests/guard.h"

#ifdef __clang__
/* APR's brigades find their ends so. */
#pragma clang diagnostic ignored "-Wnull-pointer-subtraction"
#endif

#include "http_config.h"
#include "util_filter.h"

/* The filter by which mod_cache stores answers. */
#define GUARD_AGAINST "CACHE_SAVE"

static struct {
    ap_filter_rec_t *filter;
    int is_needed;
} guard;

static apr_status_t read_guard(apr_bucket *bucket, const char **data,
                               apr_size_t *bytes, apr_read_type_e block)
{
    const wheel_running_t *running = bucket->data;

    (void)block;
    *data = "";
    *bytes = 0;
    return running->over || wheel_run_marked(running) == WHEEL_MARK_NONE
               ? APR_SUCCESS
               : APR_ECONNABORTED;
}

static const apr_bucket_type_t guard_type = {
    "WHEEL_GUARD",
    5,
    APR_BUCKET_DATA,
    apr_bucket_destroy_noop,
    read_guard,
    apr_bucket_setaside_noop, /* the job lives as long as its request */
    apr_bucket_split_notimpl,
    apr_bucket_simple_copy,
};

int wheel_guard_is(const apr_bucket *bucket)
{
    return bucket->type == &guard_type;
}

static apr_bucket *make(wheel_running_t *running, apr_bucket_alloc_t *list)
{
    apr_bucket *bucket = apr_bucket_alloc(sizeof(*bucket), list);

    APR_BUCKET_INIT(bucket);
    bucket->free = apr_bucket_free;
    bucket->list = list;
    bucket->type = &guard_type;
    bucket->data = running;
    bucket->start = 0;
    bucket->length = 0; /* so that a length that is known stays so */
    return bucket;
}

static apr_status_t put_before_end(ap_filter_t *f, apr_bucket_brigade *brigade)
{
    wheel_running_t *running = f->ctx;
    apr_bucket *bucket;

    /* Its slot may be another's by then. */
    if (running->over) {
        return ap_pass_brigade(f->next, brigade);
    }
    for (bucket = APR_BRIGADE_FIRST(brigade);
         bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (APR_BUCKET_IS_EOS(bucket)) {
            APR_BUCKET_INSERT_BEFORE(bucket,
                                     make(running, brigade->bucket_alloc));
            break;
        }
    }
    return ap_pass_brigade(f->next, brigade);
}

void wheel_guard_add(wheel_running_t *running, request_rec *r)
{
    if (guard.is_needed) {
        ap_add_output_filter_handle(guard.filter, running, r, r->connection);
    }
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    guard.is_needed = ap_get_output_filter_handle(GUARD_AGAINST) != NULL;
    return OK;
}

void wheel_guard_register(apr_pool_t *pconf)
{
    (void)pconf;
    /* Above all others: mod_cache's may stand anywhere. */
    guard.filter = ap_register_output_filter("WHEEL_GUARD", put_before_end,
                                             NULL, AP_FTYPE_RESOURCE - 1);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
}
