/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/provider.h: the interface between mod_wheel and the module that
 * reaches other hosts.
 *
 * A stop is an entry in a stream that all hosts of a cluster read.  The
 * provider knows the stream; mod_wheel knows the wheels.  A provider is
 * registered with ap_register_provider() under WHEEL_PROVIDER_GROUP, by the
 * scheme of its URLs and WHEEL_PROVIDER_VERSION.
 */
#ifndef WHEEL_CLUSTER_PROVIDER_H
#define WHEEL_CLUSTER_PROVIDER_H

#include "apr_pools.h"
#include "apr_time.h"

#include "core/hosts.h"

#define WHEEL_PROVIDER_GROUP "wheel-cluster"

/** Changes with anything below: a provider of another version is not found. */
#define WHEEL_PROVIDER_VERSION "4"

/** Longest id of a stop, with its terminating NUL. */
#define WHEEL_STOP_BYTES 33

/** How to connect to the stream, as the directive says it.  The strings are the
 * caller's and live as long as the configuration. */
typedef struct wheel_link_spec_t {
    const char *url;             /* never shown: it may have a password */
    const char *password;        /* NULL: as in the URL, if there */
    const char *key;             /* prefix of all keys: one for each cluster */
    const char *user;            /* NULL: as in the URL, if there */
    int db;                      /* -1: as in the URL, else 0 */
    unsigned length_max;         /* entries that the stream keeps, about */
    apr_interval_time_t timeout; /* usec to wait for an answer */
} wheel_link_spec_t;

/** The provider's own form of it. */
typedef struct wheel_link_t wheel_link_t;

/** A place in the stream.  Later entries have greater ones. */
typedef struct wheel_place_t {
    apr_uint64_t ms;
    apr_uint64_t seq;
    apr_uint64_t added; /* entries that the stream has ever had up to here */
} wheel_place_t;

/** A stop, as it stands in the stream. */
typedef struct wheel_notice_t {
    const char *host;   /* the host that sends it */
    const char *stop;   /* its own id */
    const char *filter; /* which jobs, as wheel_filter_text() writes it */
} wheel_notice_t;

/** What the provider asks of mod_wheel while it serves.  All of it is for the
 * thread that serves. */
typedef struct wheel_service_t {
    const char *host;
    int wake_fds[2]; /* readable when ended() may have changed */
    void *baton;

    /** Is the service to end?  Cheap. */
    int (*ended)(void *baton);
    /** The place up to which this host has applied the stream.
     * @return 0 if it has never read it */
    int (*place)(void *baton, wheel_place_t *place);
    /** Set that place. */
    void (*set_place)(void *baton, const wheel_place_t *place);
    /** Apply a stop of another host, and set the place to its own.
     * @return how many jobs it has stopped, or WHEEL_REPLY_FAILED */
    int (*apply)(void *baton, const wheel_notice_t *notice,
                 const wheel_place_t *place, apr_pool_t *pool);
    /** Entries may have been lost.  @param why for the log */
    void (*lost)(void *baton, const char *why);
    /** Fill a heartbeat, which is all zeros. */
    void (*heartbeat)(void *baton, wheel_heartbeat_t *heartbeat,
                      apr_pool_t *pool);
    /** The stream can be read now, or why not, each time that this changes.
     * @param why NULL when it can */
    void (*linked)(void *baton, const char *why);
    /** Something failed, and the service goes on.  @param why for the log */
    void (*failed)(void *baton, const char *why);
} wheel_service_t;

typedef struct wheel_provider_t {
    /**
     * Read a spec.  Opens nothing.
     * @param link set on success, out of pool
     * @return NULL, or what is wrong and what is allowed
     */
    const char *(*read)(wheel_link_t **link, const wheel_link_spec_t *spec,
                        apr_pool_t *pool);

    /** The address of Redis, without a password: for people, and to distinguish
     * one stream from another. */
    const char *(*where)(const wheel_link_t *link);

    /**
     * Read the stream and apply what comes, until service->ended().  Blocks;
     * for a thread of its own.  Reconnects by itself.
     */
    void (*serve)(const wheel_link_t *link, const wheel_service_t *service,
                  apr_pool_t *pool);

    /**
     * Send a stop to all hosts, and wait for the replies of those that are
     * live.  Any thread.
     * @param stopped how many jobs it has stopped here
     * @param wait_max usec to wait for the replies, -1: the link's timeout
     * @param ended NULL, or whether to wait no longer
     */
    void (*publish)(const wheel_link_t *link, const wheel_notice_t *notice,
                    unsigned stopped, apr_interval_time_t wait_max,
                    int (*ended)(void), wheel_round_t *round, apr_pool_t *pool);

    /**
     * List all hosts.  Any thread.
     * @param peers,peers_n set on success
     * @return NULL, or what went wrong
     */
    const char *(*peers)(const wheel_link_t *link, wheel_peer_t **peers,
                         unsigned *peers_n, apr_pool_t *pool);

    /**
     * Remove this host from the list: it shuts down, so no stop waits for it
     * and no status shows it as missing.  Takes a second at most, or the link's
     * timeout if that is less.
     * @return NULL, or what went wrong
     */
    const char *(*leave)(const wheel_link_t *link, const char *host,
                         apr_pool_t *pool);
} wheel_provider_t;

#endif /* WHEEL_CLUSTER_PROVIDER_H */
