/* SPDX-License-Identifier: Apache-2.0 */
/* core/fastcgi.h: one GET of a FastCGI server, such as the status of PHP-FPM.
 *
 * Blocks, within a limit.  Any thread.
 */
#ifndef WHEEL_CORE_FASTCGI_H
#define WHEEL_CORE_FASTCGI_H

#include <sys/socket.h>

#include "apr_pools.h"
#include "apr_time.h"

/** Where a FastCGI server is asked for what. */
typedef struct wheel_fastcgi_t {
    struct sockaddr_storage address;
    socklen_t address_bytes;
    const char *path; /* of the script, from its slash on */
} wheel_fastcgi_t;

/**
 * Read "fcgi://ADDRESS:PORT/PATH" or "unix:/SOCKET|fcgi://localhost/PATH".
 * @param pool holds the path
 * @return NULL, or what is wrong and what is allowed
 */
const char *wheel_fastcgi_parse(wheel_fastcgi_t *server, const char *url,
                                apr_pool_t *pool);

/**
 * Get an answer.
 * @param query of the request, NULL for none
 * @param wait_max usec for all of it
 * @param body set on success, terminated, out of the pool; its head is gone
 * @return APR_SUCCESS, APR_TIMEUP, APR_EGENERAL for what is no answer, or an
 *         error of the socket
 */
apr_status_t wheel_fastcgi_get(const wheel_fastcgi_t *server, const char *query,
                               apr_interval_time_t wait_max, const char **body,
                               apr_pool_t *pool);

#endif /* WHEEL_CORE_FASTCGI_H */
