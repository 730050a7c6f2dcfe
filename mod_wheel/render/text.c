/* SPDX-License-Identifier: Apache-2.0 */
/* render/text.c: text that grows, and what may stand in it.
 *
 * What a request brought along becomes harmless here: as printable ASCII, in
 * HTML and in a metric's label.  Only JSON has its own way, jansson's.  Pure
 * functions; any thread.
 */
#include "render/text.h"

#include "render/render.h"

#include <stdarg.h>
#include <string.h>

#include "apr_escape.h"
#include "apr_strings.h"

wheel_text_t *wheel_text_make(apr_pool_t *pool)
{
    return apr_array_make(pool, 256, sizeof(const char *));
}

void wheel_text_put(wheel_text_t *text, const char *piece)
{
    APR_ARRAY_PUSH(text, const char *) = piece;
}

void wheel_text_putf(wheel_text_t *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    wheel_text_put(text, apr_pvsprintf(text->pool, format, args));
    va_end(args);
}

const char *wheel_text_join(wheel_text_t *text)
{
    return apr_array_pstrcat(text->pool, text, 0);
}

/* --- Escapes ------------------------------------------------------------- */

const char *wheel_render_text(const char *text, apr_size_t bytes_max,
                              apr_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";
    apr_size_t bytes = strnlen(text, bytes_max + 1);
    int cut = bytes > bytes_max;
    char *safe = apr_palloc(pool, (bytes - cut) * 4 + sizeof("..."));
    char *to = safe;
    apr_size_t n;

    for (n = 0; n < bytes - cut; n++) {
        unsigned char byte = text[n];

        if (byte == '\\') {
            *to++ = '\\';
            *to++ = '\\';
        }
        else if (byte < ' ' || byte > '~') {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
        }
        else {
            *to++ = byte;
        }
    }
    strcpy(to, cut ? "..." : "");
    return safe;
}

const char *wheel_render_host(const char *host, apr_pool_t *pool)
{
    const char *slash = strrchr(host, '/');
    apr_size_t bytes = slash ? (apr_size_t)(slash - host) : strlen(host);

    return wheel_render_text(apr_pstrmemdup(pool, host, bytes),
                             WHEEL_HOST_BYTES, pool);
}

const char *wheel_text_html(const char *text, apr_pool_t *pool)
{
    return apr_pescape_entity(pool, text, 1);
}

const char *wheel_text_label(const char *text, apr_pool_t *pool)
{
    const char *from = wheel_render_text(text, WHEEL_NAME_MAX, pool);
    char *escaped = apr_pcalloc(pool, strlen(from) * 2 + 1);
    char *to = escaped;

    for (; *from; from++) {
        if (*from == '\\' || *from == '"') {
            *to++ = '\\';
        }
        *to++ = *from;
    }
    return escaped;
}

const char *wheel_text_word(const char *text, apr_pool_t *pool)
{
    char *word = apr_pstrdup(pool, text);
    char *at;

    for (at = word; *at; at++) {
        if (*at == ' ') {
            *at = '+';
        }
    }
    return word;
}

/* --- Numbers and times --------------------------------------------------- */

const char *wheel_text_count(apr_uint64_t number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%" APR_UINT64_T_FMT, number);
}

const char *wheel_text_grouped(apr_uint64_t number, apr_pool_t *pool)
{
    const char *rest = "";

    while (number >= 1000) {
        rest = apr_psprintf(pool, ",%03u%s", (unsigned)(number % 1000), rest);
        number /= 1000;
    }
    return apr_psprintf(pool, "%u%s", (unsigned)number, rest);
}

const char *wheel_text_seconds(apr_int64_t usec, apr_pool_t *pool)
{
    apr_int64_t duration = usec > 0 ? usec : 0;

    return apr_psprintf(pool, "%" APR_INT64_T_FMT ".%06d", duration / 1000000,
                        (int)(duration % 1000000));
}

const char *wheel_text_seconds_short(apr_int64_t usec, apr_pool_t *pool)
{
    char *text = apr_pstrdup(pool, wheel_text_seconds(usec, pool));
    char *last = text + strlen(text) - 1;

    while (*last == '0' && last[-1] != '.') {
        *last-- = '\0';
    }
    return text;
}

const char *wheel_text_date(apr_time_t when, apr_pool_t *pool)
{
    char text[sizeof("1970-01-01 00:00:00")] = "";
    apr_time_exp_t parts;
    apr_size_t bytes;

    apr_time_exp_gmt(&parts, when);
    apr_strftime(text, &bytes, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
    return apr_pstrdup(pool, text);
}
