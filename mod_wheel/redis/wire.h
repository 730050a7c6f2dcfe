/* SPDX-License-Identifier: Apache-2.0 */
/* redis/wire.h: what stands in Redis, byte by byte: the one file that writes
 * and reads it.
 *
 * Any client of Redis may have written what is read here: it is checked as a
 * request is, and what is not as it should be is left out.
 */
#ifndef WHEEL_REDIS_WIRE_H
#define WHEEL_REDIS_WIRE_H

#include <hiredis/hiredis.h>

#include "apr_pools.h"

#include "cluster/provider.h"
#include "core/filter.h"
#include "core/hosts.h"
#include "core/request_slots.h"

/** Longest text of a filter: four texts, each byte as two %XX, and the rest. */
#define WHEEL_WIRE_TEXTS_MAX                          \
    (WHEEL_HANDLER_BYTES + WHEEL_REQUEST_PATH_BYTES + \
     WHEEL_REQUEST_HOST_BYTES + WHEEL_REQUEST_METHOD_BYTES)
#define WHEEL_WIRE_FILTER_MAX (6 * WHEEL_WIRE_TEXTS_MAX + 1024)

/* --- Any reply ------------------------------------------------------------ */

/** A string without NUL, or NULL. */
const char *wheel_wire_string(const redisReply *reply);

/** How many elements it has; 0 if it is no array. */
size_t wheel_wire_count(const redisReply *reply);

/** An element of an array, or NULL. */
const redisReply *wheel_wire_item(const redisReply *reply, size_t n);

/** TIME, in usec since the epoch.  @return 0 if it is something else */
apr_int64_t wheel_wire_time(const redisReply *reply);

/** XINFO STREAM: the id that the stream gave last, and how many entries it has
 * ever had.  @return NULL, or what is wrong */
const char *wheel_wire_stream(const redisReply *reply, wheel_place_t *last);

/** XREAD of one stream: its entries, or NULL for none. */
const redisReply *wheel_wire_entries(const redisReply *reply);

/** The id of an entry.  @return 0 if it has none */
int wheel_wire_place(const redisReply *entry, wheel_place_t *place);

/* --- Hosts ---------------------------------------------------------------- */

/** May this be the id of a host: NAME/UNIQUE? */
int wheel_wire_is_host(const char *host);

/** Are these the same one?  It may change its name. */
int wheel_wire_same_host(const char *a, const char *b);

/**
 * One host out of ZRANGE ... WITHSCORES: member, score, member, ...
 * @param n of the host, from 0
 * @param age usec since its last heartbeat; below 0 for one that is to come
 * @return NULL if there is none, or no host's
 */
const char *wheel_wire_live(const redisReply *reply, size_t n,
                            apr_int64_t redis_usec, apr_interval_time_t *age);

/** Is a host live whose last heartbeat has that age?  One in the future does
 * not count. */
int wheel_wire_is_live(apr_interval_time_t age);

/* --- Stops ---------------------------------------------------------------- */

/** Add a stop to the stream of stops; one reply will come. */
void wheel_wire_append_stop(redisContext *redis, const char *key,
                            unsigned length_max, const wheel_notice_t *notice);

/** Read one.  @return 0 if the entry is something else */
int wheel_wire_read_stop(const redisReply *entry, wheel_notice_t *notice);

/** The key of the stream that the replies to a stop stand in. */
const char *wheel_wire_replies_key(const char *key, const char *stop,
                                   apr_pool_t *pool);

/**
 * Say what a host has stopped; one reply will come.
 * @param make should the stream be made, if it is not there?
 */
void wheel_wire_append_reply(redisContext *redis, const char *replies_key,
                             const char *host, int stopped, int make);

/** Read one.  @return 0 if the entry is something else */
int wheel_wire_read_reply(const redisReply *entry, wheel_reply_t *reply);

/* --- Heartbeats ----------------------------------------------------------- */

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
