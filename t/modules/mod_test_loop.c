/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_loop.c: a handler that computes and never checks whether
 * it is to end.
 *
 *   test-loop          for ever
 *   test-loop?until    until there is a file "end" in the document root
 *   test-loop?sleep    sleeps
 *   test-loop?hold     for ever, with a lock of its process
 *   test-lock          wants that lock
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile unsigned long turns;

/* Its name is what a stack has to show. */
static void __attribute__((noinline)) loop_for_ever(void)
{
    for (;;) {
        turns++;
    }
}

/* Ends when there is a file of that name. */
static void __attribute__((noinline)) loop_until(const char *file)
{
    do {
        unsigned n;

        for (n = 0; n < 1000000; n++) {
            turns++;
        }
    } while (access(file, F_OK) != 0);
}

static int loop(request_rec *r)
{
    if (strcmp(r->handler, "test-loop")) {
        return DECLINED;
    }
    if (r->args && !strcmp(r->args, "hold")) {
        pthread_mutex_lock(&lock);
    }
    if (r->args && !strcmp(r->args, "until")) {
        loop_until(apr_pstrcat(r->pool, ap_document_root(r), "/end", NULL));
        ap_rputs("done\n", r);
        return OK;
    }
    if (r->args && !strcmp(r->args, "sleep")) {
        sleep(3600);
    }
    loop_for_ever();
    return OK;
}

static int take_lock(request_rec *r)
{
    if (strcmp(r->handler, "test-lock")) {
        return DECLINED;
    }
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    ap_rputs("locked\n", r);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_handler(loop, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(take_lock, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_loop) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
