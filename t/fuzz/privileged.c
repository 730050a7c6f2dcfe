/* SPDX-License-Identifier: Apache-2.0 */
/* privileged.c: fuzz the privileged process.
 *
 * libFuzzer calls LLVMFuzzerTestOneInput() with ever other bytes: a message as
 * the helper may send it, and behind it what a child has written into the slot
 * that the message names.  Processes may be named by small numbers.  As root,
 * only threads of a child that runs as another user are ever touched.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* What it does, without its filter of system calls: libFuzzer needs others. */
#include "server/privileged_process.c"

#include "apr_general.h"

#include "core/request_private.h"
#include "must.h"

#define USER 65534
#define SLOTS 4
#define CHILD_SEC 3600

static struct {
    privileged_start_t start;
    int policy;
    int fd; /* of who asks */
    pid_t child;
    pid_t stranger;
    int stranger_fd;
} fuzz;

int privileged_give_up_rights(int fd, int policy)
{
    (void)fd;
    (void)policy;
    return 0;
}

/* Blocked on a socket until that ends; then, on another. */
static void wait_for_ever(void)
{
    for (;;) {
        int ends[2];
        struct pollfd peer = {-1, POLLIN, 0};

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
            peer.fd = ends[0];
            poll(&peer, 1, -1);
            close(ends[0]);
            close(ends[1]);
        }
    }
}

static pid_t start_child(int fd)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct pollfd peer = {fd, POLLIN, 0};

        alarm(CHILD_SEC);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (fd >= 0) {
            poll(&peer, 1, -1);
            _exit(0);
        }
        if (geteuid() == 0 &&
            (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))) {
            _exit(1);
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it */
        wait_for_ever();
    }
    return pid;
}

/* Until the child has its user and waits, all inputs about it are refused at
 * once. */
static void await_child(void)
{
    uid_t user;

    while (!wheel_proc_user(fuzz.child, &user) ||
           (geteuid() == 0 && user != USER) ||
           wheel_proc_state(fuzz.child) != 'S') {
        usleep(1000);
    }
}

static void set_up(void)
{
    apr_pool_t *pool;
    int ends[2];

    apr_initialize();
    apr_pool_create(&pool, NULL);
    fuzz.start.parent = getpid();
    /* Without root's rights, no child can run as another user: then none is
     * the server's. */
    fuzz.start.user = geteuid() == USER ? USER + 1 : USER;
    fuzz.start.steps = WHEEL_PRIVILEGED_ALL;
    MUST(wheel_request_slots_create(&fuzz.start.slots, SLOTS, pool) ==
         APR_SUCCESS);
    fuzz.start.shared = calloc(1, sizeof(*fuzz.start.shared));
    MUST(fuzz.start.shared);
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    fuzz.stranger_fd = ends[0];
    fuzz.stranger = start_child(ends[1]);
    close(ends[1]);
    fuzz.child = start_child(-1);
    await_child();
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    fuzz.start.fd = ends[0];
    fuzz.fd = ends[1];
    start = &fuzz.start;
    fuzz.policy = privileged_cool_begin(start);
}

/* Numbers of processes are hard to guess. */
static pid_t named(pid_t said)
{
    switch (said & 0xff) {
    case 0:
    case 1:
        return fuzz.child;
    case 2:
        return fuzz.stranger;
    case 3:
        return getpid();
    case 4:
        return 1;
    default:
        return said;
    }
}

/* What a child has written, or what is true. */
static void write_slot(const privileged_message_t *message,
                       const uint8_t *bytes, size_t bytes_n)
{
    slots_slot_t *slot = &fuzz.start.slots->slots[message->slot % SLOTS];

    if (bytes_n) {
        memcpy(slot, bytes, bytes_n < sizeof(*slot) ? bytes_n : sizeof(*slot));
    }
    slot->word = message->id << 8 | (bytes_n ? bytes[0] : WHEEL_MARK_STOP);
    slot->owner = (apr_uint64_t)message->pid << 32 | (apr_uint32_t)message->tid;
}

/* Printed text is not promised here, but its end. */
static void check(void)
{
    struct pollfd peer = {fuzz.stranger_fd, POLLIN, 0};
    privileged_answer_t answer;
    ssize_t bytes = recv(fuzz.fd, &answer, sizeof(answer), MSG_DONTWAIT);

    if (bytes > 0) {
        MUST(bytes == sizeof(answer));
        MUST(memchr(answer.text, '\0', sizeof(answer.text)));
    }
    MUST(poll(&peer, 1, 0) == 0);
    MUST(sched_getscheduler(fuzz.stranger) == fuzz.policy);
    MUST(sched_getscheduler(0) == fuzz.policy);
    MUST(sched_getscheduler(getppid()) != SCHED_IDLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    privileged_message_t message = {0};
    size_t taken = bytes < sizeof(message) ? bytes : sizeof(message);

    if (!fuzz.start.parent) {
        set_up();
    }
    if (taken) {
        memcpy(&message, data, taken);
    }
    message.pid = named(message.pid);
    message.tid = named(message.tid);
    if (message.what > 8) {
        message.what &= 3;
    }
    write_slot(&message, data + taken, bytes - taken);
    /* One in some is of another size. */
    MUST(send(fuzz.fd, &message,
              bytes % 16 == 15 ? sizeof(message) - 1 : sizeof(message),
              MSG_DONTWAIT) > 0);
    MUST(serve());
    alarm(0);
    privileged_cool_check();
    check();
    return 0;
}
