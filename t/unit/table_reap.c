/* SPDX-License-Identifier: Apache-2.0 */
/* table_reap.c: slots of a wheel_table whose process has died, or is held. */
#include "children.h"
#include "table_one.h"

/* A child claims one slot in each way and dies. */
static pid_t child_that_dies(void)
{
    pid_t pid = start_child();

    if (pid == 0) {
        wheel_record_t record;

        claim_one("running");
        claim_one("draining");
        wheel_table_mark(test.table, slot, WHEEL_END_STOP);
        wheel_table_leave(test.table, slot, WHEEL_END_STOP, NULL, NULL,
                          &record);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void a_dead_child_is_reaped_once(void **state)
{
    wheel_snapshot_t snapshot;
    unsigned mine;
    pid_t pid;

    (void)state;
    claim_one("mine");
    mine = slot;
    pid = child_that_dies();
    assert_int_equal(wheel_table_reap(test.table, pid), 2);
    assert_int_equal(stop_picked("running", 0), 0);
    /* Whoever waits takes the slots back, or the next snapshot. */
    assert_int_equal(wheel_table_owners(test.table, mine, id),
                     WHEEL_OWNER_WORKER | WHEEL_OWNER_COMPANION);
    assert_int_equal(wheel_table_reap(test.table, pid), 0);
    snapshot = snapshot_of(&test);
    assert_int_equal(snapshot.jobs_n, 1);
    assert_string_equal(snapshot.jobs[0].name, "mine");
    assert_int_equal(snapshot.ended[WHEEL_END_DIED], 1);
    assert_int_equal(snapshot.ended[WHEEL_END_STOP], 1);
    assert_string_equal(snapshot.recent[0].name, "running");
}

static void the_parent_asks_for_the_slots_of_the_dead(void **state)
{
    unsigned dead;

    (void)state;
    snapshot_of(&test); /* the next would not look again so soon */
    child_that_dies();
    assert_int_equal(wheel_table_reap_all(test.table, wheel_proc_dead, &dead),
                     APR_SUCCESS);
    assert_int_equal(dead, 1);
    assert_int_equal(snapshot_of(&test).jobs_n, 0);
    assert_int_equal(wheel_table_reap_all(test.table, wheel_proc_dead, &dead),
                     APR_SUCCESS);
    assert_int_equal(dead, 0);
}

static void a_sweep_finds_the_dead_and_spares_the_living(void **state)
{
    unsigned taken;

    (void)state;
    claim_one("mine");
    child_that_dies();
    assert_int_equal(wheel_table_sweep(test.table, &taken), APR_SUCCESS);
    assert_int_equal(taken, 2);
    assert_int_equal(wheel_table_marked(test.table, 0), WHEEL_END_NONE);
}

static void a_snapshot_takes_back_what_the_dead_left(void **state)
{
    apr_int64_t until = wheel_clock_usec() + 30 * APR_USEC_PER_SEC;

    (void)state;
    child_that_dies();
    /* Snapshots look for the dead now and then, and the child just did. */
    while (snapshot_of(&test).jobs_n && wheel_clock_usec() < until) {
        apr_sleep(20 * 1000);
    }
    assert_int_equal(snapshot_of(&test).jobs_n, 0);
}

static wheel_refusal_e stop_yourself(void *baton, unsigned rotating)
{
    (void)baton;
    (void)rotating;
    raise(SIGSTOP);
    return WHEEL_REFUSED_NONE;
}

/* The parent of a server never waits for one; others may set a limit. */
static void who_has_a_limit_does_not_wait_for_a_held_child(void **state)
{
    wheel_claim_t claim = claim_of(NULL);
    wheel_filter_t filter = {.id = 0};
    unsigned dead;
    unsigned hits_n;
    pid_t pid;

    (void)state;
    claim_one(NULL);
    pid = start_child();
    if (pid == 0) {
        claim.admit = stop_yourself;
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    wheel_table_stop_before(test.table, 1);
    assert_int_equal(wheel_table_marked(test.table, slot), WHEEL_END_SHUTDOWN);
    assert_int_equal(wheel_table_reap_all(test.table, wheel_proc_dead, &dead),
                     APR_SUCCESS);
    assert_int_equal(wheel_table_reap(test.table, pid), 0);
    assert_int_equal(told(), 0);
    wheel_table_lock_limit_set(test.table, 20000);
    assert_true(APR_STATUS_IS_EBUSY(wheel_table_stop(
        test.table, &filter, WHEEL_END_STOP, NULL, &hits_n, NULL, NULL)));
    wheel_table_lock_limit_set(test.table, 10 * APR_USEC_PER_SEC);
    kill(pid, SIGCONT);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(wheel_table_stop(test.table, &filter, WHEEL_END_STOP, NULL,
                                      &hits_n, NULL, NULL),
                     APR_SUCCESS);
}

/* A job whose process is gone, though another has its pid now. */
static void claim_of_stranger(void)
{
    wheel_claim_t claim = claim_of("stranger");

    claim.proc.birth -= 1; /* same pid, an earlier process */
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
}

static void a_pid_that_is_used_again_fools_nobody(void **state)
{
    unsigned taken;

    (void)state;
    claim_one("mine");
    claim_of_stranger();
    assert_int_equal(wheel_table_sweep(test.table, &taken), APR_SUCCESS);
    assert_int_equal(taken, 1);
    assert_int_equal(snapshot_of(&test).jobs_n, 1);
    assert_string_equal(snapshot_of(&test).jobs[0].name, "mine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dead_child_is_reaped_once),
        TEST(the_parent_asks_for_the_slots_of_the_dead),
        TEST(who_has_a_limit_does_not_wait_for_a_held_child),
        TEST(a_sweep_finds_the_dead_and_spares_the_living),
        TEST(a_snapshot_takes_back_what_the_dead_left),
        TEST(a_pid_that_is_used_again_fools_nobody),
    };

    return RUN_GROUP(tests, "wheel_table after a death");
}
