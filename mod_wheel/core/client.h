/* SPDX-License-Identifier: Apache-2.0 */
/* core/client.h: which addresses are one client. */
#ifndef WHEEL_CORE_CLIENT_H
#define WHEEL_CORE_CLIENT_H

#include "apr.h"

/**
 * A number that is the same for all addresses of one client: an IPv4 address,
 * also where it is written as one of IPv6 (::ffff:192.0.2.1), and the first 64
 * bits of an IPv6 address, since one host has all that begin so.  Link-local
 * addresses are told apart by their zone.  What is no address is its own
 * client.
 * @param address as httpd writes it; NULL for none
 * @return 0 for none
 */
apr_uint64_t wheel_client_key(const char *address);

#endif /* WHEEL_CORE_CLIENT_H */
