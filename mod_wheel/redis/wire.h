/* SPDX-License-Identifier: Apache-2.0 */
/* redis/wire.h: what stands in Redis, byte by byte: the one file that writes
 * and reads it.
 *
 * Any client of Redis may have written what is read here: it is checked as a
 * request is, and what is not as it should be is left out.
 */
#ifndef WHEEL_REDIS_WIRE_H
#define WHEEL_REDIS_WIRE_H

#include "apr_pools.h"

#include "core/hosts.h"

/** A heartbeat as text: JSON.  The same until something changes. */
const char *wheel_wire_heartbeat(const wheel_heartbeat_t *heartbeat,
                                 apr_pool_t *pool);

/**
 * Read a heartbeat.
 * @param heartbeat all zeros; set on success, with strings out of pool
 * @return 0 if the text is not one
 */
int wheel_wire_read_heartbeat(wheel_heartbeat_t *heartbeat, const char *text,
                              size_t bytes, apr_pool_t *pool);

#endif /* WHEEL_REDIS_WIRE_H */
