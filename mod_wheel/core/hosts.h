/* SPDX-License-Identifier: Apache-2.0 */
/* core/hosts.h: the hosts of a cluster, and what they reply to a stop.
 *
 * Plain types that every layer shares: those that send and read, those that
 * stop jobs, and those that render answers.
 */
#ifndef WHEEL_CORE_HOSTS_H
#define WHEEL_CORE_HOSTS_H

#include "apr.h"
#include "apr_time.h"

/** Longest id of a host, with its terminating NUL: a name, a slash, and what
 * makes it unique. */
#define WHEEL_HOST_BYTES 160

/** A host that has not said for so long that it lives is missing, and is not
 * waited for. */
#define WHEEL_MISSING_USEC (3 * APR_USEC_PER_SEC)

/** A host that is missing for so long is forgotten. */
#define WHEEL_FORGOTTEN_USEC (600 * APR_USEC_PER_SEC)

/** In place of a number of jobs: a host has not answered, or could not do
 * it. */
#define WHEEL_REPLY_NONE (-1)
#define WHEEL_REPLY_FAILED (-2)

/** What one host has to say to a stop. */
typedef struct wheel_reply_t {
    const char *host;
    int stopped; /* how many jobs, or one of the above */
} wheel_reply_t;

/** How far a stop has come. */
typedef enum {
    WHEEL_TOLD,        /* it is in the stream */
    WHEEL_TOLD_NOT,    /* it is not */
    WHEEL_TOLD_PERHAPS /* nobody knows */
} wheel_told_e;

/** The answer to a stop. */
typedef struct wheel_round_t {
    wheel_told_e told;
    const char *why; /* unless told: what went wrong, for the log */
    unsigned replies_n;
    wheel_reply_t *replies; /* of the hosts that live, this one first */
} wheel_round_t;

/** One host of the cluster. */
typedef struct wheel_peer_t {
    const char *host;
    apr_interval_time_t age; /* since it last said that it lives */
    const char *beat;        /* what it told of itself then, NULL if unknown;
                              * from elsewhere, so any bytes */
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
