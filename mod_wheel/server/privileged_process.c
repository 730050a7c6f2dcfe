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
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/thread_cut.h"
#include "core/thread_wait.h"

/* How often it checks whether the requests of threads that are cooled down have
 * ended: their workers wait for that. */
#define COOLED_POLL_MSEC 5

static const privileged_start_t *start;

/* --- Proof ---------------------------------------------------------------- */

int privileged_is_same(const privileged_start_t *of,
                       const privileged_message_t *message,
                       wheel_request_t *found)
{
    return message->slot < wheel_request_slots_max(of->slots) &&
           wheel_request_slots_copy(of->slots, message->slot,
                                    wheel_clock_usec(), found) &&
           found->id == message->id && found->pid == message->pid &&
           found->tid == message->tid;
}

static int is_same(const privileged_message_t *message, wheel_request_t *found)
{
    return privileged_is_same(start, message, found);
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
           wheel_proc_belongs(message->pid, start->parent, start->user) &&
           wheel_thread_wait_read(message->pid, message->tid, &wait) ==
               APR_SUCCESS;
}

/* --- The things that it does ---------------------------------------------- */

static const char *cut(const privileged_message_t *message, int client_fd)
{
    wheel_cut_target_t target = {
        start->parent, start->user,     message->pid,    message->tid,
        client_fd,     same_and_marked, (void *)message,
    };

    return wheel_cut_name(wheel_thread_cut(&target));
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

    if (!(privileged_step_of(message->what) & start->steps)) {
        return "not set by WheelPrivileged";
    }
    if (!is_same(message, &found)) {
        return wheel_cut_name(WHEEL_CUT_OTHER_JOB);
    }
    if (message->what == WHEEL_PRIVILEGED_DO_COOL) {
        return privileged_cool(message);
    }
    if (privileged_held_by(start, message->pid)) {
        return "its process has held who examined it before";
    }
    if (!is_ours(message)) {
        return wheel_cut_name(WHEEL_CUT_STRANGER);
    }
    switch (message->what) {
    case WHEEL_PRIVILEGED_DO_CUT:
        return cut(message, found.facts.client_fd);
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
    ssize_t bytes =
        recv(start->fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
    const char *said;

    if (bytes != sizeof(message)) {
        return bytes > 0 || (bytes < 0 && (errno == EAGAIN || errno == EINTR));
    }
    memset(&answer, 0, sizeof(answer));
    answer.number = copy.number = message.number;
    privileged_held_begin(start->shared, message.pid);
    said = act(&message, text, &copy.copy);
    privileged_held_end(start->shared);
    if (said) {
        memcpy(answer.text, said, strnlen(said, sizeof(answer.text) - 1));
    }
    if (message.number) {
        (void)send(start->fd, said ? (void *)&answer : &copy,
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

int privileged_main(const privileged_start_t *with)
{
    struct pollfd wait = {with->fd, POLLIN, 0};
    int serves = 1;
    int policy = privileged_cool_begin(with);

    start = with;
    privileged_held_learn(start->shared);
    set_signals();
    prctl(PR_SET_NAME, "wheel-privilege", 0, 0, 0);
    if (!privileged_give_up_rights(start->fd, policy)) {
        return 0;
    }
    while (serves && getppid() == start->parent) {
        int left = privileged_cool_check();

        if (poll(&wait, 1, left ? COOLED_POLL_MSEC : -1) > 0) {
            serves = serve();
        }
    }
    return 1;
}
