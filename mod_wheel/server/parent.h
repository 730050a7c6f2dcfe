/* SPDX-License-Identifier: Apache-2.0 */
/* server/parent.h: what the parent does for the table and its jobs. */
#ifndef WHEEL_SERVER_PARENT_H
#define WHEEL_SERVER_PARENT_H

#include "apr_pools.h"

/** Register the hooks that make the table, keep it over restarts and take back
 * the slots of dead children. */
void wheel_parent_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_PARENT_H */
