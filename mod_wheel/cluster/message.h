/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/message.h: what a child and the helper write to each other about a
 * stop for other hosts.
 *
 * They may be of different builds of the module, after a graceful restart, and
 * neither believes what it reads: each message begins with the version of this
 * format, and every length is checked.
 */
#ifndef WHEEL_CLUSTER_MESSAGE_H
#define WHEEL_CLUSTER_MESSAGE_H

#include "apr_pools.h"

#include "core/hosts.h"

/** The longest request, and the longest answer. */
#define MESSAGE_REQUEST_BYTES 4096
#define MESSAGE_ROUND_BYTES (4 * 1024 * 1024)

/** What a child asks for. */
typedef struct message_request_t {
    apr_uint32_t stopped;         /* jobs that were stopped on this host */
    apr_interval_time_t wait_max; /* usec to wait for replies, or -1 */
    const char *filter;           /* which jobs, as a query string */
} message_request_t;

/** @return APR_SUCCESS, or APR_ENOSPC if it is too long */
apr_status_t message_write_request(const message_request_t *request, char *text,
                                   apr_size_t *bytes);

/** @return APR_SUCCESS, or APR_EGENERAL if it is no request of this version.
 * What it points to is out of pool. */
apr_status_t message_read_request(const char *text, apr_size_t bytes,
                                  message_request_t *request, apr_pool_t *pool);

/** @return the message, out of pool */
const char *message_write_round(const wheel_round_t *round, apr_size_t *bytes,
                                apr_pool_t *pool);

/** @return APR_SUCCESS, or APR_EGENERAL if it is no round of this version, or
 * not a whole one.  What it points to is out of pool. */
apr_status_t message_read_round(const char *text, apr_size_t bytes,
                                wheel_round_t *round, apr_pool_t *pool);

#endif /* WHEEL_CLUSTER_MESSAGE_H */
