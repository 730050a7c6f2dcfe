/* SPDX-License-Identifier: Apache-2.0 */
/* server/signals.c: TERM and HUP, for as long as jobs are to be answered.
 *
 * Runs in workers, in the main thread of a child that stops, and in signal
 * handlers.
 */
#include "server/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"

#include "http_connection.h"
#include "http_protocol.h"

#include "core/each_request.h"
#include "server/process.h"

/* From the TERM that an orphan gets to its end. */
#define SIGNALS_ORPHAN_SEC 2

/* Under prefork, where a child runs one request at a time. */
static struct {
    volatile sig_atomic_t held; /* the signal that came meanwhile, or 0 */

    /* Requests that hold signals, and what prefork did with these before.  A
     * request whose answer is not yet sent lives on beside the next one of its
     * connection and may end before it. */
    unsigned holders;
    struct sigaction unheld_term;
    struct sigaction unheld_hup;
} signals;

/* --- Prefork -------------------------------------------------------------- */

/* Ends the waits of a prefork worker; the signal is given back later. */
static void on_held(int signal)
{
    signals.held = signal;
    wheel_process_set_ending();
}

static void restore_handlers(void)
{
    sigaction(SIGTERM, &signals.unheld_term, NULL);
    sigaction(SIGHUP, &signals.unheld_hup, NULL);
}

static apr_status_t stop_holding(void *data)
{
    (void)data;
    if (--signals.holders == 0) {
        restore_handlers();
    }
    return APR_SUCCESS;
}

void wheel_signals_hold(apr_pool_t *pool)
{
    struct sigaction action;

    if (wheel_process_threaded()) {
        return;
    }
    /* The request has been answered and logged when its pool goes. */
    apr_pool_cleanup_register(pool, NULL, stop_holding, apr_pool_cleanup_null);
    if (signals.holders++ > 0) {
        return;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_held; /* no SA_RESTART: waits are to end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, &signals.unheld_term);
    sigaction(SIGHUP, &action, &signals.unheld_hup);
}

/* The MPM's handler runs in here, between two requests, and ends the process:
 * where it would have run had the signal come now. */
static void give_back(void)
{
    int signal = signals.held;

    signals.held = 0;
    raise(signal);
}

/* Before the next request of a connection is waited for. */
WHEEL_EACH_REQUEST static void give_back_between(request_rec *r, conn_rec *c)
{
    (void)r;
    (void)c;
    if (signals.held && signals.holders == 0) {
        give_back();
    }
}

/* The last hook of a connection.  Requests that could not be sent live on. */
WHEEL_EACH_REQUEST static int give_back_after(conn_rec *c)
{
    if (!signals.held) {
        return DECLINED;
    }
    if (!c->aborted) {
        ap_flush_conn(c);
    }
    if (signals.holders) {
        restore_handlers();
    }
    give_back();
    return OK;
}

/* --- Threads -------------------------------------------------------------- */

/* Other threads of the child send TERM as well. */
static void on_term(int signal, siginfo_t *info, void *context)
{
    static volatile sig_atomic_t ends;
    int orphan = wheel_process_orphaned();

    (void)signal;
    (void)context;
    if (!orphan && info->si_pid != wheel_process_parent()) {
        return;
    }
    wheel_process_end_jobs();
    if (orphan && !ends) {
        ends = 1;
        alarm(SIGNALS_ORPHAN_SEC); /* nobody else would end it */
    }
}

static void heed_term(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_term;
    action.sa_flags = SA_SIGINFO; /* no SA_RESTART: the MPM's waits end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
}

void wheel_signals_stop_gracefully(void)
{
    heed_term();
}

void wheel_signals_lose_parent(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;
    sigset_t alarm_alone;

    if (!wheel_process_threaded() ||
        atomic_flag_test_and_set_explicit(&done, memory_order_relaxed)) {
        return;
    }
    /* The threads of an MPM block all signals, and this one ends the process
     * whichever thread takes it. */
    sigemptyset(&alarm_alone);
    sigaddset(&alarm_alone, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_alone, NULL);
    heed_term();
}

void wheel_signals_leave_child(void)
{
    if (wheel_process_threaded()) {
        signal(SIGTERM, SIG_IGN); /* on_term() may be unmapped before the end */
    }
}

void wheel_signals_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_pre_read_request(give_back_between, NULL, NULL,
                             APR_HOOK_REALLY_FIRST);
    ap_hook_pre_close_connection(give_back_after, NULL, NULL,
                                 APR_HOOK_REALLY_LAST);
}
