/* SPDX-License-Identifier: Apache-2.0 */
/* core/layout.h: a hash of every member of structs in shared memory.
 *
 * Two builds with the same hash have the same members, by name, type, place
 * and size.  core/list-members writes the lists of members.
 */
#ifndef WHEEL_CORE_LAYOUT_H
#define WHEEL_CORE_LAYOUT_H

#include <stddef.h>

#include "apr.h"

/** A member, or a constant in place of the offset. */
typedef struct wheel_layout_member_t {
    const char *text; /* struct, member and type; or the constant's name */
    apr_uint64_t offset;
    apr_uint64_t bytes;
} wheel_layout_member_t;

#define MEMBER(type, member, type_text)                              \
    {#type " " #member " " type_text, offsetof(struct type, member), \
     sizeof(((struct type *)NULL)->member)},
#define VALUE(constant) {#constant, constant, 0},

/** The hash of a list of members.  Any thread. */
apr_uint64_t wheel_layout_hash(const wheel_layout_member_t *members,
                               size_t members_n);

#endif /* WHEEL_CORE_LAYOUT_H */
