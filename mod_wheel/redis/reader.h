/* SPDX-License-Identifier: Apache-2.0 */
/* redis/reader.h: what the two files of the reader share: reader.c, which reads
 * stops, and heartbeat.c. */
#ifndef WHEEL_REDIS_READER_H
#define WHEEL_REDIS_READER_H

#include "redis/private.h"

#include "redis/place.h"

/** One connection, and what it has come to.  One thread, that of serve(). */
typedef struct reader_t {
    wheel_connection_t connection;
    wheel_place_t place;
    wheel_place_t last;       /* of the stream, at the last check */
    apr_uint64_t checked_ms;  /* when that was, by Redis' clock; 0: never */
    int moved;                /* back: what is under way reads from elsewhere */
    int ahead;                /* it was logged that the stream is */
    int in_doubt;             /* the last connection was of no use */
    int read_only;            /* what this one leads to can't be written */
    apr_int64_t clock_offset; /* usec from our clock to that of Redis */
    apr_int64_t heartbeat_due;
    apr_int64_t forget_due;
    char *heartbeat;  /* what Redis has of us, NULL if perhaps nothing */
    unsigned owed;    /* replies that are to come, and of no interest */
    apr_pool_t *pool; /* of a round */
    char down[WHEEL_REDIS_WHY_BYTES];   /* why there is no link, as logged */
    char failed[WHEEL_REDIS_WHY_BYTES]; /* what was logged last */
} reader_t;

/* --- reader.c ------------------------------------------------------------- */

/** Redis has refused a command. */
void reader_note_failure(reader_t *reader, const char *why);

/** Take the reply of TIME.  @return 0 if the connection is of no more use */
int reader_take_time(reader_t *reader, apr_int64_t until);

/** Take the replies that are owed, of no interest but for errors.
 * @return 0 if the connection is of no more use */
int reader_take_owed(reader_t *reader, apr_int64_t until);

/* --- heartbeat.c ---------------------------------------------------------- */

/** Append the commands of a heartbeat to the pipeline.
 * @return how many replies will be owed besides those that are taken */
int reader_append_heartbeat(reader_t *reader);

/** Take the replies of a heartbeat.
 * @param has_text what appending it has returned
 * @return 0 if the connection is of no more use */
int reader_take_heartbeat(reader_t *reader, int has_text, apr_int64_t until);

/** Remove hosts whose last heartbeat is old, or lies in the future.
 * @return 0 if the connection is of no more use */
int reader_forget_hosts(reader_t *reader);

#endif /* WHEEL_REDIS_READER_H */
