/* SPDX-License-Identifier: Apache-2.0 */
/* requests/fpm.c: the worker of PHP-FPM that runs a request.
 *
 * The full status of a pool lists its workers: pid, state, method, URI, and
 * for how long the request runs.  Runs in the helper.
 */
#include "requests/fpm.h"

#include <signal.h>
#include <string.h>

#include <jansson.h>

#include "apr_pools.h"

#include "core/fastcgi.h"
#include "core/job_tree.h"
#include "server/config.h"
#include "server/requests.h"

/* A status is asked for twice. */
#define FPM_WAIT_USEC (200 * 1000)

/* PHP begins after httpd's handler, but its clock is another. */
#define FPM_EARLY_USEC (20 * 1000)

/* What all workers of FPM are called. */
#define FPM_COMMAND "php-fpm"

/* A worker that may run the request. */
typedef struct fpm_worker_t {
    json_int_t pid;
    json_int_t requests; /* that it has run so far: tells one from the next */
    unsigned fit_n;      /* workers that fit */
} fpm_worker_t;

/* What check() needs once the worker's process is held. */
typedef struct fpm_check_t {
    const wheel_request_t *request;
    const wheel_fastcgi_t *status;
    fpm_worker_t worker;
    apr_pool_t *pool;
} fpm_check_t;

const char *wheel_fpm_text(wheel_fpm_e found)
{
    static const char *const texts[] = {
        [WHEEL_FPM_SIGNALLED] = "it was told to end",
        [WHEEL_FPM_NONE_FITS] = "no worker runs it",
        [WHEEL_FPM_AMBIGUOUS] =
            "more than one worker runs such a request, and none is touched",
        [WHEEL_FPM_NO_STATUS] = "there is no WheelFpmStatus here",
        [WHEEL_FPM_NO_ANSWER] = "the status of WheelFpmStatus can't be read",
        [WHEEL_FPM_NOT_ALLOWED] =
            "its worker runs as another user and can't be signalled",
    };

    return texts[found];
}

static const char *text_of(const json_t *process, const char *key)
{
    const char *text = json_string_value(json_object_get(process, key));

    return text ? text : "";
}

/* A path is followed by a query, or by nothing. */
static int is_path(const char *uri, const char *path)
{
    size_t bytes = strlen(path);

    return !strncmp(uri, path, bytes) && (!uri[bytes] || uri[bytes] == '?');
}

static int fits(const json_t *process, const wheel_request_t *request)
{
    json_int_t ran =
        json_integer_value(json_object_get(process, "request duration"));

    return !strcmp(text_of(process, "state"), "Running") &&
           !strcmp(text_of(process, "request method"), request->facts.method) &&
           is_path(text_of(process, "request uri"), request->facts.path) &&
           ran >= 0 && ran <= request->elapsed + FPM_EARLY_USEC;
}

/* @return 0 if the status can't be read */
static int find_worker(const wheel_fastcgi_t *status,
                       const wheel_request_t *request, fpm_worker_t *worker,
                       apr_pool_t *pool)
{
    const char *body;
    json_t *json;
    const json_t *process;
    size_t n;

    memset(worker, 0, sizeof(*worker));
    if (wheel_fastcgi_get(status, "full&json", FPM_WAIT_USEC, &body, pool) !=
        APR_SUCCESS) {
        return 0;
    }
    json = json_loads(body, 0, NULL);
    json_array_foreach(json_object_get(json, "processes"), n, process)
    {
        if (fits(process, request)) {
            worker->pid = json_integer_value(json_object_get(process, "pid"));
            worker->requests =
                json_integer_value(json_object_get(process, "requests"));
            worker->fit_n++;
        }
    }
    json_decref(json);
    return json != NULL;
}

/* The process is held: is it still the one, and the request, too? */
static int check(void *baton)
{
    const fpm_check_t *asked = baton;
    fpm_worker_t again;

    return find_worker(asked->status, asked->request, &again, asked->pool) &&
           again.fit_n == 1 && again.pid == asked->worker.pid &&
           again.requests == asked->worker.requests &&
           wheel_request_slots_is(wheel_requests_slots(), asked->request->slot,
                                  asked->request->id);
}

static wheel_fpm_e interrupt_worker(fpm_check_t *asked)
{
    if (!find_worker(asked->status, asked->request, &asked->worker,
                     asked->pool)) {
        return WHEEL_FPM_NO_ANSWER;
    }
    if (asked->worker.fit_n != 1) {
        return asked->worker.fit_n ? WHEEL_FPM_AMBIGUOUS : WHEEL_FPM_NONE_FITS;
    }
    return wheel_job_tree_signal_one(asked->worker.pid, FPM_COMMAND, SIGPROF,
                                     check, asked)
               ? WHEEL_FPM_SIGNALLED
               : WHEEL_FPM_NOT_ALLOWED;
}

wheel_fpm_e wheel_fpm_interrupt(const wheel_request_t *request)
{
    fpm_check_t asked = {.request = request,
                         .status = wheel_config_fpm(request->facts.fpm)};
    wheel_fpm_e found;

    if (!asked.status) {
        return WHEEL_FPM_NO_STATUS;
    }
    if (apr_pool_create(&asked.pool, NULL) != APR_SUCCESS) {
        return WHEEL_FPM_NO_ANSWER;
    }
    found = interrupt_worker(&asked);
    apr_pool_destroy(asked.pool);
    return found;
}
