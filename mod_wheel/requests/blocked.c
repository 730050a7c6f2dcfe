/* SPDX-License-Identifier: Apache-2.0 */
/* requests/blocked.c: where worker threads wait, and how a stop ends a wait.
 *
 * A child has no thread that could end the waits of its others.  So whoever
 * stops a request sends its process SIGURG, which does nothing anywhere else.
 * With threads, the main thread takes it, which has nothing else to do; under
 * prefork, it is the one that runs the request.  The handler shuts down the
 * descriptors on which threads with marked requests wait, and has PHP end its
 * script.
 *
 * Threads write their own entries; the signal handler reads all.
 */
#include "requests/blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "apr_dso.h"
#include "http_config.h"
#include "http_log.h"

#include "core/proc.h"
#include "core/request_slots.h"
#include "requests/drain.h"
#include "server/process.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

/* A descriptor while the signal handler uses it. */
#define WAIT_IN_USE (1 << 30)
#define WAIT_NOTHING (-1)

/* Before a second signal, PHP must have had the chance to act on the first: the
 * time, and how often its process has been told, which it isn't while it gets
 * no CPU. */
#define PHP_AGAIN_USEC (900 * 1000)
#define PHP_AGAIN_TOLD 5

struct wheel_blocked_t {
    wheel_blocked_t *next; /* set before it is in the list, then as it is */
    atomic_int taken;
    atomic_int slot; /* -1 for none */
    atomic_int fds[WHEEL_BLOCKED_COUNT];
    atomic_int php;         /* mod_php's handler runs */
    atomic_int php_signals; /* that this request has got */
    atomic_int php_told;    /* signals of ours since the first of these */
    _Atomic apr_int64_t php_first_usec;
};

static struct {
    _Atomic(wheel_blocked_t *) first;
    /* PHP's own, NULL without mod_php.  It sets no more than a bool. */
    bool (*php_is_executing)(void);
} waits;

/* --- Entries ------------------------------------------------------------ */

static wheel_blocked_t *make_entry(void)
{
    wheel_blocked_t *made = malloc(sizeof(*made));
    wheel_blocked_t *first;

    if (!made) {
        return NULL;
    }
    memset(made, 0, sizeof(*made));
    atomic_store_explicit(&made->taken, 1, memory_order_relaxed);
    atomic_store_explicit(&made->slot, -1, memory_order_relaxed);
    first = atomic_load_explicit(&waits.first, memory_order_relaxed);
    do {
        made->next = first;
        /* Release: who finds the entry finds it whole. */
    } while (!atomic_compare_exchange_weak_explicit(&waits.first, &first, made,
                                                    memory_order_release,
                                                    memory_order_relaxed));
    return made;
}

static wheel_blocked_t *used_entry(void)
{
    wheel_blocked_t *wait;

    for (wait = atomic_load_explicit(&waits.first, memory_order_acquire); wait;
         wait = wait->next) {
        int taken = 0;

        if (atomic_compare_exchange_strong_explicit(&wait->taken, &taken, 1,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            return wait;
        }
    }
    return NULL;
}

wheel_blocked_t *wheel_blocked_take(unsigned slot)
{
    wheel_blocked_t *wait = used_entry();
    int n;

    if (!wait) {
        wait = make_entry();
    }
    if (!wait) {
        return NULL;
    }
    for (n = 0; n < WHEEL_BLOCKED_COUNT; n++) {
        atomic_store_explicit(&wait->fds[n], WAIT_NOTHING,
                              memory_order_relaxed);
    }
    atomic_store_explicit(&wait->php, 0, memory_order_relaxed);
    atomic_store_explicit(&wait->slot, (int)slot, memory_order_seq_cst);
    return wait;
}

void wheel_blocked_give(wheel_blocked_t *wait)
{
    int n;

    for (n = 0; n < WHEEL_BLOCKED_COUNT; n++) {
        wheel_blocked_leave(wait, n);
    }
    atomic_store_explicit(&wait->php, 0, memory_order_relaxed);
    atomic_store_explicit(&wait->slot, -1, memory_order_relaxed);
    atomic_store_explicit(&wait->taken, 0, memory_order_release);
}

int wheel_blocked_enter(wheel_blocked_t *wait, wheel_blocked_e what, int fd)
{
    int slot = atomic_load_explicit(&wait->slot, memory_order_relaxed);

    /* Sequential consistency: see wheel_request_slots_marked(). */
    atomic_store_explicit(&wait->fds[what], fd, memory_order_seq_cst);
    if (wheel_request_slots_marked(wheel_requests_slots(), (unsigned)slot) ==
        WHEEL_MARK_NONE) {
        return 1;
    }
    wheel_blocked_leave(wait, what);
    return 0;
}

int wheel_blocked_leave(wheel_blocked_t *wait, wheel_blocked_e what)
{
    int fd = atomic_load_explicit(&wait->fds[what], memory_order_relaxed);

    while (fd != WAIT_NOTHING) {
        if (fd & WAIT_IN_USE) {
            sched_yield(); /* the main thread is about to give it back */
            fd = atomic_load_explicit(&wait->fds[what], memory_order_relaxed);
        }
        else if (atomic_compare_exchange_weak_explicit(
                     &wait->fds[what], &fd, WAIT_NOTHING, memory_order_acq_rel,
                     memory_order_relaxed)) {
            return fd;
        }
    }
    return -1;
}

int wheel_blocked_keep(wheel_blocked_t *wait, wheel_blocked_e what, int fd)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (own < 0 || wheel_blocked_enter(wait, what, own)) {
        return 1;
    }
    close(own);
    return 0;
}

void wheel_blocked_drop(wheel_blocked_t *wait, wheel_blocked_e what)
{
    int own = wheel_blocked_leave(wait, what);

    if (own >= 0) {
        close(own);
    }
}

/* When PHP's limit comes by our signal, PHP starts a second one, in CPU time:
 * that is not to end a later script. */
static void end_php_timer(void)
{
    static const struct itimerval none;

    setitimer(ITIMER_PROF, &none, NULL);
}

void wheel_blocked_php(wheel_blocked_t *wait, int runs)
{
    int ran = atomic_load_explicit(&wait->php, memory_order_relaxed);

    atomic_store_explicit(&wait->php, runs, memory_order_relaxed);
    if (runs == ran) {
        return;
    }
    if (atomic_exchange_explicit(&wait->php_signals, 0, memory_order_relaxed) &&
        !runs) {
        end_php_timer();
    }
}

/* --- The signal handler ------------------------------------------------- */

/* A client that gets a part of its answer must not take it for the whole, so
 * its connection is reset: with a plain end, an answer without a length would
 * look complete. */
static void end_wait(wheel_blocked_e what, int fd)
{
    static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    switch (what) {
    case WHEEL_BLOCKED_CLIENT_READ:
    case WHEEL_BLOCKED_TUNNEL_CLIENT:
        shutdown(fd, SHUT_RD); /* it may still be told why */
        break;
    case WHEEL_BLOCKED_CLIENT_WRITE:
        connect(fd, &nowhere, sizeof(nowhere));
        break;
    default:
        shutdown(fd, SHUT_RDWR);
        break;
    }
}

/* A client of a tunnel sees that the backend has gone, and has a second to
 * close its side. */
static wheel_step_e first_step(wheel_blocked_e what)
{
    return what == WHEEL_BLOCKED_TUNNEL_CLIENT ? WHEEL_STEP_FORCE
                                               : WHEEL_STEP_INTERRUPT;
}

/* While the descriptor is in use, its thread can't leave: if the request is
 * still to be interrupted then, the descriptor is that request's. */
static void interrupt_wait(wheel_blocked_t *wait, wheel_blocked_e what,
                           unsigned slot)
{
    int fd = atomic_load_explicit(&wait->fds[what], memory_order_seq_cst);

    if (fd == WAIT_NOTHING || fd & WAIT_IN_USE ||
        !atomic_compare_exchange_strong_explicit(
            &wait->fds[what], &fd, fd | WAIT_IN_USE, memory_order_seq_cst,
            memory_order_relaxed)) {
        return;
    }
    if (wheel_request_slots_step(wheel_requests_slots(), slot) >=
        first_step(what)) {
        end_wait(what, fd);
    }
    atomic_store_explicit(&wait->fds[what], fd, memory_order_release);
}

/* May PHP get another signal?  A second one ends the process at once. */
static int is_php_due(wheel_blocked_t *wait, wheel_step_e step)
{
    int sent = atomic_load_explicit(&wait->php_signals, memory_order_relaxed);
    int told;

    if (sent == 0) {
        return step >= WHEEL_STEP_INTERRUPT;
    }
    told =
        1 + atomic_fetch_add_explicit(&wait->php_told, 1, memory_order_relaxed);
    return sent == 1 && step >= WHEEL_STEP_FORCE && told >= PHP_AGAIN_TOLD &&
           wheel_clock_usec() - atomic_load_explicit(&wait->php_first_usec,
                                                     memory_order_relaxed) >=
               PHP_AGAIN_USEC;
}

static void note_php_signal(wheel_blocked_t *wait)
{
    if (atomic_fetch_add_explicit(&wait->php_signals, 1,
                                  memory_order_relaxed) == 0) {
        atomic_store_explicit(&wait->php_told, 0, memory_order_relaxed);
        atomic_store_explicit(&wait->php_first_usec, wheel_clock_usec(),
                              memory_order_relaxed);
    }
}

/* PHP's own time limit comes by SIGPROF.  It is ready for it while it executes
 * a script, and under prefork this is the thread that does. */
static void interrupt_php(wheel_blocked_t *wait, unsigned slot)
{
    wheel_step_e step = wheel_request_slots_step(wheel_requests_slots(), slot);
    struct sigaction action;

    if (!waits.php_is_executing ||
        !atomic_load_explicit(&wait->php, memory_order_relaxed) ||
        !waits.php_is_executing() || !is_php_due(wait, step)) {
        return;
    }
    if (sigaction(SIGPROF, NULL, &action) == 0 &&
        action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
        note_php_signal(wait);
        raise(SIGPROF);
    }
}

static void on_urgent(int signal)
{
    int error = errno;
    wheel_blocked_t *wait;
    int n;

    (void)signal;
    for (wait = atomic_load_explicit(&waits.first, memory_order_acquire); wait;
         wait = wait->next) {
        int slot = atomic_load_explicit(&wait->slot, memory_order_seq_cst);

        if (slot < 0 ||
            wheel_request_slots_step(wheel_requests_slots(), (unsigned)slot) <
                WHEEL_STEP_INTERRUPT) {
            continue;
        }
        if (wheel_request_slots_step(wheel_requests_slots(), (unsigned)slot) >=
            WHEEL_STEP_DRAIN) {
            wheel_drain_here();
        }
        for (n = 0; n < WHEEL_BLOCKED_COUNT; n++) {
            interrupt_wait(wait, n, (unsigned)slot);
        }
        interrupt_php(wait, (unsigned)slot);
    }
    errno = error;
}

/* --- A child ------------------------------------------------------------ */

static void find_php(void)
{
    const module *php = ap_find_linked_module("mod_php.c");
    apr_dso_handle_sym_t symbol;

    if (php && php->dynamic_load_handle && !wheel_process_threaded() &&
        apr_dso_sym(&symbol, php->dynamic_load_handle, "zend_is_executing") ==
            APR_SUCCESS) {
        waits.php_is_executing = (bool (*)(void))symbol;
    }
}

/* The handler is unmapped with the module. */
static apr_status_t ignore_urgent(void *data)
{
    (void)data;
    signal(SIGURG, SIG_IGN);
    return APR_SUCCESS;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    struct sigaction action;
    sigset_t urgent;

    (void)s;
    if (!wheel_requests_slots()) {
        return;
    }
    find_php();
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_urgent;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    /* PHP's own handler is to run inside of PHP, after this one. */
    sigaction(SIGURG, &action, NULL);
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &urgent, NULL);
    apr_pool_cleanup_register(pchild, NULL, ignore_urgent,
                              apr_pool_cleanup_null);
}

void wheel_blocked_register(apr_pool_t *pconf)
{
    (void)pconf;
    /* After mod_wheel knows its process. */
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_LAST);
}
