/* SPDX-License-Identifier: Apache-2.0 */
/* render/json.h: JSON as text, and what stands in several answers.
 *
 * A json_t that is NULL is one that jansson found no memory for, there or in
 * any of its parts; all of these take it, and so does json_pack.  Any thread.
 */
#ifndef WHEEL_RENDER_JSON_H
#define WHEEL_RENDER_JSON_H

#include <jansson.h>

#include "apr_pools.h"

#include "render/render.h"

/** Bytes of a request that a problem repeats. */
#define WHEEL_DETAIL_MAX 300

/** About as long are an answer, a job and the rest of the status, in bytes. */
#define WHEEL_JSON_ANSWER_BYTES 512
#define WHEEL_JSON_JOB_BYTES 512
#define WHEEL_JSON_STATUS_BYTES 2048

/**
 * JSON as text, out of pool; without memory, the pool's abort function is
 * called.
 * @param json the reference is used up
 * @param bytes_guess a good one saves writing the text twice
 */
const char *wheel_json_text(json_t *json, apr_size_t bytes_guess,
                            apr_pool_t *pool);

/** A job's or handler's name.  @param name NULL or empty for none: null */
json_t *wheel_json_name(const char *name, apr_pool_t *pool);

/** A client's address. */
json_t *wheel_json_client(const char *client, apr_pool_t *pool);

/**
 * json_array_append_new() for a chain: an array that is NULL stays NULL.
 * @return array, or NULL, and then array is gone
 */
json_t *wheel_json_append(json_t *array, json_t *item);

/** How this host stands in its cluster; null for none. */
json_t *wheel_json_cluster(const wheel_facts_t *facts, apr_pool_t *pool);

#endif /* WHEEL_RENDER_JSON_H */
