/* SPDX-License-Identifier: Apache-2.0 */
/* table_killed.c: a process dies between any two stores of the table.
 *
 * In a build with WHEEL_FAULTS each store of wheel_table is a place to die: a
 * child works through every operation and is killed at the first, the second,
 * the third ... such place, until one gets through.  After each death the
 * table must be whole: nobody waits for the mutex, the dead one's slots come
 * back, nobody else's job is touched, and every job is counted once.
 */
#include "children.h"
#include "table_test.h"

#include <sys/mman.h>

#define SLOTS 4

#ifdef WHEEL_FAULTS
extern _Atomic int *wheel_table_fault;
#endif

static _Atomic int *countdown;

/* What a child goes through; returns with all of its slots given back. */
static void go_through_everything(test_table_t *test)
{
    wheel_claim_t claim = claim_of("victim");
    wheel_filter_t filter = {.name = "victim"};
    wheel_refusal_e refusal;
    wheel_record_t record;
    apr_uint64_t id;
    unsigned slot;
    unsigned hits_n;

    wheel_table_claim(test->table, &claim, &slot, &id, &refusal);
    wheel_table_stop(test->table, &filter, WHEEL_END_STOP, NULL, &hits_n, NULL,
                     NULL);
    wheel_table_leave(test->table, slot, WHEEL_END_STOP, NULL, NULL, &record);
    wheel_table_companion_leave(test->table, slot);

    wheel_table_claim(test->table, &claim, &slot, &id, &refusal);
    wheel_table_companion_leave(test->table, slot);
    wheel_table_mark(test->table, slot, WHEEL_END_FINISHED);
    wheel_table_leave(test->table, slot, WHEEL_END_FINISHED, NULL, NULL,
                      &record);
    wheel_table_sweep(test->table, NULL);
}

/* @return 1 if the child was killed on its way */
static int run_child(test_table_t *test, int die_at, pid_t *pid)
{
    int status = 0;

    atomic_store(countdown, die_at);
    *pid = start_child();
    if (*pid == 0) {
        wheel_table_child_init(test->table, test->pool);
        alarm(20);
        go_through_everything(test);
        _exit(0);
    }
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    atomic_store(countdown, 0);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return 1;
    }
    return 0;
}

static apr_uint64_t ended_of_all(const wheel_snapshot_t *snapshot)
{
    apr_uint64_t ended = 0;
    int n;

    for (n = 0; n < WHEEL_END_COUNT; n++) {
        ended += snapshot->ended[n];
    }
    return ended;
}

/* After the death, and after it has been noticed. */
static void assert_whole(test_table_t *test, pid_t pid, unsigned bystander)
{
    wheel_claim_t claim = claim_of("next");
    wheel_snapshot_t snapshot;
    wheel_refusal_e refusal;
    apr_uint64_t id;
    apr_uint64_t known;
    unsigned slots[SLOTS];
    unsigned n;

    wheel_table_reap(test->table, pid);
    snapshot = snapshot_of(test);
    assert_int_equal(snapshot.jobs_n, 1);
    assert_string_equal(snapshot.jobs[0].name, "bystander");
    assert_int_equal(wheel_table_marked(test->table, bystander),
                     WHEEL_END_NONE);
    /* The child has claimed two jobs at most, and each ended once. */
    known = ended_of_all(&snapshot);
    assert_true(known <= 2);
    assert_int_equal(snapshot.recent_n, known);
    for (n = 1; n < snapshot.recent_n; n++) {
        assert_true(snapshot.recent[n - 1].id > snapshot.recent[n].id);
    }
    for (n = 1; n < SLOTS; n++) {
        assert_int_equal(
            wheel_table_claim(test->table, &claim, &slots[n], &id, &refusal),
            APR_SUCCESS);
        assert_true(id > snapshot.jobs[0].id + known);
    }
    assert_int_equal(snapshot_of(test).jobs_n, SLOTS);
    for (n = 1; n < SLOTS; n++) {
        end_job(test, slots[n], WHEEL_END_STOP);
    }
    assert_int_equal(snapshot_of(test).jobs_n, 1);
}

static void a_death_at_any_store_leaves_the_table_whole(void **state)
{
    wheel_refusal_e refusal;
    unsigned bystander;
    apr_uint64_t id;
    int died = 1;
    int die_at;

    (void)state;
    for (die_at = 1; died; die_at++) {
        wheel_claim_t claim = claim_of("bystander");
        test_table_t test;
        pid_t pid;

        assert_true(table_open(&test, SLOTS));
        assert_int_equal(
            wheel_table_claim(test.table, &claim, &bystander, &id, &refusal),
            APR_SUCCESS);
        died = run_child(&test, die_at, &pid);
        assert_whole(&test, pid, bystander);
        table_close(&test);
    }
    print_message("# %d places to die\n", die_at - 2);
#ifdef WHEEL_FAULTS
    assert_true(die_at - 2 > 20);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_at_any_store_leaves_the_table_whole),
    };

    countdown = mmap(NULL, sizeof(*countdown), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#ifdef WHEEL_FAULTS
    wheel_table_fault = countdown;
#endif
    return RUN_GROUP(tests, "wheel_table after a death");
}
