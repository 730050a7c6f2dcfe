/* SPDX-License-Identifier: Apache-2.0 */
/* server/helper_process.c: the helper itself.
 *
 * Its main thread waits for what its parts wait for.  It runs no hooks of other
 * modules, and leaves by _exit(): the pools are the parent's.
 */
#include "server/helper_private.h"

#include <string.h>
#include <unistd.h>

#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "core/proc.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* What ps and top call it. */
#define HELPER_NAME "wheel-helper"

/* Descriptors that it waits for at once. */
#define HELPER_FDS_MAX 512

/* Without a supervisor, it serves on until the parent has replaced it. */
#define HELPER_ORPHAN_USEC (15 * APR_USEC_PER_SEC)

/* How long it waits for the table's mutex: a child may be held with it. */
#define HELPER_LOCK_USEC APR_USEC_PER_SEC

static struct {
    const helper_start_t *start; /* NULL in any other process */
    pid_t supervisor;
    apr_int64_t alone_usec; /* since when that is gone; 0: it isn't */
} own;

int wheel_helper_here(void)
{
    return own.start != NULL;
}

int wheel_helper_before(void)
{
    return own.start->before;
}

apr_pool_t *wheel_helper_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

/* The supervisor is gone.  The parent will notice, unless it is gone, too. */
static int is_orphan(void)
{
    apr_int64_t now = wheel_clock_usec();

    if (getppid() == own.supervisor) {
        return 0;
    }
    if (!own.alone_usec) {
        own.alone_usec = now;
    }
    return now - own.alone_usec > HELPER_ORPHAN_USEC;
}

/* One wait, and what comes of it. */
static void serve_round(apr_int64_t until_usec, int watches_life)
{
    static struct pollfd fds[HELPER_FDS_MAX];
    const helper_parts_t *parts = own.start->parts;
    unsigned counts[HELPER_PARTS_MAX];
    unsigned fds_n = 2;
    unsigned at = 2;
    unsigned n;

    memset(fds, 0, sizeof(fds));
    helper_told_fds(fds);
    if (!watches_life) {
        fds[0].fd = -1;
    }
    for (n = 0; n < parts->n; n++) {
        counts[n] = parts->part[n]->prepare(fds + fds_n, HELPER_FDS_MAX - fds_n,
                                            &until_usec);
        fds_n += counts[n];
    }
    if (poll(fds, fds_n, helper_left_ms(until_usec)) < 0) {
        return; /* a signal, which has rung */
    }
    helper_told_clear(fds);
    for (n = 0; n < parts->n; n++) {
        parts->part[n]->serve(fds + at, counts[n]);
        at += counts[n];
    }
}

static int parts_busy(void)
{
    const helper_parts_t *parts = own.start->parts;
    unsigned n = 0;

    while (n < parts->n && !parts->part[n]->busy()) {
        n++;
    }
    return n < parts->n;
}

static void leave(wheel_helper_why_e why)
{
    const helper_parts_t *parts = own.start->parts;
    apr_int64_t until = wheel_clock_usec() + helper_told_time(why);
    unsigned n;

    if (why != WHEEL_HELPER_REPLACED) {
        wheel_process_set_ending(); /* threads that tell other hosts see it */
    }
    for (n = 0; n < parts->n; n++) {
        parts->part[n]->leave(why);
    }
    while (parts_busy() && wheel_clock_usec() < until) {
        serve_round(until, 0);
        /* The server may end while this one is being replaced. */
        if (why == WHEEL_HELPER_REPLACED && helper_told_by_signal()) {
            leave(helper_told_by_signal());
            return;
        }
    }
}

void helper_run(const helper_start_t *start, pid_t supervisor, apr_pool_t *pool)
{
    const helper_parts_t *parts = start->parts;
    wheel_helper_why_e told = WHEEL_HELPER_STAYS;
    apr_status_t rv;
    unsigned n;

    own.start = start;
    own.supervisor = supervisor;
    helper_told_begin_helper();
    wheel_process_name(HELPER_NAME);
    rv = wheel_process_enter(pool);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, ap_server_conf,
                     "WH0007: the mutex 'wheel' can't be used in the helper "
                     "process; it lists and stops nothing");
    }
    wheel_table_lock_limit_set(wheel_process_table(), HELPER_LOCK_USEC);
    for (n = 0; n < parts->n; n++) {
        if (parts->part[n]->wanted()) {
            parts->part[n]->begin(pool);
        }
    }
    while (told == WHEEL_HELPER_STAYS) {
        serve_round(wheel_clock_usec() + HELPER_CHECK_USEC, 1);
        told = is_orphan() ? WHEEL_HELPER_ALONE : helper_told();
    }
    leave(told);
    _exit(0);
}
