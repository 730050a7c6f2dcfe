/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_cpu.h: the processes that work for a request, and the CPU time
 * of these and of its thread. */
#ifndef WHEEL_CORE_REQUEST_CPU_H
#define WHEEL_CORE_REQUEST_CPU_H

#include "core/job_tree.h"
#include "core/request_slots.h"

/**
 * Find out which processes work for a request.  Reads /proc: for the helper and
 * for reports.
 * @param trees all processes, read here once where some may work for it, and
 *     NULL before; the caller frees them
 * @return 0 if none does
 */
int wheel_request_processes(const wheel_request_slots_t *slots,
                            const wheel_request_t *request,
                            wheel_job_trees_t **trees);

/**
 * CPU time that a request has used so far.  Reads /proc, as
 * wheel_request_processes() does.
 * @param trees as there
 * @param asleep set to whether its thread waits for something else than the CPU
 * @return usec; 0 also if it is not known when its thread began with it
 */
apr_int64_t wheel_request_cpu_usec(const wheel_request_slots_t *slots,
                                   const wheel_request_t *request,
                                   wheel_job_trees_t **trees, int *asleep);

#endif /* WHEEL_CORE_REQUEST_CPU_H */
