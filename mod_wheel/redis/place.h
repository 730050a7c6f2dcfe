/* SPDX-License-Identifier: Apache-2.0 */
/* redis/place.h: has anything been lost between two reads of the stream?
 *
 * Other clients may trim the stream, delete entries or all of it, or restore
 * an older one, at any time.  A stream counts the entries that it has ever had
 * (entries-added), so a reader that counts what it has read notices if any is
 * missing.
 */
#ifndef WHEEL_REDIS_PLACE_H
#define WHEEL_REDIS_PLACE_H

#include "apr_pools.h"

#include "cluster/provider.h"

/** As wheel_place_t's added: not known. */
#define WHEEL_ADDED_UNKNOWN (~(apr_uint64_t)0)

/** Less than 0, 0 or more, as a is before, at or behind b. */
int wheel_place_compare(const wheel_place_t *a, const wheel_place_t *b);

/** As Redis writes it. */
const char *wheel_place_text(const wheel_place_t *place, apr_pool_t *pool);

/** Read an id, and leave added as it is.  @return 0 if it is not one */
int wheel_place_read(wheel_place_t *place, const char *text);

/** Step from one entry to the next. */
void wheel_place_step(wheel_place_t *place, const wheel_place_t *entry);

/**
 * Compare the place up to which the stream was read with its end.
 *
 * @param place changed to where to go on, if something was lost
 * @param last the id that the stream gave last, and its count of entries; all
 *        zeros if there is no stream
 * @param checked_ms when the stream was last seen to have that place, by the
 *        clock of Redis; 0 if never
 * @return NULL if nothing was lost, else why: for the log
 */
const char *wheel_place_check(wheel_place_t *place, const wheel_place_t *last,
                              apr_uint64_t checked_ms, apr_pool_t *pool);

/**
 * The same, when a read after that check has found no entry: those up to last
 * are gone.
 */
const char *wheel_place_check_empty(wheel_place_t *place,
                                    const wheel_place_t *last,
                                    apr_pool_t *pool);

#endif /* WHEEL_REDIS_PLACE_H */
