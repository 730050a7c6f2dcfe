/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/private.h: what the files of this folder share: how this host stands
 * in the cluster, and the two sides of the way to other hosts. */
#ifndef WHEEL_CLUSTER_PRIVATE_H
#define WHEEL_CLUSTER_PRIVATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "httpd.h"

#include "cluster/cluster.h"
#include "core/filter.h"

/** What makes a host unique, in hexadecimal digits, and a stop. */
#define CLUSTER_UNIQUE_BYTES 8
#define CLUSTER_STOP_BYTES 16

/** getaddrinfo() and logging take some. */
#define CLUSTER_STACK_BYTES (256 * 1024)

/** Counters of one host, all processes and generations together.  Children read
 * and write them: nothing depends on their values but what the status shows. */
typedef struct cluster_counters_t {
    _Atomic int linked;
    _Atomic apr_uint64_t applied;
    _Atomic apr_uint64_t lost;
    _Atomic apr_uint64_t links;
    _Atomic apr_uint64_t told;
    _Atomic apr_uint64_t untold;
} cluster_counters_t;

/** How far this host has read.  One helper after the other writes it; children
 * don't have it.  Whatever stands here is only compared with the stream. */
typedef struct cluster_position_t {
    /* In the one of two that place_now says, so that the helper may be killed
     * while it writes the other one. */
    _Atomic unsigned place_now;
    wheel_place_t places[2];
    _Atomic apr_uint64_t stream; /* which stream that is; 0 for none */

    /* The entry that is being applied, and since when: whoever has to do it
     * again spares what began later. */
    _Atomic int applying;
    wheel_place_t applying_place;
    apr_int64_t applying_usec;
} cluster_position_t;

/** What outlives restarts, on the process pool: no pointer into the module. */
typedef struct cluster_retained_t {
    pid_t owner; /* the parent */
    cluster_counters_t *counters;
    cluster_position_t *position;
    int requests[2]; /* whole messages: children send to the second, the helper
                      * reads */
    char unique[CLUSTER_UNIQUE_BYTES * 2 + 1];
} cluster_retained_t;

/** This host.  Read-only after post_config. */
typedef struct cluster_t {
    const wheel_provider_t *provider;
    wheel_link_t *link; /* NULL: no cluster */
    const cluster_retained_t *kept;
    const char *host; /* its own id */
    const char *key;
    apr_interval_time_t timeout;
    int stop_when_lost;
} cluster_t;

const cluster_t *cluster_own(void);

/** One more.  Any process. */
void cluster_count(_Atomic apr_uint64_t *counter);

/** Bytes in hexadecimal digits, with a terminating NUL. */
void cluster_write_hex(char *to, const unsigned char *from, size_t bytes);

/** Tell a stop to other hosts, and wait for what they reply.  In the helper,
 * any thread. */
void cluster_publish(const wheel_filter_t *filter, unsigned stopped,
                     apr_interval_time_t wait_max, wheel_round_t *round,
                     apr_pool_t *pool);

/** Have the helper read the stream, and publish what children ask for. */
void cluster_reader_register(void);
void cluster_publish_register(void);

#endif /* WHEEL_CLUSTER_PRIVATE_H */
