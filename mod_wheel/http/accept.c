/* SPDX-License-Identifier: Apache-2.0 */
/* http/accept.c: which of several media types a client likes best, by its
 * Accept header (RFC 9110, 12.5.1).
 *
 * Pure functions; any thread.
 */
#include "http/accept.h"

#include <string.h>

#include "apr_lib.h"
#include "httpd.h"

/* That of a range which names none. */
#define QUALITY_MAX 1000

/* One media range of an Accept header. */
typedef struct range_t {
    const char *media;
    const char *version; /* NULL for any */
    int quality;         /* in thousandths */
} range_t;

/* How well a media type is liked: by its quality and, for the same one, by how
 * exactly it was asked for. */
typedef struct liking_t {
    int quality;
    int exactness; /* 0: no range has it */
} liking_t;

/* 0.5, with up to three digits.  Not by strtod(), which reads it by the locale
 * that a module may have set for the process, and takes nan and 1e9.
 * @return thousandths; what is no quality is the highest one */
static int parse_quality(const char *text)
{
    int quality = 0;
    int worth = 100;

    if (*text != '0') {
        return QUALITY_MAX;
    }
    for (text += text[1] == '.' ? 2 : 1; worth && apr_isdigit(*text); text++) {
        quality += (*text - '0') * worth;
        worth /= 10;
    }
    return quality;
}

/* Read "type/subtype;version=V;q=Q"; other parameters don't matter here.
 * @param item of the list, as ap_get_list_item() gives it: in lower case,
 *        without spaces around what separates */
static range_t parse_range(const char *item, apr_pool_t *pool)
{
    range_t range = {ap_get_token(pool, &item, 0), NULL, QUALITY_MAX};

    while (*item == ';') {
        const char *part;

        item++;
        part = ap_get_token(pool, &item, 1);
        if (!strncmp(part, "q=", 2)) {
            range.quality = parse_quality(part + 2);
        }
        else if (!strncmp(part, "version=", 8)) {
            part += 8;
            range.version = ap_getword_conf(pool, &part); /* unquoted */
        }
    }
    return range;
}

/* @return 0 if it is not in the range, else more the less else is */
static int range_exactness(const range_t *range, const wheel_media_t *media)
{
    size_t type_bytes = strchr(media->type, '/') + 1 - media->type;

    if (!strcmp(range->media, "*/*")) {
        return 1;
    }
    if (!ap_cstr_casecmpn(range->media, media->type, type_bytes) &&
        !strcmp(range->media + type_bytes, "*")) {
        return 2;
    }
    if (ap_cstr_casecmp(range->media, media->type)) {
        return 0;
    }
    if (!range->version) {
        return 3;
    }
    return media->version && !strcmp(range->version, media->version) ? 4 : 0;
}

/* The most exact range that has it says how well it is liked. */
static liking_t media_liking(const wheel_media_t *media, const char *accept,
                             apr_pool_t *pool)
{
    liking_t liking = {0, 0};
    const char *item = ap_get_list_item(pool, &accept);

    while (item) {
        range_t range = parse_range(item, pool);
        int exactness = range_exactness(&range, media);

        if (exactness > liking.exactness) {
            liking.quality = range.quality;
            liking.exactness = exactness;
        }
        item = ap_get_list_item(pool, &accept);
    }
    return liking;
}

size_t wheel_accept_best(const char *accept, const wheel_media_t *media,
                         size_t media_n, apr_pool_t *pool)
{
    liking_t best_liking = {0, 0};
    size_t best = 0;
    size_t n;

    for (n = 0; accept && n < media_n; n++) {
        liking_t liking = media_liking(&media[n], accept, pool);

        if (liking.quality > best_liking.quality ||
            (liking.quality == best_liking.quality && liking.quality > 0 &&
             liking.exactness > best_liking.exactness)) {
            best = n;
            best_liking = liking;
        }
    }
    return best;
}
