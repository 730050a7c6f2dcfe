/* SPDX-License-Identifier: Apache-2.0 */
/* requests_hostile.c: a child writes what it likes into the slots of requests.
 *
 * Children write random bytes and chosen values over all of the segment, while
 * this process does what the parent, the helper, the privileged process and
 * other children do there.  Whatever it finds, it neither reads nor writes
 * outside, and what it copies is within its bounds.  The segment lies between
 * pages that can't be touched.
 */
#include "table_test.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "core/request_private.h"
#include "core/request_steps.h"
#include "hostile_test.h"

#define ROUNDS 20000
#define TIME_MAX ((apr_int64_t)1 << 53)

static wheel_request_slots_t *slots;

/* --- The one who writes --------------------------------------------------- */

static void write_slot(unsigned *seed)
{
    slots_slot_t *slot = &slots->slots[rand_r(seed) % SLOTS];
    size_t n;

    for (n = 0; n < FACTS_WORDS; n++) {
        atomic_store(&slot->facts[n], any_number(seed));
    }
    atomic_store(&slot->doing, (apr_uint32_t)any_number(seed));
    atomic_store(&slot->kind, (apr_uint32_t)any_number(seed));
    atomic_store(&slot->marked_usec, (apr_int64_t)any_number(seed));
    atomic_store(&slot->sent_bytes, any_number(seed));
    atomic_store(&slot->asked, any_number(seed));
    atomic_store(&slot->taken, any_number(seed));
    atomic_store(&slot->logged, any_number(seed));
    atomic_store(&slot->drain_usec, (apr_int64_t)any_number(seed));
    atomic_store(&slot->owner, any_number(seed));
    atomic_store(&slot->word, any_number(seed));
}

static void write_slots(unsigned *seed)
{
    int n;

    for (n = 0; n < 4; n++) {
        write_slot(seed);
    }
}

/* --- What others do meanwhile --------------------------------------------- */

static int is_printable(const char *text, size_t bytes)
{
    size_t n = strnlen(text, bytes);

    return n < bytes && strcspn(text, "\r\n\033\177") == n;
}

static void check_times(const wheel_request_facts_t *facts)
{
    const apr_int64_t times[] = {
        facts->started,
        facts->began_usec,
        facts->began_cpu_usec + 1, /* -1 where nobody has asked */
        facts->slow,
        facts->wait_max,
        facts->cpu_max,
        facts->interrupt_after,
        facts->cut_after,
        facts->cooldown_after,
        facts->drain_after,
    };
    size_t n;

    for (n = 0; n < sizeof(times) / sizeof(*times); n++) {
        assert_true(times[n] >= 0);
        assert_true(times[n] <= TIME_MAX + 1 || times[n] == INT64_MAX);
    }
}

static void check_request(const wheel_request_t *request)
{
    const wheel_request_facts_t *facts = &request->facts;

    assert_true(request->id > 0 && request->id <= WHEEL_ID_MAX);
    assert_true(request->slot < SLOTS);
    assert_true(request->mark < WHEEL_MARK_COUNT);
    assert_true(request->step < WHEEL_STEP_COUNT);
    assert_true(request->doing < WHEEL_DOING_COUNT);
    assert_true(request->kind < WHEEL_KIND_COUNT);
    assert_true(request->pid >= 0 && request->tid >= 0);
    assert_true(request->sent_bytes <= TIME_MAX);
    assert_true(request->elapsed >= 0 && request->elapsed <= TIME_MAX);
    assert_true(request->marked >= -1 && request->marked <= TIME_MAX);
    assert_true(request->drained >= -1 && request->drained <= TIME_MAX);
    check_times(facts);
    assert_true(facts->generation >= 0 && facts->client_fd >= -1);
    assert_true(facts->wait_action < WHEEL_ACTION_COUNT);
    assert_true(facts->cpu_action < WHEEL_ACTION_COUNT);
    assert_true(is_printable(facts->method, sizeof(facts->method)));
    assert_true(is_printable(facts->host, sizeof(facts->host)));
    assert_true(is_printable(facts->client, sizeof(facts->client)));
    assert_true(is_printable(facts->handler, sizeof(facts->handler)));
    assert_true(strnlen(facts->path, sizeof(facts->path)) <
                sizeof(facts->path));
}

static void read_all(void)
{
    apr_uint64_t marked[WHEEL_MARK_COUNT];
    apr_uint64_t logged[WHEEL_MARK_COUNT];
    wheel_request_t request;
    unsigned n;

    wheel_request_slots_counts(slots, marked, logged);
    for (n = 0; n < SLOTS; n++) {
        if (wheel_request_slots_copy(slots, n, wheel_clock_usec(), &request)) {
            check_request(&request);
            wheel_request_slots_is(slots, n, request.id);
            wheel_request_slots_mark(slots, n, request.id, WHEEL_MARK_CPU);
            wheel_request_steps_ask(slots, n, request.id, WHEEL_STEP_DRAIN);
            assert_true(wheel_request_steps_unlogged(slots, n, request.id) <
                        1u << 8);
        }
        assert_true(wheel_request_slots_marked(slots, n) < WHEEL_MARK_COUNT);
        assert_true(wheel_request_slots_step(slots, n) < WHEEL_STEP_COUNT);
    }
}

static void do_as_a_worker(unsigned *seed)
{
    wheel_request_facts_t facts;
    int slot = wheel_request_slots_claim(slots, getpid(), getpid());

    assert_true(slot < SLOTS);
    memset(&facts, rand_r(seed), sizeof(facts));
    if (slot >= 0) {
        wheel_request_slots_begin(slots, (unsigned)slot, 7, WHEEL_MARK_NONE,
                                  &facts);
        wheel_request_slots_leave(slots, (unsigned)slot, getpid());
        assert_true(wheel_request_slots_end(slots, (unsigned)slot) <
                    WHEEL_MARK_COUNT);
        wheel_request_slots_release(slots, (unsigned)slot);
    }
}

/* --- The tests ------------------------------------------------------------ */

static void make_slots(apr_pool_t *pool)
{
    assert_int_equal(wheel_request_slots_create(&slots, SLOTS, pool),
                     APR_SUCCESS);
    fence_in(sizeof(slots_counts_t) + SLOTS * sizeof(slots_slot_t));
    slots->counts = (slots_counts_t *)segment;
    slots->slots = (slots_slot_t *)(segment + sizeof(slots_counts_t));
}

static void nothing_that_a_child_writes_leads_outside(void **state)
{
    apr_pool_t *pool;
    unsigned seed = 7;
    pid_t pids[WRITERS];
    int n;

    (void)state;
    apr_pool_create(&pool, NULL);
    make_slots(pool);
    alarm(CHILD_MAX_SEC);
    start_writers(pids, write_slots);
    for (n = 0; n < ROUNDS; n++) {
        wheel_request_slots_reap(slots, (pid_t)any_number(&seed));
        wheel_request_slots_sweep(slots, wheel_proc_dead);
        read_all();
        do_as_a_worker(&seed);
    }
    end_writers(pids);
    apr_pool_destroy(pool);
    print_message("# %d rounds\n", ROUNDS);
}

/* The slot of a dead process is freed without its request, and one that another
 * has claimed keeps its own. */
static void a_dead_process_gives_its_slots_back(void **state)
{
    wheel_request_facts_t facts = {0};
    wheel_request_t request;
    apr_pool_t *pool;
    pid_t dead = start_child();
    int slot;
    int own;

    (void)state;
    if (dead == 0) {
        _exit(0);
    }
    waitpid(dead, NULL, 0);
    apr_pool_create(&pool, NULL);
    assert_int_equal(wheel_request_slots_create(&slots, 2, pool), APR_SUCCESS);
    slot = wheel_request_slots_claim(slots, dead, dead);
    own = wheel_request_slots_claim(slots, getpid(), getpid());
    wheel_request_slots_begin(slots, (unsigned)slot, 1, WHEEL_MARK_NONE,
                              &facts);
    wheel_request_slots_begin(slots, (unsigned)own, 2, WHEEL_MARK_NONE, &facts);
    wheel_request_slots_sweep(slots, wheel_proc_dead);
    assert_false(wheel_request_slots_copy(slots, (unsigned)slot,
                                          wheel_clock_usec(), &request));
    assert_true(wheel_request_slots_copy(slots, (unsigned)own,
                                         wheel_clock_usec(), &request));
    assert_int_equal(request.id, 2);
    assert_int_equal(wheel_request_slots_claim(slots, getpid(), 1), slot);
    apr_pool_destroy(pool);
}

/* Each step counts once a request, whoever takes it how often, and none of a
 * request that is over. */
static void a_step_counts_once_a_request(void **state)
{
    wheel_request_facts_t facts = {0};
    apr_uint64_t taken[WHEEL_STEP_COUNT];
    wheel_request_t request;
    apr_pool_t *pool;
    unsigned slot;
    int n;

    (void)state;
    apr_pool_create(&pool, NULL);
    assert_int_equal(wheel_request_slots_create(&slots, 2, pool), APR_SUCCESS);
    slot = (unsigned)wheel_request_slots_claim(slots, getpid(), getpid());
    wheel_request_slots_begin(slots, slot, 8, WHEEL_MARK_NONE, &facts);
    assert_false(wheel_request_steps_ask(slots, slot, 7, WHEEL_STEP_DRAIN));
    assert_true(
        wheel_request_slots_copy(slots, slot, wheel_clock_usec(), &request));
    assert_int_equal(request.asked, 0);
    assert_int_equal(request.drained, -1);
    assert_true(wheel_request_steps_ask(slots, slot, 8, WHEEL_STEP_DRAIN));
    assert_true(wheel_request_slots_mark(slots, slot, 8, WHEEL_MARK_STOP));
    for (n = 0; n < 3; n++) {
        assert_false(wheel_request_slots_mark(slots, slot, 8, WHEEL_MARK_STOP));
        wheel_request_steps_taken(slots, slot, 8, WHEEL_STEP_CUT);
    }
    assert_true(wheel_request_slots_copy(slots, slot, wheel_clock_usec() + 5,
                                         &request));
    assert_int_equal(request.asked, WHEEL_STEP_BIT(WHEEL_STEP_DRAIN));
    assert_true(request.drained >= 0 && request.drained < 60 * 1000 * 1000);
    assert_int_equal(wheel_request_steps_unlogged(slots, slot, 8),
                     WHEEL_STEP_BIT(WHEEL_STEP_CUT) |
                         WHEEL_STEP_BIT(WHEEL_STEP_REFUSE));
    assert_int_equal(wheel_request_steps_unlogged(slots, slot, 8), 0);
    wheel_request_slots_begin(slots, slot, 9, WHEEL_MARK_NONE, &facts);
    assert_int_equal(wheel_request_steps_unlogged(slots, slot, 9), 0);
    wheel_request_steps_taken(slots, slot, 9, WHEEL_STEP_CUT);
    wheel_request_steps_counts(slots, taken);
    assert_int_equal(taken[WHEEL_STEP_REFUSE], 1);
    assert_int_equal(taken[WHEEL_STEP_CUT], 2);
    assert_int_equal(taken[WHEEL_STEP_DRAIN], 0);
    apr_pool_destroy(pool);
}

/* Descriptors are shared, and so are their flags: a child may clear them. */
static void no_child_makes_a_wake_wait(void **state)
{
    apr_pool_t *pool;
    int n;

    (void)state;
    apr_pool_create(&pool, NULL);
    assert_int_equal(wheel_request_slots_create(&slots, 2, pool), APR_SUCCESS);
    alarm(CHILD_MAX_SEC);
    for (n = 0; n < 2; n++) {
        assert_int_equal(fcntl(slots->wake_fds[n], F_SETFL, 0), 0);
    }
    wheel_request_slots_wake_clear(slots);
    for (n = 0; n < 10000; n++) {
        wheel_request_slots_wake(slots);
    }
    wheel_request_slots_wake_clear(slots);
    shutdown(slots->wake_fds[1], SHUT_RDWR);
    wheel_request_slots_wake(slots);
    wheel_request_slots_wake_clear(slots);
    wheel_request_slots_wake_close(slots);
    assert_int_equal(wheel_request_slots_wake_fd(slots), -1);
    close(slots->wake_fds[1]);
    apr_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_process_gives_its_slots_back),
        cmocka_unit_test(a_step_counts_once_a_request),
        cmocka_unit_test(no_child_makes_a_wake_wait),
        cmocka_unit_test(nothing_that_a_child_writes_leads_outside),
    };

    return RUN_GROUP(tests, "slots of requests and a hostile child");
}
