/* SPDX-License-Identifier: Apache-2.0 */
/* render/text.h: text that grows, and what may stand in it.
 *
 * Everything that comes from a request is written by these functions or by
 * jansson.  All results are in the pool; without memory, its abort
 * function is called.  Any thread.
 */
#ifndef WHEEL_RENDER_TEXT_H
#define WHEEL_RENDER_TEXT_H

#include "apr_pools.h"
#include "apr_tables.h"
#include "apr_time.h"

/** What is written so far, piece by piece.  Its pool has the pieces. */
typedef apr_array_header_t wheel_text_t;

/** An empty text. */
wheel_text_t *wheel_text_make(apr_pool_t *pool);

/** Add a piece as it is.  It is not copied: it must live as long as the pool.
 */
void wheel_text_put(wheel_text_t *text, const char *piece);

/** Add what printf would write. */
void wheel_text_putf(wheel_text_t *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** All pieces as one string. */
const char *wheel_text_join(wheel_text_t *text);

/** Any text, for HTML: an element's content, or an attribute in double
 * quotes. */
const char *wheel_text_html(const char *text, apr_pool_t *pool);

/** Any text, for the value of a metric's label; cut after WHEEL_NAME_MAX
 * bytes. */
const char *wheel_text_label(const char *text, apr_pool_t *pool);

/** A text as a value in a line of several, where a blank would end it: as +. */
const char *wheel_text_word(const char *text, apr_pool_t *pool);

/** A count: 12345678. */
const char *wheel_text_count(apr_uint64_t number, apr_pool_t *pool);

/** A count for the eye: 12,345,678. */
const char *wheel_text_grouped(apr_uint64_t number, apr_pool_t *pool);

/** Seconds, to the microsecond: 0.002500; 0.000000 for less than none. */
const char *wheel_text_seconds(apr_int64_t usec, apr_pool_t *pool);

/** The same without needless zeros: 0.0025, 1.0. */
const char *wheel_text_seconds_short(apr_int64_t usec, apr_pool_t *pool);

/** A time in UTC, to the second: 1970-01-01 00:00:00. */
const char *wheel_text_date(apr_time_t when, apr_pool_t *pool);

#endif /* WHEEL_RENDER_TEXT_H */
