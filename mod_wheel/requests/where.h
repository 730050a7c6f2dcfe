/* SPDX-License-Identifier: Apache-2.0 */
/* requests/where.h: where requests are stuck: for the status, and in the log
 * once a request has run for as long as slow= says (where=log). */
#ifndef WHEEL_REQUESTS_WHERE_H
#define WHEEL_REQUESTS_WHERE_H

#include "apr_pools.h"

#include "core/request_slots.h"

/** Look at a request that runs.  In the helper, ten times a second for each:
 * most of them cost a comparison. */
void wheel_where_look(const wheel_request_t *request);

/** Let the helper do it.  After wheel_helper_register(). */
void wheel_where_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_WHERE_H */
