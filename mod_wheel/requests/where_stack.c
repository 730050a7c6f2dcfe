/* SPDX-License-Identifier: Apache-2.0 */
/* requests/where_stack.c: the native stack of a request, in the log.
 *
 * A stack is bytes of a child, which may be hostile: another process makes
 * names of it, by core/thread_names.h.  The list of mappings is the helper's
 * own, which has the modules at the addresses that they have in children of the
 * same generation.
 */
#include "requests/where_stack.h"

#include <string.h>
#include <unistd.h>

#include "apr_strings.h"
#include "httpd.h"
#include "http_log.h"
#include "http_main.h"

#include "core/proc.h"
#include "core/thread_names.h"
#include "server/privileged.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* A line of httpd's log has room for 8 KB. */
#define STACK_LOG_BYTES 4096

/* It takes some hundredths of a second; beside other load, it has time. */
#define STACK_WAIT_USEC (30 * APR_USEC_PER_SEC)

static struct {
    wheel_names_t names;
    apr_uint64_t id;
} stack;

int wheel_where_stack_busy(void)
{
    return stack.names.pid != 0;
}

static void log_text(apr_uint64_t id, const char *text)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "WH0131: request %" APR_UINT64_T_FMT ": stack: %s", id, text);
}

static void start_naming(const wheel_request_t *request,
                         const wheel_thread_copy_t *copy)
{
    wheel_mappings_t mappings;
    const char *error = wheel_mappings_open(getpid(), &mappings);

    if (!error) {
        error = wheel_names_begin(&stack.names, copy, &mappings,
                                  wheel_clock_usec() + STACK_WAIT_USEC);
        wheel_mappings_close(&mappings);
    }
    stack.id = request->id;
    if (error) {
        log_text(request->id, error);
    }
}

int wheel_where_stack_log(const wheel_request_t *request,
                          apr_interval_time_t wait_max, int last)
{
    static wheel_thread_copy_t copy;
    char text[WHEEL_PRIVILEGED_TEXT_BYTES] = "";
    apr_status_t rv;

    if (request->facts.generation != wheel_process_generation()) {
        log_text(request->id, "not known: its process is older than the last "
                              "restart; wheelctl where can tell");
        return 1;
    }
    rv = wheel_privileged_copy(request, &copy, text, wait_max);
    if (rv == APR_SUCCESS) {
        start_naming(request, &copy);
    }
    else if (*text || last) {
        log_text(request->id,
                 *text ? text
                       : "the privileged process did not answer in time");
    }
    return rv == APR_SUCCESS || *text;
}

/* One frame a line becomes one line. */
static void finish(void)
{
    const char *error = wheel_names_end(&stack.names);
    char text[STACK_LOG_BYTES] = "";
    const char *separator = "";
    char *frame;
    char *rest;

    for (frame = apr_strtok(stack.names.text, "\n", &rest); !error && frame;
         frame = apr_strtok(NULL, "\n", &rest)) {
        size_t used = strlen(text);

        apr_snprintf(text + used, sizeof(text) - used, "%s%s", separator,
                     frame);
        separator = " < ";
    }
    log_text(stack.id, error ? error : text);
}

unsigned wheel_where_stack_prepare(struct pollfd *fds, unsigned fds_max,
                                   apr_int64_t *until_usec)
{
    if (!stack.names.pid || !fds_max) {
        return 0;
    }
    if (stack.names.until_usec < *until_usec) {
        *until_usec = stack.names.until_usec;
    }
    fds[0].fd = stack.names.fd;
    fds[0].events = POLLIN;
    return 1;
}

void wheel_where_stack_serve(const struct pollfd *fds, unsigned fds_n)
{
    (void)fds;
    (void)fds_n;
    if (stack.names.pid && !wheel_names_more(&stack.names)) {
        finish();
    }
}
