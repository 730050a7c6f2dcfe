/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_busy.c: a handler that knows nothing of jobs.
 *
 *   ?wait       sleeps until its connection counts as aborted
 *   ?write      writes until it can't
 *   ?flood      writes as fast as its client takes it
 *   ?deaf       computes and looks at nothing
 *   ?late       sleeps, then leaves the answer to httpd's own handler
 *   ?body       reads the body of the request and tells how long it was
 *
 * All but the last end when there is a file "end" in the document root; with
 * =SEC, after so long.
 */
#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"

/* A handler that never ends would outlive its test. */
#define BUSY_MAX_USEC (300 * APR_USEC_PER_SEC)

/* Turns of a loop from one look at the file to the next. */
#define BUSY_TURNS 100000

typedef struct busy_end_t {
    apr_time_t time;
    const char *file;
} busy_end_t;

static int is_over(const busy_end_t *end)
{
    return apr_time_now() >= end->time || access(end->file, F_OK) == 0;
}

static int do_wait(request_rec *r, const busy_end_t *end)
{
    while (!r->connection->aborted && !is_over(end)) {
        apr_sleep(10 * 1000);
    }
    ap_rputs(r->connection->aborted ? "aborted\n" : "waited\n", r);
    return OK;
}

static int do_write(request_rec *r, const busy_end_t *end)
{
    while (!is_over(end)) {
        if (ap_rputs("a line of an answer that has no end\n", r) < 0 ||
            ap_rflush(r) < 0) {
            return OK;
        }
        apr_sleep(10 * 1000);
    }
    return OK;
}

static int do_flood(request_rec *r, const busy_end_t *end)
{
    static const char block[8192];

    while (!is_over(end)) {
        if (ap_rwrite(block, sizeof(block), r) < 0) {
            break;
        }
    }
    return OK;
}

static int do_deaf(request_rec *r, const busy_end_t *end)
{
    volatile unsigned n;

    while (!is_over(end)) {
        for (n = 0; n < BUSY_TURNS; n++) {
        }
    }
    ap_rputs("deaf\n", r);
    return OK;
}

static int do_late(const busy_end_t *end)
{
    while (!is_over(end)) {
        apr_sleep(10 * 1000);
    }
    return DECLINED;
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
    busy_end_t end;

    if (!r->handler || strcmp(r->handler, "test-busy")) {
        return DECLINED;
    }
    end.file = apr_pstrcat(r->pool, ap_document_root(r), "/end", NULL);
    end.time = apr_time_now() + BUSY_MAX_USEC;
    if (value && strspn(value + 1, ".0123456789") == strlen(value + 1)) {
        end.time = apr_time_now() + (apr_time_t)(atof(value + 1) * 1e6);
    }
    if (!strncmp(args, "write", 5)) {
        return do_write(r, &end);
    }
    if (!strncmp(args, "flood", 5)) {
        return do_flood(r, &end);
    }
    if (!strncmp(args, "deaf", 4)) {
        return do_deaf(r, &end);
    }
    if (!strncmp(args, "late", 4)) {
        return do_late(&end);
    }
    if (!strncmp(args, "body", 4)) {
        return do_body(r);
    }
    return do_wait(r, &end);
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
