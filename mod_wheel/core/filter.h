/* SPDX-License-Identifier: Apache-2.0 */
/* core/filter.h: filters, by which stops and listings select jobs.
 *
 * Nothing here knows of httpd or takes a lock.  Any thread.
 */
#ifndef WHEEL_CORE_FILTER_H
#define WHEEL_CORE_FILTER_H

#include "apr_pools.h"
#include "apr_time.h"

#include "core/parse.h"

/** Longest name of a handler that a job keeps, with its terminating NUL. */
#define WHEEL_HANDLER_BYTES 32

/** Requests that never asked for the job API, and all other jobs. */
typedef enum {
    WHEEL_FILTER_ANY = 0,
    WHEEL_FILTER_REQUEST,
    WHEEL_FILTER_WHEEL
} wheel_filter_kind_e;

/** Which jobs: those to which every member that is set applies.  All zeros
 * means all jobs.  The strings are the caller's. */
typedef struct wheel_filter_t {
    const char *name;          /* NULL for any; a * at its end stands for any
                                * rest, so * alone for every job with a name */
    apr_uint64_t id;           /* 0 for any */
    const char *client;        /* NULL for any, else an address */
    const char *handler;       /* NULL for any; this and the next three may
                                * end in a *, too */
    const char *path;          /* NULL for any; these three: of a request */
    const char *host;          /* NULL for any */
    const char *method;        /* NULL for any */
    apr_interval_time_t older; /* usec that it has run at least, 0 for any */
    wheel_filter_kind_e kind;
} wheel_filter_t;

/** The members of a job that a filter compares. */
typedef struct wheel_facets_t {
    const char *name; /* empty for none */
    apr_uint64_t id;
    const char *client;
    const char *handler;
    apr_interval_time_t elapsed; /* usec since its start */
    const char *path;            /* of a request that is a job, else NULL */
    const char *host;
    const char *method;
} wheel_facets_t;

/** The parameters of a filter, as a table and as a group in other tables: for
 * queries and command lines. */
extern const wheel_param_t wheel_filter_params[];

/**
 * Set one member from its text, as it stands in a query string after decoding.
 * @param param the name of one of wheel_filter_params
 * @param pool holds what the filter keeps, and the error
 * @return NULL, or what is wrong and what is allowed
 */
const char *wheel_filter_read(wheel_filter_t *filter, const char *param,
                              const char *value, apr_pool_t *pool);

/**
 * Set a filter from a query string that has nothing else.
 * @param query not decoded; NULL for none
 * @return NULL, or what is wrong and what is allowed
 */
const char *wheel_filter_parse(wheel_filter_t *filter, const char *query,
                               apr_pool_t *pool);

/** Does a stop with this filter reach requests that never asked for the job
 * API?  Only if it names them: by id, handler, path, host, method or kind. */
int wheel_filter_means_requests(const wheel_filter_t *filter);

/** Does a filter mean all jobs? */
int wheel_filter_is_any(const wheel_filter_t *filter);

/** Is a job one of those that are meant? */
int wheel_filter_matches(const wheel_filter_t *filter,
                         const wheel_facets_t *job);

/** The filter as a query string (name=red*&older=5), empty when it means all
 * jobs; reading its parameters gives the same filter again. */
const char *wheel_filter_text(const wheel_filter_t *filter, apr_pool_t *pool);

#endif /* WHEEL_CORE_FILTER_H */
