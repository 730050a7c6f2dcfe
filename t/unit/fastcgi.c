/* SPDX-License-Identifier: Apache-2.0 */
/* fastcgi.c: one GET of a FastCGI server that may send anything: it ends in
 * time, and takes no more memory than an answer may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "apr_general.h"

#include "children.h"
#include "core/fastcgi.h"
#include "core/proc.h"

/* How long a call waits for an end that doesn't come, and the time that it may
 * take for that on a busy machine, or for one that does. */
#define WAIT_USEC (300 * 1000)
#define LIMIT_USEC (60 * 1000 * 1000)

/* What a process may grow by: an answer has 4 MB at most. */
#define GROWTH_KB (32 * 1024)

enum {
    END = 3,
    STDOUT = 6,
    STDERR = 7
};

static apr_pool_t *pool;
static pid_t server;

static void put(int fd, int type, const char *bytes, unsigned char bytes_n)
{
    char record[8 + 255] = {1, (char)type, 0, 1, 0, (char)bytes_n};

    memcpy(record + 8, bytes, bytes_n);
    if (send(fd, record, 8 + (size_t)bytes_n, MSG_NOSIGNAL) < 0) {
        _exit(0);
    }
}

static void say_something(int fd)
{
    put(fd, STDOUT, "Status: 200\r\n\r\n{", 16);
    put(fd, STDERR, "a warning", 9);
    put(fd, STDOUT, "}", 1);
    put(fd, END, "", 0);
}

/* Many records at once: whoever reads them finds more at any time. */
static void put_for_ever(int fd, const char *record, size_t bytes)
{
    static char many[64 * 1024];
    size_t n;

    for (n = 0; n + bytes <= sizeof(many); n += bytes) {
        memcpy(many + n, record, bytes);
    }
    while (send(fd, many, n, MSG_NOSIGNAL) == (ssize_t)n) {
    }
}

static void say_nothing_for_ever(int fd)
{
    put_for_ever(fd, "\1\7\0\1\0\1\0\0x", 9);
}

static void say_a_byte_for_ever(int fd)
{
    put_for_ever(fd, "\1\6\0\1\0\1\0\0x", 9);
}

/* Ask a process that answers so. */
static apr_status_t ask(void (*answer)(int fd), apr_interval_time_t wait_max,
                        const char **body)
{
    wheel_fastcgi_t to;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(address);
    apr_status_t rv;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (void *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (void *)&address, &bytes), 0);
    server = start_child();
    if (server == 0) {
        answer(accept(listener, NULL, NULL));
        _exit(0);
    }
    memset(&to, 0, sizeof(to));
    memcpy(&to.address, &address, sizeof(address));
    to.address_bytes = sizeof(address);
    to.path = "/status";
    rv = wheel_fastcgi_get(&to, NULL, wait_max, body, pool);
    close(listener);
    return rv;
}

static int begin(void **state)
{
    (void)state;
    alarm(CHILD_MAX_SEC);
    return apr_pool_create(&pool, NULL);
}

static int end(void **state)
{
    (void)state;
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    apr_pool_destroy(pool);
    return 0;
}

static void an_answer_is_read_without_what_is_said_beside(void **state)
{
    const char *body = NULL;

    (void)state;
    assert_int_equal(ask(say_something, LIMIT_USEC, &body), APR_SUCCESS);
    assert_string_equal(body, "{}");
}

static void ends_in_time(void (*answer)(int fd))
{
    apr_int64_t began = wheel_clock_usec();
    struct rusage before;
    struct rusage after;
    const char *body;

    getrusage(RUSAGE_SELF, &before);
    assert_int_not_equal(ask(answer, WAIT_USEC, &body), APR_SUCCESS);
    getrusage(RUSAGE_SELF, &after);
    assert_true(wheel_clock_usec() - began < LIMIT_USEC);
    assert_true(after.ru_maxrss - before.ru_maxrss < GROWTH_KB);
}

static void a_server_that_says_nothing_for_ever_is_left(void **state)
{
    (void)state;
    ends_in_time(say_nothing_for_ever);
}

static void an_answer_of_single_bytes_takes_no_more_memory(void **state)
{
    (void)state;
    ends_in_time(say_a_byte_for_ever);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            an_answer_is_read_without_what_is_said_beside, begin, end),
        cmocka_unit_test_setup_teardown(
            a_server_that_says_nothing_for_ever_is_left, begin, end),
        cmocka_unit_test_setup_teardown(
            an_answer_of_single_bytes_takes_no_more_memory, begin, end),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
