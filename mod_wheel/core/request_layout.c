/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_layout.c: a hash of every member of the slots of requests, and
 * of the facts that they hold. */
#include "core/request_private.h"

#include "core/layout.h"

/* What stays the same for the hash but means something else: count up. */
#ifdef WHEEL_FAULTS /* for the test of a build that is replaced */
#define LAYOUT_VERSION 0
#else
#define LAYOUT_VERSION 2
#endif

/* make writes it, by core/list-members. */
static const wheel_layout_member_t members[] = {
#include "core/request_members.h"
    {"version", LAYOUT_VERSION, 0},
};

apr_uint64_t wheel_request_slots_layout(void)
{
    return wheel_layout_hash(members, sizeof(members) / sizeof(members[0]));
}
