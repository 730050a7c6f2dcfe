/* SPDX-License-Identifier: Apache-2.0 */
/* http/status.h: who rotates, told over HTTP. */
#ifndef WHEEL_HTTP_STATUS_H
#define WHEEL_HTTP_STATUS_H

#include "httpd.h"

#include "render/render.h"

/**
 * Look at the server and its jobs.  Any thread of a child.
 * @param filter the jobs to list; counters are of all
 * @return APR_SUCCESS, or an error of the mutex
 */
apr_status_t wheel_status_look(const wheel_filter_t *filter,
                               wheel_facts_t *facts, wheel_snapshot_t *snapshot,
                               apr_pool_t *pool);

/** Register the handler wheel-status and a section of mod_status's page. */
void wheel_status_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_STATUS_H */
