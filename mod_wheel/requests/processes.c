/* SPDX-License-Identifier: Apache-2.0 */
/* requests/processes.c: the processes that work for requests, such as those of
 * CGI scripts.
 *
 * What a script has started may ignore TERM and live on when the script has
 * died and its request has ended.  So whoever ends a stopped request notes its
 * id, and the helper goes on until no process has it.
 *
 * Runs in the helper.
 */
#include "requests/processes.h"

#include <signal.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/request_cpu.h"
#include "server/requests.h"

/* From TERM to KILL, and for how long what is left is looked for: a process in
 * the kernel, or one of another user, may not go. */
#define PROCESSES_KILL_USEC (1000 * 1000)
#define PROCESSES_GIVE_UP_USEC (60 * 1000 * 1000)

/* A request whose processes are being ended. */
typedef struct processes_left_t {
    apr_uint64_t id;
    apr_int64_t since_usec;
    int termed;
} processes_left_t;

static struct {
    wheel_job_trees_t *trees; /* all of them, read once in a turn */
    processes_left_t left[WHEEL_REQUESTS_LEFT_MAX];
} processes;

static wheel_job_trees_t *trees(void)
{
    if (!processes.trees) {
        processes.trees = wheel_job_trees_read(geteuid());
    }
    return processes.trees;
}

void wheel_processes_forget(void)
{
    wheel_job_trees_free(processes.trees);
    processes.trees = NULL;
}

wheel_job_trees_t **wheel_processes_trees(void)
{
    return &processes.trees;
}

/* @return 0 if it has none */
static int find(const wheel_request_t *request)
{
    return wheel_request_processes(wheel_requests_slots(), request,
                                   &processes.trees);
}

void wheel_processes_signal(const wheel_request_t *request, int signal)
{
    wheel_job_tree_t tree;

    if (find(request)) {
        wheel_job_trees_signal(processes.trees, request->id, signal, &tree);
    }
}

void wheel_processes_signal_of(const wheel_request_t *request, pid_t worker,
                               int signal)
{
    wheel_job_children_t children;
    wheel_job_tree_t tree;

    wheel_job_children_read(worker, worker, request->facts.began_usec,
                            &children);
    if (children.n) {
        wheel_job_trees_adopt(trees(), request->id, &children);
        wheel_job_trees_signal(trees(), request->id, signal, &tree);
    }
}

void wheel_processes_cool(const wheel_request_t *request)
{
    if (find(request)) {
        wheel_job_trees_cool(processes.trees, request->id);
    }
}

/* A script may still be about to start when its request ends: what is not seen
 * once is looked for until KILL would be due. */
static void end_one(unsigned n, processes_left_t *left)
{
    apr_int64_t since = wheel_clock_usec() - left->since_usec;
    int signal = since >= PROCESSES_KILL_USEC ? SIGKILL
                 : left->termed               ? 0
                                              : SIGTERM;
    wheel_job_tree_t tree;

    if (!trees()) {
        return;
    }
    wheel_job_trees_signal(trees(), left->id, signal, &tree);
    left->termed |= tree.processes > 0;
    if (since >= PROCESSES_GIVE_UP_USEC ||
        (since >= PROCESSES_KILL_USEC && tree.processes == 0)) {
        wheel_request_slots_left_none(wheel_requests_slots(), n, left->id);
        left->id = 0;
    }
}

void wheel_processes_end_left(void)
{
    unsigned n;

    for (n = 0; n < WHEEL_REQUESTS_LEFT_MAX; n++) {
        apr_uint64_t id = wheel_request_slots_left(wheel_requests_slots(), n);
        processes_left_t *left = &processes.left[n];

        if (id && left->id != id) {
            left->id = id;
            left->since_usec = wheel_clock_usec();
            left->termed = 0;
        }
        if (id) {
            end_one(n, left);
        }
    }
}
