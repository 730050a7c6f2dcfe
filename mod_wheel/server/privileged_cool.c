/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_cool.c: threads that the privileged process has cooled
 * down: boosted when they starve, and back to normal after their requests.
 *
 * It comes here every few milliseconds and sets no alarm, so nothing here reads
 * what a process could make it wait for: of /proc/PID, status and schedstat.
 */
#include "server/privileged_private.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/platform.h"
#include "core/proc.h"
#include "core/thread_cut.h"

/* A thread of the idle class may not run for seconds beside other load, and
 * others may wait for a lock that it holds.  So one that wants to run, and has
 * not for so many of these, is boosted: it is of the server's class until it
 * has run.  doc/figures.md has what came of other ways. */
#define BOOST_USEC (15 * 1000)
#define BOOST_AFTER 2

static struct {
    const privileged_start_t *start;
    int policy; /* the server's scheduling class, and */
    struct sched_param param;
    apr_int64_t next_boost_usec;
    apr_int64_t used_usec[PRIVILEGED_COOLED_MAX]; /* by each, the last time */
    unsigned missed[PRIVILEGED_COOLED_MAX];       /* since it has run */
} own;

int privileged_cool_begin(const privileged_start_t *start)
{
    own.start = start;
    own.policy = wheel_policy_get(0);
    syscall(SYS_sched_getparam, 0, &own.param);
    return own.policy;
}

/* A thread of a child of this server, and of its user.  Which program that runs
 * does not matter here: its user may do with it what is done here. */
static int is_childs(const privileged_message_t *thread)
{
    return thread->tid > 1 &&
           wheel_proc_is_child(thread->pid, own.start->parent,
                               own.start->user) &&
           wheel_proc_thread_state(thread->pid, thread->tid);
}

static int set_class(const privileged_message_t *thread, int policy)
{
    static const struct sched_param none;

    return wheel_policy_set(thread->tid, policy,
                            policy == SCHED_IDLE ? &none : &own.param) == 0;
}

/* Its worker waits for the note to go. */
static void warm(privileged_message_t *cooled)
{
    if (wheel_policy_get(cooled->tid) == SCHED_IDLE && is_childs(cooled)) {
        set_class(cooled, own.policy);
    }
    if (cooled->slot < wheel_request_slots_max(own.start->slots)) {
        wheel_request_slots_warm(own.start->slots, cooled->slot, cooled->id);
    }
    cooled->id = 0;
}

static void boost(unsigned n)
{
    privileged_message_t *cooled = &own.start->shared->cooled[n];
    int asleep = 0;
    apr_int64_t used =
        wheel_proc_thread_usec(cooled->pid, cooled->tid, &asleep);
    int policy;

    own.missed[n] = asleep || used != own.used_usec[n] ? 0 : own.missed[n] + 1;
    own.used_usec[n] = used;
    policy = own.missed[n] < BOOST_AFTER ? SCHED_IDLE : own.policy;
    if (used < 0) {
        warm(cooled); /* it is gone, whatever its slot says */
    }
    else if (wheel_policy_get(cooled->tid) != policy && is_childs(cooled)) {
        set_class(cooled, policy);
    }
}

int privileged_cool_check(void)
{
    apr_int64_t now = wheel_clock_usec();
    int boosts = now >= own.next_boost_usec;
    wheel_request_t found;
    int left = 0;
    unsigned n;

    for (n = 0; n < PRIVILEGED_COOLED_MAX; n++) {
        privileged_message_t *cooled = &own.start->shared->cooled[n];

        if (cooled->id && !privileged_is_same(own.start, cooled, &found)) {
            warm(cooled);
        }
        if (cooled->id && boosts) {
            boost(n);
        }
        left += cooled->id != 0;
    }
    if (boosts) {
        own.next_boost_usec = now + BOOST_USEC;
    }
    return left;
}

/* The place of that thread in the list, or a free one.  @return NULL: none, or
 * its process has as many as it may */
static privileged_message_t *place_of(const privileged_message_t *message)
{
    privileged_message_t *place = NULL;
    unsigned of_process = 0;
    unsigned n;

    for (n = 0; n < PRIVILEGED_COOLED_MAX; n++) {
        privileged_message_t *cooled = &own.start->shared->cooled[n];

        if (!cooled->id) {
            place = cooled;
        }
        else if (cooled->pid == message->pid) {
            if (cooled->tid == message->tid) {
                return cooled;
            }
            of_process++;
        }
    }
    return of_process < PRIVILEGED_COOLED_PROCESS_MAX ? place : NULL;
}

/* It is in the list, and its slot has the note, before its class changes: a
 * worker that ends the request meanwhile either sees the note, and waits, or is
 * seen here. */
const char *privileged_cool(const privileged_message_t *message)
{
    privileged_message_t *place = place_of(message);
    wheel_request_t found;

    if (!is_childs(message)) {
        return wheel_cut_name(WHEEL_CUT_STRANGER);
    }
    if (!place) {
        return "as many threads are cooled down as can be";
    }
    if (!place->id && wheel_policy_get(message->tid) != own.policy) {
        return "its thread has another class than the server's";
    }
    *place = *message;
    wheel_request_slots_cool(own.start->slots, message->slot, message->id);
    if (privileged_is_same(own.start, message, &found) &&
        !set_class(message, SCHED_IDLE)) {
        warm(place);
        return wheel_cut_name(WHEEL_CUT_FORBIDDEN);
    }
    if (!is_childs(message)) {
        set_class(message, own.policy); /* its number may be another's now */
        warm(place);
    }
    privileged_cool_check();
    return place->id ? "cooled down" : wheel_cut_name(WHEEL_CUT_OTHER_JOB);
}
