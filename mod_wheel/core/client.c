/* SPDX-License-Identifier: Apache-2.0 */
/* core/client.c: which addresses are one client.
 *
 * Any thread.
 */
#include "core/client.h"

#include <arpa/inet.h>
#include <string.h>

/* Keys of IPv4: no client has an IPv6 address that begins so. */
#define CLIENT_IPV4 ((apr_uint64_t)0xffffffff << 32)

/* FNV-1a, 64 bits. */
#define CLIENT_HASH_START 14695981039346656037u
#define CLIENT_HASH_PRIME 1099511628211u

static apr_uint64_t hash(const char *text)
{
    apr_uint64_t sum = CLIENT_HASH_START;

    for (; *text; text++) {
        sum = (sum ^ (unsigned char)*text) * CLIENT_HASH_PRIME;
    }
    return sum ? sum : 1;
}

static apr_uint64_t number(const unsigned char *bytes, unsigned bytes_n)
{
    apr_uint64_t value = 0;
    unsigned n;

    for (n = 0; n < bytes_n; n++) {
        value = value << 8 | bytes[n];
    }
    return value;
}

/* @return 0 if it is no such address */
static apr_uint64_t ipv6_key(const char *text)
{
    const char *zone = strchr(text, '%');
    size_t length = zone ? (size_t)(zone - text) : strlen(text);
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    apr_uint64_t key;

    if (length >= sizeof(address)) {
        return 0;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET6, address, &parsed) != 1) {
        return 0;
    }
    if (IN6_IS_ADDR_V4MAPPED(&parsed)) {
        return CLIENT_IPV4 | number(parsed.s6_addr + 12, 4);
    }
    key = number(parsed.s6_addr, 8);
    if (IN6_IS_ADDR_LINKLOCAL(&parsed) && zone) {
        key ^= hash(zone) >> 32; /* the bits that link-local ones don't use */
    }
    return key ? key : 1;
}

apr_uint64_t wheel_client_key(const char *address)
{
    struct in_addr ipv4;
    apr_uint64_t key;

    if (!address || !*address) {
        return 0;
    }
    if (inet_pton(AF_INET, address, &ipv4) == 1) {
        return CLIENT_IPV4 | ntohl(ipv4.s_addr);
    }
    key = strchr(address, ':') ? ipv6_key(address) : 0;
    return key ? key : hash(address);
}
