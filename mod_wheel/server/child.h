/* SPDX-License-Identifier: Apache-2.0 */
/* server/child.h: the life of a child. */
#ifndef WHEEL_SERVER_CHILD_H
#define WHEEL_SERVER_CHILD_H

#include "apr_pools.h"

/** Register the hooks that set up and end children. */
void wheel_child_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_CHILD_H */
