/* SPDX-License-Identifier: Apache-2.0 */
/* requests/engine.c: limits of requests, and the steps of their stops.
 *
 * Ten times a second, and when somebody stops a request, the helper checks each
 * request that runs: has it reached a limit, has its client left, and if it is
 * marked, is the next step due?  All times come from the request's own slot, so
 * that a helper which takes over goes on where the last one was.
 */
#include "requests/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "httpd.h"
#include "http_log.h"
#include "http_main.h"

#include "core/platform.h"
#include "core/proc.h"
#include "core/request_cpu.h"
#include "core/request_steps.h"
#include "requests/departed.h"
#include "requests/facts.h"
#include "requests/fpm.h"
#include "requests/processes.h"
#include "requests/steps.h"
#include "requests/where.h"
#include "requests/workers.h"
#include "server/helper.h"
#include "server/requests.h"

APLOG_USE_MODULE(wheel);

#define ENGINE_TICK_USEC (100 * 1000)

/* What one round over the slots may take; the next goes on from there.  A child
 * can say of any number of requests that PHP-FPM runs them, each of which is a
 * question to that, and who asks the helper would wait for all. */
#define ENGINE_ROUND_USEC (50 * 1000)

/* Any child can wake the helper at any time.  After a round, it rests for this
 * time, and for so many times the CPU time of the round, but for no more than a
 * tick. */
#define ENGINE_REST_USEC (5 * 1000)
#define ENGINE_REST_ROUNDS 4

/* What ends sooner is not worth a look at /proc. */
#define ENGINE_SHORT_USEC (20 * 1000)

/* How often processes of a request that is cooled down are looked for: a part
 * of a page may start some later. */
#define ENGINE_COOL_USEC (1000 * 1000)

/* What the helper remembers of the request in a slot, besides. */
typedef struct engine_note_t {
    apr_uint64_t id;
    apr_int64_t cooled_usec; /* when its processes were */
    wheel_step_e step;       /* that it has taken */
    unsigned logged;         /* limits that the log has, a bit for each mark */
    wheel_worker_t worker;   /* of PHP-FPM */
} engine_note_t;

static struct {
    engine_note_t *notes;     /* one for each slot */
    apr_int64_t next_usec;    /* when the next round begins */
    apr_int64_t soonest_usec; /* and when it may, at the earliest */
    int is_woken;             /* since the last round */
    unsigned slot;            /* that was looked at last */
    int leaves;
} engine;

/* --- Limits --------------------------------------------------------------- */

static const char *limit_name(wheel_mark_e mark)
{
    return mark == WHEEL_MARK_CPU ? "WheelCpuLimit" : "WheelTimeout";
}

static void log_limit(const wheel_request_t *request, wheel_mark_e mark,
                      const char *what)
{
    wheel_request_slots_logged(wheel_requests_slots(), mark);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "WH0103: request %" APR_UINT64_T_FMT " of handler %s has "
                 "reached %s after %" APR_TIME_T_FMT " ms and %s",
                 request->id, wheel_facts_handler_text(request),
                 limit_name(mark), apr_time_as_msec(request->elapsed), what);
}

/* A request has reached a limit whose action leaves it alive: once. */
static void let_live(const wheel_request_t *request, engine_note_t *note,
                     wheel_mark_e mark, apr_uint32_t action)
{
    if (note->logged & 1u << mark) {
        return;
    }
    note->logged |= 1u << mark;
    if (action != WHEEL_ACTION_COOLDOWN) {
        log_limit(request, mark, "runs on (action=log)");
        return;
    }
    if (!wheel_steps_cool(request)) {
        log_limit(request, mark,
                  "runs on: WheelPrivileged cooldown is not to be had");
        return;
    }
    log_limit(request, mark, "is to be cooled down (action=cooldown)");
    wheel_request_steps_logged(wheel_requests_slots(), request->slot,
                               request->id, WHEEL_STEP_COOLDOWN);
}

/* A request has reached a limit. */
static void reach(wheel_request_t *request, engine_note_t *note,
                  wheel_mark_e mark, apr_uint32_t action)
{
    if (action == WHEEL_ACTION_LOG || action == WHEEL_ACTION_COOLDOWN) {
        let_live(request, note, mark, action);
        return;
    }
    if (wheel_request_slots_mark(wheel_requests_slots(), request->slot,
                                 request->id, mark)) {
        request->mark = mark;
        request->marked = 0;
    }
}

/* A request without a CPU limit doesn't ask for its thread's CPU time when it
 * begins: note it for the status.  A thread that runs has done so until now,
 * one that sleeps has used next to nothing. */
static void note_cpu(const wheel_request_t *request)
{
    int asleep = 0;
    apr_int64_t now;

    if (request->facts.began_cpu_usec != -1 || request->tid <= 0 ||
        request->elapsed < ENGINE_SHORT_USEC) {
        return;
    }
    now = wheel_proc_thread_usec(request->pid, request->tid, &asleep);
    if (!asleep) {
        now -= request->elapsed < ENGINE_TICK_USEC ? request->elapsed
                                                   : ENGINE_TICK_USEC;
    }
    wheel_request_slots_cpu_began(wheel_requests_slots(), request->slot,
                                  request->id, now > 0 ? now : 0);
}

/* Processes may use several cores at a time, the thread one. */
static int may_have_used(const wheel_request_t *request, apr_int64_t usec)
{
    return request->has_processes || request->elapsed >= usec;
}

static void look_at_limits(wheel_request_t *request, engine_note_t *note)
{
    const wheel_request_facts_t *facts = &request->facts;
    int asleep;

    if (facts->wait_max > 0 && request->elapsed >= facts->wait_max) {
        reach(request, note, WHEEL_MARK_DEADLINE, facts->wait_action);
    }
    if (request->mark == WHEEL_MARK_NONE && facts->cpu_max > 0 &&
        !(note->logged & 1u << WHEEL_MARK_CPU) &&
        may_have_used(request, facts->cpu_max) &&
        wheel_request_cpu_usec(wheel_requests_slots(), request,
                               wheel_processes_trees(),
                               &asleep) >= facts->cpu_max &&
        wheel_worker_is_sure(request, &note->worker)) {
        reach(request, note, WHEEL_MARK_CPU, facts->cpu_action);
    }
}

/* --- Clients -------------------------------------------------------------- */

/* An answer that the MPM sends notices by itself. */
static void check_client(wheel_request_t *request, engine_note_t *note)
{
    if (request->facts.connection.family && request->tid > 0 &&
        wheel_departed_poll(&request->facts.connection)) {
        reach(request, note, WHEEL_MARK_GONE, WHEEL_ACTION_STOP);
    }
}

/* --- Steps ---------------------------------------------------------------- */

/* The process is told at each tick: PHP may not have been executing its script
 * the last time.  Its engine is told once for each step.  What it has started
 * is told before: a second signal ends the process of PHP, and its programs
 * could not be found any more. */
static void take_steps(const wheel_request_t *request, engine_note_t *note)
{
    wheel_step_e step = wheel_steps_due(request);

    if (step == WHEEL_STEP_REFUSE) {
        return;
    }
    if (note->step < step || step >= WHEEL_STEP_FORCE) {
        wheel_processes_signal(request,
                               wheel_steps_force(request) ? SIGKILL : SIGTERM);
    }
    if (!wheel_request_slots_interrupt(wheel_requests_slots(), request->slot,
                                       request->id, step)) {
        return;
    }
    wheel_worker_interrupt(request, &note->worker, step);
    wheel_steps_take(request, step);
    note->step = step;
}

/* Its thread, which waits for them, is all that the privileged process has
 * cooled down. */
static void cool_processes(const wheel_request_t *request, engine_note_t *note,
                           apr_int64_t now)
{
    if (request->cooled && now - note->cooled_usec >= ENGINE_COOL_USEC) {
        wheel_processes_cool(request);
        note->cooled_usec = now;
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
    if (wheel_proc_hidden()) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0109: /proc shows the helper no process of this server "
                     "(hidepid=, ProtectProc=, or a ChrootDir without /proc): "
                     "WheelCpuLimit counts nothing but processes of scripts");
    }
    engine.notes = calloc(wheel_request_slots_max(wheel_requests_slots()),
                          sizeof(*engine.notes));
    wheel_fpm_thaw();
}

static unsigned prepare(struct pollfd *fds, unsigned fds_max,
                        apr_int64_t *until_usec)
{
    if (!engine.notes || engine.leaves) {
        return 0;
    }
    if (engine.next_usec < *until_usec) {
        *until_usec = engine.next_usec;
    }
    if (engine.is_woken || fds_max == 0) {
        return 0;
    }
    fds[0].fd = wheel_request_slots_wake_fd(wheel_requests_slots());
    fds[0].events = POLLIN;
    return 1;
}

/* @return 0 if nothing runs in that slot */
static int look_at(unsigned n, apr_int64_t now)
{
    engine_note_t *note = &engine.notes[n];
    wheel_request_t request;

    if (!wheel_request_slots_copy(wheel_requests_slots(), n, now, &request)) {
        return 0;
    }
    if (note->id != request.id) {
        memset(note, 0, sizeof(*note));
        note->id = request.id;
    }
    note_cpu(&request);
    wheel_where_look(&request);
    wheel_worker_follow(&request, &note->worker);
    if (request.mark == WHEEL_MARK_NONE) {
        look_at_limits(&request, note);
    }
    if (request.mark == WHEEL_MARK_NONE) {
        check_client(&request, note);
    }
    if (request.mark != WHEEL_MARK_NONE) {
        take_steps(&request, note);
    }
    wheel_steps_take_asked(&request);
    cool_processes(&request, note, now);
    return 1;
}

/* @return 0 if the time was too short for all */
static int look_at_all(void)
{
    unsigned max = wheel_request_slots_max(wheel_requests_slots());
    apr_int64_t began = wheel_clock_usec();
    unsigned n;

    for (n = 0; n < max; n++) {
        engine.slot = (engine.slot + 1) % max;
        if (look_at(engine.slot, began) &&
            wheel_clock_usec() - began >= ENGINE_ROUND_USEC) {
            return 0;
        }
    }
    return 1;
}

static void begin_sooner(void)
{
    if (engine.soonest_usec < engine.next_usec) {
        engine.next_usec = engine.soonest_usec;
    }
}

static void be_woken(void)
{
    wheel_request_slots_wake_clear(wheel_requests_slots());
    engine.is_woken = 1;
    begin_sooner();
}

static void run_round(void)
{
    apr_int64_t used = wheel_clock_thread_usec();
    int whole = look_at_all();
    apr_int64_t now;

    wheel_processes_end_left();
    wheel_processes_forget();
    now = wheel_clock_usec();
    used = wheel_clock_thread_usec() - used;
    engine.next_usec = now + ENGINE_TICK_USEC;
    engine.soonest_usec = now + ENGINE_REST_USEC + ENGINE_REST_ROUNDS * used;
    if (!whole) {
        begin_sooner();
    }
}

static void serve(const struct pollfd *fds, unsigned fds_n)
{
    if (fds_n > 0 && fds[0].revents) {
        be_woken();
    }
    if (engine.notes && !engine.leaves &&
        wheel_clock_usec() >= engine.next_usec) {
        engine.is_woken = 0;
        run_round();
    }
}

static void leave(wheel_helper_why_e why)
{
    (void)why;
    engine.leaves = 1;
}

static int busy(void)
{
    return 0;
}

static const wheel_helper_part_t part = {wanted, begin, prepare,
                                         serve,  leave, busy};

void wheel_engine_register(apr_pool_t *pconf)
{
    (void)pconf;
    memset(&engine, 0, sizeof(engine));
    wheel_helper_add(&part);
}
