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

#include "server/process.h"

static struct {
    /* With threads: the parent has sent TERM; the child is stopping
     * gracefully.  Where both are so, in whatever order, the child ends. */
    atomic_int term_came;
    atomic_int stops_gracefully;

    /* Under prefork: the signal that a request of this child has held, or 0;
     * requests that hold signals, and what prefork did with these before.  A
     * request whose answer is not yet sent lives on beside the next one of its
     * connection and may end before it. */
    volatile sig_atomic_t held;
    unsigned holders;
    struct sigaction unheld_term;
    struct sigaction unheld_hup;
} signals;

void wheel_signals_leave_child(void)
{
    if (wheel_process_threaded()) {
        signal(SIGTERM, SIG_IGN); /* on_term() may be unmapped before the end */
    }
}

/* Ends the waits of a prefork worker; the signal is given back later. */
static void on_held(int signal)
{
    signals.held = signal;
    wheel_process_set_ending();
}

static apr_status_t let_signals(void *data)
{
    int signal;

    (void)data;
    if (--signals.holders > 0) {
        return APR_SUCCESS;
    }
    sigaction(SIGTERM, &signals.unheld_term, NULL);
    sigaction(SIGHUP, &signals.unheld_hup, NULL);
    signal = signals.held;
    if (signal) {
        raise(signal); /* the process ends in here */
    }
    return APR_SUCCESS;
}

/* A child that is stopping gracefully ignores TERM: its parent would wait for
 * ten seconds and kill it.  Other threads of the child send TERM as well.  A
 * child that isn't stopping will hear from the parent in another way, and is
 * to keep its connections until then. */
static void on_term(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (info->si_pid != wheel_process_parent()) {
        return;
    }
    /* Sequential consistency, here and in wheel_signals_stop_gracefully(): of
     * two threads that each set one and read the other, one sees both. */
    atomic_store_explicit(&signals.term_came, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&signals.stops_gracefully, memory_order_seq_cst)) {
        wheel_process_end_jobs();
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
    atomic_store_explicit(&signals.stops_gracefully, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&signals.term_came, memory_order_seq_cst)) {
        wheel_process_end_jobs();
    }
}

static void hold_signals(apr_pool_t *pool)
{
    struct sigaction action;

    /* The request has been answered and logged when its pool goes. */
    apr_pool_cleanup_register(pool, NULL, let_signals, apr_pool_cleanup_null);
    if (signals.holders++ > 0) {
        return;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_held; /* no SA_RESTART: waits are to end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, &signals.unheld_term);
    sigaction(SIGHUP, &action, &signals.unheld_hup);
}

void wheel_signals_hold(apr_pool_t *pool)
{
    if (wheel_process_threaded()) {
        heed_term(); /* the MPM has set its own since child_init */
    }
    else {
        hold_signals(pool);
    }
}
