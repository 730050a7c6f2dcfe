/* wheel_stop.c: one stop, from what is asked to what became of each job.
 *
 * Runs in whatever thread stops jobs.
 */
#include "wheel_stop.h"

#include <stdlib.h>
#include <string.h>

#include "apr_strings.h"

#include "wheel_parse.h"
#include "wheel_process.h"
#include "wheel_render.h"

/* How often a stop that waits looks whether its jobs have ended. */
#define STOP_POLL_FIRST_USEC 500
#define STOP_POLL_MAX_USEC (20 * 1000)

/* --- What is asked ------------------------------------------------------- */

/* The parameters, in the order of the readers below. */
enum {
    PARAM_NAME,
    PARAM_OLDER = 4,
    PARAM_WAIT,
    PARAM_JSON,
    PARAM_DRY
};

const char *wheel_stop_read(wheel_stop_t *stop, const char *query,
                            apr_pool_t *pool)
{
    wheel_param_t params[] = {
        {"name", NULL},    {"id", NULL},    {"client", NULL},
        {"handler", NULL}, {"older", NULL}, {"wait", NULL},
        {"json", NULL},    {"dry", NULL},   {NULL, NULL}};
    const char *error = wheel_parse_query(query, params, pool);
    int n;

    for (n = PARAM_NAME; n <= PARAM_OLDER && !error; n++) {
        error = wheel_filter_read(&stop->filter, params[n].name,
                                  params[n].value, pool);
    }
    if (!error) {
        stop->waits = params[PARAM_WAIT].value != NULL;
        error = wheel_parse_time("wait", params[PARAM_WAIT].value,
                                 &stop->wait_max, pool);
    }
    if (!error) {
        error = wheel_parse_flag("json", params[PARAM_JSON].value, &stop->json,
                                 pool);
    }
    if (!error) {
        error =
            wheel_parse_flag("dry", params[PARAM_DRY].value, &stop->dry, pool);
    }
    if (!error && stop->dry && stop->waits) {
        return "dry stops nothing, so there is nothing to wait for: give dry "
               "or wait, not both";
    }
    stop->json |= stop->dry; /* to tell which is all that it is for */
    return error;
}

/* --- Mark and wake ------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const wheel_hit_t *left = a;
    const wheel_hit_t *right = b;

    return (left->id > right->id) - (left->id < right->id);
}

apr_status_t wheel_stop_mark(wheel_stop_t *stop, apr_pool_t *pool)
{
    wheel_table_t *table = wheel_process_table();
    wheel_end_e end = stop->dry ? WHEEL_END_NONE : WHEEL_END_STOP;
    apr_status_t rv;

    if (stop->json || stop->waits) {
        stop->hits = apr_palloc(pool, sizeof(wheel_hit_t) *
                                          wheel_table_slots_max(table));
    }
    rv = wheel_table_stop(table, &stop->filter, end, stop->hits, &stop->hits_n);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    stop->until_usec = wheel_clock_usec() + stop->wait_max;
    if (stop->hits) {
        qsort(stop->hits, stop->hits_n, sizeof(wheel_hit_t), by_id);
    }
    return APR_SUCCESS;
}

int wheel_stop_missed(const wheel_stop_t *stop)
{
    return !stop->hits_n && !stop->dry && !wheel_filter_is_any(&stop->filter);
}

const char *wheel_stop_missed_text(const wheel_stop_t *stop, apr_pool_t *pool)
{
    return apr_psprintf(pool, "no wheel rotates that matches %s",
                        wheel_filter_text(&stop->filter, pool));
}

void wheel_stop_wake(const wheel_stop_t *stop)
{
    if (!stop->dry) {
        wheel_table_ring_next(wheel_process_table(), 0);
    }
}

/* --- Wait ---------------------------------------------------------------- */

static int has_ended(const wheel_hit_t *hit)
{
    return !wheel_table_owners(wheel_process_table(), hit->slot, hit->id);
}

int wheel_stop_over(wheel_stop_t *stop)
{
    unsigned n;

    while (stop->ended_n < stop->hits_n &&
           has_ended(&stop->hits[stop->ended_n])) {
        stop->hits[stop->ended_n++].outcome = WHEEL_OUTCOME_ENDED;
    }
    if (stop->ended_n < stop->hits_n && !wheel_process_ending() &&
        wheel_clock_usec() < stop->until_usec) {
        return 0;
    }
    for (n = stop->ended_n; n < stop->hits_n; n++) {
        stop->hits[n].outcome = has_ended(&stop->hits[n])
                                    ? WHEEL_OUTCOME_ENDED
                                    : WHEEL_OUTCOME_RUNNING;
    }
    return 1;
}

void wheel_stop_wait(wheel_stop_t *stop)
{
    apr_interval_time_t nap = STOP_POLL_FIRST_USEC;

    while (!wheel_stop_over(stop)) {
        apr_sleep(nap);
        nap = nap * 2 < STOP_POLL_MAX_USEC ? nap * 2 : STOP_POLL_MAX_USEC;
    }
}

/* --- What became of it --------------------------------------------------- */

const char *wheel_stop_json(const wheel_stop_t *stop, apr_pool_t *pool)
{
    return wheel_render_stop(stop->hits, stop->hits_n, stop->dry, pool);
}
