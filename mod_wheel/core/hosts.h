/* SPDX-License-Identifier: Apache-2.0 */
/* core/hosts.h: the hosts of a cluster, their heartbeats, and what they reply
 * to a stop.
 *
 * Plain types that every layer shares: those that send and read, those that
 * stop jobs, and those that render answers.
 */
#ifndef WHEEL_CORE_HOSTS_H
#define WHEEL_CORE_HOSTS_H

#include "apr_pools.h"
#include "apr_time.h"

#include "core/table.h"

/** Longest id of a host, with its terminating NUL: a name, a slash, and what
 * makes it unique. */
#define WHEEL_HOST_BYTES 160

/** A host whose last heartbeat is older is missing, and no stop waits for
 * it. */
#define WHEEL_MISSING_USEC (3 * APR_USEC_PER_SEC)

/** A host that is missing for so long is forgotten. */
#define WHEEL_FORGOTTEN_USEC (600 * APR_USEC_PER_SEC)

/** In place of a number of jobs: a host has not replied, or the stop has failed
 * there. */
#define WHEEL_REPLY_NONE (-1)
#define WHEEL_REPLY_FAILED (-2)

/** The reply of one host to a stop. */
typedef struct wheel_reply_t {
    const char *host;
    int stopped; /* how many jobs, or one of the above */
} wheel_reply_t;

/** Is a stop in the stream? */
typedef enum {
    WHEEL_TOLD,        /* yes */
    WHEEL_TOLD_NOT,    /* no */
    WHEEL_TOLD_PERHAPS /* unknown: the connection broke meanwhile */
} wheel_told_e;

/** The answer to a stop. */
typedef struct wheel_round_t {
    wheel_told_e told;
    const char *why; /* unless told: what went wrong, for the log */
    unsigned replies_n;
    wheel_reply_t *replies; /* of the live hosts, this one first */
} wheel_round_t;

/** Jobs in a heartbeat: the oldest ones of a host. */
#define WHEEL_HEARTBEAT_JOBS_MAX 64

/** One of them. */
typedef struct wheel_heartbeat_job_t {
    apr_uint64_t id;
    const char *name;   /* empty for none */
    const char *client; /* empty for none */
    apr_time_t started; /* usec since the epoch */
} wheel_heartbeat_job_t;

/** What a host sends to the others once a second.  Strings of another host may
 * hold any bytes. */
typedef struct wheel_heartbeat_t {
    const char *mpm;
    int generation;
    int rotating_max;   /* WheelMax */
    int reserve;        /* WheelReserve */
    int per_client_max; /* WheelMaxPerClient, 0 for no limit */
    int rotating;       /* jobs, as in a snapshot */
    int stopping;
    int draining;
    unsigned jobs_n;
    const wheel_heartbeat_job_t *jobs; /* that rotate, by id */
} wheel_heartbeat_t;

/**
 * Set the jobs of a heartbeat.
 * @param snapshot of all jobs; the heartbeat keeps its strings
 */
void wheel_heartbeat_count(wheel_heartbeat_t *heartbeat,
                           const wheel_snapshot_t *snapshot, apr_pool_t *pool);

/** One host of the cluster. */
typedef struct wheel_peer_t {
    const char *host;
    apr_interval_time_t age;            /* of its last heartbeat, usec */
    const wheel_heartbeat_t *heartbeat; /* NULL if it is not known */
} wheel_peer_t;

/** How this host stands in its cluster. */
typedef struct wheel_cluster_facts_t {
    const char *host;     /* its own id */
    const char *where;    /* the URL without a password */
    int linked;           /* can it read the stream now? */
    apr_uint64_t applied; /* stops of other hosts, since the server started */
    apr_uint64_t lost;    /* times that some may have been lost */
    apr_uint64_t links;   /* connections made */
    apr_uint64_t told;    /* stops told to the others */
    apr_uint64_t untold;  /* stops that could not be told */
} wheel_cluster_facts_t;

#endif /* WHEEL_CORE_HOSTS_H */
