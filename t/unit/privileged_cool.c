/* SPDX-License-Identifier: Apache-2.0 */
/* privileged_cool.c: threads that the privileged process cools down are back to
 * normal after their requests, whatever becomes of it, and are boosted when
 * they starve.
 *
 * It takes root.
 */
#define SLOTS (2 * PRIVILEGED_COOLED_PROCESS_MAX)

#include "privileged_test.h"

#include <dirent.h>
#include <pthread.h>

static void wait_for_policy(pid_t tid, int policy)
{
    int n;

    for (n = 0; n < WAIT_MSEC / 10 && sched_getscheduler(tid) != policy; n++) {
        usleep(10 * 1000);
    }
    assert_int_equal(sched_getscheduler(tid), policy);
}

static void cools_down_and_puts_back(void **state)
{
    privileged_message_t message;
    pid_t child;
    int n;

    (void)state;
    ROOT_ALONE();
    child = test.targets[CHILD].pid;
    message = claim(child, child, WHEEL_MARK_NONE);
    for (n = 0; n < 2 * PRIVILEGED_COOLED_PROCESS_MAX; n++) { /* one place */
        assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COOL),
                            "cooled down");
    }
    assert_int_equal(sched_getscheduler(child), SCHED_IDLE);
    /* One that is killed leaves that to the next. */
    kill(test.privileged, SIGKILL);
    waitpid(test.privileged, NULL, 0);
    close(test.fd);
    end(&message);
    start_privileged();
    wait_for_policy(child, SCHED_OTHER);
    /* A thread that it has not cooled down stays as it is: it could be the
     * companion of a wheel, of which a slot says that a request runs there. */
    message = claim(child, child, WHEEL_MARK_NONE);
    sched_setscheduler(child, SCHED_IDLE, &(struct sched_param){0});
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COOL),
                        "its thread has another class than the server's");
    end(&message);
    ask(&message, WHEEL_PRIVILEGED_DO_WHERE);
    assert_int_equal(sched_getscheduler(child), SCHED_IDLE);
    sched_setscheduler(child, SCHED_OTHER, &(struct sched_param){0});
}

/* The slot's note says the truth, and the worker can wait for its end. */
static void notes_what_is_cooled_down(void **state)
{
    wheel_request_t found;
    privileged_message_t message;
    pid_t child;
    int n;

    (void)state;
    ROOT_ALONE();
    child = test.targets[CHILD].pid;
    message = claim(child, child, WHEEL_MARK_NONE);
    message.id++;
    ask(&message, WHEEL_PRIVILEGED_DO_COOL);
    message.id--;
    assert_true(wheel_request_slots_copy(test.slots, message.slot, 1, &found));
    assert_false(found.cooled);
    ask(&message, WHEEL_PRIVILEGED_DO_COOL);
    assert_true(wheel_request_slots_copy(test.slots, message.slot, 1, &found));
    assert_true(found.cooled);
    wheel_request_slots_end(test.slots, message.slot);
    for (n = 0; n < WAIT_MSEC && wheel_request_slots_cooled(
                                     test.slots, message.slot, message.id);
         n++) {
        usleep(1000);
    }
    assert_int_equal(sched_getscheduler(child), SCHED_OTHER);
    wheel_request_slots_release(test.slots, message.slot);
}

/* Two processes that compute, on one core: the first one, of the idle class,
 * would wait for a second or so. */
static pid_t start_hog(void)
{
    cpu_set_t first;
    pid_t pid = start_child();

    if (pid == 0) {
        become_user();
        CPU_ZERO(&first);
        CPU_SET(0, &first);
        sched_setaffinity(0, sizeof(first), &first);
        for (;;) {
        }
    }
    return pid;
}

static void boosts_the_starved(void **state)
{
    pid_t cooled;
    pid_t hog;
    privileged_message_t message;
    int n;

    (void)state;
    ROOT_ALONE();
    cooled = start_hog();
    hog = start_hog();
    message = claim(cooled, cooled, WHEEL_MARK_NONE);
    while (strcmp(ask(&message, WHEEL_PRIVILEGED_DO_COOL), "cooled down")) {
        usleep(1000); /* it is not of that user yet */
    }
    for (n = 0; n < 3; n++) {
        wait_for_policy(cooled, SCHED_OTHER);
        wait_for_policy(cooled, SCHED_IDLE);
    }
    end(&message);
    wait_for_policy(cooled, SCHED_OTHER);
    kill_child(cooled);
    kill_child(hog);
    wheel_request_slots_reap(test.slots, cooled);
}

static void *sleep_for_ever(void *unused)
{
    pause();
    return unused;
}

/* What start_many_threads() starts.  A sanitizer may run threads in its parent,
 * and then a fork of that may not start any. */
static int be_many_threads(int started)
{
    pthread_t thread;
    int n;

    become_user();
    for (n = 0; n < PRIVILEGED_COOLED_PROCESS_MAX; n++) {
        if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0) {
            return 1;
        }
    }
    (void)!write(started, "", 1);
    pause();
    return 0;
}

/* A process whose threads take more places than one may. */
static pid_t start_many_threads(const int *started)
{
    pid_t pid = start_child();
    char fd[16];

    if (pid == 0) {
        close(started[0]);
        snprintf(fd, sizeof(fd), "%d", started[1]);
        execl("/proc/self/exe", "privileged_cool", fd, (char *)NULL);
        _exit(1);
    }
    return pid;
}

/* Cool down all threads of a process.  @return how many of them are */
static int cool_all(pid_t pid, int *refused)
{
    char path[64];
    struct dirent *entry;
    DIR *dir;
    int cooled = 0;

    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    dir = opendir(path);
    assert_non_null(dir);
    *refused = 0;
    for (entry = readdir(dir); entry; entry = readdir(dir)) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        privileged_message_t message;

        if (tid > 0) {
            message = claim(pid, tid, WHEEL_MARK_NONE);
            *refused += strcmp(ask(&message, WHEEL_PRIVILEGED_DO_COOL),
                               "cooled down") != 0;
            cooled++;
        }
    }
    closedir(dir);
    return cooled - *refused;
}

static void leaves_places_to_others(void **state)
{
    privileged_message_t message;
    pid_t child;
    pid_t greedy;
    char told;
    int started[2];
    int refused;

    (void)state;
    ROOT_ALONE();
    child = test.targets[CHILD].pid;
    assert_int_equal(pipe(started), 0);
    greedy = start_many_threads(started);
    close(started[1]);
    assert_int_equal(read(started[0], &told, 1), 1);
    assert_int_equal(cool_all(greedy, &refused), PRIVILEGED_COOLED_PROCESS_MAX);
    assert_true(refused > 0);
    message = claim(child, child, WHEEL_MARK_NONE);
    assert_string_equal(ask(&message, WHEEL_PRIVILEGED_DO_COOL), "cooled down");
    end(&message);
    wait_for_policy(child, SCHED_OTHER);
    kill_child(greedy);
    wheel_request_slots_reap(test.slots, greedy);
    close(started[0]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cools_down_and_puts_back),
        cmocka_unit_test(notes_what_is_cooled_down),
        cmocka_unit_test(boosts_the_starved),
        cmocka_unit_test(leaves_places_to_others),
    };

    if (argc > 1) {
        return be_many_threads(atoi(argv[1]));
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
