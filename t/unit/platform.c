/* SPDX-License-Identifier: Apache-2.0 */
/* platform.c: how a thread is scheduled that gives itself the idle class, and
 * whether it comes back from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "core/platform.h"

/* The kernel's struct sched_attr, as it first was: the slice stands behind
 * 24 bytes. */
#define ATTR_BYTES 48
#define ATTR_SLICE 24

static apr_uint64_t slice_nsec(void)
{
    unsigned char attr[ATTR_BYTES];
    apr_uint64_t nsec;

    assert_int_equal(syscall(SYS_sched_getattr, 0, attr, ATTR_BYTES, 0), 0);
    memcpy(&nsec, attr + ATTR_SLICE, sizeof(nsec));
    return nsec;
}

/* Whether the kernel has slices (from Linux 6.12 on), and the one in the idle
 * class, of a thread of its own. */
static void *be_idle(void *data)
{
    apr_uint64_t *nsec = data;

    nsec[0] = slice_nsec();
    assert_int_equal(wheel_thread_schedule(WHEEL_SCHED_IDLE), WHEEL_CLASS_IDLE);
    nsec[1] = slice_nsec();
    return NULL;
}

static void an_idle_thread_has_shorter_slices(void **state)
{
    apr_uint64_t nsec[2];
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, be_idle, nsec), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    print_message("# a slice of %ld usec, then %ld\n", (long)nsec[0] / 1000,
                  (long)nsec[1] / 1000);
    assert_int_equal(nsec[1], nsec[0] ? 400000 : 0);
}

typedef struct resting_t {
    atomic_int tid;
    atomic_int over;
} resting_t;

static void *rest_idle(void *data)
{
    resting_t *resting = data;

    assert_int_equal(wheel_thread_schedule(WHEEL_SCHED_IDLE), WHEEL_CLASS_IDLE);
    atomic_store(&resting->tid, (int)wheel_thread_number());
    while (!atomic_load(&resting->over)) {
        usleep(1000);
    }
    return NULL;
}

/* The class of a thread of the idle class after another one has put it back. */
static int policy_after_return(void)
{
    resting_t resting = {0, 0};
    pthread_t thread;
    int policy;

    assert_int_equal(pthread_create(&thread, NULL, rest_idle, &resting), 0);
    while (!atomic_load(&resting.tid)) {
        usleep(1000);
    }
    wheel_thread_normal(thread);
    policy = wheel_policy_get(atomic_load(&resting.tid));
    atomic_store(&resting.over, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return policy;
}

/* What it may, as somebody else, without a limit or with this one. */
static int policy_without_rights(const struct rlimit *limit)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if ((limit && setrlimit(RLIMIT_NICE, limit)) || setuid(65534)) {
            _exit(99);
        }
        _exit(policy_after_return());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void an_idle_thread_returns_where_that_is_allowed(void **state)
{
    static const struct rlimit limit = {20, 20};
    int limited;

    (void)state;
    if (geteuid() || setpriority(PRIO_PROCESS, 0, -1)) {
        skip(); /* without CAP_SYS_NICE */
    }
    assert_int_equal(setpriority(PRIO_PROCESS, 0, 0), 0);
    assert_int_equal(policy_after_return(), SCHED_OTHER);
    assert_int_equal(policy_without_rights(NULL), SCHED_IDLE);
    limited = policy_without_rights(&limit);
    if (limited == 99) {
        print_message("# no CAP_SYS_RESOURCE: no limit can be raised\n");
        return;
    }
    assert_int_equal(limited, SCHED_OTHER);
}

static void a_thread_can_stay_as_it_is(void **state)
{
    apr_uint64_t before = slice_nsec();

    (void)state;
    assert_int_equal(wheel_thread_schedule(SCHED_OTHER), WHEEL_CLASS_NORMAL);
    assert_int_equal(slice_nsec(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_thread_has_shorter_slices),
        cmocka_unit_test(an_idle_thread_returns_where_that_is_allowed),
        cmocka_unit_test(a_thread_can_stay_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
