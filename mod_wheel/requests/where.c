/* SPDX-License-Identifier: Apache-2.0 */
/* requests/where.c: where requests are stuck: what their threads wait for, and
 * the CPU time of their last second.
 *
 * Runs in the helper.  State and CPU time of a thread can be read by anybody;
 * what it waits for and its stack come from the privileged process.  Requests
 * that have run for a second are examined once a second, so many of them at
 * most; the log has each once, so many a second at most, so that a dead backend
 * doesn't fill the disk.
 */
#include "requests/where.h"

#include <stdlib.h>
#include <string.h>

#include "httpd.h"

#include "apr_strings.h"
#include "http_log.h"
#include "http_main.h"

#include "core/proc.h"
#include "core/request_cpu.h"
#include "core/request_where.h"
#include "requests/facts.h"
#include "requests/processes.h"
#include "requests/where_stack.h"
#include "server/helper.h"
#include "server/privileged.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

#define WHERE_AFTER_USEC APR_USEC_PER_SEC
#define WHERE_EVERY_USEC APR_USEC_PER_SEC

/* What may be done in one second: requests examined, and lines in the log. */
#define WHERE_EXAMINED_MAX 32
#define WHERE_LOGGED_MAX 2

/* The privileged process takes a tenth of a millisecond, if it gets the CPU: to
 * stop a thread that computes, this has to run as well.  If it has not answered
 * in time, it is left alone for a while; a stack is tried again. */
#define WHERE_WAIT_USEC (300 * 1000)
#define WHERE_PAUSE_USEC APR_USEC_PER_SEC
#define WHERE_TRIES 5

/* What is remembered of the request in a slot. */
typedef struct where_note_t {
    apr_uint64_t id;
    apr_int64_t examined_usec; /* 0: not yet */
    apr_int64_t cpu_usec;      /* that it had used by then */
    int logged;
    int missed;      /* tries for the log that nobody has answered */
    int stack_tries; /* that are left */
} where_note_t;

static struct {
    where_note_t *notes; /* one for each slot */
    apr_int64_t second_usec;
    int hidden;   /* /proc shows no thread of a child */
    int examined; /* in this second, and so on */
    int logged;
    apr_int64_t pause_usec; /* until when nobody asks for privilege */
} where;

/* --- Examine -------------------------------------------------------------- */

static void begin_second(apr_int64_t now)
{
    if (now - where.second_usec >= APR_USEC_PER_SEC) {
        where.second_usec = now;
        where.examined = where.logged = 0;
    }
}

/* CPU time a second since the request was last examined, a second ago unless
 * something has kept this process; the first time, since it began. */
static apr_int32_t cpu_msec(const wheel_request_t *request,
                            const where_note_t *note, apr_int64_t cpu_usec,
                            apr_int64_t now)
{
    apr_int64_t since =
        note->examined_usec ? now - note->examined_usec : request->elapsed;
    apr_int64_t used = cpu_usec - note->cpu_usec;

    return since > 0 && used >= 0 ? (apr_int32_t)(used * 1000 / since) : -1;
}

static int may_ask(apr_int64_t now)
{
    return wheel_privileged_steps() & WHEEL_PRIVILEGED_WHERE &&
           now >= where.pause_usec;
}

static void ask(const wheel_request_t *request, apr_int64_t now,
                wheel_request_where_t *found)
{
    char text[WHEEL_PRIVILEGED_TEXT_BYTES];
    apr_status_t rv;

    if (!may_ask(now)) {
        return;
    }
    rv = wheel_privileged_call(WHEEL_PRIVILEGED_DO_WHERE, request, text,
                               WHERE_WAIT_USEC);
    if (rv != APR_SUCCESS) {
        where.pause_usec = now + WHERE_PAUSE_USEC;
    }
    wheel_request_text(found->waits_for, sizeof(found->waits_for), text);
}

/* @return 0 if its thread is gone */
static int examine(const wheel_request_t *request, where_note_t *note,
                   apr_int64_t now, wheel_request_where_t *found)
{
    char state = wheel_proc_thread_state(request->pid, request->tid);
    apr_int64_t cpu_usec;
    int asleep;

    memset(found, 0, sizeof(*found));
    if (!state && !where.hidden) {
        return 0;
    }
    cpu_usec = wheel_request_cpu_usec(wheel_requests_slots(), request,
                                      wheel_processes_trees(), &asleep);
    found->state[0] = state ? state : '?';
    found->cpu_msec = state ? cpu_msec(request, note, cpu_usec, now) : -1;
    ask(request, now, found);
    wheel_request_where_set(wheel_requests_slots(), request->slot, request->id,
                            found);
    wheel_request_trace_want(wheel_requests_slots(), request->slot,
                             request->id);
    note->examined_usec = now;
    note->cpu_usec = cpu_usec;
    where.examined++;
    return 1;
}

/* --- The log -------------------------------------------------------------- */

static const char *cpu_text(apr_int32_t msec, char *text, size_t text_bytes)
{
    if (msec < 0) {
        return "an unknown number of";
    }
    apr_snprintf(text, text_bytes, "%d.%02d", msec / 1000, msec % 1000 / 10);
    return text;
}

static const char *unknown(void)
{
    return wheel_privileged_steps() & WHEEL_PRIVILEGED_WHERE
               ? "not known: the privileged process is slow to answer"
               : "not known without WheelPrivileged where";
}

static void log_where(const wheel_request_t *request,
                      const wheel_request_where_t *found)
{
    char trace[WHEEL_REQUEST_TRACE_BYTES] = "";
    char cpu[32];
    int has_trace = wheel_request_trace_get(wheel_requests_slots(),
                                            request->slot, request->id, trace);

    ap_log_error(
        APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
        "WH0130: request %" APR_UINT64_T_FMT
        " of handler %s has run for %" APR_TIME_T_FMT
        " ms: %s %s%s, process %" APR_PID_T_FMT ", thread %" APR_PID_T_FMT
        " in state %s, %s CPU seconds a second, waits for: "
        "%s%s%s",
        request->id, wheel_facts_handler_text(request),
        apr_time_as_msec(request->elapsed), request->facts.method,
        request->facts.host, request->facts.path, request->pid, request->tid,
        found->state, cpu_text(found->cpu_msec, cpu, sizeof(cpu)),
        *found->waits_for ? found->waits_for : unknown(),
        has_trace ? "; in its script: " : "", trace);
}

/* --- Each request --------------------------------------------------------- */

/* A line of the log with a stack waits for the stack before it. */
static int log_is_due(const wheel_request_t *request, const where_note_t *note,
                      apr_int64_t now)
{
    return request->facts.log_after > 0 && !note->logged &&
           request->elapsed >= request->facts.log_after &&
           where.logged < WHERE_LOGGED_MAX && now >= where.pause_usec &&
           !wheel_where_stack_busy();
}

/* What nobody has answered in time is tried again before the log has less. */
static void log_once(const wheel_request_t *request, where_note_t *note,
                     apr_int64_t now)
{
    wheel_request_where_t found;
    int there = examine(request, note, now, &found);

    if (there && now < where.pause_usec && ++note->missed < WHERE_TRIES) {
        return;
    }
    note->logged = 1;
    where.logged++;
    if (there) {
        log_where(request, &found);
        note->stack_tries = may_ask(now) ? WHERE_TRIES : 0;
    }
}

/* Once a second, and a second before the log is to have it. */
static int look_is_due(const wheel_request_t *request, const where_note_t *note,
                       apr_int64_t now)
{
    apr_interval_time_t log_after = request->facts.log_after;
    int is_wanted = wheel_privileged_steps() & WHEEL_PRIVILEGED_WHERE ||
                    (log_after > 0 && !note->logged &&
                     request->elapsed >= log_after - WHERE_AFTER_USEC);

    return is_wanted && request->elapsed >= WHERE_AFTER_USEC &&
           now - note->examined_usec >= WHERE_EVERY_USEC &&
           where.examined < WHERE_EXAMINED_MAX;
}

void wheel_where_look(const wheel_request_t *request)
{
    where_note_t *note = &where.notes[request->slot];
    wheel_request_where_t found;
    apr_int64_t now;

    if (request->tid <= 0 || !where.notes ||
        (request->elapsed < WHERE_AFTER_USEC && !request->facts.log_after)) {
        return;
    }
    now = wheel_clock_usec();
    begin_second(now);
    if (note->id != request->id) {
        memset(note, 0, sizeof(*note));
        note->id = request->id;
    }
    if (log_is_due(request, note, now)) {
        log_once(request, note, now);
    }
    else if (note->stack_tries > 0 && !wheel_where_stack_busy()) {
        note->stack_tries--;
        if (wheel_where_stack_log(request, WHERE_WAIT_USEC,
                                  note->stack_tries == 0)) {
            note->stack_tries = 0;
        }
    }
    else if (look_is_due(request, note, now)) {
        examine(request, note, now, &found);
    }
}

/* --- In the helper -------------------------------------------------------- */

static int wanted(void)
{
    return wheel_requests_slots() != NULL;
}

static void begin(apr_pool_t *pool)
{
    (void)pool;
    where.hidden = wheel_proc_hidden();
    where.notes = calloc(wheel_request_slots_max(wheel_requests_slots()),
                         sizeof(*where.notes));
}

static void leave(wheel_helper_why_e why)
{
    (void)why;
}

static int busy(void)
{
    return 0;
}

static const wheel_helper_part_t part = {
    wanted, begin, wheel_where_stack_prepare, wheel_where_stack_serve,
    leave,  busy};

void wheel_where_register(apr_pool_t *pconf)
{
    (void)pconf;
    memset(&where, 0, sizeof(where));
    wheel_helper_add(&part);
}
