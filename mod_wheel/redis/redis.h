/* SPDX-License-Identifier: Apache-2.0 */
/* redis/redis.h: stops of many hosts, through a stream in Redis.
 *
 * Knows APR and hiredis, and nothing of httpd, so that a test program links it
 * as it is.
 */
#ifndef WHEEL_REDIS_REDIS_H
#define WHEEL_REDIS_REDIS_H

#include "cluster/provider.h"

/** The schemes of URLs that it reads. */
#define WHEEL_REDIS_TCP "redis"
#define WHEEL_REDIS_UNIX "unix"

extern const wheel_provider_t wheel_redis_provider;

#endif /* WHEEL_REDIS_REDIS_H */
