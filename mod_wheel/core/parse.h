/* SPDX-License-Identifier: Apache-2.0 */
/* core/parse.h: what a request asks for, out of its text.
 *
 * APR only and free of state, so that a fuzzer links it as it is.
 */
#ifndef WHEEL_CORE_PARSE_H
#define WHEEL_CORE_PARSE_H

#include "apr_pools.h"
#include "apr_time.h"

/** The longest time that a request may ask for: a year. */
#define WHEEL_SECONDS_MAX (365 * 24 * 3600)

/** A parameter that a request may have in its query. */
typedef struct wheel_param_t {
    const char *name;
    const char *value; /* set: decoded; "" for one without '='; NULL if the
                        * request doesn't have it */
} wheel_param_t;

/** Is this a name a job may have: 1 to WHEEL_NAME_MAX of A-Z a-z 0-9 . _ - */
int wheel_parse_name(const char *name);

/**
 * Sort a query string into the parameters that are allowed.
 *
 * @param query what follows the '?', not decoded; NULL for none
 * @param params the allowed ones, ended by one without a name; their values
 *        are set
 * @return NULL, or what is wrong and what is allowed, with bytes of the
 *         request in it
 */
const char *wheel_parse_query(const char *query, wheel_param_t *params,
                              apr_pool_t *pool);

/**
 * A number of seconds: digits, and up to six more after a point.
 * @param usec set on success, up to WHEEL_SECONDS_MAX seconds
 * @return 1 if that is what text holds
 */
int wheel_parse_seconds(const char *text, apr_interval_time_t *usec);

/**
 * The value of a parameter that is a number of seconds.
 * @param name the parameter's
 * @param value NULL when it is not given, and usec stays
 * @return NULL, or what is wrong and what is allowed
 */
const char *wheel_parse_time(const char *name, const char *value,
                             apr_interval_time_t *usec, apr_pool_t *pool);

/**
 * A parameter that takes no value.
 * @param value NULL when it is not given
 * @param flag set to whether it is
 * @return NULL, or what is wrong
 */
const char *wheel_parse_flag(const char *name, const char *value, int *flag,
                             apr_pool_t *pool);

/** Percent of a core, 1 to WHEEL_LOAD_MAX, in digits.
 * @return 1 if that is what text holds */
int wheel_parse_load(const char *text, unsigned *load);

/** The number of a wheel, 1 and up, in digits.  @return 1 if text is one */
int wheel_parse_id(const char *text, apr_uint64_t *id);

/**
 * The wait preference of a Prefer header (RFC 7240): whole seconds.
 * @param prefer the header's value, NULL for none
 * @return 1 if it has one that is valid; others are as if not there
 */
int wheel_parse_prefer_wait(const char *prefer, apr_interval_time_t *usec,
                            apr_pool_t *pool);

#endif /* WHEEL_CORE_PARSE_H */
