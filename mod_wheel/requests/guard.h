/* SPDX-License-Identifier: Apache-2.0 */
/* requests/guard.h: keeps mod_cache from storing an answer that was cut. */
#ifndef WHEEL_REQUESTS_GUARD_H
#define WHEEL_REQUESTS_GUARD_H

#include "httpd.h"
#include "apr_buckets.h"

#include "requests/run.h"

/** Guard the answer of a request, or of a part of one: the end of what its
 * handler passes down can't be read once the job is marked.  Before all other
 * filters.  Nothing is done where mod_cache isn't loaded. */
void wheel_guard_add(wheel_running_t *running, request_rec *r);

/** Is this what stands before the end?  Below all filters that change an
 * answer, it has to go. */
int wheel_guard_is(const apr_bucket *bucket);

/** Register the filter. */
void wheel_guard_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_GUARD_H */
