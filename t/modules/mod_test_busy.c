/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_busy.c: a handler that knows nothing of jobs.
 *
 *   ?wait       sleeps until its connection counts as aborted
 *   ?wait=SEC   sleeps so long
 *   ?write      writes until it can't
 *   ?flood      writes as fast as its client takes it
 *   ?deaf=SEC   computes so long and looks at nothing
 *   ?body       reads the body of the request and tells how long it was
 */
#include <string.h>
#include <stdlib.h>
#include <time.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_protocol.h"

/* A handler that never ends would outlive its test. */
#define BUSY_MAX_USEC (60 * APR_USEC_PER_SEC)

static int do_wait(request_rec *r, apr_time_t until)
{
    while (!r->connection->aborted && apr_time_now() < until) {
        apr_sleep(10 * 1000);
    }
    ap_rputs(r->connection->aborted ? "aborted\n" : "waited\n", r);
    return OK;
}

static int do_write(request_rec *r, apr_time_t until)
{
    while (apr_time_now() < until) {
        if (ap_rputs("a line of an answer that has no end\n", r) < 0 ||
            ap_rflush(r) < 0) {
            return OK;
        }
        apr_sleep(10 * 1000);
    }
    return OK;
}

static int do_flood(request_rec *r, apr_time_t until)
{
    static const char block[8192];

    while (apr_time_now() < until) {
        if (ap_rwrite(block, sizeof(block), r) < 0) {
            break;
        }
    }
    return OK;
}

static int do_deaf(request_rec *r, apr_time_t until)
{
    volatile unsigned n = 0;

    while (apr_time_now() < until) {
        n++;
    }
    ap_rputs("deaf\n", r);
    return OK;
}

static int do_body(request_rec *r)
{
    char bytes[8192];
    long length = 0;
    long n;

    if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK ||
        !ap_should_client_block(r)) {
        return HTTP_BAD_REQUEST;
    }
    while ((n = ap_get_client_block(r, bytes, sizeof(bytes))) > 0) {
        length += n;
    }
    ap_rprintf(r, "%ld bytes\n", length);
    return n < 0 ? HTTP_BAD_REQUEST : OK;
}

static int handler(request_rec *r)
{
    const char *args = r->args ? r->args : "";
    const char *value = strchr(args, '=');
    apr_time_t until = apr_time_now() + BUSY_MAX_USEC;

    if (!r->handler || strcmp(r->handler, "test-busy")) {
        return DECLINED;
    }
    if (value && strspn(value + 1, ".0123456789") == strlen(value + 1)) {
        until = apr_time_now() + (apr_time_t)(atof(value + 1) * 1e6);
    }
    if (!strncmp(args, "write", 5)) {
        return do_write(r, until);
    }
    if (!strncmp(args, "flood", 5)) {
        return do_flood(r, until);
    }
    if (!strncmp(args, "deaf", 4)) {
        return do_deaf(r, until);
    }
    if (!strncmp(args, "body", 4)) {
        return do_body(r);
    }
    return do_wait(r, until);
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_busy) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
