/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_process.c: the privileged process itself.
 *
 * It parses nothing and knows no network: it reads messages of one size, and
 * the shared slots of requests, which it takes for hostile.  All that it can be
 * made to do is to shut down a socket that a stopped request of a child waits
 * for, to change the scheduling class of a child's thread, and to tell what a
 * child's thread waits for.
 */

#include "server/privileged_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http_config.h"
#include "http_core.h"
#include "http_log.h"

#include "core/proc.h"
#include "core/thread_cut.h"
#include "core/thread_wait.h"

APLOG_USE_MODULE(wheel);

/* Threads that are cooled down at once. */
#define COOLED_MAX 64

/* How often it looks whether their requests have ended, and whether the parent
 * lives. */
#define COOLED_POLL_MSEC 20
#define IDLE_POLL_MSEC 500

static struct {
    const privileged_start_t *start;
    privileged_message_t cooled[COOLED_MAX]; /* id 0: none */
} own;

/* --- Fewer rights --------------------------------------------------------- */

static int keep_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    apr_uint32_t kept = 1u << CAP_SYS_PTRACE | 1u << CAP_SYS_NICE;

    memset(data, 0, sizeof(data));
    data[0].effective = data[0].permitted = kept;
    return syscall(SYS_capset, &header, data) == 0;
}

/* From here on, these calls alone; any other fails, and so does to open a file
 * for anything but reading. */
static int filter_calls(void)
{
    static const int calls[] = {SCMP_SYS(recvmsg),
                                SCMP_SYS(sendto),
                                SCMP_SYS(poll),
                                SCMP_SYS(ppoll),
                                SCMP_SYS(restart_syscall),
                                SCMP_SYS(read),
                                SCMP_SYS(close),
                                SCMP_SYS(fstat),
                                SCMP_SYS(newfstatat),
                                SCMP_SYS(readlink),
                                SCMP_SYS(getsockopt),
                                SCMP_SYS(getpeername),
                                SCMP_SYS(shutdown),
                                SCMP_SYS(pidfd_open),
                                SCMP_SYS(pidfd_getfd),
                                SCMP_SYS(process_vm_readv),
                                SCMP_SYS(sched_setscheduler),
                                SCMP_SYS(sched_getscheduler),
                                SCMP_SYS(clock_gettime),
                                SCMP_SYS(getppid),
                                SCMP_SYS(rt_sigreturn),
                                SCMP_SYS(exit_group)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int error = filter ? 0 : ENOMEM;
    size_t n;

    for (n = 0; n < sizeof(calls) / sizeof(calls[0]) && !error; n++) {
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[n], 0);
    }
    if (!error) {
        error =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDONLY));
    }
    if (!error) {
        error = seccomp_load(filter);
    }
    if (filter) {
        seccomp_release(filter);
    }
    return !error;
}

/* It stays root, who owns the files in /proc of processes that are not
 * dumpable, and whom no child can signal; but without root's capabilities, but
 * for two. */
static int give_up_rights(void)
{
    return keep_capabilities() && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_calls();
}

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

/* A thread of a child of this server. */
static int is_ours(const privileged_message_t *message)
{
    wheel_thread_wait_t wait;

    return message->pid > 1 && message->tid > 1 &&
           wheel_proc_parent(message->pid) == own.start->parent &&
           wheel_thread_wait_read(message->pid, message->tid, &wait) ==
               APR_SUCCESS;
}

/* --- The four things ------------------------------------------------------ */

static const char *cut(const privileged_message_t *message)
{
    wheel_cut_target_t target = {own.start->parent, message->pid,
                                 message->tid,      -1,
                                 same_and_marked,   (void *)message};
    wheel_request_t found;

    if (!is_same(message, &found)) {
        return wheel_cut_name(WHEEL_CUT_OTHER_JOB);
    }
    target.client_fd = found.facts.client_fd;
    return wheel_cut_name(wheel_thread_cut(&target));
}

static int set_class(pid_t tid, int policy)
{
    struct sched_param none = {0};

    return sched_setscheduler(tid, policy, &none) == 0;
}

static void warm(privileged_message_t *cooled)
{
    if (is_ours(cooled) && sched_getscheduler(cooled->tid) == SCHED_IDLE) {
        set_class(cooled->tid, SCHED_OTHER);
    }
    cooled->id = 0;
}

/* Those whose requests have ended are back to normal. */
static int warm_ended(void)
{
    wheel_request_t found;
    int left = 0;
    unsigned n;

    for (n = 0; n < COOLED_MAX; n++) {
        privileged_message_t *cooled = &own.cooled[n];

        if (cooled->id && !is_same(cooled, &found)) {
            warm(cooled);
        }
        left += cooled->id != 0;
    }
    return left;
}

/* A worker has ended a request that was cooled down, perhaps by the process
 * before this one. */
static void warm_one(const privileged_message_t *message)
{
    privileged_message_t ended = *message;
    wheel_request_t found;

    if (!is_same(message, &found)) {
        warm(&ended);
    }
    warm_ended();
}

static const char *cool(const privileged_message_t *message)
{
    privileged_message_t *place = own.cooled;
    wheel_request_t found;

    while (place < own.cooled + COOLED_MAX && place->id) {
        place++;
    }
    if (place == own.cooled + COOLED_MAX) {
        return "as many threads are cooled down as can be";
    }
    if (!is_ours(message)) {
        return wheel_cut_name(WHEEL_CUT_STRANGER);
    }
    if (!is_same(message, &found)) {
        return wheel_cut_name(WHEEL_CUT_OTHER_JOB);
    }
    if (!set_class(message->tid, SCHED_IDLE)) {
        return wheel_cut_name(WHEEL_CUT_FORBIDDEN);
    }
    *place = *message;
    warm_ended(); /* it may have been the next request's, for a moment */
    return "cooled down";
}

static const char *where(const privileged_message_t *message, char *text)
{
    wheel_thread_wait_t wait;

    if (!is_ours(message)) {
        return wheel_cut_name(WHEEL_CUT_STRANGER);
    }
    if (wheel_thread_wait_read(message->pid, message->tid, &wait) !=
        APR_SUCCESS) {
        return wheel_cut_name(WHEEL_CUT_GONE);
    }
    wheel_thread_wait_text(&wait, text);
    return text;
}

static const char *act(const privileged_message_t *message, char *text)
{
    unsigned steps = own.start->steps;

    switch (message->what) {
    case WHEEL_PRIVILEGED_DO_CUT:
        return steps & WHEEL_PRIVILEGED_CUT ? cut(message) : NULL;
    case WHEEL_PRIVILEGED_DO_COOL:
        return steps & WHEEL_PRIVILEGED_COOLDOWN ? cool(message) : NULL;
    case WHEEL_PRIVILEGED_DO_WARM:
        warm_one(message);
        return "back to normal";
    case WHEEL_PRIVILEGED_DO_WHERE:
        return steps & WHEEL_PRIVILEGED_WHERE ? where(message, text) : NULL;
    default:
        return NULL;
    }
}

/* --- Messages ------------------------------------------------------------- */

/* @param reply_fd a socket that came along, -1 for none
 * @return 1 if a whole message was there */
static int receive(privileged_message_t *message, int *reply_fd)
{
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec place = {message, sizeof(*message)};
    struct msghdr header = {.msg_iov = &place,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t bytes =
        recvmsg(own.start->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *extra = bytes >= 0 ? CMSG_FIRSTHDR(&header) : NULL;

    *reply_fd = -1;
    if (extra && extra->cmsg_level == SOL_SOCKET &&
        extra->cmsg_type == SCM_RIGHTS &&
        extra->cmsg_len == CMSG_LEN(sizeof(int))) {
        memcpy(reply_fd, CMSG_DATA(extra), sizeof(int));
    }
    return bytes == sizeof(*message) && !(header.msg_flags & MSG_TRUNC);
}

static void serve(void)
{
    char text[WHEEL_WAIT_TEXT_BYTES];
    privileged_message_t message = {0};
    const char *answer;
    int reply_fd;

    if (receive(&message, &reply_fd)) {
        answer = act(&message, text);
        if (reply_fd >= 0 && answer) {
            (void)send(reply_fd, answer, strlen(answer),
                       MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }
    if (reply_fd >= 0) {
        close(reply_fd);
    }
}

void privileged_main(const privileged_start_t *start)
{
    struct pollfd wait = {start->fd, POLLIN, 0};
    int left = 0;

    own.start = start;
    prctl(PR_SET_NAME, "wheel-privilege", 0, 0, 0);
    if (!give_up_rights()) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, start->s,
                     "WH0121: the privileged process could not give up its "
                     "other rights, and ends");
        _exit(1);
    }
    while (getppid() == start->parent) {
        if (poll(&wait, 1, left ? COOLED_POLL_MSEC : IDLE_POLL_MSEC) > 0) {
            serve();
        }
        left = warm_ended();
    }
    _exit(0);
}
