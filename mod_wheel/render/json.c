/* SPDX-License-Identifier: Apache-2.0 */
/* render/json.c: JSON as text, and what stands in several answers.
 *
 * Where jansson finds no memory it says NULL, and that is passed on up to
 * wheel_json_text(), which calls the pool's abort function.  Any thread.
 */
#include "render/json.h"

#include "render/text.h"

#include "apr_errno.h"

/* Doubles hold 15 digits whatever the number: 17 would show 0.1 as
 * 0.10000000000000001. */
#define RENDER_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

const char *wheel_json_text(json_t *json, apr_size_t bytes_guess,
                            apr_pool_t *pool)
{
    apr_abortfunc_t no_memory = apr_pool_abort_get(pool);
    char *text = apr_palloc(pool, bytes_guess + 1);
    apr_size_t bytes = json_dumpb(json, text, bytes_guess, RENDER_JSON_FLAGS);

    if (bytes > bytes_guess) {
        text = apr_palloc(pool, bytes + 1);
        json_dumpb(json, text, bytes, RENDER_JSON_FLAGS);
    }
    json_decref(json);
    if (!bytes) {
        if (no_memory) {
            no_memory(APR_ENOMEM);
        }
        return "null";
    }
    text[bytes] = '\0';
    return text;
}

json_t *wheel_json_name(const char *name, apr_pool_t *pool)
{
    if (!name || !*name) {
        return json_null();
    }
    return json_string(wheel_render_text(name, WHEEL_NAME_MAX, pool));
}

json_t *wheel_json_client(const char *client, apr_pool_t *pool)
{
    return json_string(wheel_render_text(client, WHEEL_CLIENT_BYTES, pool));
}

json_t *wheel_json_append(json_t *array, json_t *item)
{
    if (json_array_append_new(array, item) == 0) {
        return array;
    }
    json_decref(array);
    return NULL;
}

json_t *wheel_json_cluster(const wheel_facts_t *facts, apr_pool_t *pool)
{
    const wheel_cluster_facts_t *cluster = facts->cluster;

    if (!cluster) {
        return json_null();
    }
    return json_pack(
        "{s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "host",
        wheel_render_host(cluster->host, pool), "linked", cluster->linked,
        "links", (json_int_t)cluster->links, "applied",
        (json_int_t)cluster->applied, "lost", (json_int_t)cluster->lost, "told",
        (json_int_t)cluster->told, "untold", (json_int_t)cluster->untold);
}
