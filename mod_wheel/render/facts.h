/* SPDX-License-Identifier: Apache-2.0 */
/* render/facts.h: the columns of a job and the rows of the server.
 *
 * All forms of the status are made from them.  Any thread.
 */
#ifndef WHEEL_RENDER_FACTS_H
#define WHEEL_RENDER_FACTS_H

#include <jansson.h>

#include "apr_pools.h"

#include "render/render.h"
#include "core/table.h"

/** Which jobs a column is for, and how people read it. */
#define WHEEL_COLUMN_RUNNING 1
#define WHEEL_COLUMN_ENDED 2
#define WHEEL_COLUMN_BOTH (WHEEL_COLUMN_RUNNING | WHEEL_COLUMN_ENDED)
#define WHEEL_COLUMN_TIME 4    /* as a date */
#define WHEEL_COLUMN_COUNT 8   /* in groups of three digits */
#define WHEEL_COLUMN_NUMBER 16 /* compared, digit below digit */

/** One fact of a job: its key for programs and its title for people. */
typedef struct wheel_column_t {
    const char *key;
    const char *title;
    int flags; /* WHEEL_COLUMN_x */
    /** As JSON, null where there is no value; NULL without memory.  The
     * reference is the caller's. */
    json_t *(*value)(const wheel_record_t *job, apr_pool_t *pool);
} wheel_column_t;

/** JSON, text and HTML show a job by this one table.  The key of its last
 * entry is NULL. */
extern const wheel_column_t wheel_columns[];

/** The value of a column as a text; empty where there is none. */
const char *wheel_value_plain(const json_t *value, apr_pool_t *pool);

/** A count, and the limit that stands beside it.  Both have a key for monitors
 * and a title for people. */
typedef struct wheel_row_t {
    const char *key; /* NULL where only the limit is known */
    const char *title;
    apr_uint64_t value;
    const char *limit_key; /* NULL for no limit */
    const char *limit_title;
    apr_uint64_t limit;
} wheel_row_t;

/** Rows that there are. */
#define WHEEL_ROWS_N 12

/** The facts of the server, for people and monitors.
 * @param rows room for WHEEL_ROWS_N of them */
void wheel_rows_fill(wheel_row_t *rows, const wheel_facts_t *facts,
                     const wheel_snapshot_t *snapshot);

/** Why a privileged step is missing, as printable ASCII: a message of the C
 * library may be in any charset.  NULL: it can be taken */
const char *wheel_facts_missing(const wheel_privileged_fact_t *fact,
                                apr_pool_t *pool);

/** Idle workers that no job gets. */
unsigned wheel_facts_reserved(const wheel_facts_t *facts);

/** The names of the counters that a snapshot has in ended and in refused. */
const char *wheel_counter_end(unsigned end);
const char *wheel_counter_refusal(unsigned refusal);

#endif /* WHEEL_RENDER_FACTS_H */
