/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_cpu.c: the CPU time of a request: of its thread, and of the
 * processes that work for it.
 *
 * The helper, and whoever reports.
 */
#include "core/request_cpu.h"

#include "core/proc.h"

static apr_int64_t of_thread(const wheel_request_t *request, int *asleep)
{
    apr_int64_t began = request->facts.began_cpu_usec;
    apr_int64_t now =
        wheel_proc_thread_cpu_usec(request->pid, request->tid, asleep);

    return began >= 0 && now > began ? now - began : 0;
}

apr_int64_t wheel_request_cpu_usec(const wheel_request_t *request,
                                   wheel_job_trees_t **trees, int *asleep)
{
    wheel_job_tree_t tree = {0, 0};
    apr_int64_t used = request->worker_usec;

    *asleep = 0;
    if (request->tid > 0) {
        used += of_thread(request, asleep);
    }
    if (request->has_processes) {
        if (!*trees) {
            *trees = wheel_job_trees_read();
        }
        wheel_job_trees_signal(*trees, request->id, 0, &tree);
    }
    return used + tree.cpu_usec;
}
