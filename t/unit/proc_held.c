/* SPDX-License-Identifier: Apache-2.0 */
/* proc_held.c: nobody waits for a process that is held on its way into another
 * program: not whoever asks for its state, its CPU time or its parent, nor who
 * takes the slots of the dead back.  It takes root and FUSE.
 */
#include "held_test.h"

#include "apr_general.h"

#include "core/proc.h"
#include "core/request_slots.h"
#include "core/table.h"
#include "core/thread_cut.h"

#define USER 65534

/* Whoever waits is killed, which is a failure. */
#define ANSWER_SEC 20

static pid_t held;

static void setup_held(void)
{
    static char *const environment[] = {NULL};

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_state_is_told_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
