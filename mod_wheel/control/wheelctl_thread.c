/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_thread.c: what wheelctl does with the thread of one request:
 * where, cut, cool.
 *
 * As root it examines and frees a thread by itself; it takes from the server
 * only which thread that is, and proves that its process is the server's.
 * Otherwise it asks the server, where WheelPrivileged may allow it.
 */
#include "control/wheelctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apr_strings.h"

#include "control/wheelctl_stack.h"
#include "core/proc.h"
#include "core/thread_cut.h"
#include "core/thread_wait.h"

/* CPU time is measured for so long. */
#define MEASURE_USEC (20 * 1000)

/* How long a thread is tried to be freed. */
#define CUT_USEC APR_USEC_PER_SEC
#define CUT_STEP_USEC (10 * 1000)

/* A thread as the server names it. */
typedef struct thread_t {
    apr_uint64_t id;
    pid_t pid;
    pid_t tid;
    int client_fd;
    int marked;
    pid_t server;
    const char *socket;
} thread_t;

/* --- Which thread --------------------------------------------------------- */

/* Ask one command for one id. */
static answer_t ask_for(const char *socket, apr_uint64_t id, const char *verb)
{
    ask_t ask;

    memset(&ask, 0, sizeof(ask));
    ask.socket = socket;
    ask.verb = verb;
    ask.filter.id = id;
    return wheelctl_ask(&ask);
}

static json_int_t number(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}

/* @return 0 if no such request runs */
static int find_thread(const char *socket, apr_uint64_t id, thread_t *thread)
{
    answer_t answer = ask_for(socket, id, "thread");
    const char *stopped_by =
        json_string_value(json_object_get(answer.json, "stopped_by"));

    memset(thread, 0, sizeof(*thread));
    thread->id = id;
    thread->socket = socket;
    thread->server = answer.server;
    thread->pid = (pid_t)number(answer.json, "pid");
    thread->tid = (pid_t)number(answer.json, "thread");
    thread->client_fd = (int)number(answer.json, "client_fd");
    thread->marked = stopped_by && strcmp(stopped_by, "none");
    json_decref(answer.json);
    return answer.status == 200 && thread->pid > 1 && thread->tid > 1;
}

/* A job of the API: its companion's thread, out of the list. */
static int find_companion(const ask_t *ask, thread_t *thread)
{
    answer_t answer = ask_for(ask->socket, ask->filter.id, "list");
    const json_t *row =
        json_array_get(json_object_get(answer.json, "running"), 0);

    thread->id = ask->filter.id;
    thread->server = answer.server;
    thread->pid = (pid_t)number(row, "pid");
    thread->tid = (pid_t)number(row, "thread");
    json_decref(answer.json);
    return thread->pid > 1 && thread->tid > 1;
}

static void check_server(const thread_t *thread)
{
    if (!wheel_proc_belongs(thread->pid, thread->server, WHEEL_NOT_ROOT)) {
        wheelctl_fail(
            EXIT_SERVER,
            "process %ld, which the server names, is none that serves "
            "requests",
            (long)thread->pid);
    }
}

/* --- Where ---------------------------------------------------------------- */

static json_t *stack_of(const thread_t *thread)
{
    static wheel_stack_frame_t frames[WHEEL_STACK_FRAMES_MAX];
    json_t *stack = json_array();
    unsigned frames_n;
    unsigned n;
    const char *error =
        wheel_stack_read(thread->pid, thread->tid, frames, &frames_n);

    for (n = 0; n < frames_n; n++) {
        json_array_append_new(stack, json_string(frames[n].text));
    }
    if (error) {
        fprintf(stderr, "wheelctl: no stack: %s\n", error);
    }
    return stack;
}

/* What is seen of a thread, by this process. */
static json_t *examine(const thread_t *thread)
{
    char text[WHEEL_WAIT_TEXT_BYTES];
    char state[2] = {0, 0};
    wheel_thread_wait_t before;
    wheel_thread_wait_t after;
    apr_int64_t began = wheel_clock_usec();
    double share;
    apr_status_t rv;

    rv = wheel_thread_wait_read(thread->pid, thread->tid, &before);
    usleep(MEASURE_USEC);
    if (rv == APR_SUCCESS) {
        rv = wheel_thread_wait_read(thread->pid, thread->tid, &after);
    }
    if (rv != APR_SUCCESS) {
        wheelctl_fail(EXIT_SERVER, "thread %ld of process %ld: %s",
                      (long)thread->tid, (long)thread->pid,
                      APR_STATUS_IS_EACCES(rv) ? "it takes CAP_SYS_PTRACE"
                                               : "it has ended");
    }
    share = (double)(after.cpu_usec - before.cpu_usec) /
            (double)(wheel_clock_usec() - began);
    wheel_thread_wait_text(&after, text);
    state[0] = after.state;
    return json_pack("{s:I, s:i, s:i, s:s, s:s, s:f, s:o}", "id",
                     (json_int_t)thread->id, "pid", (int)thread->pid, "thread",
                     (int)thread->tid, "state", state, "waits_for", text,
                     "cores", share, "stack", stack_of(thread));
}

static void print_where(const json_t *where)
{
    const json_t *frame;
    size_t n;

    printf("process %s, thread %s, state %s, %.2f of a core\n"
           "waits for: %s\n",
           wheelctl_cell(where, "pid"), wheelctl_cell(where, "thread"),
           wheelctl_cell(where, "state"),
           json_real_value(json_object_get(where, "cores")),
           wheelctl_cell(where, "waits_for"));
    json_array_foreach(json_object_get(where, "stack"), n, frame)
    {
        printf("  #%-2u %s\n", (unsigned)n,
               wheelctl_printable(json_string_value(frame),
                                  WHEEL_STACK_TEXT_BYTES));
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

int wheelctl_where(const ask_t *ask)
{
    thread_t thread;
    json_t *where;

    if (geteuid() != 0) {
        return where_by_server(ask);
    }
    if (!find_thread(ask->socket, ask->filter.id, &thread) &&
        !find_companion(ask, &thread)) {
        wheelctl_fail(EXIT_NONE,
                      "no job runs that has the id %" APR_UINT64_T_FMT,
                      ask->filter.id);
    }
    check_server(&thread);
    where = examine(&thread);
    if (ask->json) {
        printf("%s\n", json_dumps(where, JSON_COMPACT));
    }
    else {
        print_where(where);
    }
    return 0;
}

/* --- Cut ------------------------------------------------------------------ */

/* Between two readings of the thread's state that have to be equal. */
static int same_and_marked(void *baton)
{
    const thread_t *was = baton;
    thread_t now;

    return find_thread(was->socket, was->id, &now) && now.marked &&
           now.pid == was->pid && now.tid == was->tid;
}

/* The thread may be between two waits: it is tried for a second. */
static const char *cut_here(const char *socket, apr_uint64_t id)
{
    apr_int64_t until = wheel_clock_usec() + CUT_USEC;
    wheel_cut_e cut = WHEEL_CUT_OTHER_JOB;
    thread_t thread;

    while (find_thread(socket, id, &thread)) {
        wheel_cut_target_t target = {
            thread.server,    WHEEL_NOT_ROOT,  thread.pid, thread.tid,
            thread.client_fd, same_and_marked, &thread,
        };

        cut = wheel_thread_cut(&target);
        if (cut != WHEEL_CUT_RUNNING || wheel_clock_usec() >= until) {
            break;
        }
        usleep(CUT_STEP_USEC);
    }
    return wheel_cut_name(cut);
}

static const char *cut_by_server(const char *socket, apr_uint64_t id)
{
    answer_t answer = ask_for(socket, id, "cut");
    const json_t *said = json_object_get(
        answer.json, answer.status == 200 ? "outcome" : "detail");

    return json_is_string(said) ? wheelctl_printable(json_string_value(said),
                                                     WHEEL_WAIT_TEXT_BYTES)
                                : "no answer";
}

void wheelctl_cut(const ask_t *ask, const json_t *rows)
{
    const json_t *row;
    size_t n;

    json_array_foreach(rows, n, row)
    {
        apr_uint64_t id = (apr_uint64_t)number(row, "id");

        fprintf(stderr, "wheelctl: %" APR_UINT64_T_FMT ": %s\n", id,
                geteuid() == 0 ? cut_here(ask->socket, id)
                               : cut_by_server(ask->socket, id));
    }
}

/* --- Cool down ------------------------------------------------------------ */

int wheelctl_cool(const ask_t *ask)
{
    answer_t answer = wheelctl_ask(ask);

    if (answer.status != 200) {
        wheelctl_fail_as_told(ask, &answer);
    }
    if (ask->json) {
        wheelctl_print_json(answer.text);
    }
    else {
        printf("%s\n", wheelctl_cell(answer.json, "outcome"));
    }
    return 0;
}
