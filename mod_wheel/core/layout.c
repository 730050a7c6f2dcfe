/* SPDX-License-Identifier: Apache-2.0 */
/* core/layout.c: a hash of every member of structs in shared memory. */
#include "core/layout.h"

#include <string.h>

/* FNV-1a, 64 bits. */
#define LAYOUT_HASH_START 14695981039346656037u
#define LAYOUT_HASH_PRIME 1099511628211u

static apr_uint64_t hash(apr_uint64_t so_far, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    size_t n;

    for (n = 0; n < bytes; n++) {
        so_far = (so_far ^ at[n]) * LAYOUT_HASH_PRIME;
    }
    return so_far;
}

apr_uint64_t wheel_layout_hash(const wheel_layout_member_t *members,
                               size_t members_n)
{
    apr_uint64_t sum = LAYOUT_HASH_START;
    size_t n;

    for (n = 0; n < members_n; n++) {
        sum = hash(sum, members[n].text, strlen(members[n].text) + 1);
        sum = hash(sum, &members[n].offset, sizeof(members[n].offset));
        sum = hash(sum, &members[n].bytes, sizeof(members[n].bytes));
    }
    return sum;
}
