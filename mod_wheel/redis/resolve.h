/* SPDX-License-Identifier: Apache-2.0 */
/* redis/resolve.h: host names to addresses, with a limit of time.
 *
 * getaddrinfo() has no limit: it waits for as long as the machine's resolver
 * is configured to.  So a thread calls it, one at a time in a process, and
 * callers wait for the thread, or go on without it.
 */
#ifndef WHEEL_REDIS_RESOLVE_H
#define WHEEL_REDIS_RESOLVE_H

#include <sys/socket.h>

/** Addresses of one name that are tried. */
#define WHEEL_ADDRESSES_MAX 8

typedef struct wheel_addresses_t {
    unsigned n;
    struct {
        int family;
        socklen_t bytes;
        struct sockaddr_storage address;
    } list[WHEEL_ADDRESSES_MAX];
} wheel_addresses_t;

/**
 * The addresses of a name, or the last that were found for it, if there are
 * none now or not in time.  Any thread.
 *
 * @param host a name, or an address, which takes no time
 * @param port a number
 * @param wait waits until a descriptor is ready; returns 0 when the time is
 *        over
 * @return NULL, or what went wrong
 */
const char *wheel_resolve(wheel_addresses_t *found, const char *host,
                          const char *port, int (*wait)(void *baton, int fd),
                          void *baton);

#endif /* WHEEL_REDIS_RESOLVE_H */
