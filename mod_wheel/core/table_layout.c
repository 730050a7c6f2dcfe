/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_layout.c: a hash of every member of the shared segment.
 *
 * Two builds with the same hash have the same members, by name, type, place
 * and size, in the segment and in the wheel_table_t that points to it.
 */
#include "core/table_private.h"

#include <stddef.h>
#include <string.h>

/* What stays the same for the hash but means something else: count up. */
#define LAYOUT_VERSION 2

/* FNV-1a, 64 bits. */
#define LAYOUT_HASH_START 14695981039346656037u
#define LAYOUT_HASH_PRIME 1099511628211u

/* A member, or a constant in place of the offset. */
typedef struct layout_member_t {
    const char *text; /* struct, member and type; or the constant's name */
    apr_uint64_t offset;
    apr_uint64_t bytes;
} layout_member_t;

#define MEMBER(type, member, type_text)                              \
    {#type " " #member " " type_text, offsetof(struct type, member), \
     sizeof(((struct type *)NULL)->member)},
#define VALUE(constant) {#constant, constant, 0},

/* make writes it, by core/list-members. */
static const layout_member_t members[] = {
#include "core/table_members.h"
    {"version", LAYOUT_VERSION, 0},
};

static apr_uint64_t hash(apr_uint64_t so_far, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    size_t n;

    for (n = 0; n < bytes; n++) {
        so_far = (so_far ^ at[n]) * LAYOUT_HASH_PRIME;
    }
    return so_far;
}

apr_uint64_t wheel_table_layout(void)
{
    apr_uint64_t sum = LAYOUT_HASH_START;
    size_t n;

    for (n = 0; n < sizeof(members) / sizeof(members[0]); n++) {
        sum = hash(sum, members[n].text, strlen(members[n].text) + 1);
        sum = hash(sum, &members[n].offset, sizeof(members[n].offset));
        sum = hash(sum, &members[n].bytes, sizeof(members[n].bytes));
    }
    return sum;
}
