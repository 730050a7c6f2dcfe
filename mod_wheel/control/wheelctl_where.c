/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_where.c: wheelctl where: what the thread of a request does,
 * and the processes that work for it.
 *
 * As root it examines them by itself, but names no stack: a process without
 * rights does.  Otherwise it asks the server, where WheelPrivileged may allow
 * it.
 */
#include "control/wheelctl.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apr_strings.h"

#include "core/apart.h"
#include "core/job_tree.h"
#include "core/proc.h"
#include "core/thread_copy.h"
#include "core/thread_names.h"
#include "core/thread_wait.h"

/* CPU time is measured for so long, while the stacks are read. */
#define MEASURE_USEC (20 * 1000)

/* What all stacks together may take: files may be on a disk that doesn't
 * answer.  And all that root does: the kernel may keep a process from being
 * read. */
#define STACKS_USEC (20 * APR_USEC_PER_SEC)
#define WHERE_USEC (40 * APR_USEC_PER_SEC)

/* Processes of a CGI script that are shown. */
#define PROCESSES_MAX 32

/* The thread of a request, or the first one of a process that works for it. */
typedef struct seen_t {
    wheel_job_process_t process;
    pid_t tid;
    wheel_thread_wait_t wait; /* before it is stopped for its stack */
    apr_status_t rv;          /* of reading this */
    apr_int64_t began_usec;
    double cores;
    json_t *stack;
    apr_int64_t stopped_usec; /* to copy it */
    const char *no_stack;     /* what went wrong */
} seen_t;

static struct {
    seen_t seen[1 + PROCESSES_MAX];
    unsigned n;
    apr_int64_t until_usec; /* for all stacks */
} found;

/* --- Examine -------------------------------------------------------------- */

static void begin_look(seen_t *seen)
{
    seen->began_usec = wheel_clock_usec();
    seen->rv =
        wheel_thread_wait_read(seen->process.pid, seen->tid, &seen->wait);
}

static void end_look(seen_t *seen)
{
    wheel_thread_wait_t after = seen->wait;
    apr_int64_t took;

    if (seen->rv == APR_SUCCESS) {
        seen->rv = wheel_thread_wait_read(seen->process.pid, seen->tid, &after);
    }
    took = wheel_clock_usec() - seen->began_usec;
    seen->cores =
        took > 0 ? (double)(after.cpu_usec - seen->wait.cpu_usec) / (double)took
                 : 0;
}

static const char *copy_error(apr_status_t rv)
{
    if (APR_STATUS_IS_EACCES(rv)) {
        return "the process can't be traced: this needs root, or "
               "CAP_SYS_PTRACE, and no debugger may hold it";
    }
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return "the thread ran on meanwhile: try again";
    }
    return rv == APR_ENOTIMPL ? "this machine's stacks are not known"
                              : "the thread has ended";
}

/* One frame a line. */
static void add_frames(json_t *frames, char *text)
{
    char *rest;
    char *frame;

    for (frame = apr_strtok(text, "\n", &rest); frame;
         frame = apr_strtok(NULL, "\n", &rest)) {
        json_array_append_new(frames, json_string(frame));
    }
}

static void name_stack(seen_t *seen, const wheel_thread_copy_t *copy,
                       const wheel_mappings_t *mappings)
{
    static wheel_names_t names;
    struct pollfd wait = {-1, POLLIN, 0};

    seen->no_stack =
        wheel_names_begin(&names, copy, mappings, found.until_usec);
    if (seen->no_stack) {
        return;
    }
    wait.fd = names.fd;
    do {
        apr_int64_t left = found.until_usec - wheel_clock_usec();

        poll(&wait, 1, left > 0 ? (int)(left / 1000) + 1 : 0);
    } while (wheel_names_more(&names));
    seen->no_stack = wheel_names_end(&names);
    if (seen->no_stack) {
        seen->no_stack = apr_pstrdup(wheelctl_pool, seen->no_stack);
        return;
    }
    add_frames(seen->stack, names.text);
}

static void look_at_stack(seen_t *seen)
{
    static wheel_thread_copy_t copy;
    wheel_mappings_t mappings;
    apr_status_t rv;

    seen->stack = json_array();
    seen->no_stack = wheel_mappings_open(seen->process.pid, &mappings);
    if (seen->no_stack) {
        return;
    }
    rv = wheel_thread_copy(seen->process.pid, seen->tid, &copy);
    seen->no_stack = copy_error(rv);
    if (rv == APR_SUCCESS) {
        name_stack(seen, &copy, &mappings);
        seen->stopped_usec = copy.stopped_nsec / 1000;
    }
    wheel_mappings_close(&mappings);
}

/* The request's thread is the first. */
static void look(const wheelctl_thread_t *thread)
{
    static wheel_job_process_t processes[PROCESSES_MAX];
    wheel_job_children_t children;
    unsigned processes_n = 0;
    apr_int64_t left;
    uid_t user;
    unsigned n;

    wheel_job_children_read(thread->pid, thread->tid, thread->began_usec,
                            &children);
    if ((thread->is_cgi || children.n) && wheel_proc_user(thread->pid, &user)) {
        processes_n = wheel_job_tree_list(thread->id, user, &children,
                                          processes, PROCESSES_MAX);
        processes_n = processes_n < PROCESSES_MAX ? processes_n : PROCESSES_MAX;
    }
    found.n = 1 + processes_n;
    found.seen[0].process.pid = thread->pid;
    found.seen[0].tid = thread->tid;
    for (n = 0; n < processes_n; n++) {
        found.seen[1 + n].process = processes[n];
        found.seen[1 + n].tid = processes[n].pid;
    }
    for (n = 0; n < found.n; n++) {
        begin_look(&found.seen[n]);
    }
    left = wheel_clock_usec() + MEASURE_USEC;
    found.until_usec = wheel_clock_usec() + STACKS_USEC;
    for (n = 0; n < found.n; n++) {
        look_at_stack(&found.seen[n]);
    }
    left -= wheel_clock_usec();
    if (left > 0) {
        usleep((useconds_t)left);
    }
    for (n = 0; n < found.n; n++) {
        end_look(&found.seen[n]);
    }
}

/* --- As JSON -------------------------------------------------------------- */

static json_t *as_json(const seen_t *seen)
{
    char text[WHEEL_WAIT_TEXT_BYTES];
    char state[2] = {seen->wait.state, 0};
    json_t *where;

    wheel_thread_wait_text(&seen->wait, text);
    where =
        json_pack("{s:i, s:i, s:s, s:s, s:f, s:o, s:I}", "pid",
                  (int)seen->process.pid, "thread", (int)seen->tid, "state",
                  state, "waits_for", text, "cores", seen->cores, "stack",
                  seen->stack, "stopped_usec", (json_int_t)seen->stopped_usec);
    if (seen->no_stack) {
        fprintf(stderr, "wheelctl: process %ld: no stack: %s\n",
                (long)seen->process.pid, seen->no_stack);
    }
    return where;
}

static json_t *processes_json(void)
{
    json_t *processes = json_array();
    unsigned n;

    for (n = 1; n < found.n; n++) {
        const seen_t *seen = &found.seen[n];
        json_t *where = seen->rv == APR_SUCCESS ? as_json(seen) : NULL;

        if (where) { /* it may have ended meanwhile */
            json_object_set_new(where, "parent",
                                json_integer(seen->process.parent));
            json_object_set_new(where, "command",
                                json_string(seen->process.command));
            json_array_append_new(processes, where);
        }
    }
    return processes;
}

/* --- In words ------------------------------------------------------------- */

static void print_one(const json_t *where, const char *indent)
{
    const json_t *frame;
    size_t n;

    printf("%sstate %s, %.2f CPU seconds a second\n%swaits for: %s\n", indent,
           wheelctl_cell(where, "state"),
           json_real_value(json_object_get(where, "cores")), indent,
           wheelctl_cell(where, "waits_for"));
    json_array_foreach(json_object_get(where, "stack"), n, frame)
    {
        printf("%s  #%-2u %s\n", indent, (unsigned)n,
               wheelctl_printable(json_string_value(frame),
                                  WHEEL_STACK_TEXT_BYTES));
    }
}

static void print_where(const json_t *where)
{
    const json_t *process;
    size_t n;

    printf("process %s, thread %s\n", wheelctl_cell(where, "pid"),
           wheelctl_cell(where, "thread"));
    print_one(where, "");
    if (json_object_get(where, "trace")) {
        printf("in its script: %s\n",
               json_string_value(json_object_get(where, "trace")));
    }
    json_array_foreach(json_object_get(where, "processes"), n, process)
    {
        printf("works for it: process %s of %s: %s\n",
               wheelctl_cell(process, "pid"), wheelctl_cell(process, "parent"),
               wheelctl_cell(process, "command"));
        print_one(process, "  ");
    }
}

static int where_by_server(const ask_t *ask)
{
    answer_t answer = wheelctl_ask(ask);

    if (answer.status != 200) {
        wheelctl_fail_as_told(ask, &answer);
    }
    if (ask->json) {
        wheelctl_print_json(answer.text);
        return 0;
    }
    printf("process %s, thread %s\nwaits for: %s\n",
           wheelctl_cell(answer.json, "pid"),
           wheelctl_cell(answer.json, "thread"),
           wheelctl_cell(answer.json, "waits_for"));
    return 0;
}

static int where_here(void *baton)
{
    const ask_t *ask = baton;
    wheelctl_thread_t thread;
    wheelctl_thread_t again;
    json_t *where;

    wheelctl_thread_find(ask, &thread);
    look(&thread);
    if (found.seen[0].rv != APR_SUCCESS) {
        wheelctl_fail(EXIT_SERVER, "thread %ld of process %ld: %s",
                      (long)thread.tid, (long)thread.pid,
                      APR_STATUS_IS_EACCES(found.seen[0].rv)
                          ? "it takes CAP_SYS_PTRACE"
                          : "it has ended");
    }
    where = as_json(&found.seen[0]);
    /* An engine of scripts has told its trace meanwhile. */
    again = thread;
    if (wheelctl_thread_again(&again) && *again.trace) {
        json_object_set_new(where, "trace", json_string(again.trace));
    }
    json_object_set_new(where, "id", json_integer((json_int_t)thread.id));
    json_object_set_new(where, "processes", processes_json());
    if (ask->json) {
        printf("%s\n", json_dumps(where, JSON_COMPACT));
    }
    else {
        print_where(where);
    }
    return 0;
}

int wheelctl_where(const ask_t *ask)
{
    int code;

    if (geteuid() != 0) {
        return where_by_server(ask);
    }
    code = wheel_apart(where_here, (void *)ask, WHERE_USEC);
    if (code < 0) {
        wheelctl_fail(EXIT_SERVER,
                      "the request can't be examined: the kernel keeps one of "
                      "its processes from being read, or ended the attempt");
    }
    return code;
}
