/* SPDX-License-Identifier: Apache-2.0 */
/* privileged.c: the privileged process believes nothing that it is told.
 *
 * The slots are written as a child under foreign control would write them: they
 * say of threads of root's processes, of grandchildren and of the privileged
 * process itself that a stopped request runs there.  Then it is sent messages
 * of random bytes and sizes, with descriptors, while other processes change the
 * slots.  Nothing but the children's own threads and sockets may change, and it
 * goes on answering.  It takes root.
 */
#define SLOTS 64

#include "privileged_test.h"

#include <dirent.h>

#define RANDOM_MESSAGES 5000

/* Whatever the slots say. */
static void refuse(pid_t pid, pid_t tid, const char *why)
{
    privileged_message_t message = claim(pid, tid, WHEEL_MARK_STOP);

    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_WHERE), why);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COOL), why);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_CUT), why);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COPY), why);
    end(&message);
}

static void touches_no_stranger(void **state)
{
    static const char stranger[] = "not a process of this server";
    pid_t child;
    pid_t logger;
    privileged_message_t message;

    (void)state;
    ROOT_ALONE();
    child = test.targets[CHILD].pid;
    logger = test.targets[LOGGER].pid;
    refuse(logger, logger, stranger);
    refuse(test.targets[GRANDCHILD].pid, test.targets[GRANDCHILD].pid,
           stranger);
    refuse(test.privileged, test.privileged, stranger);
    refuse(getpid(), getpid(), stranger);
    refuse(1, 1, stranger);
    /* A thread of another process than is said. */
    message = claim(child, logger, WHEEL_MARK_STOP);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COOL), stranger);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_CUT), stranger);
    end(&message);
    assert_int_equal(sched_getscheduler(logger), SCHED_OTHER);
    assert_int_equal(sched_getscheduler(test.privileged), SCHED_OTHER);
    assert_true(is_connected(LOGGER) && is_connected(GRANDCHILD));
}

static void tells_requests_apart(void **state)
{
    privileged_message_t elsewhere;
    privileged_message_t message;
    pid_t child;

    (void)state;
    ROOT_ALONE();
    child = test.targets[CHILD].pid;
    message = claim(child, child, WHEEL_MARK_NONE);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_CUT),
                        "the job has ended"); /* it was not stopped */
    message.id++;
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_WHERE),
                        "the job has ended");
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COOL),
                        "the job has ended");
    message.id--;
    elsewhere = message;
    elsewhere.slot = 0x7fffffff;
    assert_string_equal(ask(&elsewhere, WHEEL_PRIVILEGED_DO_COOL),
                        "the job has ended");
    assert_true(is_connected(CHILD));
    assert_int_equal(sched_getscheduler(child), SCHED_OTHER);
    end(&message);
}

/* The thread waits on, and the copy is its stack. */
static void copies_a_stack(void **state)
{
    static privileged_copy_t answer;
    struct pollfd wait = {test.fd, POLLIN, 0};
    privileged_message_t message;
    ssize_t bytes;
    pid_t child;

    (void)state;
    ROOT_ALONE();
    child = test.targets[CHILD].pid;
    message = claim(child, child, WHEEL_MARK_NONE);
    message.what = WHEEL_PRIVILEGED_DO_COPY;
    message.number = ++test.number;
    assert_int_equal(send(test.fd, &message, sizeof(message), MSG_NOSIGNAL),
                     sizeof(message));
    assert_int_equal(poll(&wait, 1, WAIT_MSEC), 1);
    bytes = recv(test.fd, &answer, sizeof(answer), 0);
    assert_true(answer.number == message.number);
    assert_int_equal(bytes, offsetof(privileged_copy_t, copy) +
                                wheel_thread_copy_bytes(&answer.copy));
    assert_true(answer.copy.pc && answer.copy.sp && answer.copy.stack_bytes);
    assert_true(is_connected(CHILD));
    end(&message);
}

/* --- Rubbish -------------------------------------------------------------- */

static pid_t any_pid(unsigned *seed)
{
    pid_t pids[] = {test.targets[CHILD].pid,
                    test.targets[LOGGER].pid,
                    test.targets[GRANDCHILD].pid,
                    test.privileged,
                    getpid(),
                    0,
                    1,
                    -1,
                    (pid_t)rand_r(seed)};

    return pids[(unsigned)rand_r(seed) % (sizeof(pids) / sizeof(*pids))];
}

/* Requests begin and end in a slot, of any thread. */
static pid_t start_liar(unsigned seed)
{
    static wheel_request_facts_t facts;
    pid_t pid = start_child();

    if (pid != 0) {
        return pid;
    }
    become_user();
    for (;;) {
        pid_t of = any_pid(&seed);
        int slot = wheel_request_slots_claim(
            test.slots, of, rand_r(&seed) & 1 ? of : any_pid(&seed));
        apr_uint64_t id = (unsigned)rand_r(&seed) % 16;

        if (slot < 0) {
            continue;
        }
        facts.client_fd = rand_r(&seed) % 8 - 1;
        wheel_request_slots_begin(test.slots, (unsigned)slot, id,
                                  rand_r(&seed) % WHEEL_MARK_COUNT, &facts);
        if (rand_r(&seed) & 1) {
            usleep((unsigned)rand_r(&seed) % 500);
        }
        wheel_request_slots_end(test.slots, (unsigned)slot);
        wheel_request_slots_release(test.slots, (unsigned)slot);
    }
}

/* With a descriptor that nobody wants. */
static void send_rubbish(unsigned *seed)
{
    unsigned char rubbish[2 * sizeof(privileged_message_t)];
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec place = {rubbish,
                          1 + (unsigned)rand_r(seed) % sizeof(rubbish)};
    struct msghdr header = {.msg_iov = &place,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    struct cmsghdr *extra = CMSG_FIRSTHDR(&header);
    size_t n;

    for (n = 0; n < sizeof(rubbish); n++) {
        rubbish[n] = (unsigned char)rand_r(seed);
    }
    extra->cmsg_level = SOL_SOCKET;
    extra->cmsg_type = SCM_RIGHTS;
    extra->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(extra), &test.fd, sizeof(int));
    assert_true(sendmsg(test.fd, &header, MSG_NOSIGNAL) > 0);
}

static void send_random(unsigned *seed)
{
    pid_t pid = any_pid(seed);
    privileged_message_t message = {
        .id = (unsigned)rand_r(seed) % 16,
        .slot = (unsigned)rand_r(seed) % (SLOTS + 2),
        .pid = pid,
        .tid = rand_r(seed) & 3 ? pid : any_pid(seed)};

    ask(&message, (wheel_privileged_do_e)(rand_r(seed) % 6));
}

static int count_fds(pid_t pid)
{
    char path[64];
    DIR *dir;
    int fds = 0;

    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir)) {
        fds++;
    }
    closedir(dir);
    return fds - 2;
}

static void survives_rubbish(void **state)
{
    pid_t liars[2];
    unsigned seed = (unsigned)getpid();
    int n;

    (void)state;
    ROOT_ALONE();
    print_message("seed %u\n", seed);
    liars[0] = start_liar(seed + 1);
    liars[1] = start_liar(seed + 2);
    for (n = 0; n < RANDOM_MESSAGES; n++) {
        if (n % 4 == 0) {
            send_rubbish(&seed);
        }
        send_random(&seed);
    }
    kill_child(liars[0]);
    kill_child(liars[1]);
    wheel_request_slots_reap(test.slots, liars[0]);
    assert_true(is_connected(LOGGER) && is_connected(GRANDCHILD));
    assert_int_equal(sched_getscheduler(test.targets[LOGGER].pid), SCHED_OTHER);
    assert_int_equal(sched_getscheduler(test.targets[GRANDCHILD].pid),
                     SCHED_OTHER);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    assert_int_equal(count_fds(test.privileged), 1);
    assert_int_equal(waitpid(test.privileged, NULL, WNOHANG), 0);
}

/* The last test: the child's socket is gone after it. */
static void cuts_a_stopped_request(void **state)
{
    privileged_message_t message;
    target_t child;

    (void)state;
    ROOT_ALONE();
    child = start_target(CHILD);
    test.targets[CHILD] = child;
    wheel_request_slots_sweep(test.slots, wheel_proc_dead);
    message = claim(child.pid, child.pid, WHEEL_MARK_STOP);
    while (strcmp(ask(&message, WHEEL_PRIVILEGED_DO_CUT), "cut")) {
        assert_int_equal(waitpid(test.privileged, NULL, WNOHANG), 0);
        usleep(10 * 1000); /* it is not blocked yet */
    }
    assert_false(is_connected(CHILD));
    end(&message);
}

/* Whoever holds the other end may end it: it doesn't spin. */
static void ends_with_its_socket(void **state)
{
    int status;

    (void)state;
    ROOT_ALONE();
    shutdown(test.fd, SHUT_RDWR);
    assert_int_equal(waitpid(test.privileged, &status, 0), test.privileged);
    assert_true(WIFEXITED(status)); /* a sanitizer can't do its last work */
    test.privileged = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(touches_no_stranger),
        cmocka_unit_test(tells_requests_apart),
        cmocka_unit_test(copies_a_stack),
        cmocka_unit_test(survives_rubbish),
        cmocka_unit_test(cuts_a_stopped_request),
        cmocka_unit_test(ends_with_its_socket),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
