/* SPDX-License-Identifier: Apache-2.0 */
/* redis/place.c: has anything been lost between two reads of the stream? */
#include "redis/place.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "apr_strings.h"

int wheel_place_compare(const wheel_place_t *a, const wheel_place_t *b)
{
    if (a->ms != b->ms) {
        return a->ms < b->ms ? -1 : 1;
    }
    return (a->seq > b->seq) - (a->seq < b->seq);
}

const char *wheel_place_text(const wheel_place_t *place, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT "-%" APR_UINT64_T_FMT,
                        place->ms, place->seq);
}

static int read_number(const char **text, apr_uint64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)**text)) {
        return 0;
    }
    errno = 0;
    *number = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

int wheel_place_read(wheel_place_t *place, const char *text)
{
    apr_uint64_t ms;
    apr_uint64_t seq;

    if (!read_number(&text, &ms) || *text++ != '-' ||
        !read_number(&text, &seq) || *text) {
        return 0;
    }
    place->ms = ms;
    place->seq = seq;
    return 1;
}

void wheel_place_step(wheel_place_t *place, const wheel_place_t *entry)
{
    place->ms = entry->ms;
    place->seq = entry->seq;
    if (place->added != WHEEL_ADDED_UNKNOWN) {
        place->added++;
    }
}

/* The stream has begun anew, or has come back with older data.  What it got
 * since the last check is new, by its ids; anything else may have been applied
 * already. */
static void go_back(wheel_place_t *place, const wheel_place_t *last,
                    apr_uint64_t checked_ms)
{
    if (checked_ms && last->ms >= checked_ms) {
        place->ms = checked_ms - 1;
        place->seq = ~(apr_uint64_t)0;
        place->added = WHEEL_ADDED_UNKNOWN;
        return;
    }
    *place = *last;
}

const char *wheel_place_check(wheel_place_t *place, const wheel_place_t *last,
                              apr_uint64_t checked_ms, apr_pool_t *pool)
{
    const char *mine = wheel_place_text(place, pool);
    apr_uint64_t read = place->added;
    int order = wheel_place_compare(last, place);

    if (order < 0) {
        go_back(place, last, checked_ms);
        if (!last->ms && !last->seq) {
            return apr_psprintf(
                pool, "the stream is gone, and was read up to %s", mine);
        }
        return apr_psprintf(pool,
                            "the stream ends at %s, and was read up to %s: it "
                            "has begun anew, or Redis has come back with "
                            "older data",
                            wheel_place_text(last, pool), mine);
    }
    if (read == WHEEL_ADDED_UNKNOWN) {
        if (order == 0) {
            place->added = last->added;
        }
        return NULL;
    }
    if (order == 0 ? last->added == read : last->added > read) {
        return NULL;
    }
    place->added = order == 0 ? last->added : WHEEL_ADDED_UNKNOWN;
    if (last->added < read || order) {
        return apr_psprintf(pool,
                            "the stream, which was read up to %s, has begun "
                            "anew: it has had %" APR_UINT64_T_FMT
                            " entries, and %" APR_UINT64_T_FMT " were read",
                            mine, last->added, read);
    }
    return apr_psprintf(pool,
                        "of the entries up to %s, %" APR_UINT64_T_FMT
                        " were trimmed or deleted before they were read",
                        mine, last->added - read);
}

const char *wheel_place_check_empty(wheel_place_t *place,
                                    const wheel_place_t *last, apr_pool_t *pool)
{
    const char *mine = wheel_place_text(place, pool);

    if (wheel_place_compare(last, place) <= 0) {
        return NULL;
    }
    *place = *last;
    return apr_psprintf(pool,
                        "the entries behind %s, up to %s, have been trimmed "
                        "or deleted before they were read",
                        mine, wheel_place_text(last, pool));
}
