/* SPDX-License-Identifier: Apache-2.0 */
/* requests/fpm.c: the worker of PHP-FPM that runs a request.
 *
 * The full status of a pool lists its workers: pid, state, script, query, and
 * for how long each runs its request.  Requests that are alike are told apart
 * by when they began.
 *
 * Runs in the helper.
 */
#include "requests/fpm.h"

#include <signal.h>
#include <string.h>

#include <jansson.h>

#include "apr_pools.h"
#include "apr_time.h"

#include "core/fastcgi.h"
#include "core/job_tree.h"
#include "core/proc.h"
#include "requests/processes.h"
#include "server/config.h"
#include "server/requests.h"

/* A status is asked for twice. */
#define FPM_WAIT_USEC (500 * 1000)

/* PHP begins after httpd's handler, but its clock is another. */
#define FPM_EARLY_USEC (20 * 1000)

/* What all workers of FPM are called. */
#define FPM_COMMAND "php-fpm"

/* Two that began within this time can't be told apart. */
#define FPM_TOGETHER_USEC (100 * 1000)

/* Of more workers that run the same, none can be told from the others. */
#define FPM_LIKE_MAX 64

/* How much FPM shows of a script's path. */
#define FPM_SCRIPT_BYTES 255

/* For a worker to stop. */
#define FPM_STOP_TRIES 100
#define FPM_STOP_PAUSE_USEC 500

/* Workers that run such a request. */
typedef struct fpm_found_t {
    wheel_fpm_worker_t workers[FPM_LIKE_MAX];
    unsigned n;
} fpm_found_t;

/* Requests of this server that are like one of them, without itself. */
typedef struct fpm_alike_t {
    unsigned n;
    unsigned older_n;
    apr_int64_t gap_usec; /* to the next that began before or after it */
} fpm_alike_t;

/* What is done to a worker whose process is held. */
typedef struct fpm_held_t {
    const wheel_request_t *request;
    const wheel_fpm_worker_t *worker;
    int signal; /* for its script's programs */
    wheel_fpm_e found;
} fpm_held_t;

const char *wheel_fpm_text(wheel_fpm_e found)
{
    static const char *const texts[] = {
        [WHEEL_FPM_DONE] = "it was told to end",
        [WHEEL_FPM_NONE_FITS] = "no worker of WheelFpmStatus's pool runs it",
        [WHEEL_FPM_AMBIGUOUS] =
            "more than one worker runs such a request, and none is touched",
        [WHEEL_FPM_NO_STATUS] = "if that is PHP-FPM, set WheelFpmStatus",
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

/* --- Which worker --------------------------------------------------------- */

/* What httpd asks for may have more behind the script: PATH_INFO. */
static int is_script(const char *script, const char *asked)
{
    size_t bytes = strlen(script);

    return bytes > 0 && !strncmp(asked, script, bytes) &&
           (!asked[bytes] || asked[bytes] == '/' || asked[bytes] == '?' ||
            bytes == FPM_SCRIPT_BYTES);
}

static int is_query(const char *uri, apr_uint64_t hash)
{
    const char *query = strchr(uri, '?');

    return wheel_request_query_hash(query ? query + 1 : NULL) == hash;
}

static int is_like(const json_t *process, const wheel_request_t *request)
{
    return !strcmp(text_of(process, "state"), "Running") &&
           !strcmp(text_of(process, "request method"), request->facts.method) &&
           is_script(text_of(process, "script"), request->script) &&
           is_query(text_of(process, "request uri"), request->script_query);
}

static apr_int64_t apart(apr_int64_t one, apr_int64_t other)
{
    return one < other ? other - one : one - other;
}

static void consider(const json_t *process, const wheel_request_t *request,
                     fpm_found_t *found)
{
    wheel_fpm_worker_t worker = {
        json_integer_value(json_object_get(process, "pid")),
        json_integer_value(json_object_get(process, "requests")),
        json_integer_value(json_object_get(process, "request duration"))};

    if (found->n < FPM_LIKE_MAX && worker.ran_usec >= 0 &&
        is_like(process, request)) {
        found->workers[found->n++] = worker;
    }
}

static void count_alike(const wheel_request_t *request, fpm_alike_t *alike)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    unsigned max = wheel_request_slots_max(slots);
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t began = request->facts.handled_usec;
    wheel_request_t other;
    unsigned n;

    memset(alike, 0, sizeof(*alike));
    alike->gap_usec = INT64_MAX;
    for (n = 0; n < max; n++) {
        apr_int64_t gap;

        if (!wheel_request_slots_copy(slots, n, now, &other) ||
            other.id == request->id ||
            other.script_query != request->script_query ||
            strcmp(other.script, request->script) ||
            strcmp(other.facts.method, request->facts.method)) {
            continue;
        }
        gap = apart(other.facts.handled_usec, began);
        alike->n++;
        alike->older_n += other.facts.handled_usec < began;
        alike->gap_usec = gap < alike->gap_usec ? gap : alike->gap_usec;
    }
}

/* The only one that hasn't run for longer than the request. */
static wheel_fpm_e choose_alone(const fpm_found_t *found, apr_int64_t elapsed,
                                wheel_fpm_worker_t *worker)
{
    unsigned fit_n = 0;
    unsigned n;

    for (n = 0; n < found->n; n++) {
        if (found->workers[n].ran_usec <= elapsed + FPM_EARLY_USEC) {
            *worker = found->workers[n];
            fit_n++;
        }
    }
    return fit_n == 1 ? WHEEL_FPM_DONE
           : fit_n    ? WHEEL_FPM_AMBIGUOUS
                      : WHEEL_FPM_NONE_FITS;
}

/* Several requests are alike.  Each must have a worker: one of those might run
 * for a request that waits for it still.  FPM takes them in their order, and
 * the worker of this one began much nearer to it than to the others. */
static wheel_fpm_e choose_among(const fpm_found_t *found, apr_int64_t elapsed,
                                const fpm_alike_t *alike,
                                wheel_fpm_worker_t *worker)
{
    unsigned near_n = 0;
    unsigned older_n = 0;
    unsigned n;

    if (found->n != alike->n + 1 || alike->gap_usec <= FPM_TOGETHER_USEC) {
        return WHEEL_FPM_AMBIGUOUS;
    }
    for (n = 0; n < found->n; n++) {
        if (apart(found->workers[n].ran_usec, elapsed) <= alike->gap_usec / 4) {
            *worker = found->workers[n];
            near_n++;
        }
    }
    for (n = 0; n < found->n && near_n == 1; n++) {
        older_n += found->workers[n].ran_usec > worker->ran_usec;
    }
    return near_n == 1 && older_n == alike->older_n ? WHEEL_FPM_DONE
                                                    : WHEEL_FPM_AMBIGUOUS;
}

static wheel_fpm_e choose(const wheel_request_t *request,
                          const fpm_found_t *found, wheel_fpm_worker_t *worker)
{
    apr_int64_t elapsed = wheel_clock_usec() - request->facts.handled_usec;
    fpm_alike_t alike;

    if (found->n == 0) {
        return WHEEL_FPM_NONE_FITS;
    }
    count_alike(request, &alike);
    return alike.n == 0 ? choose_alone(found, elapsed, worker)
                        : choose_among(found, elapsed, &alike, worker);
}

static wheel_fpm_e find(const wheel_fastcgi_t *status,
                        const wheel_request_t *request,
                        wheel_fpm_worker_t *worker, apr_pool_t *pool)
{
    fpm_found_t found;
    const char *body;
    json_t *json;
    const json_t *process;
    size_t n;

    found.n = 0;
    if (wheel_fastcgi_get(status, "full&json", FPM_WAIT_USEC, &body, pool) !=
        APR_SUCCESS) {
        return WHEEL_FPM_NO_ANSWER;
    }
    json = json_loads(body, 0, NULL);
    if (!json) {
        return WHEEL_FPM_NO_ANSWER;
    }
    json_array_foreach(json_object_get(json, "processes"), n, process)
    {
        consider(process, request, &found);
    }
    json_decref(json);
    return choose(request, &found, worker);
}

wheel_fpm_e wheel_fpm_find(const wheel_request_t *request,
                           wheel_fpm_worker_t *worker)
{
    const wheel_fastcgi_t *status = wheel_config_fpm(request->facts.fpm);
    apr_pool_t *pool;
    wheel_fpm_e found;

    if (!status) {
        return WHEEL_FPM_NO_STATUS;
    }
    if (!*request->script) {
        return WHEEL_FPM_NONE_FITS;
    }
    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return WHEEL_FPM_NO_ANSWER;
    }
    found = find(status, request, worker, pool);
    apr_pool_destroy(pool);
    return found;
}

/* --- Interrupting it ------------------------------------------------------ */

/* A signal arrives when the process next runs: wait until it has stopped. */
static int has_stopped(pid_t pid)
{
    int tries;

    for (tries = 0; tries < FPM_STOP_TRIES; tries++) {
        if (wheel_proc_state(pid) == 'T') {
            return 1;
        }
        apr_sleep(FPM_STOP_PAUSE_USEC);
    }
    return 0;
}

/* It is stopped: is it still the one, and the request, too? */
static int still_runs(const fpm_held_t *held)
{
    const wheel_request_t *request = held->request;
    wheel_fpm_worker_t again;

    return wheel_fpm_find(request, &again) == WHEEL_FPM_DONE &&
           again.pid == held->worker->pid &&
           again.requests == held->worker->requests &&
           wheel_request_slots_is(wheel_requests_slots(), request->slot,
                                  request->id);
}

static int interrupt_held(int pidfd, void *baton)
{
    fpm_held_t *held = baton;
    pid_t pid = (pid_t)held->worker->pid;

    held->found = WHEEL_FPM_NOT_ALLOWED;
    wheel_request_slots_freeze(wheel_requests_slots(), pid);
    if (wheel_job_tree_send(pidfd, SIGSTOP)) {
        held->found = WHEEL_FPM_NO_ANSWER;
        if (has_stopped(pid) && still_runs(held) &&
            wheel_job_tree_send(pidfd, SIGPROF)) {
            wheel_processes_signal_of(held->request, pid, held->signal);
            /* When its limit is reached, PHP starts a timer in CPU time, which
             * it doesn't stop where max_execution_time is 0: it would end a
             * later script.  So this worker takes no other. */
            wheel_job_tree_send(pidfd, SIGQUIT);
            held->found = WHEEL_FPM_DONE;
        }
        wheel_job_tree_send(pidfd, SIGCONT);
    }
    wheel_request_slots_freeze(wheel_requests_slots(), 0);
    return 1;
}

wheel_fpm_e wheel_fpm_interrupt(const wheel_request_t *request, int signal)
{
    wheel_fpm_worker_t worker;
    fpm_held_t held = {request, &worker, signal, WHEEL_FPM_NONE_FITS};
    wheel_fpm_e found = wheel_fpm_find(request, &worker);

    if (found != WHEEL_FPM_DONE) {
        return found;
    }
    wheel_job_tree_hold(worker.pid, FPM_COMMAND, interrupt_held, &held);
    return held.found;
}

static int let_go_on(int pidfd, void *baton)
{
    (void)baton;
    return wheel_job_tree_send(pidfd, SIGCONT);
}

void wheel_fpm_thaw(void)
{
    pid_t pid = wheel_request_slots_freeze(wheel_requests_slots(), 0);

    if (pid) {
        wheel_job_tree_hold(pid, FPM_COMMAND, let_go_on, NULL);
    }
}
