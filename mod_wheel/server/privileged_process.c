/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_process.c: the privileged process itself.
 *
 * It parses nothing and knows no network: it reads messages of one size, and
 * the shared slots of requests, which it takes for hostile.  All that it can be
 * made to do is to shut down a socket that a stopped request of a child waits
 * for, to change the scheduling class of a child's thread, and to tell what a
 * child's thread waits for, or hand over a copy of its stack.
 */

#include "server/privileged_private.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/platform.h"
#include "core/proc.h"
#include "core/thread_cut.h"
#include "core/thread_wait.h"

/* How often it checks whether the requests of threads that are cooled down have
 * ended: their workers wait for that. */
#define COOLED_POLL_MSEC 5

/* A thread of the idle class may not run for seconds beside other load, and
 * others may wait for a lock that it holds.  So one that wants to run, and has
 * not for so many of these, is boosted: it is of the server's class until it
 * has run.  doc/figures.md has what came of other ways. */
#define BOOST_USEC (15 * 1000)
#define BOOST_AFTER 2

/* What one message may take: a file system or a socket of a child could make it
 * wait.  Then the process ends, and the parent starts another. */
#define SERVE_MAX_SEC 20

static struct {
    const privileged_start_t *start;
    int policy; /* the server's scheduling class, and */
    struct sched_param param;
    apr_int64_t next_boost_usec;
    apr_int64_t used_usec[PRIVILEGED_COOLED_MAX]; /* by each, the last time */
    unsigned missed[PRIVILEGED_COOLED_MAX];       /* since it has run */
} own;

/* --- Proof ---------------------------------------------------------------- */

/* Does the slot still have this request, in this thread? */
static int is_same(const privileged_message_t *message, wheel_request_t *found)
{
    return message->slot < wheel_request_slots_max(own.start->slots) &&
           wheel_request_slots_copy(own.start->slots, message->slot,
                                    wheel_clock_usec(), found) &&
           found->id == message->id && found->pid == message->pid &&
           found->tid == message->tid;
}

static int same_and_marked(void *baton)
{
    wheel_request_t found;

    return is_same(baton, &found) && found.mark != WHEEL_MARK_NONE;
}

/* A thread of a child of this server, and of its user: a log program is a
 * child, too, and root's. */
static int is_ours(const privileged_message_t *message)
{
    wheel_thread_wait_t wait;

    return message->tid > 1 &&
           wheel_proc_belongs(message->pid, own.start->parent,
                              own.start->user) &&
           wheel_thread_wait_read(message->pid, message->tid, &wait) ==
               APR_SUCCESS;
}

/* --- The things that it does ---------------------------------------------- */

static const char *cut(const privileged_message_t *message, int client_fd)
{
    wheel_cut_target_t target = {
        own.start->parent, own.start->user, message->pid,    message->tid,
        client_fd,         same_and_marked, (void *)message,
    };

    return wheel_cut_name(wheel_thread_cut(&target));
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
    if (wheel_policy_get(cooled->tid) == SCHED_IDLE && is_ours(cooled)) {
        set_class(cooled, own.policy);
    }
    if (cooled->slot < wheel_request_slots_max(own.start->slots)) {
        wheel_request_slots_warm(own.start->slots, cooled->slot, cooled->id);
    }
    cooled->id = 0;
}

static void boost(unsigned n)
{
    privileged_message_t *cooled = &own.start->cooled->thread[n];
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
    else if (wheel_policy_get(cooled->tid) != policy && is_ours(cooled)) {
        set_class(cooled, policy);
    }
}

/* Those whose requests have ended are back to normal.
 * @return how many are cooled down still */
static int look_at_cooled(void)
{
    apr_int64_t now = wheel_clock_usec();
    int boosts = now >= own.next_boost_usec;
    wheel_request_t found;
    int left = 0;
    unsigned n;

    for (n = 0; n < PRIVILEGED_COOLED_MAX; n++) {
        privileged_message_t *cooled = &own.start->cooled->thread[n];

        if (cooled->id && !is_same(cooled, &found)) {
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
        privileged_message_t *cooled = &own.start->cooled->thread[n];

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
static const char *cool(const privileged_message_t *message)
{
    privileged_message_t *place = place_of(message);
    wheel_request_t found;

    if (!place) {
        return "as many threads are cooled down as can be";
    }
    if (!place->id && wheel_policy_get(message->tid) != own.policy) {
        return "its thread has another class than the server's";
    }
    *place = *message;
    wheel_request_slots_cool(own.start->slots, message->slot, message->id);
    if (is_same(message, &found) && !set_class(message, SCHED_IDLE)) {
        warm(place);
        return wheel_cut_name(WHEEL_CUT_FORBIDDEN);
    }
    if (!is_ours(message)) {
        set_class(message, own.policy); /* its number may be another's now */
        warm(place);
    }
    look_at_cooled();
    return place->id ? "cooled down" : wheel_cut_name(WHEEL_CUT_OTHER_JOB);
}

/* The thread and its request are the same before and after: the answer is not
 * of another that has got their numbers. */
static const char *where(const privileged_message_t *message, char *text)
{
    wheel_thread_wait_t wait;
    wheel_request_t found;

    if (wheel_thread_wait_read(message->pid, message->tid, &wait) !=
        APR_SUCCESS) {
        return wheel_cut_name(WHEEL_CUT_GONE);
    }
    wheel_thread_wait_text(&wait, text);
    return is_ours(message) && is_same(message, &found)
               ? text
               : wheel_cut_name(WHEEL_CUT_OTHER_JOB);
}

/* @return NULL if there is a copy, or why not */
static const char *copy_thread(const privileged_message_t *message,
                               wheel_thread_copy_t *copy)
{
    wheel_request_t found;

    if (wheel_thread_copy(message->pid, message->tid, copy) != APR_SUCCESS) {
        return wheel_cut_name(WHEEL_CUT_RUNNING);
    }
    /* Its number may have been used again before the copy. */
    if (!is_ours(message)) {
        return wheel_cut_name(WHEEL_CUT_STRANGER);
    }
    return is_same(message, &found) ? NULL
                                    : wheel_cut_name(WHEEL_CUT_OTHER_JOB);
}

/* @return what became of it; NULL: there is a copy */
static const char *act(const privileged_message_t *message, char *text,
                       wheel_thread_copy_t *copy)
{
    wheel_request_t found;

    if (!(privileged_step_of(message->what) & own.start->steps)) {
        return "not set by WheelPrivileged";
    }
    if (!is_same(message, &found)) {
        return wheel_cut_name(WHEEL_CUT_OTHER_JOB);
    }
    if (!is_ours(message)) {
        return wheel_cut_name(WHEEL_CUT_STRANGER);
    }
    switch (message->what) {
    case WHEEL_PRIVILEGED_DO_CUT:
        return cut(message, found.facts.client_fd);
    case WHEEL_PRIVILEGED_DO_COOL:
        return cool(message);
    case WHEEL_PRIVILEGED_DO_WHERE:
        return where(message, text);
    default:
        return copy_thread(message, copy);
    }
}

/* --- Messages ------------------------------------------------------------- */

/* The kernel drops descriptors that come along: recv() has no place for them.
 * @return 0 once the socket is of no use any more */
static int serve(void)
{
    static privileged_copy_t copy;
    char text[WHEEL_WAIT_TEXT_BYTES];
    privileged_message_t message;
    privileged_answer_t answer;
    ssize_t bytes = recv(own.start->fd, &message, sizeof(message),
                         MSG_DONTWAIT | MSG_TRUNC);
    const char *said;

    if (bytes != sizeof(message)) {
        return bytes > 0 || (bytes < 0 && (errno == EAGAIN || errno == EINTR));
    }
    memset(&answer, 0, sizeof(answer));
    answer.number = copy.number = message.number;
    alarm(SERVE_MAX_SEC);
    said = act(&message, text, &copy.copy);
    alarm(0);
    if (said) {
        memcpy(answer.text, said, strnlen(said, sizeof(answer.text) - 1));
    }
    if (message.number) {
        (void)send(own.start->fd, said ? (void *)&answer : &copy,
                   said ? sizeof(answer)
                        : offsetof(privileged_copy_t, copy) +
                              wheel_thread_copy_bytes(&copy.copy),
                   MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return 1;
}

/* Signals for the parent and its group are not for this process. */
static void set_signals(void)
{
    static const int ignored[] = {SIGHUP,  SIGINT,   SIGTERM,
                                  SIGUSR1, SIGWINCH, SIGPIPE};
    sigset_t none;
    size_t n;

    for (n = 0; n < sizeof(ignored) / sizeof(*ignored); n++) {
        signal(ignored[n], SIG_IGN);
    }
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

int privileged_main(const privileged_start_t *start)
{
    struct pollfd wait = {start->fd, POLLIN, 0};
    int serves = 1;

    own.start = start;
    own.policy = wheel_policy_get(0);
    syscall(SYS_sched_getparam, 0, &own.param);
    set_signals();
    prctl(PR_SET_NAME, "wheel-privilege", 0, 0, 0);
    if (!privileged_give_up_rights(start->fd, own.policy)) {
        return 0;
    }
    while (serves && getppid() == start->parent) {
        int left = look_at_cooled();

        if (poll(&wait, 1, left ? COOLED_POLL_MSEC : -1) > 0) {
            serves = serve();
        }
    }
    return 1;
}
