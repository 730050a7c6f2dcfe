/* SPDX-License-Identifier: Apache-2.0 */
/* server/requests.c: the slots of requests, as each process of the server has
 * them.
 *
 * The parent makes them in post_config, keeps them over restarts and takes
 * back those of dead children; each worker thread claims one.
 */
#include "server/requests.h"

#include <pthread.h>
#include <signal.h>

#include "ap_mpm.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"
#include "mpm_common.h"

#include "core/each_request.h"
#include "core/platform.h"
#include "server/config.h"
#include "server/fork.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* Under this key the slots outlive restarts. */
#define REQUESTS_RETAINED "mod_wheel-requests"

/* Slots for each worker that there can be: HTTP/2 has workers of its own, and
 * an answer that the MPM sends has none. */
#define REQUESTS_SLOTS_PER_WORKER 2
#define REQUESTS_SLOTS_MAX (128 * 1024)

/* What outlives restarts, on the process pool: no pointer into the module. */
typedef struct requests_retained_t {
    wheel_request_slots_t *slots;
    apr_uint64_t layout;
} requests_retained_t;

static struct {
    wheel_request_slots_t *slots;
    pthread_key_t key; /* holds a thread's slot until it ends */
    int has_key;
} requests;

/* The slot of this thread and 1, 0 for none yet, -1 if all were taken: it asks
 * again for each request. */
static _Thread_local int own_slot;

/* The request that this thread has hidden, 0 for none. */
static _Thread_local apr_uint64_t hidden;

WHEEL_EACH_REQUEST wheel_request_slots_t *wheel_requests_slots(void)
{
    return requests.slots;
}

/* --- A thread's slot ---------------------------------------------------- */

static void give_back(void *data)
{
    wheel_request_slots_release(requests.slots,
                                (unsigned)(apr_uintptr_t)data - 1);
}

/* The main thread of a child takes the signal that interrupts requests; where
 * it is a worker, too, under prefork, it goes on taking it. */
static void block_urgent(void)
{
    sigset_t urgent;

    if (wheel_process_threaded()) {
        sigemptyset(&urgent);
        sigaddset(&urgent, SIGURG);
        pthread_sigmask(SIG_BLOCK, &urgent, NULL);
    }
}

/* @return -1 if all are taken */
static int take_slot(void)
{
    int slot = wheel_request_slots_claim(
        requests.slots, wheel_process_self().pid, (pid_t)wheel_thread_number());

    if (slot < 0) {
        return -1;
    }
    own_slot = slot + 1;
    if (requests.has_key) {
        pthread_setspecific(requests.key,
                            (void *)(apr_uintptr_t)(unsigned)own_slot);
    }
    return slot;
}

static int take_first_slot(void)
{
    int slot;

    block_urgent();
    slot = take_slot();
    if (own_slot == 0) {
        own_slot = -1;
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0100: all %u slots for requests are taken: until some "
                     "are free, the requests of one more thread are not listed",
                     wheel_request_slots_max(requests.slots));
    }
    return slot;
}

int wheel_requests_own_slot(void)
{
    return own_slot > 0 ? own_slot - 1 : take_first_slot();
}

int wheel_requests_leave_slot(void)
{
    unsigned left = (unsigned)own_slot - 1;

    if (take_slot() < 0) {
        return 0;
    }
    wheel_request_slots_leave(requests.slots, left, wheel_process_self().pid);
    return 1;
}

apr_uint64_t wheel_requests_hide(wheel_mark_e *mark)
{
    apr_uint64_t request = 0;

    *mark = WHEEL_MARK_NONE;
    if (requests.slots && own_slot > 0) {
        request = wheel_request_slots_take_out(requests.slots,
                                               (unsigned)own_slot - 1, mark);
    }
    hidden = request ? request : hidden;
    return request;
}

void wheel_requests_show(apr_uint64_t request)
{
    if (request && request == hidden) {
        hidden = 0;
        wheel_request_slots_put_back(requests.slots, (unsigned)own_slot - 1,
                                     request, wheel_clock_usec(),
                                     wheel_clock_thread_usec());
    }
}

int wheel_requests_hidden(void)
{
    int was = hidden != 0;

    hidden = 0;
    return was;
}

/* --- A child ------------------------------------------------------------ */

/* A thread that ends later must not run a function that is unmapped. */
static apr_status_t forget_key(void *data)
{
    (void)data;
    pthread_key_delete(requests.key);
    requests.has_key = 0;
    return APR_SUCCESS;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)s;
    if (!requests.slots) {
        return;
    }
    requests.has_key = pthread_key_create(&requests.key, give_back) == 0;
    if (requests.has_key) {
        apr_pool_cleanup_register(pchild, NULL, forget_key,
                                  apr_pool_cleanup_null);
    }
}

/* --- The parent --------------------------------------------------------- */

static void child_status(server_rec *s, pid_t pid, ap_generation_t generation,
                         int slot, mpm_child_status status)
{
    (void)s;
    (void)generation;
    (void)slot;
    if (status == MPM_CHILD_EXITED && requests.slots &&
        !wheel_process_has_child(pid)) {
        wheel_request_slots_reap(requests.slots, pid);
    }
}

/* Every ten seconds or so: deaths that child_status doesn't report. */
static int monitor(apr_pool_t *pool, server_rec *s)
{
    (void)pool;
    (void)s;
    if (requests.slots) {
        wheel_request_slots_sweep(requests.slots, wheel_process_lost);
    }
    return DECLINED;
}

static unsigned slots_wanted(void)
{
    int daemons = 0;
    int threads = 0;
    apr_int64_t wanted;

    /* ServerLimit and ThreadLimit: they stay until a full stop, as the slots
     * do. */
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    wanted = (apr_int64_t)REQUESTS_SLOTS_PER_WORKER *
             (daemons > 0 ? daemons : 1) * (threads > 0 ? threads : 1);
    return wanted < REQUESTS_SLOTS_MAX ? (unsigned)wanted : REQUESTS_SLOTS_MAX;
}

/* Slots that another build of the module has made stay with the children that
 * use them. */
static apr_status_t make_slots(requests_retained_t *kept, server_rec *s)
{
    apr_status_t rv = wheel_request_slots_create(&kept->slots, slots_wanted(),
                                                 s->process->pool);

    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "WH0101: no shared memory for %u slots of requests: "
                     "lower ServerLimit or ThreadLimit, or allow more memory",
                     slots_wanted());
    }
    kept->layout = wheel_request_slots_layout();
    return rv;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    requests_retained_t *kept;
    int replaced;

    (void)pconf;
    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    replaced = wheel_process_replaced(REQUESTS_RETAINED, sizeof(*kept), 0);
    kept = wheel_process_retained(REQUESTS_RETAINED, sizeof(*kept), 0,
                                  wheel_config_requests_used());
    if (!kept) {
        return OK;
    }
    if (replaced ||
        (kept->slots && kept->layout != wheel_request_slots_layout())) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0107: mod_wheel has been replaced by a build whose "
                     "slots of requests have another layout: new processes "
                     "use new ones; requests in old processes go on, and no "
                     "stop, limit or status reaches them");
        kept->slots = NULL;
    }
    if (!kept->slots && make_slots(kept, s) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    requests.slots = kept->slots;
    return OK;
}

/* A process that waits there, too, would take wakes from the helper. */
static void close_own(void)
{
    requests_retained_t *kept =
        wheel_process_retained(REQUESTS_RETAINED, sizeof(*kept), 0, 0);

    if (kept && kept->slots && kept->layout == wheel_request_slots_layout()) {
        wheel_request_slots_wake_close(kept->slots);
    }
}

void wheel_requests_slots_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    wheel_fork_closes(close_own);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(monitor, NULL, NULL, APR_HOOK_MIDDLE);
}
