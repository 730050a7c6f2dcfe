/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_thread.c: what wheelctl does with the thread of one request:
 * cut, cool, drain; and which thread that is, for where as well.
 *
 * As root it examines and frees a thread by itself; it takes from the server
 * only which thread that is, and proves that its process is the server's.
 * Otherwise it asks the server, where WheelPrivileged may allow it.
 */
#include "control/wheelctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apr_strings.h"

#include "core/apart.h"
#include "core/proc.h"
#include "core/thread_cut.h"
#include "core/thread_wait.h"

/* How long a thread is tried to be freed. */
#define CUT_USEC APR_USEC_PER_SEC
#define CUT_STEP_USEC (10 * 1000)

/* All of that: the kernel may keep a process from being read. */
#define CUT_GIVE_UP_USEC (30 * APR_USEC_PER_SEC)

/* Added to what came of a cut: smaller codes are those of wheelctl. */
#define CUT_CODE 100

#define TRACE_BYTES 300

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
static int find_thread(const char *socket, apr_uint64_t id,
                       wheelctl_thread_t *thread)
{
    answer_t answer = ask_for(socket, id, "thread");
    const char *stopped_by =
        json_string_value(json_object_get(answer.json, "stopped_by"));
    const char *text = json_string_value(json_object_get(answer.json, "trace"));

    memset(thread, 0, sizeof(*thread));
    thread->id = id;
    thread->socket = socket;
    thread->server = answer.server;
    thread->pid = (pid_t)number(answer.json, "pid");
    thread->tid = (pid_t)number(answer.json, "thread");
    thread->client_fd = (int)number(answer.json, "client_fd");
    thread->began_usec = number(answer.json, "began_usec");
    thread->is_cgi = json_is_true(json_object_get(answer.json, "cgi"));
    thread->trace = text ? wheelctl_printable(text, TRACE_BYTES) : "";
    thread->marked = stopped_by && strcmp(stopped_by, "none");
    json_decref(answer.json);
    return answer.status == 200 && thread->pid > 1 && thread->tid > 1;
}

/* A job of the API: its companion's thread, out of the list. */
static int find_companion(const ask_t *ask, wheelctl_thread_t *thread)
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

static void check_server(const wheelctl_thread_t *thread)
{
    if (!wheel_proc_belongs(thread->pid, thread->server, WHEEL_NOT_ROOT)) {
        wheelctl_fail(
            EXIT_SERVER,
            "process %ld, which the server names, is none that serves "
            "requests",
            (long)thread->pid);
    }
}

int wheelctl_thread_again(wheelctl_thread_t *thread)
{
    return find_thread(thread->socket, thread->id, thread);
}

void wheelctl_thread_find(const ask_t *ask, wheelctl_thread_t *thread)
{
    if (!find_thread(ask->socket, ask->filter.id, thread) &&
        !find_companion(ask, thread)) {
        wheelctl_fail(EXIT_NONE,
                      "no job runs that has the id %" APR_UINT64_T_FMT,
                      ask->filter.id);
    }
    check_server(thread);
}

/* --- Cut ------------------------------------------------------------------ */

/* Between two readings of the thread's state that have to be equal. */
static int same_and_marked(void *baton)
{
    const wheelctl_thread_t *was = baton;
    wheelctl_thread_t now;

    return find_thread(was->socket, was->id, &now) && now.marked &&
           now.pid == was->pid && now.tid == was->tid;
}

/* Whose thread is to be freed. */
typedef struct cut_job_t {
    const char *socket;
    apr_uint64_t id;
} cut_job_t;

/* The thread may be between two waits: it is tried for a second. */
static int cut_apart(void *baton)
{
    const cut_job_t *job = baton;
    apr_int64_t until = wheel_clock_usec() + CUT_USEC;
    wheel_cut_e cut = WHEEL_CUT_OTHER_JOB;
    wheelctl_thread_t thread;

    while (find_thread(job->socket, job->id, &thread)) {
        wheel_cut_target_t target = {
            thread.server,    WHEEL_NOT_ROOT,  thread.pid, thread.tid,
            thread.client_fd, same_and_marked, &thread,
        };

        cut = wheel_thread_cut(&target);
        if ((cut != WHEEL_CUT_RUNNING && cut != WHEEL_CUT_TRACED) ||
            wheel_clock_usec() >= until) {
            break;
        }
        usleep(CUT_STEP_USEC);
    }
    return CUT_CODE + (int)cut;
}

/* Its end lets the thread go, too. */
static const char *cut_here(const char *socket, apr_uint64_t id)
{
    cut_job_t job = {socket, id};
    int code = wheel_apart(cut_apart, &job, CUT_GIVE_UP_USEC);

    if (code >= 0 && code < CUT_CODE) {
        exit(code); /* it has said why */
    }
    return code < 0 ? "given up: the kernel keeps its process from being read"
                    : wheel_cut_name((wheel_cut_e)(code - CUT_CODE));
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

/* --- What the server does ------------------------------------------------- */

int wheelctl_act(const ask_t *ask)
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
