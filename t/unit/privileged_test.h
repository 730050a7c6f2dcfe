/* SPDX-License-Identifier: Apache-2.0 */
/* privileged_test.h: a privileged process, processes that may be named to it,
 * and messages to it: what the programs that test it share.  Each defines
 * before it how many SLOTS it needs. */
#ifndef PRIVILEGED_TEST_H
#define PRIVILEGED_TEST_H

#include "children.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "apr_general.h"

#include "core/platform.h"
#include "core/proc.h"
#include "server/privileged_private.h"

#define USER 65534
#define WAIT_MSEC 60000

/* Processes that may be named to it, each blocked on its own socket. */
typedef enum {
    CHILD,      /* of the server, and of its user: the only one it may touch */
    LOGGER,     /* a child of root's */
    GRANDCHILD, /* of the user, but no child */
    TARGETS
} target_e;

typedef struct target_t {
    pid_t pid;
    int fd; /* the other end of its socket */
} target_t;

static struct {
    apr_pool_t *pool;
    wheel_request_slots_t *slots;
    privileged_shared_t *shared;
    target_t targets[TARGETS];
    pid_t privileged;
    int fd;
    apr_uint64_t number;
    apr_uint64_t id;
} test;

/* --- Processes ------------------------------------------------------------ */

/* Blocked in poll() until its socket ends; then it waits to be killed. */
static inline void block(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};

    poll(&wait, 1, -1);
    for (;;) {
        pause();
    }
}

static inline void become_user(void)
{
    pid_t parent = getppid();

    if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER)) {
        _exit(1);
    }
    end_with_parent(parent);
}

/* A grandchild says its own pid. */
static inline target_t start_target(target_e which)
{
    target_t target = {0, -1};
    int ends[2];
    int told[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(pipe(told), 0);
    target.fd = ends[0];
    if (start_child() == 0) {
        pid_t own;

        close(ends[0]);
        if (which == GRANDCHILD && start_child() != 0) {
            pause();
        }
        if (which != LOGGER) {
            become_user();
        }
        own = getpid();
        (void)!write(told[1], &own, sizeof(own));
        block(ends[1]);
    }
    close(ends[1]);
    assert_int_equal(read(told[0], &target.pid, sizeof(pid_t)), sizeof(pid_t));
    close(told[0]);
    close(told[1]);
    return target;
}

static inline void start_privileged(void)
{
    privileged_start_t start = {
        getpid(), USER, -1, WHEEL_PRIVILEGED_ALL, test.slots, test.shared};
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    start.fd = ends[0];
    test.privileged = start_child();
    if (test.privileged == 0) {
        _exit(privileged_main(&start) ? 0 : 1);
    }
    close(ends[0]);
    test.fd = ends[1];
}

static inline int setup(void **state)
{
    target_e n;

    (void)state;
    if (geteuid() != 0) {
        return 0;
    }
    alarm(300);
    apr_initialize();
    apr_pool_create(&test.pool, NULL);
    assert_int_equal(wheel_request_slots_create(&test.slots, SLOTS, test.pool),
                     APR_SUCCESS);
    test.shared = mmap(NULL, sizeof(*test.shared), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (n = 0; n < TARGETS; n++) {
        test.targets[n] = start_target(n);
    }
    start_privileged();
    return 0;
}

static inline int teardown(void **state)
{
    target_e n;

    (void)state;
    for (n = 0; n < TARGETS; n++) {
        if (test.targets[n].pid) {
            kill(test.targets[n].pid, SIGKILL);
        }
    }
    if (test.privileged) {
        kill(test.privileged, SIGKILL);
    }
    return 0;
}

/* --- What is asked -------------------------------------------------------- */

/* A slot that says so. */
static inline privileged_message_t claim(pid_t pid, pid_t tid,
                                         wheel_mark_e mark)
{
    static const wheel_request_facts_t facts = {.client_fd = -1};
    int slot = wheel_request_slots_claim(test.slots, pid, tid);
    privileged_message_t message = {
        .id = ++test.id, .slot = (apr_uint32_t)slot, .pid = pid, .tid = tid};

    assert_true(slot >= 0);
    wheel_request_slots_begin(test.slots, (unsigned)slot, test.id, mark,
                              &facts);
    return message;
}

static inline void end(const privileged_message_t *message)
{
    wheel_request_slots_end(test.slots, message->slot);
    wheel_request_slots_release(test.slots, message->slot);
}

/* Its answer; answers to messages of before are passed over. */
static const char *ask(privileged_message_t *message,
                       wheel_privileged_do_e what)
{
    static privileged_answer_t answer;
    struct pollfd wait = {test.fd, POLLIN, 0};

    message->what = what;
    message->number = ++test.number;
    assert_int_equal(send(test.fd, message, sizeof(*message), MSG_NOSIGNAL),
                     sizeof(*message));
    do {
        assert_int_equal(poll(&wait, 1, WAIT_MSEC), 1);
        assert_int_equal(recv(test.fd, &answer, sizeof(answer), 0),
                         sizeof(answer));
    } while (answer.number != message->number);
    assert_non_null(memchr(answer.text, '\0', sizeof(answer.text)));
    return answer.text;
}

static inline int is_connected(target_e which)
{
    struct pollfd peer = {test.targets[which].fd, POLLIN | POLLRDHUP, 0};

    return poll(&peer, 1, 0) == 0;
}

#define ROOT_ALONE()      \
    if (geteuid() != 0) { \
        skip();           \
    }

#endif /* PRIVILEGED_TEST_H */
