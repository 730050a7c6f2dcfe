/* SPDX-License-Identifier: Apache-2.0 */
/* operations/requests.c: the requests that are jobs, as stops and reports see
 * them.
 *
 * Runs in whatever thread stops or reports.
 */
#include "operations/requests.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

#include "core/request_cpu.h"
#include "core/request_steps.h"
#include "core/request_where.h"
#include "server/privileged.h"
#include "server/process.h"
#include "server/requests.h"

/* What a filter compares. */
static wheel_facets_t facets_of(const wheel_request_t *request)
{
    wheel_facets_t facets = {
        .name = "",
        .id = request->id,
        .client = request->facts.client,
        .handler = request->facts.handler,
        .elapsed = request->elapsed,
        .path = request->facts.path,
        .host = request->facts.host,
        .method = request->facts.method,
    };

    return facets;
}

unsigned wheel_requests_max(void)
{
    wheel_request_slots_t *slots = wheel_requests_slots();

    return slots ? wheel_request_slots_max(slots) : 0;
}

static int is_meant(const wheel_filter_t *filter,
                    const wheel_request_t *request)
{
    wheel_facets_t facets = facets_of(request);

    return wheel_filter_matches(filter, &facets);
}

int wheel_requests_find(apr_uint64_t id, wheel_request_t *request)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    apr_int64_t now = wheel_clock_usec();
    unsigned max = wheel_requests_max();
    unsigned n;

    for (n = 0; n < max; n++) {
        if (wheel_request_slots_copy(slots, n, now, request) &&
            request->id == id) {
            return 1;
        }
    }
    return 0;
}

/* --- Steps -------------------------------------------------------------- */

/* Does its limit say that its process is drained at once? */
static int drains_at_limit(const wheel_request_t *request)
{
    switch (request->mark) {
    case WHEEL_MARK_CPU:
        return request->facts.cpu_action == WHEEL_ACTION_DRAIN;
    case WHEEL_MARK_DEADLINE:
        return request->facts.wait_action == WHEEL_ACTION_DRAIN;
    default:
        return 0;
    }
}

/* Those that can't be taken are none. */
void wheel_requests_steps(const wheel_request_t *request,
                          wheel_step_times_t *steps)
{
    const wheel_request_facts_t *facts = &request->facts;
    unsigned privileged = request->tid > 0 ? wheel_privileged_steps() : 0;
    wheel_step_e step;

    for (step = WHEEL_STEP_NONE; step < WHEEL_STEP_COUNT; step++) {
        steps->after[step] = WHEEL_STEP_NEVER;
    }
    steps->after[WHEEL_STEP_REFUSE] = 0;
    steps->after[WHEEL_STEP_INTERRUPT] = facts->interrupt_after;
    if (privileged & WHEEL_PRIVILEGED_CUT) {
        steps->after[WHEEL_STEP_CUT] =
            (request->asked & WHEEL_STEP_BIT(WHEEL_STEP_CUT))
                ? 0
                : facts->cut_after;
    }
    if (privileged & WHEEL_PRIVILEGED_COOLDOWN) {
        steps->after[WHEEL_STEP_COOLDOWN] = facts->cooldown_after;
    }
    steps->after[WHEEL_STEP_DRAIN] =
        drains_at_limit(request) ? 0 : facts->drain_after;
}

/* --- A list ------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
    const wheel_request_t *left = a;
    const wheel_request_t *right = b;

    return (left->elapsed < right->elapsed) - (left->elapsed > right->elapsed);
}

static int by_cpu_time(const void *a, const void *b)
{
    const wheel_request_t *left = a;
    const wheel_request_t *right = b;

    return (left->cpu_usec < right->cpu_usec) -
           (left->cpu_usec > right->cpu_usec);
}

/* A thread that sleeps in a handler waits for something that no filter sees. */
static void add_times(wheel_request_t *request, wheel_job_trees_t **trees)
{
    int asleep;

    request->cpu_usec =
        wheel_request_cpu_usec(wheel_requests_slots(), request, trees, &asleep);
    if (asleep && request->doing == WHEEL_DOING_HANDLER) {
        request->doing = WHEEL_DOING_WAITING;
    }
}

static const char *where_text(const wheel_request_t *request, apr_pool_t *pool)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    char trace[WHEEL_REQUEST_TRACE_BYTES] = "";
    wheel_request_where_t where;
    const char *cpu = "";

    if (request->tid <= 0 ||
        !wheel_request_where_get(slots, request->slot, request->id, &where)) {
        return NULL;
    }
    wheel_request_trace_get(slots, request->slot, request->id, trace);
    if (where.cpu_msec >= 0) {
        cpu = apr_psprintf(pool, ", %.2f CPU seconds a second",
                           where.cpu_msec / 1e3);
    }
    return apr_pstrcat(pool, "state ", where.state, cpu,
                       *where.waits_for ? ", waits for: " : "", where.waits_for,
                       *trace ? "; in its script: " : "", trace, NULL);
}

void wheel_requests_add_where(wheel_request_t *requests, unsigned requests_n,
                              apr_pool_t *pool)
{
    unsigned n;

    for (n = 0; n < requests_n; n++) {
        requests[n].where = where_text(&requests[n], pool);
    }
}

void wheel_requests_sort_by_cpu(wheel_request_t *requests, unsigned requests_n)
{
    qsort(requests, requests_n, sizeof(*requests), by_cpu_time);
}

unsigned wheel_requests_list(const wheel_filter_t *filter,
                             wheel_request_t **requests, apr_pool_t *pool)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    apr_int64_t now = wheel_clock_usec();
    unsigned max = wheel_requests_max();
    apr_array_header_t *found = apr_array_make(pool, 16, sizeof(**requests));
    wheel_job_trees_t *trees = NULL; /* read once, if at all */
    wheel_request_t request;
    unsigned found_n;
    unsigned n;

    for (n = 0; n < max; n++) {
        if (wheel_request_slots_copy(slots, n, now, &request) &&
            (request.elapsed >= request.facts.slow ||
             request.mark != WHEEL_MARK_NONE) &&
            is_meant(filter, &request)) {
            *(wheel_request_t *)apr_array_push(found) = request;
        }
    }
    *requests = (wheel_request_t *)found->elts;
    found_n = (unsigned)found->nelts;
    for (n = 0; n < found_n; n++) {
        add_times(&(*requests)[n], &trees);
        wheel_requests_steps(&(*requests)[n], &(*requests)[n].steps);
    }
    wheel_job_trees_free(trees);
    qsort(*requests, found_n, sizeof(**requests), by_age);
    return found_n;
}

/* --- A stop ------------------------------------------------------------- */

static void fill_hit(wheel_hit_t *hit, const wheel_request_t *request,
                     wheel_outcome_e outcome)
{
    memset(hit, 0, sizeof(*hit));
    hit->id = request->id;
    hit->slot = request->slot;
    hit->is_request = 1;
    hit->outcome = outcome;
    wheel_requests_steps(request, &hit->steps);
    memcpy(hit->client, request->facts.client, sizeof(hit->client));
    memcpy(hit->handler, request->facts.handler, sizeof(hit->handler));
}

/* @return what becomes of it; ENDED: nothing, it has ended */
static wheel_outcome_e stop_request(const wheel_request_t *request, int dry)
{
    wheel_request_slots_t *slots = wheel_requests_slots();

    if (request->mark != WHEEL_MARK_NONE) {
        return WHEEL_OUTCOME_STOPPING;
    }
    if (dry) {
        return WHEEL_OUTCOME_WOULD_STOP;
    }
    if (!wheel_request_slots_mark(slots, request->slot, request->id,
                                  WHEEL_MARK_STOP)) {
        /* It has ended, or a limit was faster. */
        return wheel_request_slots_is(slots, request->slot, request->id)
                   ? WHEEL_OUTCOME_STOPPING
                   : WHEEL_OUTCOME_ENDED;
    }
    if (request->facts.interrupt_after == 0) {
        wheel_request_slots_interrupt(slots, request->slot, request->id,
                                      WHEEL_STEP_INTERRUPT);
    }
    return WHEEL_OUTCOME_STOPPED;
}

/* Requests that begin while the slots are read have larger ids than the bound:
 * none of them is stopped in place of one that the reader has passed. */
unsigned wheel_requests_stop(const wheel_filter_t *filter, int dry,
                             wheel_hit_t *hits, unsigned *stopping_n)
{
    wheel_request_slots_t *slots = wheel_requests_slots();
    apr_int64_t now = wheel_clock_usec();
    unsigned max =
        wheel_filter_means_requests(filter) ? wheel_requests_max() : 0;
    apr_uint64_t bound = max ? wheel_table_next_id(wheel_process_table()) : 0;
    wheel_request_t request;
    wheel_outcome_e outcome;
    unsigned hits_n = 0;
    unsigned n;

    *stopping_n = 0;
    for (n = 0; n < max; n++) {
        if (!wheel_request_slots_copy(slots, n, now, &request) ||
            request.id >= bound || !is_meant(filter, &request)) {
            continue;
        }
        outcome = stop_request(&request, dry);
        if (outcome == WHEEL_OUTCOME_ENDED) {
            continue;
        }
        if (hits) {
            fill_hit(&hits[hits_n], &request, outcome);
        }
        *stopping_n += outcome == WHEEL_OUTCOME_STOPPING;
        hits_n++;
    }
    return hits_n;
}

void wheel_requests_wake(void)
{
    if (wheel_requests_slots()) {
        wheel_request_slots_wake(wheel_requests_slots());
    }
}

int wheel_requests_ended(const wheel_hit_t *hit)
{
    return !wheel_request_slots_is(wheel_requests_slots(), hit->slot, hit->id);
}
