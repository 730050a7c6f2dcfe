/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/message.c: what a child and the helper write to each other about a
 * stop for other hosts.  Any thread of either. */
#include "cluster/message.h"

#include <string.h>

#include "apr_strings.h"

#define MESSAGE_REQUEST 0x57480001u /* changes with the format */
#define MESSAGE_ROUND 0x57480002u

/* Texts of a round, and hosts; what comes from other hosts is shorter. */
#define MESSAGE_TEXT_BYTES 4096
#define MESSAGE_HOSTS_MAX 100000

/* A place in a message that is read or written. */
typedef struct cursor_t {
    const char *at;
    apr_size_t left;
    int failed;
} cursor_t;

static void take(cursor_t *cursor, void *to, apr_size_t bytes)
{
    if (cursor->failed || cursor->left < bytes) {
        cursor->failed = 1;
        memset(to, 0, bytes);
        return;
    }
    memcpy(to, cursor->at, bytes);
    cursor->at += bytes;
    cursor->left -= bytes;
}

static apr_uint32_t take_number(cursor_t *cursor)
{
    apr_uint32_t number;

    take(cursor, &number, sizeof(number));
    return number;
}

static const char *take_text(cursor_t *cursor, apr_pool_t *pool)
{
    apr_uint32_t bytes = take_number(cursor);
    char *text;

    if (cursor->failed || bytes > MESSAGE_TEXT_BYTES || bytes > cursor->left) {
        cursor->failed = 1;
        return "";
    }
    text = apr_pstrmemdup(pool, cursor->at, bytes);
    cursor->at += bytes;
    cursor->left -= bytes;
    return text;
}

static char *put(char *at, const void *from, apr_size_t bytes)
{
    memcpy(at, from, bytes);
    return at + bytes;
}

static char *put_number(char *at, apr_uint32_t number)
{
    return put(at, &number, sizeof(number));
}

static apr_uint32_t text_bytes(const char *text)
{
    apr_size_t bytes = text ? strlen(text) : 0;

    return bytes < MESSAGE_TEXT_BYTES ? (apr_uint32_t)bytes
                                      : MESSAGE_TEXT_BYTES;
}

static char *put_text(char *at, const char *text)
{
    apr_uint32_t bytes = text_bytes(text);

    at = put_number(at, bytes);
    return bytes ? put(at, text, bytes) : at;
}

/* --- A request ------------------------------------------------------------ */

apr_status_t message_write_request(const message_request_t *request, char *text,
                                   apr_size_t *bytes)
{
    char *at = text;

    if (strlen(request->filter) > MESSAGE_REQUEST_BYTES / 2) {
        return APR_ENOSPC;
    }
    at = put_number(at, MESSAGE_REQUEST);
    at = put_number(at, request->stopped);
    at = put(at, &request->wait_max, sizeof(request->wait_max));
    at = put_text(at, request->filter);
    *bytes = at - text;
    return APR_SUCCESS;
}

apr_status_t message_read_request(const char *text, apr_size_t bytes,
                                  message_request_t *request, apr_pool_t *pool)
{
    cursor_t cursor = {text, bytes, 0};

    if (take_number(&cursor) != MESSAGE_REQUEST) {
        return APR_EGENERAL;
    }
    request->stopped = take_number(&cursor);
    take(&cursor, &request->wait_max, sizeof(request->wait_max));
    request->filter = take_text(&cursor, pool);
    return cursor.failed || cursor.left ? APR_EGENERAL : APR_SUCCESS;
}

/* --- A round -------------------------------------------------------------- */

const char *message_write_round(const wheel_round_t *round, apr_size_t *bytes,
                                apr_pool_t *pool)
{
    apr_size_t room = 4 * sizeof(apr_uint32_t) + text_bytes(round->why);
    char *text;
    char *at;
    unsigned n;

    for (n = 0; n < round->replies_n; n++) {
        room += 2 * sizeof(apr_uint32_t) + text_bytes(round->replies[n].host);
    }
    text = apr_palloc(pool, room);
    at = put_number(text, MESSAGE_ROUND);
    at = put_number(at, round->told);
    at = put_text(at, round->why);
    at = put_number(at, round->replies_n);
    for (n = 0; n < round->replies_n; n++) {
        at = put_number(at, (apr_uint32_t)round->replies[n].stopped);
        at = put_text(at, round->replies[n].host);
    }
    *bytes = at - text;
    return text;
}

apr_status_t message_read_round(const char *text, apr_size_t bytes,
                                wheel_round_t *round, apr_pool_t *pool)
{
    cursor_t cursor = {text, bytes, 0};
    apr_uint32_t told;
    unsigned n;

    memset(round, 0, sizeof(*round));
    if (take_number(&cursor) != MESSAGE_ROUND) {
        return APR_EGENERAL;
    }
    told = take_number(&cursor);
    round->why = take_text(&cursor, pool);
    round->replies_n = take_number(&cursor);
    /* Each takes two numbers at least. */
    if (cursor.failed || told > WHEEL_TOLD_PERHAPS ||
        round->replies_n > MESSAGE_HOSTS_MAX ||
        round->replies_n > cursor.left / (2 * sizeof(apr_uint32_t))) {
        return APR_EGENERAL;
    }
    round->told = (wheel_told_e)told;
    round->replies =
        apr_palloc(pool, (round->replies_n + 1) * sizeof(*round->replies));
    for (n = 0; n < round->replies_n; n++) {
        round->replies[n].stopped = (int)take_number(&cursor);
        round->replies[n].host = take_text(&cursor, pool);
    }
    return cursor.failed || cursor.left ? APR_EGENERAL : APR_SUCCESS;
}
