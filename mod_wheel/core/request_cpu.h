/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_cpu.h: the CPU time of a request: of its thread, and of the
 * processes that work for it. */
#ifndef WHEEL_CORE_REQUEST_CPU_H
#define WHEEL_CORE_REQUEST_CPU_H

#include "core/job_tree.h"
#include "core/request_slots.h"

/**
 * CPU time that a request has used so far.  Reads /proc: for the helper and for
 * reports.
 * @param trees all processes, read here once where some may work for it, and
 *     NULL before; the caller frees them
 * @param asleep set to whether its thread waits for something else than the CPU
 * @return usec; 0 also if it is not known when its thread began with it
 */
apr_int64_t wheel_request_cpu_usec(const wheel_request_t *request,
                                   wheel_job_trees_t **trees, int *asleep);

#endif /* WHEEL_CORE_REQUEST_CPU_H */
