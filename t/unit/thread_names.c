/* SPDX-License-Identifier: Apache-2.0 */
/* thread_names.c: a stack is named by a process that has the user of the one
 * that is examined, is never root, and is behind a filter.  It takes root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/thread_names.h"
#include "core/thread_wait.h"

#define LIMIT_USEC (30 * 1000000)
#define STATUS_BYTES 4096

static wheel_thread_copy_t copy;
static wheel_names_t names;

static void await_poll(pid_t pid)
{
    apr_int64_t until = wheel_clock_usec() + LIMIT_USEC;
    wheel_thread_wait_t wait;

    do {
        assert_true(wheel_clock_usec() < until);
        assert_int_equal(wheel_thread_wait_read(pid, pid, &wait), APR_SUCCESS);
    } while (!strstr(wheel_thread_wait_name(&wait), "poll"));
}

/* A process of that user, which waits.  It has other groups of root's. */
static pid_t start(uid_t user)
{
    int ends[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        const gid_t other = 0;

        setgroups(1, &other);
        if (setresgid(user, user, user) == 0 &&
            setresuid(user, user, user) == 0 && write(ends[1], "", 1) == 1) {
            alarm(LIMIT_USEC / 1000000); /* a test that fails leaves it */
            poll(NULL, 0, -1);
        }
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
    await_poll(pid);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Names of a process, and what /proc has said of the one that made them once it
 * had made them. */
static void name(pid_t pid, char *status)
{
    struct pollfd wait = {-1, POLLIN, 0};
    wheel_mappings_t mappings;
    char path[64];
    FILE *file;

    assert_null(wheel_mappings_open(pid, &mappings));
    assert_int_equal(wheel_thread_copy(pid, pid, &copy), APR_SUCCESS);
    assert_null(wheel_names_begin(&names, &copy, &mappings,
                                  wheel_clock_usec() + LIMIT_USEC));
    wheel_mappings_close(&mappings);
    wait.fd = names.fd;
    do {
        poll(&wait, 1, -1);
    } while (wheel_names_more(&names));
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)names.pid);
    file = fopen(path, "r");
    assert_non_null(file);
    status[fread(status, 1, STATUS_BYTES - 1, file)] = '\0';
    fclose(file);
    assert_null(wheel_names_end(&names));
    assert_non_null(strstr(names.text, "poll"));
}

static void has_no_rights(uid_t user, const char *users, const char *groups)
{
    pid_t pid = start(user);
    char status[STATUS_BYTES];

    name(pid, status);
    end(pid);
    assert_non_null(strstr(status, users));
    assert_non_null(strstr(status, groups));
    assert_non_null(strstr(status, "\nGroups:\t \n"));
    assert_non_null(strstr(status, "\nCapPrm:\t0000000000000000\n"));
    assert_non_null(strstr(status, "\nNoNewPrivs:\t1\n"));
    assert_non_null(strstr(status, "\nSeccomp:\t2\n"));
}

static void has_the_user_that_is_examined(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    has_no_rights(4711, "\nUid:\t4711\t4711\t4711\t4711\n",
                  "\nGid:\t4711\t4711\t4711\t4711\n");
}

static void is_nobody_in_place_of_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    has_no_rights(0, "\nUid:\t65534\t65534\t65534\t65534\n",
                  "\nGid:\t65534\t65534\t65534\t65534\n");
}

/* Another may have its number by then. */
static void names_no_process_that_has_ended(void **state)
{
    wheel_mappings_t mappings;
    pid_t pid = start(geteuid());

    (void)state;
    assert_null(wheel_mappings_open(pid, &mappings));
    end(pid);
    assert_string_equal(wheel_names_begin(&names, &copy, &mappings,
                                          wheel_clock_usec() + LIMIT_USEC),
                        "the process has ended, or changed its user meanwhile");
    wheel_mappings_close(&mappings);
    assert_non_null(wheel_mappings_open(pid, &mappings));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_user_that_is_examined),
        cmocka_unit_test(is_nobody_in_place_of_root),
        cmocka_unit_test(names_no_process_that_has_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
