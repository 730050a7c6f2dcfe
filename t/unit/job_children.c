/* SPDX-License-Identifier: Apache-2.0 */
/* job_children.c: which processes a thread has started, and since when. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <sys/wait.h>

#include <cmocka.h>

#include "core/job_children.h"
#include "core/platform.h"

#define SECOND_USEC (1000 * 1000)

static pid_t start(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_true(pid > 0);
    return pid;
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static unsigned count(pid_t tid, apr_int64_t since_usec)
{
    wheel_job_children_t children;

    wheel_job_children_read(getpid(), tid, since_usec, &children);
    return children.n;
}

static void those_of_a_request_are_found(void **state)
{
    apr_int64_t now = wheel_clock_usec();
    wheel_job_children_t children;
    pid_t first = start();
    pid_t second = start();

    (void)state;
    wheel_job_children_read(getpid(), getpid(), now, &children);
    assert_int_equal(children.n, 2);
    assert_int_equal(children.list[0].pid, first);
    assert_int_equal(children.list[1].pid, second);
    assert_false(wheel_proc_dead(&children.list[1]));
    end(second);
    end(first);
    assert_int_equal(count(getpid(), now), 0);
}

/* Births have the resolution of a clock tick. */
static void what_was_started_before_is_none_of_it(void **state)
{
    apr_int64_t before = wheel_clock_usec();
    pid_t pid = start();

    (void)state;
    assert_int_equal(count(getpid(), before - SECOND_USEC), 1);
    assert_int_equal(count(getpid(), wheel_clock_usec() + SECOND_USEC), 0);
    end(pid);
}

static void *count_own(void *data)
{
    unsigned *n = data;

    *n = count((pid_t)wheel_thread_number(), 0);
    return NULL;
}

static void another_thread_has_its_own(void **state)
{
    pid_t pid = start();
    unsigned n = 1;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, count_own, &n), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(n, 0);
    end(pid);
}

static void more_than_there_is_room_for_are_left_out(void **state)
{
    pid_t pids[WHEEL_JOB_CHILDREN_MAX + 2];
    unsigned n;

    (void)state;
    for (n = 0; n < WHEEL_JOB_CHILDREN_MAX + 2; n++) {
        pids[n] = start();
    }
    assert_int_equal(count(getpid(), 0), WHEEL_JOB_CHILDREN_MAX);
    for (n = 0; n < WHEEL_JOB_CHILDREN_MAX + 2; n++) {
        end(pids[n]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_of_a_request_are_found),
        cmocka_unit_test(what_was_started_before_is_none_of_it),
        cmocka_unit_test(another_thread_has_its_own),
        cmocka_unit_test(more_than_there_is_room_for_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
