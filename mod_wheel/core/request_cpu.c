/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_cpu.c: the processes that work for a request, and the CPU time
 * of these and of its thread.
 *
 * The helper, and whoever reports.
 */
#include "core/request_cpu.h"

#include <unistd.h>

#include "core/proc.h"

/* The thread may run another request by now: then some of the children may be
 * that one's. */
int wheel_request_processes(const wheel_request_slots_t *slots,
                            const wheel_request_t *request,
                            wheel_job_trees_t **trees)
{
    wheel_job_children_t children = {.n = 0};

    if (request->tid > 0) {
        wheel_job_children_read(request->pid, request->tid,
                                request->facts.began_usec, &children);
    }
    if (!request->has_processes && !children.n) {
        return 0;
    }
    if (!*trees) {
        *trees = wheel_job_trees_read(geteuid());
    }
    if (wheel_request_slots_is(slots, request->slot, request->id)) {
        wheel_job_trees_adopt(*trees, request->id, &children);
    }
    return 1;
}

static apr_int64_t of_thread(const wheel_request_t *request, int *asleep)
{
    apr_int64_t began = request->facts.began_cpu_usec;
    apr_int64_t now =
        wheel_proc_thread_usec(request->pid, request->tid, asleep);

    return began >= 0 && now > began ? now - began : 0;
}

apr_int64_t wheel_request_cpu_usec(const wheel_request_slots_t *slots,
                                   const wheel_request_t *request,
                                   wheel_job_trees_t **trees, int *asleep)
{
    wheel_job_tree_t tree = {0, 0};
    apr_int64_t used = request->worker_usec;

    *asleep = 0;
    if (request->tid > 0) {
        used += of_thread(request, asleep);
    }
    if (wheel_request_processes(slots, request, trees)) {
        wheel_job_trees_signal(*trees, request->id, 0, &tree);
    }
    return used + tree.cpu_usec;
}
