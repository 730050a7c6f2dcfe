/* SPDX-License-Identifier: Apache-2.0 */
/* table.c: one process claims, marks and leaves slots of a wheel_table. */
#include "table_one.h"

#include <sys/sem.h>

#include "apr_portable.h"

#include "core/platform.h"
#include "core/table_private.h"

static void a_claim_is_listed_as_it_was_made(void **state)
{
    wheel_claim_t claim = claim_of("red");
    wheel_snapshot_t snapshot;

    (void)state;
    claim.generation = 3;
    claim.wait_max = 5000000;
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
    snapshot = snapshot_of(&test);
    assert_int_equal(snapshot.jobs_n, 1);
    assert_int_equal(snapshot.rotating, 1);
    assert_int_equal(snapshot.started, 1);
    assert_string_equal(snapshot.jobs[0].name, "red");
    assert_string_equal(snapshot.jobs[0].client, "192.0.2.1");
    assert_int_equal(snapshot.jobs[0].id, id);
    assert_int_equal(snapshot.jobs[0].pid, getpid());
    assert_int_equal(snapshot.jobs[0].generation, 3);
    assert_int_equal(snapshot.jobs[0].wait_max, 5000000);
    assert_int_equal(snapshot.jobs[0].end, WHEEL_END_NONE);
    assert_int_equal(snapshot.jobs[0].polled, -1);
}

static void numbers_grow_and_are_not_used_twice(void **state)
{
    apr_uint64_t last = 0;
    int n;

    (void)state;
    for (n = 0; n < 3 * SLOTS; n++) {
        assert_int_equal(claim_one(NULL), APR_SUCCESS);
        assert_true(id > last);
        last = id;
        end_job(&test, slot, WHEEL_END_STOP);
    }
}

/* A table whose mutex goes when the semaphore is removed. */
static wheel_table_t *fragile_table(int *semaphore)
{
    apr_global_mutex_t *mutex;
    apr_os_global_mutex_t global;
    apr_os_proc_mutex_t process;
    wheel_table_t *table;

    assert_int_equal(
        apr_global_mutex_create(&mutex, NULL, APR_LOCK_SYSVSEM, test.pool),
        APR_SUCCESS);
    apr_os_global_mutex_get(&global, mutex);
    apr_os_proc_mutex_get(&process, global.proc_mutex);
    *semaphore = process.crossproc;
    assert_int_equal(wheel_table_create(&table, SLOTS, mutex, test.pool),
                     APR_SUCCESS);
    return table;
}

static void break_mutex(void *semaphore)
{
    semctl(*(int *)semaphore, 0, IPC_RMID);
}

static int break_mutex_of_claim(void *semaphore, wheel_end_e *end)
{
    (void)end;
    break_mutex(semaphore);
    return 0;
}

static void a_claim_whose_unlock_fails_takes_no_slot(void **state)
{
    wheel_claim_t claim = claim_of(NULL);
    int semaphore;
    wheel_table_t *table = fragile_table(&semaphore);
    unsigned n;

    (void)state;
    claim.hide = break_mutex_of_claim;
    claim.hide_baton = &semaphore;
    assert_int_not_equal(wheel_table_claim(table, &claim, &slot, &id, &refusal),
                         APR_SUCCESS);
    assert_int_equal(refusal, WHEEL_REFUSED_LOCK);
    for (n = 0; n < SLOTS; n++) {
        assert_int_equal(table->slots[n].owners, 0);
    }
}

static void a_stop_whose_unlock_fails_tells_what_it_has_stopped(void **state)
{
    static const wheel_filter_t all;
    wheel_claim_t claim = claim_of(NULL);
    int semaphore;
    wheel_table_t *table = fragile_table(&semaphore);
    unsigned hits_n = 0;

    (void)state;
    assert_int_equal(wheel_table_claim(table, &claim, &slot, &id, &refusal),
                     APR_SUCCESS);
    assert_int_equal(wheel_table_stop(table, &all, WHEEL_END_STOP, NULL,
                                      &hits_n, break_mutex, &semaphore),
                     APR_SUCCESS);
    assert_int_equal(hits_n, 1);
    assert_int_equal(wheel_table_marked(table, slot), WHEEL_END_STOP);
    assert_int_not_equal(wheel_table_stop(table, &all, WHEEL_END_STOP, NULL,
                                          &hits_n, NULL, NULL),
                         APR_SUCCESS);
    assert_int_equal(hits_n, 0);
}

static void a_full_table_refuses(void **state)
{
    int n;

    (void)state;
    for (n = 0; n < SLOTS; n++) {
        assert_int_equal(claim_one(NULL), APR_SUCCESS);
    }
    assert_int_equal(claim_one(NULL), APR_EAGAIN);
    assert_int_equal(refusal, WHEEL_REFUSED_SLOTS);
    end_job(&test, slot, WHEEL_END_STOP);
    assert_int_equal(claim_one(NULL), APR_SUCCESS);
    assert_int_equal(snapshot_of(&test).refused[WHEEL_REFUSED_SLOTS], 1);
}

static void the_limit_counts_those_that_rotate(void **state)
{
    wheel_claim_t claim = claim_of(NULL);

    (void)state;
    claim.rotating_max = 2;
    assert_int_equal(claim_one(NULL), APR_SUCCESS);
    assert_int_equal(claim_one(NULL), APR_SUCCESS);
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_EAGAIN);
    assert_int_equal(refusal, WHEEL_REFUSED_MAX);
    assert_int_equal(stop_picked(NULL, 0), 2);
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
}

static void the_limit_of_a_client_is_its_own(void **state)
{
    wheel_claim_t claim = claim_of(NULL);

    (void)state;
    claim.per_client_max = 1;
    assert_int_equal(claim_one(NULL), APR_SUCCESS);
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_EAGAIN);
    assert_int_equal(refusal, WHEEL_REFUSED_CLIENT);
    claim.client = "2001:db8::1";
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
    claim.client = "2001:db8::2";
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_EAGAIN);
    assert_int_equal(refusal, WHEEL_REFUSED_CLIENT);
    claim.client = "192.0.2.2";
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
}

static wheel_refusal_e no_more_than(void *baton, unsigned rotating)
{
    return rotating < *(unsigned *)baton ? WHEEL_REFUSED_NONE
                                         : WHEEL_REFUSED_RESERVE;
}

static void the_caller_has_the_last_word(void **state)
{
    wheel_claim_t claim = claim_of(NULL);
    unsigned allowed = 1;

    (void)state;
    claim.admit = no_more_than;
    claim.admit_baton = &allowed;
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_EAGAIN);
    assert_int_equal(refusal, WHEEL_REFUSED_RESERVE);
}

static void a_stop_hits_its_name_or_number_alone(void **state)
{
    apr_uint64_t red;

    (void)state;
    claim_one("red");
    red = id;
    claim_one("red");
    claim_one("blue");
    claim_one("redder");
    claim_one(NULL);
    assert_int_equal(stop_picked("green", 0), 0);
    assert_int_equal(stop_picked(NULL, red + 100), 0);
    assert_int_equal(stop_picked(NULL, red), 1);
    assert_int_equal(stop_picked(NULL, red), 0);
    assert_int_equal(stop_picked("red", 0), 1);
    assert_int_equal(stop_picked("red", 0), 0);
    assert_int_equal(stop_picked(NULL, 0), 3);
    assert_int_equal(stop_picked(NULL, 0), 0);
}

static void a_claim_after_a_stop_is_not_stopped_by_it(void **state)
{
    (void)state;
    claim_one(NULL);
    assert_int_equal(stop_picked(NULL, 0), 1);
    claim_one(NULL);
    assert_int_equal(wheel_table_marked(test.table, slot), WHEEL_END_NONE);
}

static void a_reused_slot_has_no_mark_and_no_turns(void **state)
{
    wheel_job_t job;

    (void)state;
    claim_one(NULL);
    job = wheel_table_job(test.table, slot);
    wheel_job_progress(&job, 12345, 9);
    stop_picked(NULL, 0);
    assert_true(wheel_job_stopped(&job));
    end_job(&test, slot, WHEEL_END_STOP);
    claim_one(NULL);
    assert_int_equal(slot, 0);
    assert_false(wheel_job_stopped(&job));
    assert_int_equal(snapshot_of(&test).jobs[0].done, 0);
}

static void the_first_mark_decides(void **state)
{
    (void)state;
    claim_one(NULL);
    assert_int_equal(wheel_table_mark(test.table, slot, WHEEL_END_DEADLINE),
                     WHEEL_END_DEADLINE);
    assert_int_equal(wheel_table_mark(test.table, slot, WHEEL_END_GONE),
                     WHEEL_END_DEADLINE);
    assert_int_equal(stop_picked(NULL, 0), 0);
}

static void a_slot_is_free_when_both_owners_have_left(void **state)
{
    wheel_record_t record;
    wheel_snapshot_t snapshot;

    (void)state;
    claim_one("red");
    stop_picked(NULL, 0);
    assert_int_equal(snapshot_of(&test).stopping, 1);
    wheel_table_leave(test.table, slot, WHEEL_END_STOP, NULL, NULL, &record);
    snapshot = snapshot_of(&test);
    assert_int_equal(snapshot.draining, 1);
    assert_int_equal(snapshot.ended[WHEEL_END_STOP], 1);
    assert_int_equal(snapshot.started, 1);
    assert_int_equal(wheel_table_owners(test.table, slot, id),
                     WHEEL_OWNER_COMPANION);
    wheel_table_companion_leave(test.table, slot);
    assert_int_equal(wheel_table_owners(test.table, slot, id), 0);
    assert_int_equal(snapshot_of(&test).jobs_n, 0);
    assert_int_equal(snapshot_of(&test).started, 1);
}

static void the_ring_keeps_the_last_that_ended(void **state)
{
    wheel_snapshot_t snapshot;
    wheel_job_t job;
    int n;

    (void)state;
    for (n = 0; n < WHEEL_RING_MAX + 5; n++) {
        claim_one("red");
        job = wheel_table_job(test.table, slot);
        wheel_job_progress(&job, 10, n % 10);
        end_job(&test, slot, n % 2 ? WHEEL_END_STOP : WHEEL_END_GONE);
    }
    snapshot = snapshot_of(&test);
    assert_int_equal(snapshot.recent_n, WHEEL_RING_MAX);
    assert_int_equal(snapshot.recent[0].id, id);
    assert_int_equal(snapshot.recent[0].value, (n - 1) % 10);
    assert_int_equal(snapshot.recent[0].end, WHEEL_END_GONE);
    assert_int_equal(snapshot.recent[1].end, WHEEL_END_STOP);
    assert_int_equal(snapshot.recent[WHEEL_RING_MAX - 1].id,
                     id - WHEEL_RING_MAX + 1);
    assert_int_equal(snapshot.done, 10 * (WHEEL_RING_MAX + 5));
}

static const wheel_name_t *counters_of(const wheel_snapshot_t *snapshot,
                                       const char *name)
{
    unsigned n;

    for (n = WHEEL_NAME_NONE + 1; n < snapshot->names_n; n++) {
        if (!strcmp(snapshot->names[n].name, name)) {
            return &snapshot->names[n];
        }
    }
    return NULL;
}

static void run_named(const char *name)
{
    assert_int_equal(claim_one(name), APR_SUCCESS);
    end_job(&test, slot, WHEEL_END_STOP);
}

static void names_that_are_used_have_counters_whoever_invents_others(
    void **state)
{
    wheel_snapshot_t snapshot;
    char name[32];
    apr_uint64_t counted = 0;
    int n;

    (void)state;
    for (n = 0; n < 100; n++) {
        snprintf(name, sizeof(name), "name-%d", n);
        run_named(name);
        if (n % 20 == 0) {
            run_named("in-use");
        }
    }
    run_named("new");
    snapshot = snapshot_of(&test);
    assert_int_equal(snapshot.names_n, WHEEL_NAME_OTHER);
    assert_int_equal(counters_of(&snapshot, "in-use")->ended[WHEEL_END_STOP],
                     5);
    assert_int_equal(counters_of(&snapshot, "new")->ended[WHEEL_END_STOP], 1);
    assert_null(counters_of(&snapshot, "name-0"));
    for (n = 0; n < WHEEL_NAMES_MAX; n++) {
        counted += snapshot.names[n].ended[WHEEL_END_STOP];
    }
    assert_int_equal(counted, 106);
    assert_int_equal(snapshot.names[WHEEL_NAME_OTHER].ended[WHEEL_END_STOP],
                     106 - 5 - (WHEEL_NAME_OTHER - 2));
}

/* Whoever has its place meanwhile. */
static void a_job_is_counted_by_its_name_at_its_end(void **state)
{
    wheel_snapshot_t snapshot;
    char name[32];
    unsigned first;
    int n;

    (void)state;
    claim_one("slow");
    first = slot;
    for (n = 0; n < WHEEL_NAMES_MAX; n++) {
        snprintf(name, sizeof(name), "name-%d", n);
        run_named(name);
    }
    snapshot = snapshot_of(&test);
    assert_null(counters_of(&snapshot, "slow"));
    end_job(&test, first, WHEEL_END_GONE);
    snapshot = snapshot_of(&test);
    assert_int_equal(counters_of(&snapshot, "slow")->ended[WHEEL_END_GONE], 1);
}

static void a_claim_that_got_no_thread_leaves_no_trace(void **state)
{
    (void)state;
    claim_one(NULL);
    wheel_table_unclaim(test.table, slot, WHEEL_REFUSED_THREAD, NULL, NULL);
    assert_int_equal(snapshot_of(&test).jobs_n, 0);
    assert_int_equal(snapshot_of(&test).started, 0);
    assert_int_equal(snapshot_of(&test).refused[WHEEL_REFUSED_THREAD], 1);
}

/* Whoever marks without the mutex has seen a state before. */
static void a_mark_does_not_hit_the_job_that_follows(void **state)
{
    table_slot_t *place = &test.table->slots[0];
    apr_uint64_t seen;

    (void)state;
    claim_one(NULL);
    assert_int_equal(slot, 0);
    seen = table_state(place);
    end_job(&test, slot, WHEEL_END_FINISHED);
    assert_false(table_mark_state(place, seen, WHEEL_END_SHUTDOWN, 1));
    claim_one(NULL);
    assert_int_equal(slot, 0);
    assert_false(table_mark_state(place, seen, WHEEL_END_SHUTDOWN, 1));
    assert_int_equal(wheel_table_marked(test.table, slot), WHEEL_END_NONE);
    seen = table_state(place);
    assert_true(table_mark_state(place, seen, WHEEL_END_SHUTDOWN, 1));
    assert_int_equal(wheel_table_marked(test.table, slot), WHEEL_END_SHUTDOWN);
}

static void old_generations_end_and_stay_ended(void **state)
{
    wheel_claim_t claim = claim_of(NULL);
    unsigned old;

    (void)state;
    wheel_table_claim(test.table, &claim, &old, &id, &refusal);
    claim.generation = 1;
    wheel_table_claim(test.table, &claim, &slot, &id, &refusal);
    wheel_table_stop_before(test.table, 1);
    assert_int_equal(wheel_table_marked(test.table, old), WHEEL_END_SHUTDOWN);
    assert_int_equal(wheel_table_marked(test.table, slot), WHEEL_END_NONE);
    claim.generation = 0;
    wheel_table_claim(test.table, &claim, &slot, &id, &refusal);
    assert_int_equal(wheel_table_marked(test.table, slot), WHEEL_END_SHUTDOWN);
}

static void the_process_with_the_oldest_job_gives_way(void **state)
{
    wheel_claim_t claim = claim_of(NULL);
    pid_t own = claim.proc.pid;
    apr_int64_t since;
    unsigned ends;
    unsigned old;
    unsigned young;

    (void)state;
    wheel_table_claim(test.table, &claim, &ends, &id, &refusal);
    claim.proc.pid = 1;
    claim.proc.birth = 0; /* whenever: it lives */
    wheel_table_claim(test.table, &claim, &old, &id, &refusal);
    claim.proc.pid = own;
    wheel_table_claim(test.table, &claim, &young, &id, &refusal);
    /* A job that is to end anyhow is nobody's oldest. */
    wheel_table_mark(test.table, ends, WHEEL_END_STOP);
    since = wheel_clock_usec() - 60 * 1000000;
    assert_false(wheel_table_give_way(test.table, own, since, 60 * 1000000));
    assert_true(wheel_table_give_way(test.table, 1, since, 60 * 1000000));
    assert_int_equal(wheel_table_marked(test.table, old), WHEEL_END_SHUTDOWN);
    assert_int_equal(wheel_table_marked(test.table, young), WHEEL_END_NONE);
    /* The next has its turn, but not at once. */
    assert_false(wheel_table_give_way(test.table, own, since, 60 * 1000000));
    assert_true(wheel_table_give_way(test.table, own, since, 0));
    assert_int_equal(wheel_table_marked(test.table, young), WHEEL_END_SHUTDOWN);
    /* One that does not come to it is passed over. */
    claim.proc.pid = 1;
    wheel_table_claim(test.table, &claim, &old, &id, &refusal);
    claim.proc.pid = own;
    wheel_table_claim(test.table, &claim, &young, &id, &refusal);
    usleep(2000);
    assert_true(wheel_table_give_way(test.table, own, since, 1000));
    assert_int_equal(wheel_table_marked(test.table, old), WHEEL_END_NONE);
    assert_int_equal(wheel_table_marked(test.table, young), WHEEL_END_SHUTDOWN);
}

static void a_wake_up_comes_though_nobody_waits_yet(void **state)
{
    apr_int64_t before = wheel_clock_usec();

    (void)state;
    claim_one(NULL);
    wheel_table_wake(test.table, slot);
    wheel_table_wait(test.table, slot, 60 * 1000000);
    assert_true(wheel_clock_usec() - before < 30 * 1000000);
}

/* Of processes 101 to 104, two each of generations 1 and 2; nobody asks
 * whether they live. */
static void old_generations_end_until_there_is_a_place(void **state)
{
    wheel_claim_t claim = claim_of(NULL);
    int n;

    (void)state;
    claim.proc = wheel_proc_self();
    for (n = 0; n < 8; n++) {
        claim.proc.pid = 101 + n % 4;
        claim.generation = 1 + n % 4 / 2;
        assert_int_equal(
            wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
            APR_SUCCESS);
    }
    assert_int_equal(wheel_table_floor(test.table, 3, 5, test.pool), -1);
    assert_int_equal(wheel_table_floor(test.table, 3, 4, test.pool), 2);
    assert_int_equal(wheel_table_floor(test.table, 3, 3, test.pool), 2);
    assert_int_equal(wheel_table_floor(test.table, 3, 2, test.pool), 3);
    assert_int_equal(wheel_table_floor(test.table, 2, 1, test.pool), 2);
    assert_int_equal(wheel_table_floor(test.table, 1, 1, test.pool), -1);
}

static void claim_in_worker(void)
{
    wheel_claim_t claim = claim_of(NULL);

    claim.in_worker = 1;
    assert_int_equal(
        wheel_table_claim(test.table, &claim, &slot, &id, &refusal),
        APR_SUCCESS);
}

static void a_job_in_its_worker_has_one_owner(void **state)
{
    wheel_record_t record;

    (void)state;
    claim_in_worker();
    assert_int_equal(wheel_table_owners(test.table, slot, id),
                     WHEEL_OWNER_WORKER);
    assert_true(snapshot_of(&test).jobs[0].in_worker);
    wheel_table_leave(test.table, slot, WHEEL_END_FINISHED, NULL, NULL,
                      &record);
    assert_int_equal(wheel_table_owners(test.table, slot, id), 0);
    assert_int_equal(snapshot_of(&test).ended[WHEEL_END_FINISHED], 1);
}

static void wait_briefly(unsigned n)
{
    apr_int64_t before = wheel_clock_usec();

    wheel_table_wait(test.table, n, 60 * APR_USEC_PER_SEC);
    assert_true(wheel_clock_usec() - before < 30 * APR_USEC_PER_SEC);
}

/* Whatever the first of them does with its wake-up. */
static void a_stop_wakes_each_worker_that_waits(void **state)
{
    unsigned slots[SLOTS - 1];
    unsigned n;

    (void)state;
    claim_in_worker();
    for (n = 0; n < SLOTS - 1; n++) {
        claim_one(NULL);
        slots[n] = slot;
    }
    stop_picked(NULL, 0);
    wheel_table_wake_marked(test.table);
    for (n = SLOTS - 1; n > 0; n--) {
        wait_briefly(slots[n - 1]);
    }
}

static void no_slots_are_no_table(void **state)
{
    wheel_table_t *table;

    (void)state;
    assert_int_equal(wheel_table_create(&table, 0, NULL, test.pool),
                     APR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_claim_is_listed_as_it_was_made),
        TEST(numbers_grow_and_are_not_used_twice),
        TEST(a_claim_whose_unlock_fails_takes_no_slot),
        TEST(a_stop_whose_unlock_fails_tells_what_it_has_stopped),
        TEST(a_full_table_refuses),
        TEST(the_limit_counts_those_that_rotate),
        TEST(the_limit_of_a_client_is_its_own),
        TEST(the_caller_has_the_last_word),
        TEST(a_stop_hits_its_name_or_number_alone),
        TEST(a_claim_after_a_stop_is_not_stopped_by_it),
        TEST(a_reused_slot_has_no_mark_and_no_turns),
        TEST(the_first_mark_decides),
        TEST(a_mark_does_not_hit_the_job_that_follows),
        TEST(a_slot_is_free_when_both_owners_have_left),
        TEST(the_ring_keeps_the_last_that_ended),
        TEST(names_that_are_used_have_counters_whoever_invents_others),
        TEST(a_job_is_counted_by_its_name_at_its_end),
        TEST(a_claim_that_got_no_thread_leaves_no_trace),
        TEST(old_generations_end_and_stay_ended),
        TEST(the_process_with_the_oldest_job_gives_way),
        TEST(a_wake_up_comes_though_nobody_waits_yet),
        TEST(old_generations_end_until_there_is_a_place),
        TEST(a_job_in_its_worker_has_one_owner),
        TEST(a_stop_wakes_each_worker_that_waits),
        TEST(no_slots_are_no_table),
    };

    return RUN_GROUP(tests, "wheel_table");
}
