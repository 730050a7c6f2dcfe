/* SPDX-License-Identifier: Apache-2.0 */
/* core/table.c: the shared segment and its mutex.
 *
 * The parent makes the table before it forks; workers claim and leave slots,
 * any worker marks them, companions publish into them, the parent reaps.
 * Any of them may be killed between any two stores, and the next one finds a
 * valid table: a claim counts from the store that sets its owners on, and a
 * departure is written to a journal first, which the next holder of the mutex
 * completes.
 */
#include "core/table_private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef WHEEL_FAULTS
#include <sys/mman.h>
#endif

#include "apr_strings.h"

#include "core/platform.h"

/* Looking for dead processes costs a read of /proc for each: not more often
 * than this on the way of a claim or a snapshot. */
#define TABLE_SWEEP_USEC (500 * 1000)

/* The parent must go on although a child holds the mutex. */
#define TABLE_REAP_WAIT_USEC APR_USEC_PER_SEC

/* Workers that are woken at once for each core: one that answers, and one that
 * is ready when it has. */
#define TABLE_CHAINS_PER_CORE 2

/* Slots that a stop has under way from memory while it marks one. */
#define TABLE_AHEAD 8

/* Room for jobs that are claimed between two looks of a snapshot. */
#define TABLE_SNAPSHOT_SLACK 64

/* A place where a fault build may end the process, to see that the next one
 * finds a valid table: where a countdown in shared memory comes to its end.
 * Nothing of it is in the module that users get. */
#ifdef WHEEL_FAULTS
_Atomic int *wheel_table_fault;

/* The parent of a server, whose death would be the end of everything. */
static pid_t fault_spared;

static void fault_step(void)
{
    if (wheel_table_fault && getpid() != fault_spared &&
        atomic_fetch_sub_explicit(wheel_table_fault, 1, memory_order_relaxed) ==
            1) {
        raise(SIGKILL);
    }
}

/* The countdown of a whole server is the first int of a file. */
static void fault_open(void)
{
    const char *path = getenv("WHEEL_FAULT_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped;

    if (fd < 0) {
        return;
    }
    mapped = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    wheel_table_fault = mapped == MAP_FAILED ? NULL : mapped;
    fault_spared = getpid();
    close(fd);
}
#define TABLE_STEP() fault_step()
#define TABLE_FAULT_OPEN() fault_open()
#else
#define TABLE_STEP() ((void)0)
#define TABLE_FAULT_OPEN() ((void)0)
#endif

static const apr_int64_t latency_bounds[] = {WHEEL_LATENCY_BOUNDS};

/* --- Making the table --------------------------------------------------- */

static size_t round_up(size_t bytes)
{
    return (bytes + TABLE_LINE_BYTES - 1) & ~(size_t)(TABLE_LINE_BYTES - 1);
}

static unsigned cores(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);

    return online > 1 ? (unsigned)online : 1;
}

apr_status_t wheel_table_create(wheel_table_t **table, unsigned slots_max,
                                apr_global_mutex_t *mutex, apr_pool_t *pool)
{
    wheel_table_t *made;
    char *base;
    size_t bytes;
    apr_status_t rv;

    if (slots_max == 0) {
        return APR_EINVAL;
    }
    TABLE_FAULT_OPEN();
    made = apr_pcalloc(pool, sizeof(*made));
    bytes = TABLE_LINE_BYTES + round_up(sizeof(table_header_t)) +
            (size_t)slots_max * sizeof(table_slot_t);
    rv = apr_shm_create(&made->shm, bytes, NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    base = (char *)round_up((size_t)apr_shm_baseaddr_get(made->shm));
    made->header = (table_header_t *)base;
    made->slots = (table_slot_t *)(base + round_up(sizeof(table_header_t)));
    made->mutex = mutex;

    /* Fresh anonymous memory is all zeros: every slot is free. */
    made->header->layout = wheel_table_layout();
    made->header->slots_max = slots_max;
    made->header->id_next = (apr_uint64_t)apr_time_now();
    made->header->names_n = WHEEL_NAME_NONE + 1;
    made->header->chains = TABLE_CHAINS_PER_CORE * cores();
    *table = made;
    return APR_SUCCESS;
}

apr_status_t wheel_table_child_init(wheel_table_t *table, apr_pool_t *pchild)
{
    return apr_global_mutex_child_init(
        &table->mutex, apr_global_mutex_lockfile(table->mutex), pchild);
}

unsigned wheel_table_slots_max(const wheel_table_t *table)
{
    return table->header->slots_max;
}

/* --- The mutex and the journal ------------------------------------------ */

/* Do what the journal says, be it for the first time or again. */
static void journal_replay(wheel_table_t *table)
{
    table_header_t *header = table->header;
    table_journal_t *journal = &header->journal;

    header->names[journal->name_index].ended[journal->end] = journal->ended;
    TABLE_STEP();
    header->done = journal->done;
    TABLE_STEP();
    header->ring_next = journal->ring_next;
    TABLE_STEP();
    /* Acquire and release: what the companion wrote is seen by whoever finds
     * the slot free. */
    atomic_fetch_and_explicit(&table->slots[journal->slot].owners,
                              journal->owners_left, memory_order_acq_rel);
    TABLE_STEP();
    /* Release: the stores above come first, also in a process that dies. */
    atomic_store_explicit(&journal->valid, 0, memory_order_release);
}

/* Whoever gets the mutex first ends what a killed holder had begun. */
static apr_status_t recover(wheel_table_t *table, apr_status_t locked)
{
    if (locked == APR_SUCCESS &&
        atomic_load_explicit(&table->header->journal.valid,
                             memory_order_acquire)) {
        journal_replay(table);
    }
    return locked;
}

static apr_status_t lock(wheel_table_t *table)
{
    return recover(table, apr_global_mutex_lock(table->mutex));
}

static apr_status_t lock_timed(wheel_table_t *table, apr_interval_time_t usec)
{
    apr_status_t rv = apr_global_mutex_timedlock(table->mutex, usec);

    if (APR_STATUS_IS_ENOTIMPL(rv)) {
        return lock(table);
    }
    return recover(table, rv);
}

static apr_status_t unlock(wheel_table_t *table)
{
    return apr_global_mutex_unlock(table->mutex);
}

/* --- Slots -------------------------------------------------------------- */

static unsigned slots_used(const wheel_table_t *table)
{
    /* Acquire: the bells of these slots have been set up. */
    return atomic_load_explicit(&table->header->slots_used,
                                memory_order_acquire);
}

static unsigned slot_owners(const table_slot_t *slot)
{
    /* Acquire: who sees an owner gone sees all that the owner wrote. */
    return atomic_load_explicit(&slot->owners, memory_order_acquire);
}

static wheel_end_e slot_mark(const table_slot_t *slot)
{
    return atomic_load_explicit(&slot->mark, memory_order_relaxed);
}

static wheel_end_e mark(table_slot_t *slot, wheel_end_e end)
{
    apr_uint32_t none = WHEEL_END_NONE;
    apr_int64_t never = 0;

    /* The first to come decides; the time may be a loser's, by nanoseconds. */
    atomic_compare_exchange_strong_explicit(
        &slot->marked_usec, &never, wheel_clock_usec(), memory_order_relaxed,
        memory_order_relaxed);
    TABLE_STEP();
    if (atomic_compare_exchange_strong_explicit(&slot->mark, &none, end,
                                                memory_order_acq_rel,
                                                memory_order_acquire)) {
        return end;
    }
    return none;
}

/* A copy of a slot.  With the mutex held, or by one of its owners. */
static void slot_record(const table_slot_t *slot, apr_int64_t now_usec,
                        wheel_record_t *record)
{
    apr_int64_t marked =
        atomic_load_explicit(&slot->marked_usec, memory_order_relaxed);
    apr_int64_t looked =
        atomic_load_explicit(&slot->looked_usec, memory_order_relaxed);
    apr_uint64_t progress =
        atomic_load_explicit(&slot->progress, memory_order_relaxed);

    record->id = atomic_load_explicit(&slot->id, memory_order_relaxed);
    record->owners = slot_owners(slot);
    record->end = slot_mark(slot);
    record->pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
    record->tid = atomic_load_explicit(&slot->tid, memory_order_relaxed);
    record->generation = slot->generation;
    record->started = slot->started;
    record->elapsed = now_usec - slot->started_usec;
    record->wait_max = slot->wait_max;
    record->marked = record->end && marked ? now_usec - marked : -1;
    record->in_worker =
        atomic_load_explicit(&slot->in_worker, memory_order_relaxed);
    record->stuck = 0;
    record->looked_cpu =
        atomic_load_explicit(&slot->looked_cpu_usec, memory_order_relaxed);
    record->looked = looked ? now_usec - looked : -1;
    if (looked && record->looked < 0) {
        record->looked = 0; /* its coarse clock may run a tick apart */
    }
    record->done = progress >> 8;
    record->value = progress & 0xff;
    record->load = slot->load;
    memcpy(record->name, slot->name, sizeof(record->name));
    memcpy(record->client, slot->client, sizeof(record->client));
    memcpy(record->handler, slot->handler, sizeof(record->handler));
}

/* How a job has ended: the record that its ring entry and its answer share. */
static void final_record(const table_slot_t *slot, wheel_end_e end,
                         wheel_record_t *record)
{
    slot_record(slot, wheel_clock_usec(), record);
    record->end = end;
    record->owners = 0;
}

/* Enter a job into the ring and the counters and give back what owners_left
 * does not keep.  With the mutex held. */
static void retire(wheel_table_t *table, unsigned n,
                   const wheel_record_t *record, apr_uint32_t owners_left)
{
    table_header_t *header = table->header;
    table_journal_t *journal = &header->journal;
    table_slot_t *slot = &table->slots[n];
    wheel_end_e end = record->end;

    header->ring[header->ring_next % WHEEL_RING_MAX] = *record;
    TABLE_STEP();
    journal->slot = n;
    journal->owners_left = owners_left;
    journal->name_index = slot->name_index;
    journal->end = end;
    journal->ended = header->names[slot->name_index].ended[end] + 1;
    journal->done = header->done + record->done;
    journal->ring_next = header->ring_next + 1;
    TABLE_STEP();
    /* Release: the entry is whole before it counts. */
    atomic_store_explicit(&journal->valid, 1, memory_order_release);
    TABLE_STEP();
    journal_replay(table);
}

/* --- Dead processes ----------------------------------------------------- */

/* Free the slots of a dead process.  With the mutex held. */
static unsigned free_slots_of(wheel_table_t *table, const wheel_proc_t *proc)
{
    unsigned used = slots_used(table);
    unsigned taken = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];
        unsigned owners = slot_owners(slot);

        if (!owners ||
            atomic_load_explicit(&slot->pid, memory_order_relaxed) !=
                proc->pid ||
            (proc->birth && slot->birth != proc->birth)) {
            continue;
        }
        if (owners & WHEEL_OWNER_WORKER) {
            wheel_record_t record;

            mark(slot, WHEEL_END_DIED);
            final_record(slot, WHEEL_END_DIED, &record);
            retire(table, n, &record, 0);
        }
        else { /* its end has been counted already */
            atomic_store_explicit(&slot->owners, 0, memory_order_release);
        }
        taken++;
        TABLE_STEP();
    }
    return taken;
}

apr_status_t wheel_table_reap(wheel_table_t *table, pid_t pid,
                              unsigned *taken_n)
{
    wheel_proc_t proc = {pid, 0};
    unsigned taken;
    apr_status_t rv;

    rv = lock_timed(table, TABLE_REAP_WAIT_USEC);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    taken = free_slots_of(table, &proc);
    if (taken_n) {
        *taken_n = taken;
    }
    return unlock(table);
}

/* The processes that own slots, each once.  With the mutex held. */
static unsigned list_procs(const wheel_table_t *table, wheel_proc_t *procs)
{
    unsigned used = slots_used(table);
    unsigned procs_n = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        const table_slot_t *slot = &table->slots[n];
        pid_t pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
        unsigned i = 0;

        if (!slot_owners(slot)) {
            continue;
        }
        while (i < procs_n &&
               (procs[i].pid != pid || procs[i].birth != slot->birth)) {
            i++;
        }
        if (i == procs_n) {
            procs[i].pid = pid;
            procs[i].birth = slot->birth;
            procs_n++;
        }
    }
    return procs_n;
}

/* Keep the dead ones of a list. */
static unsigned keep_dead(wheel_proc_t *procs, unsigned procs_n)
{
    unsigned dead_n = 0;
    unsigned i;

    for (i = 0; i < procs_n; i++) {
        if (wheel_proc_dead(&procs[i])) {
            procs[dead_n++] = procs[i];
        }
    }
    return dead_n;
}

apr_status_t wheel_table_sweep(wheel_table_t *table, unsigned *taken_n)
{
    wheel_proc_t *procs;
    unsigned procs_n;
    unsigned taken = 0;
    unsigned i;
    apr_status_t rv;

    procs = malloc(sizeof(*procs) * table->header->slots_max);
    if (!procs) {
        return APR_ENOMEM;
    }
    rv = lock(table);
    if (rv != APR_SUCCESS) {
        free(procs);
        return rv;
    }
    procs_n = list_procs(table, procs);
    rv = unlock(table);
    procs_n = keep_dead(procs, procs_n);
    if (rv == APR_SUCCESS && procs_n) {
        rv = lock(table);
        for (i = 0; rv == APR_SUCCESS && i < procs_n; i++) {
            taken += free_slots_of(table, &procs[i]);
        }
        if (rv == APR_SUCCESS) {
            rv = unlock(table);
        }
    }
    free(procs);
    if (taken_n) {
        *taken_n = taken;
    }
    return rv;
}

/* Sweep unless somebody just did. */
static void sweep_now_and_then(wheel_table_t *table)
{
    _Atomic apr_int64_t *swept = &table->header->swept_usec;
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t last = atomic_load_explicit(swept, memory_order_relaxed);

    if (now - last >= TABLE_SWEEP_USEC &&
        atomic_compare_exchange_strong_explicit(
            swept, &last, now, memory_order_relaxed, memory_order_relaxed)) {
        wheel_table_sweep(table, NULL);
    }
}

/* --- Claim -------------------------------------------------------------- */

/* The counters' index of a name.  With the mutex held. */
static unsigned name_index(table_header_t *header, const char *name)
{
    unsigned n;

    if (!name) {
        return WHEEL_NAME_NONE;
    }
    for (n = WHEEL_NAME_NONE + 1; n < header->names_n; n++) {
        if (!strcmp(header->names[n].name, name)) {
            return n;
        }
    }
    if (n == WHEEL_NAME_OTHER) {
        return WHEEL_NAME_OTHER;
    }
    apr_cpystrn(header->names[n].name, name, sizeof(header->names[n].name));
    TABLE_STEP();
    header->names_n = n + 1;
    return n;
}

/* Count and look for a free slot.  With the mutex held.
 * @return the slot; slots_used if none below is free */
static unsigned look_round(const wheel_table_t *table, const char *client,
                           unsigned *rotating, unsigned *of_client)
{
    unsigned used = slots_used(table);
    unsigned vacant = used;
    unsigned n;

    *rotating = *of_client = 0;
    for (n = 0; n < used; n++) {
        const table_slot_t *slot = &table->slots[n];

        if (!slot_owners(slot)) {
            vacant = vacant == used ? n : vacant;
        }
        else if (slot_mark(slot) == WHEEL_END_NONE) {
            (*rotating)++;
            *of_client += client && !strcmp(slot->client, client);
        }
    }
    return vacant;
}

static wheel_refusal_e admit(wheel_table_t *table, const wheel_claim_t *claim,
                             unsigned *vacant)
{
    unsigned rotating;
    unsigned of_client;

    *vacant = look_round(table, claim->client, &rotating, &of_client);
    if (rotating >= claim->rotating_max) {
        return WHEEL_REFUSED_MAX;
    }
    if (claim->per_client_max && of_client >= claim->per_client_max) {
        return WHEEL_REFUSED_CLIENT;
    }
    if (*vacant == table->header->slots_max) {
        return WHEEL_REFUSED_SLOTS;
    }
    return claim->admit ? claim->admit(claim->admit_baton, rotating)
                        : WHEEL_REFUSED_NONE;
}

static void text_set(char *to, const char *from, size_t to_bytes)
{
    apr_cpystrn(to, from ? from : "", to_bytes);
}

/* Write a claim into a free slot; the last store makes it count.  With the
 * mutex held. */
static void fill(wheel_table_t *table, unsigned n, const wheel_claim_t *claim)
{
    table_header_t *header = table->header;
    table_slot_t *slot = &table->slots[n];

    if (n == slots_used(table)) {
        sem_init(&slot->bell, 1, 0);
        TABLE_STEP();
        atomic_store_explicit(&header->slots_used, n + 1, memory_order_release);
    }
    TABLE_STEP();
    atomic_store_explicit(&slot->id, header->id_next, memory_order_relaxed);
    header->id_next++;
    TABLE_STEP();
    atomic_store_explicit(&slot->mark, WHEEL_END_NONE, memory_order_relaxed);
    atomic_store_explicit(&slot->marked_usec, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->progress, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->looked_usec, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->looked_cpu_usec, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->stuck_told, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->in_worker, claim->in_worker,
                          memory_order_relaxed);
    atomic_store_explicit(&slot->tid, 0, memory_order_relaxed);
    atomic_store_explicit(&slot->pid, claim->proc.pid, memory_order_relaxed);
    TABLE_STEP();
    slot->birth = claim->proc.birth;
    slot->started = apr_time_now();
    slot->started_usec = wheel_clock_usec();
    slot->wait_max = claim->wait_max;
    slot->generation = claim->generation;
    slot->load = claim->load;
    TABLE_STEP();
    text_set(slot->name, claim->name, sizeof(slot->name));
    text_set(slot->client, claim->client, sizeof(slot->client));
    text_set(slot->handler, claim->handler, sizeof(slot->handler));
    slot->name_index = name_index(header, claim->name);
    TABLE_STEP();
    /* Release: whoever sees the owners sees the claim. */
    atomic_store_explicit(&slot->owners,
                          claim->in_worker
                              ? WHEEL_OWNER_WORKER
                              : WHEEL_OWNER_WORKER | WHEEL_OWNER_COMPANION,
                          memory_order_release);
    TABLE_STEP();
    if (claim->generation < header->generation_floor) {
        mark(slot, WHEEL_END_SHUTDOWN);
    }
}

apr_status_t wheel_table_claim(wheel_table_t *table, const wheel_claim_t *claim,
                               unsigned *slot, apr_uint64_t *id,
                               wheel_refusal_e *refusal)
{
    unsigned vacant;
    apr_status_t rv;

    sweep_now_and_then(table);
    rv = lock(table);
    if (rv != APR_SUCCESS) {
        *refusal = WHEEL_REFUSED_LOCK;
        wheel_table_refuse(table, *refusal);
        return rv;
    }
    *refusal = admit(table, claim, &vacant);
    if (*refusal == WHEEL_REFUSED_NONE) {
        fill(table, vacant, claim);
        *slot = vacant;
        *id = atomic_load_explicit(&table->slots[vacant].id,
                                   memory_order_relaxed);
    }
    rv = unlock(table);
    if (*refusal != WHEEL_REFUSED_NONE) {
        wheel_table_refuse(table, *refusal);
        return APR_EAGAIN;
    }
    return rv;
}

void wheel_table_refuse(wheel_table_t *table, wheel_refusal_e refusal)
{
    atomic_fetch_add_explicit(&table->header->refused[refusal], 1,
                              memory_order_relaxed);
}

/* --- Stop --------------------------------------------------------------- */

wheel_facets_t wheel_table_facets(const wheel_record_t *record)
{
    wheel_facets_t facets = {record->name, record->id, record->client,
                             record->handler, record->elapsed};

    return facets;
}

static int picked(const table_slot_t *slot, const wheel_filter_t *filter,
                  apr_int64_t now_usec)
{
    wheel_facets_t facets = {
        slot->name, atomic_load_explicit(&slot->id, memory_order_relaxed),
        slot->client, slot->handler, now_usec - slot->started_usec};

    return wheel_filter_matches(filter, &facets);
}

static void fill_hit(const table_slot_t *slot, unsigned n, wheel_end_e end,
                     wheel_hit_t *hit)
{
    hit->id = atomic_load_explicit(&slot->id, memory_order_relaxed);
    hit->slot = n;
    hit->outcome = end == WHEEL_END_NONE ? WHEEL_OUTCOME_WOULD_STOP
                                         : WHEEL_OUTCOME_STOPPED;
    memcpy(hit->name, slot->name, sizeof(hit->name));
    memcpy(hit->client, slot->client, sizeof(hit->client));
    memcpy(hit->handler, slot->handler, sizeof(hit->handler));
}

apr_status_t wheel_table_stop(wheel_table_t *table,
                              const wheel_filter_t *filter, wheel_end_e end,
                              wheel_hit_t *hits, unsigned *hits_n)
{
    int any = wheel_filter_is_any(filter);
    apr_int64_t now_usec;
    unsigned used;
    unsigned n;
    apr_status_t rv;

    *hits_n = 0;
    rv = lock(table);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    now_usec = wheel_clock_usec();
    used = slots_used(table);
    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];

        /* Where all are meant, one line of each is all that comes from memory,
         * and it comes in time. */
        if (n + TABLE_AHEAD < used) {
            __builtin_prefetch(&table->slots[n + TABLE_AHEAD], 1);
        }
        if (!slot_owners(slot) || slot_mark(slot) != WHEEL_END_NONE ||
            (!any && !picked(slot, filter, now_usec)) ||
            (end != WHEEL_END_NONE && mark(slot, end) != end)) {
            continue;
        }
        if (hits) {
            fill_hit(slot, n, end, &hits[*hits_n]);
        }
        (*hits_n)++;
        TABLE_STEP();
    }
    return unlock(table);
}

apr_status_t wheel_table_stop_before(wheel_table_t *table, int generation)
{
    unsigned used;
    unsigned n;
    apr_status_t rv;

    rv = lock(table);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    table->header->generation_floor = generation;
    used = slots_used(table);
    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];

        if (slot_owners(slot) && slot->generation < generation) {
            mark(slot, WHEEL_END_SHUTDOWN);
        }
    }
    rv = unlock(table);
    for (n = 0; n < used; n++) {
        if (slot_mark(&table->slots[n]) == WHEEL_END_SHUTDOWN) {
            wheel_table_ring(table, n);
        }
    }
    return rv;
}

wheel_end_e wheel_table_mark(wheel_table_t *table, unsigned slot,
                             wheel_end_e end)
{
    return mark(&table->slots[slot], end);
}

void wheel_table_mark_own(wheel_table_t *table, pid_t pid, wheel_end_e end)
{
    unsigned used = slots_used(table);
    unsigned n;

    for (n = 0; n < used; n++) {
        table_slot_t *slot = &table->slots[n];

        if (slot_owners(slot) &&
            atomic_load_explicit(&slot->pid, memory_order_relaxed) == pid) {
            mark(slot, end);
            wheel_table_ring(table, n);
        }
    }
}

/* Whose is the oldest job without a mark?  @return 0 if there is none */
static pid_t oldest_pid(const wheel_table_t *table)
{
    unsigned used = slots_used(table);
    apr_uint64_t oldest = 0;
    pid_t pid = 0;
    unsigned n;

    for (n = 0; n < used; n++) {
        const table_slot_t *slot = &table->slots[n];
        apr_uint64_t id = atomic_load_explicit(&slot->id, memory_order_relaxed);

        if (slot_owners(slot) & WHEEL_OWNER_WORKER &&
            slot_mark(slot) == WHEEL_END_NONE && (!pid || id < oldest)) {
            oldest = id;
            pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
        }
    }
    return pid;
}

int wheel_table_give_way(wheel_table_t *table, pid_t pid,
                         apr_interval_time_t pause)
{
    _Atomic apr_int64_t *gave_way = &table->header->gave_way_usec;
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t last = atomic_load_explicit(gave_way, memory_order_relaxed);

    if ((last && now - last < pause) || oldest_pid(table) != pid ||
        !atomic_compare_exchange_strong_explicit(
            gave_way, &last, now, memory_order_relaxed, memory_order_relaxed)) {
        return 0;
    }
    wheel_table_mark_own(table, pid, WHEEL_END_SHUTDOWN);
    return 1;
}

/* --- What the owners of a slot do ---------------------------------------- */

wheel_end_e wheel_table_marked(const wheel_table_t *table, unsigned slot)
{
    return slot_mark(&table->slots[slot]);
}

unsigned wheel_table_owners(const wheel_table_t *table, unsigned slot,
                            apr_uint64_t id)
{
    unsigned owners = slot_owners(&table->slots[slot]);

    if (atomic_load_explicit(&table->slots[slot].id, memory_order_relaxed) !=
        id) {
        return 0;
    }
    return owners;
}

void wheel_table_ring(wheel_table_t *table, unsigned slot)
{
    sem_post(&table->slots[slot].bell);
}

void wheel_table_ring_next(wheel_table_t *table, unsigned slot)
{
    unsigned used = slots_used(table);
    unsigned n;

    for (n = slot; n < used; n++) {
        /* One that does the work itself doesn't wait, and would not wake the
         * next. */
        if (slot_owners(&table->slots[n]) & WHEEL_OWNER_WORKER &&
            slot_mark(&table->slots[n]) != WHEEL_END_NONE &&
            !atomic_load_explicit(&table->slots[n].in_worker,
                                  memory_order_relaxed)) {
            wheel_table_ring(table, n);
            return;
        }
    }
}

/* Each chain begins in a part of the table of its own and ends where the next
 * one has begun, at a worker that is awake: its bell rings once too often. */
void wheel_table_ring_marked(wheel_table_t *table)
{
    unsigned used = slots_used(table);
    unsigned chains = table->header->chains;
    unsigned n;

    chains = chains < used ? chains : used;
    for (n = 0; n < chains; n++) {
        wheel_table_ring_next(table,
                              (unsigned)((apr_uint64_t)used * n / chains));
    }
}

void wheel_table_wait(wheel_table_t *table, unsigned slot,
                      apr_interval_time_t wait_max)
{
    /* A signal, a late ring or the time: the caller looks at the marks. */
    wheel_sem_wait(&table->slots[slot].bell, wheel_clock_usec() + wait_max);
}

wheel_job_t wheel_table_job(wheel_table_t *table, unsigned slot)
{
    wheel_job_t job = {NULL, (const apr_uint32_t *)&table->slots[slot].mark,
                       (apr_uint64_t *)&table->slots[slot].progress};

    return job;
}

void wheel_table_set_tid(wheel_table_t *table, unsigned slot, pid_t tid)
{
    atomic_store_explicit(&table->slots[slot].tid, tid, memory_order_relaxed);
}

void wheel_table_look(wheel_table_t *table, unsigned slot, apr_int64_t now_usec,
                      apr_int64_t cpu_usec)
{
    atomic_store_explicit(&table->slots[slot].looked_cpu_usec, cpu_usec,
                          memory_order_relaxed);
    atomic_store_explicit(&table->slots[slot].looked_usec, now_usec,
                          memory_order_relaxed);
}

/* From a mark to the worker that has seen it. */
static void count_latency(table_header_t *header, apr_interval_time_t usec)
{
    unsigned bucket = 0;

    while (bucket < WHEEL_LATENCY_BUCKETS - 1 &&
           usec > latency_bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&header->latency[bucket], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&header->latency_sum_usec, usec,
                              memory_order_relaxed);
}

apr_status_t wheel_table_leave(wheel_table_t *table, unsigned n,
                               wheel_end_e end, wheel_record_t *record)
{
    table_slot_t *slot = &table->slots[n];
    apr_status_t rv;

    final_record(slot, end, record);
    if (end == WHEEL_END_STOP) {
        count_latency(table->header, record->marked);
    }
    rv = lock(table);
    if (rv != APR_SUCCESS) {
        atomic_fetch_and_explicit(&slot->owners, ~WHEEL_OWNER_WORKER,
                                  memory_order_acq_rel);
        return rv;
    }
    retire(table, n, record, ~WHEEL_OWNER_WORKER);
    return unlock(table);
}

void wheel_table_unclaim(wheel_table_t *table, unsigned slot,
                         wheel_refusal_e refusal)
{
    wheel_table_refuse(table, refusal);
    atomic_store_explicit(&table->slots[slot].owners, 0, memory_order_release);
}

void wheel_table_companion_leave(wheel_table_t *table, unsigned slot)
{
    /* Release: the worker may read what the work has written. */
    atomic_fetch_and_explicit(&table->slots[slot].owners,
                              ~WHEEL_OWNER_COMPANION, memory_order_acq_rel);
}

/* --- Jobs that don't look ------------------------------------------------ */

void wheel_table_look_max_set(wheel_table_t *table, apr_int64_t look_max)
{
    atomic_store_explicit(&table->header->look_max, look_max,
                          memory_order_relaxed);
}

apr_int64_t wheel_table_look_max(const wheel_table_t *table)
{
    return atomic_load_explicit(&table->header->look_max, memory_order_relaxed);
}

/* A worker that sleeps may be writing to a slow client; a companion has
 * nothing to wait for. */
static int is_stuck(const wheel_record_t *record, apr_int64_t look_max)
{
    int asleep = 0;
    apr_int64_t cpu;

    if (!look_max || record->looked < look_max) {
        return 0;
    }
    cpu = wheel_proc_thread_usec(record->pid, record->tid, &asleep);
    if (cpu < 0) {
        return 0;
    }
    return cpu - record->looked_cpu >= look_max ||
           (asleep && !record->in_worker);
}

int wheel_table_stuck_tell(wheel_table_t *table, unsigned slot)
{
    return !atomic_exchange_explicit(&table->slots[slot].stuck_told, 1,
                                     memory_order_relaxed);
}

int wheel_table_stuck_news(wheel_table_t *table, unsigned n,
                           wheel_record_t *record)
{
    table_slot_t *slot = &table->slots[n];

    slot_record(slot, wheel_clock_usec(), record);
    return is_stuck(record, wheel_table_look_max(table)) &&
           wheel_table_stuck_tell(table, n);
}

apr_status_t wheel_table_stuck_list(wheel_table_t *table,
                                    wheel_record_t *records,
                                    unsigned records_max, unsigned *records_n)
{
    apr_int64_t look_max = wheel_table_look_max(table);
    apr_int64_t now = wheel_clock_usec();
    unsigned used = slots_used(table);
    unsigned n = 0;
    apr_status_t rv = APR_SUCCESS;

    *records_n = 0;
    while (n < used && *records_n < records_max && rv == APR_SUCCESS) {
        wheel_record_t *record = &records[*records_n];
        int late = 0;

        rv = lock(table);
        if (rv != APR_SUCCESS) {
            break;
        }
        for (; n < used && !late; n++) {
            table_slot_t *slot = &table->slots[n];

            late =
                slot_owners(slot) &&
                !atomic_load_explicit(&slot->stuck_told, memory_order_relaxed);
            if (late) {
                slot_record(slot, now, record);
                late = look_max && record->looked >= look_max;
            }
        }
        rv = unlock(table);
        *records_n += late && is_stuck(record, look_max) &&
                      wheel_table_owners(table, n - 1, record->id) &&
                      wheel_table_stuck_tell(table, n - 1);
    }
    return rv;
}

/* --- Snapshot ----------------------------------------------------------- */

static void copy_counters(const table_header_t *header,
                          wheel_snapshot_t *snapshot)
{
    unsigned n;
    unsigned end;

    memcpy(snapshot->names, header->names, sizeof(snapshot->names));
    snapshot->names_n = header->names_n;
    for (n = 0; n < WHEEL_NAMES_MAX; n++) {
        for (end = 0; end < WHEEL_END_COUNT; end++) {
            snapshot->ended[end] += header->names[n].ended[end];
            snapshot->started += header->names[n].ended[end];
        }
    }
    for (n = 0; n < WHEEL_REFUSED_COUNT; n++) {
        snapshot->refused[n] =
            atomic_load_explicit(&header->refused[n], memory_order_relaxed);
    }
    for (n = 0; n < WHEEL_LATENCY_BUCKETS; n++) {
        snapshot->latency[n] =
            atomic_load_explicit(&header->latency[n], memory_order_relaxed);
    }
    snapshot->latency_sum_usec =
        atomic_load_explicit(&header->latency_sum_usec, memory_order_relaxed);
    snapshot->done = header->done;
}

static void copy_ring(const table_header_t *header, wheel_snapshot_t *snapshot)
{
    apr_uint64_t next = header->ring_next;

    while (snapshot->recent_n < WHEEL_RING_MAX && snapshot->recent_n < next) {
        apr_uint64_t at = next - snapshot->recent_n - 1;

        snapshot->recent[snapshot->recent_n++] =
            header->ring[at % WHEEL_RING_MAX];
    }
}

/* Copy the running jobs.  Those whose worker has answered are in the counters
 * already. */
static void copy_jobs(const wheel_table_t *table, wheel_snapshot_t *snapshot)
{
    apr_int64_t now = wheel_clock_usec();
    unsigned used = slots_used(table);
    unsigned n;

    for (n = 0; n < used; n++) {
        wheel_record_t *record = &snapshot->jobs[snapshot->jobs_n];

        if (!slot_owners(&table->slots[n])) {
            continue;
        }
        slot_record(&table->slots[n], now, record);
        if (!record->owners) {
            continue; /* its companion has left this moment */
        }
        snapshot->jobs_n++;
        if (!(record->owners & WHEEL_OWNER_WORKER)) {
            snapshot->draining++;
            continue;
        }
        snapshot->started++;
        snapshot->done += record->done;
        snapshot->rotating += record->end == WHEEL_END_NONE;
        snapshot->load += record->end == WHEEL_END_NONE ? record->load : 0;
        snapshot->stopping += record->end != WHEEL_END_NONE;
    }
}

static void find_stuck(wheel_snapshot_t *snapshot, apr_int64_t look_max)
{
    unsigned n;

    for (n = 0; n < snapshot->jobs_n; n++) {
        snapshot->jobs[n].stuck = is_stuck(&snapshot->jobs[n], look_max);
        snapshot->stuck += snapshot->jobs[n].stuck;
    }
}

static int by_id(const void *a, const void *b)
{
    const wheel_record_t *left = a;
    const wheel_record_t *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

apr_status_t wheel_table_snapshot(wheel_table_t *table,
                                  wheel_snapshot_t *snapshot, apr_pool_t *pool)
{
    unsigned room = 0;
    apr_status_t rv;

    sweep_now_and_then(table);
    memset(snapshot, 0, sizeof(*snapshot));
    snapshot->recent =
        apr_palloc(pool, sizeof(wheel_record_t) * WHEEL_RING_MAX);
    do { /* memory is not allocated with the mutex held */
        if (room) {
            unlock(table);
        }
        room = slots_used(table) + TABLE_SNAPSHOT_SLACK;
        snapshot->jobs = apr_palloc(pool, sizeof(wheel_record_t) * room);
        rv = lock(table);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    } while (slots_used(table) > room);
    copy_counters(table->header, snapshot);
    copy_ring(table->header, snapshot);
    copy_jobs(table, snapshot);
    rv = unlock(table);

    snapshot->taken = apr_time_now();
    snapshot->slots_max = table->header->slots_max;
    find_stuck(snapshot, wheel_table_look_max(table));
    qsort(snapshot->jobs, snapshot->jobs_n, sizeof(wheel_record_t), by_id);
    return rv;
}
