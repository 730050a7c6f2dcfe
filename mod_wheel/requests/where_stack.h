/* SPDX-License-Identifier: Apache-2.0 */
/* requests/where_stack.h: the native stack of a request, in the log.
 *
 *   privileged process    copies registers and stack, parses nothing
 *   helper                asks for the copy, logs the names
 *   a process for one     makes names of the copy: core/thread_names.h
 *   stack
 */
#ifndef WHEEL_REQUESTS_WHERE_STACK_H
#define WHEEL_REQUESTS_WHERE_STACK_H

#include <poll.h>

#include "core/request_slots.h"

/** Is there a stack under way?  The next one has to wait. */
int wheel_where_stack_busy(void);

/**
 * Begin with a stack; it is logged when it is there.
 * @param wait_max usec that the privileged process may take for the copy
 * @param last the log has it, too, if that has not answered
 * @return 0 if it has not answered: try again
 */
int wheel_where_stack_log(const wheel_request_t *request,
                          apr_interval_time_t wait_max, int last);

/** As of wheel_helper_part_t. */
unsigned wheel_where_stack_prepare(struct pollfd *fds, unsigned fds_max,
                                   apr_int64_t *until_usec);
void wheel_where_stack_serve(const struct pollfd *fds, unsigned fds_n);

#endif /* WHEEL_REQUESTS_WHERE_STACK_H */
