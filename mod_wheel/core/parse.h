/* SPDX-License-Identifier: Apache-2.0 */
/* core/parse.h: reads names, numbers and queries from text.
 *
 * APR only and free of state, so that a fuzzer links it as it is.
 */
#ifndef WHEEL_CORE_PARSE_H
#define WHEEL_CORE_PARSE_H

#include <stddef.h>

#include "apr_pools.h"
#include "apr_time.h"

/** The longest time that a request may ask for: a year. */
#define WHEEL_SECONDS_MAX (365 * 24 * 3600)

/** The longest time that a stop may wait for its jobs to end, in seconds: it
 * holds a worker as long. */
#define WHEEL_STOP_WAIT_MAX 300

/**
 * Read the value of one parameter.
 * @param name the parameter's, for the error
 * @param value decoded; "" for a parameter without one
 * @param place where it goes: of the type that the reader is for
 * @param pool holds what is kept, and the error
 * @return NULL, or what is wrong and what is allowed
 */
typedef const char *wheel_param_fn(const char *name, const char *value,
                                   void *place, apr_pool_t *pool);

/** A parameter that a query may have.  A table of them ends with an entry of
 * zeros. */
typedef struct wheel_param_t {
    const char *name; /* NULL for all parameters of a group */
    wheel_param_fn *read;
    size_t offset; /* of its place, or of the group's struct, in the struct
                    * that is filled in */
    const struct wheel_param_t *group;
} wheel_param_t;

/** Is this a name a job may have: 1 to WHEEL_NAME_MAX of A-Z a-z 0-9 . _ - */
int wheel_parse_name(const char *name);

/**
 * Read a query string.  Each parameter may be given once; others are refused,
 * and so is a query that has none, such as "&&": it is no request for all.
 *
 * @param query what follows the '?', not decoded; NULL or empty for none
 * @param params the allowed ones
 * @param to the struct that is filled in; what isn't given stays
 * @return NULL, or what is wrong and what is allowed, with bytes of the
 *         request in it
 */
const char *wheel_parse_query(const char *query, const wheel_param_t *params,
                              void *to, apr_pool_t *pool);

/**
 * A number of seconds: digits, and up to six more after a point.
 * @param usec set on success, up to WHEEL_SECONDS_MAX seconds
 * @return 1 if that is what text holds
 */
int wheel_parse_seconds(const char *text, apr_interval_time_t *usec);

/** Seconds, as above.  @param place an apr_interval_time_t */
wheel_param_fn wheel_parse_time;

/** Seconds, up to WHEEL_STOP_WAIT_MAX.  @param place an apr_interval_time_t */
wheel_param_fn wheel_parse_stop_wait;

/** A parameter that takes no value.  @param place an int: set to 1 */
wheel_param_fn wheel_parse_flag;

/** Percent of a core, 1 to WHEEL_LOAD_MAX, in digits.
 * @param place an unsigned */
wheel_param_fn wheel_parse_load;

/** The number of a wheel, 1 and up, in digits.  @return 1 if text is one */
int wheel_parse_id(const char *text, apr_uint64_t *id);

/**
 * The wait preference of a Prefer header (RFC 7240): whole seconds.  It may
 * have parameters, which mean nothing.
 * @param preference one item of the header, in lower case, without spaces
 *        around what separates
 * @param usec set if it is one that is valid
 * @return 1 if it is
 */
int wheel_parse_prefer_wait(const char *preference, apr_interval_time_t *usec);

#endif /* WHEEL_CORE_PARSE_H */
