/* SPDX-License-Identifier: Apache-2.0 */
/* privileged_held.c: a process that the privileged process has to wait for
 * costs it its life once: its successor doesn't examine that one any more.
 * Threads of it are cooled down all the same.  It takes root and FUSE.
 */
#define SLOTS 8

#include "privileged_test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "core/thread_wait.h"
#include "held_test.h"

static const char refused[] = "its process has held who examined it before";

#define HELD_ALONE()   \
    if (!held_can()) { \
        skip();        \
    }

/* Its epoll is locked until the page for the event has come. */
static void wait_for_event(pid_t parent)
{
    struct epoll_event event = {.events = EPOLLIN};
    int file = held_open(parent, USER);
    void *page = mmap(NULL, HELD_FILE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE, file, 0);
    int epoll = epoll_create1(0);

    if (page != MAP_FAILED &&
        epoll_ctl(epoll, EPOLL_CTL_ADD, eventfd(1, 0), &event) == 0) {
        epoll_wait(epoll, page, 1, -1);
    }
    _exit(1);
}

static int is_locked(pid_t pid)
{
    wheel_thread_wait_t wait;

    assert_int_equal(wheel_thread_wait_read(pid, pid, &wait), APR_SUCCESS);
    return !strcmp(wheel_thread_wait_name(&wait), "epoll_wait") &&
           strchr("SD", wait.state);
}

static pid_t start_locked(void)
{
    pid_t parent = getpid();
    pid_t pid = start_child();

    if (pid == 0) {
        wait_for_event(parent);
    }
    while (!is_locked(pid)) {
        usleep(HELD_MSEC * 1000);
    }
    return pid;
}

/* Sends a message, and waits until the process waits for a file or a lock.
 * Before, it may be in state D for a moment, and in poll() in state S. */
static void be_held(privileged_message_t *message, wheel_privileged_do_e what)
{
    struct pollfd wait = {test.fd, POLLIN, 0};
    int held = 0;

    message->what = what;
    message->number = ++test.number;
    assert_int_equal(send(test.fd, message, sizeof(*message), MSG_NOSIGNAL),
                     sizeof(*message));
    while (held < 10) {
        held = wheel_proc_state(test.privileged) == 'D' ? held + 1 : 0;
        assert_int_equal(poll(&wait, 1, HELD_MSEC), 0);
    }
}

/* As if it had been held for so long. */
static void replace(void)
{
    close(test.fd);
    assert_true(test.shared->since_usec);
    test.shared->since_usec -= PRIVILEGED_SERVE_SEC * APR_USEC_PER_SEC;
    start_privileged();
}

static void refuses(privileged_message_t *message)
{
    privileged_message_t other;
    pid_t child = test.targets[CHILD].pid;

    assert_string_equal(ask(message, WHEEL_PRIVILEGED_DO_WHERE), refused);
    assert_string_equal(ask(message, WHEEL_PRIVILEGED_DO_COPY), refused);
    assert_string_equal(ask(message, WHEEL_PRIVILEGED_DO_CUT), refused);
    assert_string_equal(ask(message, WHEEL_PRIVILEGED_DO_COOL), "cooled down");
    other = claim(child, child, WHEEL_MARK_NONE);
    assert_non_null(strstr(ask(&other, WHEEL_PRIVILEGED_DO_WHERE), "poll"));
    end(&other);
}

/* Once it is gone, its number is another's. */
static void forgets(privileged_message_t *message)
{
    kill_child(message->pid);
    end(message);
    *message = claim(test.targets[CHILD].pid, test.targets[CHILD].pid,
                     WHEEL_MARK_NONE);
    assert_non_null(strstr(ask(message, WHEEL_PRIVILEGED_DO_WHERE), "poll"));
    assert_int_equal(test.shared->held_by[0], 0);
    end(message);
}

/* No signal ends one that waits for the lock of an epoll. */
static void one_that_is_held_for_good_is_left(void **state)
{
    privileged_message_t message;
    pid_t lost;
    pid_t pid;

    (void)state;
    HELD_ALONE();
    pid = start_locked();
    message = claim(pid, pid, WHEEL_MARK_NONE);
    be_held(&message, WHEEL_PRIVILEGED_DO_WHERE);
    lost = test.privileged;
    kill(lost, SIGKILL);
    usleep(10 * HELD_MSEC * 1000);
    assert_int_equal(waitpid(lost, NULL, WNOHANG), 0);
    replace();
    refuses(&message);
    forgets(&message);
    assert_int_equal(waitpid(lost, NULL, 0), lost);
}

static void one_that_an_alarm_ends_is_not_held_again(void **state)
{
    static char *const environment[] = {NULL};
    privileged_message_t message;
    int status;
    pid_t pid;

    (void)state;
    HELD_ALONE();
    pid = held_start(USER, environment);
    message = claim(pid, pid, WHEEL_MARK_NONE);
    be_held(&message, WHEEL_PRIVILEGED_DO_WHERE);
    assert_int_equal(waitpid(test.privileged, &status, 0), test.privileged);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
    start_privileged();
    refuses(&message);
    forgets(&message);
}

/* A restart may end it at any moment. */
static void one_that_was_ended_in_time_blames_nobody(void **state)
{
    privileged_message_t message;
    pid_t child;

    (void)state;
    HELD_ALONE();
    child = test.targets[CHILD].pid;
    message = claim(child, child, WHEEL_MARK_NONE);
    kill(test.privileged, SIGKILL);
    waitpid(test.privileged, NULL, 0);
    close(test.fd);
    test.shared->examined = child;
    test.shared->since_usec = wheel_clock_usec();
    start_privileged();
    assert_non_null(strstr(ask(&message, WHEEL_PRIVILEGED_DO_WHERE), "poll"));
    end(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_held_for_good_is_left),
        cmocka_unit_test(one_that_an_alarm_ends_is_not_held_again),
        cmocka_unit_test(one_that_was_ended_in_time_blames_nobody),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
