/* SPDX-License-Identifier: Apache-2.0 */
/* http/accept.h: which of several media types a client likes best. */
#ifndef WHEEL_HTTP_ACCEPT_H
#define WHEEL_HTTP_ACCEPT_H

#include "apr_pools.h"

/** A media type that can be sent. */
typedef struct wheel_media_t {
    const char *type;    /* such as text/plain */
    const char *version; /* its parameter, NULL for none */
} wheel_media_t;

/**
 * Choose by an Accept header.  Of those that a client likes as much, the first;
 * who likes none gets the first, too: better than an error.
 * @param accept NULL for no header
 * @return the index of one of media
 */
size_t wheel_accept_best(const char *accept, const wheel_media_t *media,
                         size_t media_n, apr_pool_t *pool);

#endif /* WHEEL_HTTP_ACCEPT_H */
