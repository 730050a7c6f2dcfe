/* SPDX-License-Identifier: Apache-2.0 */
/* server/privileged_ask.c: messages to the privileged process, and its answers.
 *
 * For the helper's main thread; a worker waits here until its thread is back to
 * normal.
 */
#include "server/privileged_private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/proc.h"
#include "core/request_steps.h"
#include "server/requests.h"

/* How often a worker checks whether its thread is back to normal, and for how
 * long at most. */
#define WARM_STEP_USEC 500
#define WARM_WAIT_USEC APR_USEC_PER_SEC

/* An answer of either kind. */
typedef union privileged_any_t {
    privileged_answer_t text;
    privileged_copy_t copy;
} privileged_any_t;

/* For the one who logs and counts the steps of a stop. */
static void note_step(wheel_privileged_do_e what,
                      const wheel_request_t *request)
{
    if (what == WHEEL_PRIVILEGED_DO_CUT || what == WHEEL_PRIVILEGED_DO_COOL) {
        wheel_request_steps_taken(
            wheel_requests_slots(), request->slot, request->id,
            what == WHEEL_PRIVILEGED_DO_CUT ? WHEEL_STEP_CUT
                                            : WHEEL_STEP_COOLDOWN);
    }
}

static apr_status_t send_message(wheel_privileged_do_e what,
                                 const wheel_request_t *request,
                                 apr_uint64_t number)
{
    privileged_message_t message = {number,        request->id,  what,
                                    request->slot, request->pid, request->tid};

    if (!(wheel_privileged_steps() & privileged_step_of(what))) {
        return APR_ENOTIMPL;
    }
    if (send(privileged_helper_fd(), &message, sizeof(message),
             MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(message)) {
        return APR_FROM_OS_ERROR(errno);
    }
    note_step(what, request);
    return APR_SUCCESS;
}

apr_status_t wheel_privileged_ask(wheel_privileged_do_e what,
                                  const wheel_request_t *request)
{
    return send_message(what, request, 0);
}

/* Bounded, printable text. */
static void take_text(const privileged_answer_t *answer, char *text)
{
    size_t n;

    for (n = 0; n < WHEEL_PRIVILEGED_TEXT_BYTES - 1 && answer->text[n]; n++) {
        text[n] = answer->text[n] < ' ' || answer->text[n] > '~'
                      ? '?'
                      : answer->text[n];
    }
    text[n] = '\0';
}

/* The answer of that number; one that came too late for an earlier message is
 * dropped.
 * @param bytes set to its size */
static apr_status_t read_answer(apr_uint64_t number, privileged_any_t *answer,
                                ssize_t *bytes, apr_int64_t until_usec)
{
    struct pollfd wait = {privileged_helper_fd(), POLLIN, 0};
    apr_int64_t left = until_usec - wheel_clock_usec();

    while (left > 0 && poll(&wait, 1, (int)(left / 1000) + 1) > 0) {
        *bytes = recv(wait.fd, answer, sizeof(*answer), MSG_DONTWAIT);
        if (*bytes == 0) {
            return APR_EOF;
        }
        if (*bytes >= (ssize_t)sizeof(answer->text) &&
            answer->text.number == number) {
            return APR_SUCCESS;
        }
        left = until_usec - wheel_clock_usec();
    }
    return APR_TIMEUP;
}

/* Of this helper alone: the one before may still wait for answers. */
static apr_uint64_t next_number(void)
{
    static apr_uint64_t last;

    if (!last) {
        last = (apr_uint64_t)getpid() << 32;
    }
    return ++last;
}

/* Send a message and read its answer, which is static. */
static apr_status_t call(wheel_privileged_do_e what,
                         const wheel_request_t *request,
                         const privileged_any_t **answer, ssize_t *bytes,
                         apr_interval_time_t wait_max)
{
    static privileged_any_t read;
    apr_int64_t until = wheel_clock_usec() + wait_max;
    apr_uint64_t number = next_number();
    apr_status_t rv = send_message(what, request, number);

    *answer = &read;
    return rv == APR_SUCCESS ? read_answer(number, &read, bytes, until) : rv;
}

apr_status_t wheel_privileged_call(wheel_privileged_do_e what,
                                   const wheel_request_t *request, char *text,
                                   apr_interval_time_t wait_max)
{
    const privileged_any_t *answer;
    ssize_t bytes;
    apr_status_t rv = call(what, request, &answer, &bytes, wait_max);

    text[0] = '\0';
    if (rv == APR_SUCCESS) {
        take_text(&answer->text, text);
    }
    return rv;
}

apr_status_t wheel_privileged_copy(const wheel_request_t *request,
                                   wheel_thread_copy_t *copy, char *text,
                                   apr_interval_time_t wait_max)
{
    const privileged_any_t *answer;
    ssize_t bytes = 0;
    apr_status_t rv =
        call(WHEEL_PRIVILEGED_DO_COPY, request, &answer, &bytes, wait_max);

    text[0] = '\0';
    if (rv == APR_SUCCESS && bytes == sizeof(answer->text)) {
        take_text(&answer->text, text);
        return APR_EGENERAL;
    }
    if (rv == APR_SUCCESS) {
        *copy = answer->copy.copy;
    }
    return rv;
}

/* The privileged process sees by itself that the request has ended. */
void wheel_privileged_be_warm(unsigned slot, apr_uint64_t id)
{
    apr_int64_t until = wheel_clock_usec() + WARM_WAIT_USEC;

    while (wheel_request_slots_cooled(wheel_requests_slots(), slot, id) &&
           wheel_clock_usec() < until) {
        apr_sleep(WARM_STEP_USEC);
    }
}
