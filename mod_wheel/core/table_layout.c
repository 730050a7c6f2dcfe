/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_layout.c: a hash of every member of the table's segment, and of
 * the wheel_table_t that points to it. */
#include "core/table_private.h"

#include "core/layout.h"

/* What stays the same for the hash but means something else: count up. */
#define LAYOUT_VERSION 2

/* make writes it, by core/list-members. */
static const wheel_layout_member_t members[] = {
#include "core/table_members.h"
    {"version", LAYOUT_VERSION, 0},
};

apr_uint64_t wheel_table_layout(void)
{
    return wheel_layout_hash(members, sizeof(members) / sizeof(members[0]));
}
