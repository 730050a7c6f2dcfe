/* SPDX-License-Identifier: Apache-2.0 */
/* table_hostile.c: a child writes what it likes into the segment.
 *
 * Children write random bytes over all of it, and chosen values to where
 * indices, counts, times and the journals are, while this process does all
 * that a parent does, and all that other children do.  Whatever it finds, it
 * neither reads nor writes outside and comes to an end.  The segment lies
 * between pages that can't be touched, and in the build with ASan all arrays
 * of the caller have such borders.
 */
#include "table_test.h"

#include "core/table_private.h"
#include "hostile_test.h"

#define ROUNDS 4000

static test_table_t test;
static apr_pool_t *round_pool;

/* --- The one who writes --------------------------------------------------- */

static void write_number(void *where, size_t bytes, unsigned *seed)
{
    apr_uint64_t number = any_number(seed);

    memcpy(where, &number, bytes < sizeof(number) ? bytes : sizeof(number));
}

#define WRITE(member) write_number((void *)&(member), sizeof(member), seed)

static void write_header(unsigned *seed)
{
    table_header_t *header = test.table->header;

    WRITE(header->slots_used);
    WRITE(header->generation_floor);
    WRITE(header->id_next);
    WRITE(header->ring_next);
    WRITE(header->names_n);
    WRITE(header->swept_usec);
    WRITE(header->gave_way_usec);
    WRITE(header->poll_max);
    WRITE(header->journal.owners_left);
    WRITE(header->journal.slot);
    WRITE(header->journal.name_index);
    WRITE(header->journal.end);
    WRITE(header->journal.valid);
    WRITE(header->eviction.index);
    WRITE(header->eviction.valid);
    memset(header->eviction.name, 'x', sizeof(header->eviction.name));
    memset(header->names[rand_r(seed) % WHEEL_NAMES_MAX].name, 'n',
           WHEEL_NAME_MAX + 1);
    WRITE(header->ring[rand_r(seed) % WHEEL_RING_MAX].end);
}

static void write_slot(unsigned *seed)
{
    table_slot_t *slot = &test.table->slots[rand_r(seed) % SLOTS];

    WRITE(slot->state);
    WRITE(slot->owners);
    WRITE(slot->pid);
    WRITE(slot->tid);
    WRITE(slot->birth);
    WRITE(slot->generation);
    WRITE(slot->started);
    WRITE(slot->started_usec);
    WRITE(slot->polled_usec);
    WRITE(slot->load);
    memset(slot->name, 0xe4, sizeof(slot->name));
    memset(slot->client, '%', sizeof(slot->client));
    memset(slot->handler, '\n', sizeof(slot->handler));
    memset(&slot->wake, rand_r(seed), sizeof(slot->wake));
}

static void write_all(unsigned *seed)
{
    int n;

    write_header(seed);
    for (n = 0; n < 4; n++) {
        write_slot(seed);
    }
}

/* --- What others do meanwhile --------------------------------------------- */

static void do_as_a_parent(unsigned *seed)
{
    wheel_record_t records[3];
    unsigned records_n = 0;
    unsigned dead;

    wheel_table_reap(test.table, (pid_t)any_number(seed));
    assert_int_equal(wheel_table_reap_all(test.table, wheel_proc_dead, &dead),
                     APR_SUCCESS);
    wheel_table_poll_max_set(test.table, 1);
    wheel_table_stuck_list(test.table, records, 3, &records_n);
    assert_true(records_n <= 3);
    wheel_table_floor(test.table, 5, 1 + rand_r(seed) % 3, round_pool);
    wheel_table_stop_before(test.table, 5);
}

static void check_record(const wheel_record_t *record)
{
    assert_true((unsigned)record->end < WHEEL_END_COUNT);
    assert_true(record->id <= WHEEL_ID_MAX);
    assert_true(record->elapsed >= 0 && record->started >= 0);
    assert_true(record->load <= WHEEL_LOAD_MAX);
    assert_true(strlen(record->name) < sizeof(record->name));
    assert_true(strlen(record->client) < sizeof(record->client));
    assert_true(strlen(record->handler) < sizeof(record->handler));
    assert_null(strpbrk(record->handler, "\r\n"));
}

static void read_all(void)
{
    wheel_snapshot_t snapshot;
    unsigned n;

    assert_int_equal(wheel_table_snapshot(test.table, &snapshot, round_pool),
                     APR_SUCCESS);
    assert_true(snapshot.jobs_n <= SLOTS);
    assert_true(snapshot.recent_n <= WHEEL_RING_MAX);
    assert_true(snapshot.names_n <= WHEEL_NAMES_MAX);
    for (n = 0; n < snapshot.jobs_n; n++) {
        check_record(&snapshot.jobs[n]);
    }
    for (n = 0; n < snapshot.recent_n; n++) {
        check_record(&snapshot.recent[n]);
    }
    for (n = 0; n < WHEEL_NAMES_MAX; n++) {
        assert_true(strlen(snapshot.names[n].name) <= WHEEL_NAME_MAX);
    }
}

static void do_as_a_child(unsigned *seed)
{
    static const char *const names[] = {"red", "green", NULL};
    wheel_hit_t hits[SLOTS];
    wheel_claim_t claim = claim_of(names[rand_r(seed) % 3]);
    wheel_filter_t filters[] = {
        {.id = 0}, {.name = "gr*"}, {.client = "192.0.2.1", .older = 1}};
    wheel_refusal_e refusal;
    wheel_record_t record;
    apr_uint64_t id;
    unsigned slot;
    unsigned hits_n;

    claim.per_client_max = 1 + rand_r(seed) % 100;
    if (wheel_table_claim(test.table, &claim, &slot, &id, &refusal) ==
        APR_SUCCESS) {
        assert_true(slot < SLOTS);
        wheel_table_stuck_news(test.table, slot, &record);
        wheel_table_wait(test.table, slot, 10);
        wheel_table_leave(test.table, slot,
                          wheel_table_mark(test.table, slot, WHEEL_END_GONE),
                          NULL, NULL, &record);
        wheel_table_companion_leave(test.table, slot);
    }
    wheel_table_stop(test.table, &filters[rand_r(seed) % 3], WHEEL_END_STOP,
                     hits, &hits_n, NULL, NULL);
    assert_true(hits_n <= SLOTS);
    wheel_table_wake_marked(test.table);
    wheel_table_mark_own(test.table, (pid_t)any_number(seed), WHEEL_END_GONE);
    wheel_table_give_way(test.table, (pid_t)any_number(seed), 0, 0);
    wheel_table_sweep(test.table, NULL);
    read_all();
}

/* --- The tests ------------------------------------------------------------ */

/* The segment that the table made is unmapped on both sides already, or has
 * memory of others there: move it to where it has not. */
static void move_table(void)
{
    size_t header_bytes = (size_t)((unsigned char *)test.table->slots -
                                   (unsigned char *)test.table->header);

    fence_in(header_bytes + SLOTS * sizeof(table_slot_t));
    memcpy(segment, test.table->header, segment_bytes);
    test.table->header = (table_header_t *)segment;
    test.table->slots = (table_slot_t *)(segment + header_bytes);
}

static void nothing_that_a_child_writes_leads_outside(void **state)
{
    unsigned seed = 7;
    pid_t pids[WRITERS];
    int n;

    (void)state;
    assert_true(table_open(&test, SLOTS));
    apr_pool_create(&round_pool, test.pool);
    move_table();
    alarm(CHILD_MAX_SEC);
    start_writers(pids, write_all);
    for (n = 0; n < ROUNDS; n++) {
        do_as_a_parent(&seed);
        do_as_a_child(&seed);
        apr_pool_clear(round_pool);
    }
    end_writers(pids);
    assert_true(wheel_table_damage(test.table) > 0);
    print_message("# %d rounds\n", ROUNDS);
}

/* Each of these, alone, once led the reader outside. */
static void an_entry_that_points_outside_is_refused(void **state)
{
    table_journal_t *journal;
    unsigned n;

    (void)state;
    for (n = 0; n < 3; n++) {
        assert_true(table_open(&test, SLOTS));
        journal = &test.table->header->journal;
        journal->name_index = n == 0 ? 0x00ffffff : 0;
        journal->slot = n == 1 ? 0x00ffffff : 0;
        journal->end = n == 2 ? (wheel_end_e)0x00ffffff : WHEEL_END_STOP;
        journal->ended = 0x4141414141414141;
        atomic_store(&journal->valid, 1);
        wheel_table_reap(test.table, 12345);
        assert_int_equal(snapshot_of(&test).jobs_n, 0);
        assert_int_equal(wheel_table_damage(test.table), 1);
        assert_int_equal(wheel_table_damage(test.table), 0);
        table_close(&test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_that_points_outside_is_refused),
        cmocka_unit_test(nothing_that_a_child_writes_leads_outside),
    };

    return RUN_GROUP(tests, "wheel_table and a hostile child");
}
