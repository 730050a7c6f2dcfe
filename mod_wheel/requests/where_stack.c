/* SPDX-License-Identifier: Apache-2.0 */
/* requests/where_stack.c: the native stack of a request, in the log.
 *
 * A stack is bytes of a child, which may be hostile, and libdw is a large
 * parser: it runs in a process of its own, for one stack, that can do nothing
 * but write a text to a pipe.  It was forked from the helper, so it has the
 * modules at the addresses that they have in children of the same generation.
 */
#include "requests/where_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "httpd.h"
#include "http_log.h"
#include "http_main.h"

#include "core/proc.h"
#include "core/thread_stack.h"
#include "server/privileged.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* A line of httpd's log has room for 8 KB. */
#define STACK_TEXT_BYTES 4096

/* It takes some hundredths of a second; beside other load, it has time. */
#define STACK_WAIT_USEC (30 * APR_USEC_PER_SEC)
#define STACK_CPU_SEC 5

static struct {
    pid_t pid; /* the process that makes names, 0 for none */
    int fd;    /* its text comes here */
    apr_int64_t until_usec;
    apr_uint64_t id;
    size_t text_bytes;
    char text[STACK_TEXT_BYTES];
} stack;

int wheel_where_stack_busy(void)
{
    return stack.pid != 0;
}

/* --- In the process for one stack ----------------------------------------- */

static void give_up_rights(int fd)
{
    static const int signals[] = {SIGTERM, SIGHUP,  SIGINT, SIGUSR1,
                                  SIGUSR2, SIGPIPE, SIGALRM};
    struct rlimit cpu = {STACK_CPU_SEC, STACK_CPU_SEC};
    struct rlimit no_core = {0, 0};
    size_t n;

    for (n = 0; n < sizeof(signals) / sizeof(*signals); n++) {
        signal(signals[n], SIG_DFL);
    }
    syscall(SYS_close_range, 0u, (unsigned)fd - 1, 0u);
    syscall(SYS_close_range, (unsigned)fd + 1, ~0u, 0u);
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(STACK_WAIT_USEC / APR_USEC_PER_SEC);
}

static void say(int fd, const char *text)
{
    size_t bytes = strlen(text);

    while (bytes) {
        ssize_t written = write(fd, text, bytes);

        if (written <= 0) {
            return;
        }
        text += written;
        bytes -= (size_t)written;
    }
}

__attribute__((noreturn)) static void make_names(
    int fd, const wheel_thread_copy_t *copy)
{
    static wheel_stack_frame_t frames[WHEEL_STACK_FRAMES_MAX];
    const char *error = NULL;
    wheel_stack_t *walked;
    unsigned frames_n = 0;
    unsigned n;

    give_up_rights(fd);
    walked = wheel_stack_open(getpid(), &error);
    if (walked) {
        error = wheel_stack_walk(walked, copy, frames, &frames_n);
    }
    if (error) {
        say(fd, error);
    }
    for (n = 0; n < frames_n; n++) {
        say(fd, n ? " < " : "");
        say(fd, frames[n].text);
    }
    _exit(0);
}

/* --- In the helper -------------------------------------------------------- */

static void log_text(apr_uint64_t id, const char *text)
{
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                 "WH0131: request %" APR_UINT64_T_FMT ": stack: %s", id, text);
}

static void start_naming(const wheel_request_t *request,
                         const wheel_thread_copy_t *copy)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return;
    }
    stack.pid = fork();
    if (stack.pid == 0) {
        fcntl(ends[1], F_SETFL, 0); /* it may wait */
        make_names(ends[1], copy);
    }
    close(ends[1]);
    if (stack.pid < 0) {
        stack.pid = 0;
        close(ends[0]);
        return;
    }
    stack.fd = ends[0];
    stack.id = request->id;
    stack.text_bytes = 0;
    stack.until_usec = wheel_clock_usec() + STACK_WAIT_USEC;
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

static void finish(void)
{
    size_t n;

    kill(stack.pid, SIGKILL); /* it has ended, or takes too long */
    waitpid(stack.pid, NULL, 0);
    close(stack.fd);
    stack.pid = 0;
    stack.text[stack.text_bytes] = '\0';
    for (n = 0; n < stack.text_bytes; n++) {
        if (stack.text[n] < ' ' || stack.text[n] > '~') {
            stack.text[n] = '?';
        }
    }
    log_text(stack.id, stack.text_bytes ? stack.text : "it could not be read");
}

unsigned wheel_where_stack_prepare(struct pollfd *fds, unsigned fds_max,
                                   apr_int64_t *until_usec)
{
    if (!stack.pid || !fds_max) {
        return 0;
    }
    if (stack.until_usec < *until_usec) {
        *until_usec = stack.until_usec;
    }
    fds[0].fd = stack.fd;
    fds[0].events = POLLIN;
    return 1;
}

void wheel_where_stack_serve(const struct pollfd *fds, unsigned fds_n)
{
    size_t left = sizeof(stack.text) - 1 - stack.text_bytes;
    ssize_t bytes = -1;

    if (!stack.pid) {
        return;
    }
    if (fds_n && fds[0].revents) {
        bytes = read(stack.fd, stack.text + stack.text_bytes, left);
        stack.text_bytes += bytes > 0 ? (size_t)bytes : 0;
    }
    if (bytes == 0 || stack.text_bytes == sizeof(stack.text) - 1 ||
        wheel_clock_usec() >= stack.until_usec) {
        finish();
    }
}
