/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/cluster.h: one stop for many hosts: WheelCluster. */
#ifndef WHEEL_CLUSTER_CLUSTER_H
#define WHEEL_CLUSTER_CLUSTER_H

#include "httpd.h"

#include "core/filter.h"
#include "cluster/provider.h"
#include "render/render.h"

/** Is this server a host of a cluster?  Any thread, after post_config. */
int wheel_cluster_on(void);

/** How this host stands in it.  Only when wheel_cluster_on(). */
const wheel_cluster_facts_t *wheel_cluster_read(apr_pool_t *pool);

/**
 * Tell the other hosts of a stop that has been done here.  Blocks: for at most
 * the timeout of the directive, or wait_max if that is more.  For workers.
 *
 * @param stopped how many jobs it has stopped here
 * @param wait_max usec to wait for the answers of the living hosts, -1: the
 *        timeout of the directive
 */
void wheel_cluster_tell(const wheel_filter_t *filter, unsigned stopped,
                        apr_interval_time_t wait_max, wheel_round_t *round,
                        apr_pool_t *pool);

/** What all hosts last told of themselves.
 * @return NULL, or what went wrong */
const char *wheel_cluster_peers(wheel_peer_t **peers, unsigned *peers_n,
                                apr_pool_t *pool);

/** What the cluster asks of this host, on behalf of others.  For the thread of
 * the helper that reads their messages. */
typedef struct wheel_cluster_host_t {
    /** Stop the jobs that a filter means, as another host has.
     * @param stopped how many
     * @return APR_SUCCESS, or an error of the mutex (nothing is stopped then)
     */
    apr_status_t (*stop)(const wheel_filter_t *filter, unsigned *stopped);
    /** Fill in what this host tells the others of itself. */
    void (*report)(wheel_heartbeat_t *heartbeat, apr_pool_t *pool);
} wheel_cluster_host_t;

/** Set who does it.  When hooks are registered.
 * @param host lives as long as the module */
void wheel_cluster_serve(const wheel_cluster_host_t *host);

/** Register the hooks that find the provider and start the service. */
void wheel_cluster_register(apr_pool_t *pconf);

#endif /* WHEEL_CLUSTER_CLUSTER_H */
