/* SPDX-License-Identifier: Apache-2.0 */
/* proc_held.c: nobody waits for a process that is held on its way into another
 * program: not whoever asks for its state, its CPU time or its parent, nor who
 * takes the slots of the dead back.  It takes root and FUSE.
 */
#include "held_test.h"

#include <sys/socket.h>

#include "apr_general.h"

#include "core/apart.h"
#include "core/job_tree.h"
#include "core/proc.h"
#include "core/request_slots.h"
#include "core/table.h"
#include "core/thread_cut.h"
#include "core/thread_wait.h"

#define USER 65534
#define OTHER_USER 65533

/* Whoever waits is killed, which is a failure. */
#define ANSWER_SEC 120

static pid_t held;

/* A job that no other run of this program has. */
static char job[32];
static char *const environment[] = {job, NULL};

/* It says that it works for a job, as anybody can. */
static void setup_held(void)
{
    if (!held_can()) {
        skip();
    }
    held = held_start(USER, environment);
    alarm(ANSWER_SEC);
}

static void end_held(void)
{
    alarm(0);
    kill_child(held);
}

static void its_state_is_told_at_once(void **state)
{
    wheel_proc_t proc = {0, 0};
    int asleep = 0;

    (void)state;
    setup_held();
    proc.pid = held;
    assert_non_null(strchr("SD", wheel_proc_state(held)));
    assert_non_null(strchr("SD", wheel_proc_thread_state(held, held)));
    assert_int_equal(wheel_proc_parent(held), getpid());
    assert_true(wheel_proc_thread_usec(held, held, &asleep) > 0);
    assert_true(asleep);
    assert_false(wheel_proc_dead(&proc));
    end_held();
    assert_true(wheel_proc_dead(&proc));
    assert_int_equal(wheel_proc_state(held), '\0');
    assert_int_equal(wheel_proc_thread_usec(held, held, &asleep), -1);
}

/* Has the job in its environment, and is of that user. */
static pid_t start_worker(uid_t user)
{
    static char *const arguments[] = {HELD_PROGRAM, "1000", NULL};
    pid_t parent = getpid();
    pid_t pid = start_child();
    char state = '\0';

    if (pid == 0) {
        if (setresgid(user, user, user) == 0 &&
            setresuid(user, user, user) == 0) {
            end_with_parent(parent);
            execve(HELD_PROGRAM, arguments, environment);
        }
        _exit(1);
    }
    while (!read_name(pid, "sleep", &state) || state != 'S') {
        usleep(HELD_MSEC * 1000);
    }
    return pid;
}

static unsigned list(uid_t user, wheel_job_process_t found[2])
{
    static const wheel_job_children_t none = {.n = 0};

    return wheel_job_tree_list((apr_uint64_t)getpid(), user, &none, found, 2);
}

/* Beside other load, a reader may be given up though nobody holds it. */
static void await_worker(uid_t user, pid_t pid)
{
    wheel_job_process_t found[2];
    unsigned n;

    do {
        n = list(user, found);
    } while (n == 0);
    assert_int_equal(n, 1);
    assert_int_equal(found[0].pid, pid);
    assert_string_equal(found[0].command, "sleep");
}

static void others_do_not_work_for_a_job(void **state)
{
    pid_t own;
    pid_t other;

    (void)state;
    setup_held();
    own = start_worker(OTHER_USER);
    other = start_worker(0);
    await_worker(OTHER_USER, own);
    kill_child(own);
    kill_child(other);
    end_held();
}

static void await_child(pid_t pid)
{
    wheel_job_children_t children;

    do {
        wheel_job_children_read(getpid(), getpid(), 0, &children);
    } while (children.n != 1);
    assert_int_equal(children.list[0].pid, pid);
}

/* It is looked for once, and left out from then on; so it is among what a
 * thread has started. */
static void one_of_the_same_user_is_given_up(void **state)
{
    wheel_job_process_t found[2];
    pid_t own;
    int n;

    (void)state;
    setup_held();
    own = start_worker(USER);
    assert_true(list(USER, found) <= 1);
    for (n = 0; n < 10; n++) {
        await_worker(USER, own);
        await_child(own);
    }
    kill_child(own);
    end_held();
    /* Who was given up has ended: it is seen again. */
    own = start_worker(USER);
    alarm(ANSWER_SEC);
    await_worker(USER, own);
    alarm(0);
    kill_child(own);
}

/* Is it in read() of the file?  Its server reads, too, but is another. */
static int is_held_reading(const wheel_thread_wait_t *wait)
{
    int fds[WHEEL_POLLED_MAX];

    return !strcmp(wheel_thread_wait_name(wait), "read") &&
           wheel_thread_wait_fds(wait, fds) == 1;
}

/* What another thread waits for may be a file of a dead server. */
static void no_file_server_is_asked(void **state)
{
    wheel_thread_wait_t wait;
    pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    (void)state;
    if (!held_can()) {
        skip();
    }
    pid = start_child();
    if (pid == 0) {
        int fd = held_open(parent, USER);
        char byte;

        _exit((int)read(fd, &byte, 1));
    }
    alarm(ANSWER_SEC);
    do {
        usleep(HELD_MSEC * 1000);
        assert_int_equal(wheel_thread_wait_read(pid, pid, &wait), APR_SUCCESS);
    } while (!is_held_reading(&wait));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    wait.tid = 1; /* all of its threads are others */
    assert_false(wheel_thread_wait_shared(&wait, ends[0]));
    alarm(0);
    kill_child(pid);
    close(ends[0]);
    close(ends[1]);
}

static int read_stat(void *baton)
{
    wheel_proc_of(*(pid_t *)baton);
    return 7;
}

static int die(void *baton)
{
    raise(*(int *)baton);
    return 7;
}

/* Where the kernel doesn't let it wait, it answers. */
static void a_part_of_a_program_is_given_up(void **state)
{
    apr_int64_t began;
    pid_t self = getpid();
    int by = SIGALRM;
    int code;

    (void)state;
    assert_int_equal(wheel_apart(read_stat, &self, ANSWER_SEC * 1000000), 7);
    assert_int_equal(wheel_apart(die, &by, ANSWER_SEC * 1000000), -1);
    setup_held();
    began = wheel_clock_usec();
    code = wheel_apart(read_stat, &held, 100000);
    assert_true(code == -1 || code == 7);
    assert_true(wheel_clock_usec() - began < ANSWER_SEC * 1000000 / 2);
    end_held();
    by = SIGSTOP;
    assert_int_equal(wheel_apart(die, &by, 100000), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_state_is_told_at_once),
        cmocka_unit_test(others_do_not_work_for_a_job),
        cmocka_unit_test(one_of_the_same_user_is_given_up),
        cmocka_unit_test(no_file_server_is_asked),
        cmocka_unit_test(a_part_of_a_program_is_given_up),
    };

    snprintf(job, sizeof(job), "WHEEL_JOB=%d", (int)getpid());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
