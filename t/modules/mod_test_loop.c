/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_loop.c: a handler that computes and never checks whether
 * it is to end.
 *
 *   test-loop          for ever
 *   test-loop?until    until there is a file "end" in the document root
 *   test-loop?sleep    sleeps
 *   test-loop?hold     for ever, with a lock of its process
 *   test-loop?lock     takes that lock and gives it back, until then
 *   test-loop?malloc   the same with the lock of malloc
 *   test-loop?log      the same with the error log
 *   test-loop?file     until then, and sends the file
 *   test-lock          wants that lock, and says how many usec that took;
 *   test-lock?malloc   and so on
 *   test-class         says which thread answers, and its scheduling class
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"

/* More than malloc keeps for each thread. */
#define MALLOC_BYTES 4000

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

/* --- What takes a lock ---------------------------------------------------- */

static void turn(unsigned times)
{
    while (times--) {
        turns++;
    }
}

static void use_lock(request_rec *r)
{
    (void)r;
    pthread_mutex_lock(&lock);
    turn(2000);
    pthread_mutex_unlock(&lock);
    turn(2000);
}

static void use_malloc(request_rec *r)
{
    volatile char *memory = malloc(MALLOC_BYTES);

    (void)r;
    if (memory) {
        *memory = 1;
    }
    free((void *)memory);
}

static void use_log(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "a line");
    turn(10000);
}

typedef struct use_t {
    const char *name;
    void (*once)(request_rec *r);
    unsigned times; /* from one look for the file to the next */
} use_t;

static const use_t uses[] = {
    {"lock", use_lock, 100},
    {"malloc", use_malloc, 10000},
    {"log", use_log, 200},
};

static const use_t *find_use(const char *name)
{
    size_t n;

    for (n = 0; n < sizeof(uses) / sizeof(*uses); n++) {
        if (!strcmp(name, uses[n].name)) {
            return &uses[n];
        }
    }
    return NULL;
}

static void use_until(const use_t *use, const char *file, request_rec *r)
{
    do {
        unsigned n;

        for (n = 0; n < use->times; n++) {
            use->once(r);
        }
    } while (access(file, F_OK) != 0);
}

/* --- Handlers ------------------------------------------------------------- */

/* As a whole, as the handler of static files does. */
static void send_file(request_rec *r, const char *name)
{
    apr_bucket_brigade *brigade =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_file_t *file;
    apr_finfo_t info;

    if (apr_file_open(&file, name, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT,
                      r->pool) == APR_SUCCESS &&
        apr_file_info_get(&info, APR_FINFO_SIZE, file) == APR_SUCCESS) {
        apr_brigade_insert_file(brigade, file, 0, info.size, r->pool);
    }
    APR_BRIGADE_INSERT_TAIL(brigade,
                            apr_bucket_eos_create(r->connection->bucket_alloc));
    ap_pass_brigade(r->output_filters, brigade);
}

static int loop(request_rec *r)
{
    const char *args = r->args ? r->args : "";
    const char *end = apr_pstrcat(r->pool, ap_document_root(r), "/end", NULL);

    if (strcmp(r->handler, "test-loop")) {
        return DECLINED;
    }
    if (!strcmp(args, "hold")) {
        pthread_mutex_lock(&lock);
    }
    if (!strcmp(args, "until") || !strcmp(args, "file")) {
        loop_until(end);
        if (!strcmp(args, "file")) {
            send_file(r, end);
            return OK;
        }
        ap_rputs("done\n", r);
        return OK;
    }
    if (find_use(args)) {
        use_until(find_use(args), end, r);
        ap_rputs("done\n", r);
        return OK;
    }
    if (!strcmp(args, "sleep")) {
        sleep(3600);
    }
    loop_for_ever();
    return OK;
}

static int take_lock(request_rec *r)
{
    apr_time_t began = apr_time_now();
    const use_t *use = find_use(r->args ? r->args : "lock");

    if (strcmp(r->handler, "test-lock") || !use) {
        return DECLINED;
    }
    use->once(r);
    ap_rprintf(r, "locked %" APR_TIME_T_FMT "\n", apr_time_now() - began);
    return OK;
}

static int say_class(request_rec *r)
{
    if (strcmp(r->handler, "test-class")) {
        return DECLINED;
    }
    ap_rprintf(r, "%d %d\n", (int)gettid(), sched_getscheduler(0));
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_handler(loop, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(take_lock, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(say_class, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_loop) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
