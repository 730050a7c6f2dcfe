/* SPDX-License-Identifier: Apache-2.0 */
/* control/control.c: list and stop jobs over WheelControl's socket.
 *
 * One thread in each child, which takes no part in requests: it answers when
 * every worker and every connection of the server is taken.  It sleeps until a
 * client comes, and the kernel wakes that of one child alone.  No client can
 * keep it from another: nothing here blocks but the table's mutex, and other
 * hosts are told of a stop by a thread of its own.
 *
 * A client sends one line, "list" or "stop" and perhaps a query string, and
 * reads until the end: a line with a status as in HTTP, and one of JSON.
 */
#ifndef WHEEL_PORTABLE /* it lives on what only Linux has */

#include "control/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "http_protocol.h"

#include "server/config.h"
#include "core/filter.h"
#include "core/platform.h"
#include "server/process.h"
#include "render/render.h"
#include "control/socket.h"
#include "operations/report.h"
#include "operations/stop.h"

APLOG_USE_MODULE(wheel);

/* The longest line of a client, with its end. */
#define CONTROL_LINE_MAX 1024

/* How long a client may take to send its line, and to read its answer. */
#define CONTROL_READ_USEC APR_USEC_PER_SEC
#define CONTROL_WRITE_USEC (5 * APR_USEC_PER_SEC)

/* Clients of one child at once.  Whoever comes then takes the place of the
 * first that has not sent its line. */
#define CONTROL_CLIENTS_MAX 32

/* How often a stop that waits looks, and how long nobody is accepted when the
 * process has no descriptor left. */
#define CONTROL_LOOK_USEC (5 * 1000)
#define CONTROL_PAUSE_USEC (100 * 1000)

#define CONTROL_STACK_BYTES (256 * 1024)
#define CONTROL_EVENTS_MAX 8

/* How long an exiting child waits for its thread. */
#define CONTROL_EXIT_WAIT_USEC (500 * 1000)

typedef enum {
    CLIENT_READS,
    CLIENT_TELLS, /* its teller has stop and pool */
    CLIENT_WAITS,
    CLIENT_WRITES
} client_state_e;

typedef struct client_t {
    struct client_t *next; /* the younger one */
    int fd;
    client_state_e state;
    apr_int64_t until_usec; /* by wheel_clock_usec(): for this state */
    wheel_caller_t peer;
    int admitted;
    apr_pool_t *pool; /* its own, with an allocator of its own */
    wheel_stop_t *stop;
    pthread_t teller;
    atomic_int told; /* the teller is at its end */
    const char *answer;
    size_t answer_bytes; /* what is not yet sent */
    size_t line_bytes;
    char line[CONTROL_LINE_MAX];
} client_t;

/* What the thread alone uses, but for the three at the end. */
static client_t *clients; /* the oldest first */
static unsigned clients_n;
static int listens;            /* the listener is in the epoll set */
static apr_int64_t pause_usec; /* until then, nobody is accepted */
static int epoll_fd = -1;
static pthread_t thread;
static int end_fd = -1;  /* an eventfd: the thread is to end */
static int told_fd = -1; /* another: a teller is at its end */

/* --- The answers ---------------------------------------------------------- */

static void answer(client_t *client, int status, const char *json)
{
    client->answer = apr_psprintf(client->pool, "%d\n%s\n", status, json);
    client->answer_bytes = strlen(client->answer);
    client->state = CLIENT_WRITES;
    client->until_usec = wheel_clock_usec() + CONTROL_WRITE_USEC;
}

static void answer_problem(client_t *client, int status, const char *detail)
{
    /* The status line is "404 Not Found". */
    const char *title = ap_get_status_line(status) + 4;

    answer(client, status,
           wheel_render_problem(status, title, detail, client->pool));
}

static void answer_lock(client_t *client, apr_status_t rv)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                 "WH0065: the mutex 'wheel' failed");
    answer_problem(client, HTTP_SERVICE_UNAVAILABLE,
                   "the table of wheels could not be locked");
}

static void list(client_t *client, const char *query)
{
    wheel_filter_t filter;
    wheel_report_t report;
    const char *error;
    apr_status_t rv;

    memset(&filter, 0, sizeof(filter));
    error = wheel_filter_parse(&filter, query, client->pool);
    if (error) {
        answer_problem(client, HTTP_BAD_REQUEST, error);
        return;
    }
    rv = wheel_report_take(&filter, &report, client->pool);
    if (rv != APR_SUCCESS) {
        answer_lock(client, rv);
        return;
    }
    answer(client, HTTP_OK,
           wheel_render_json(&report.facts, &report.snapshot, client->pool));
}

/* Everybody who is to know of the stop does, or can't be reached; and its jobs
 * have ended, or it waits for them no more. */
static void answer_stop(client_t *client)
{
    const wheel_stopped_t *result = wheel_stop_result(client->stop);

    if (result->problem) {
        answer_problem(client, result->status, result->problem);
    }
    else {
        answer(client, HTTP_OK, wheel_render_stopped(result, client->pool));
    }
    wheel_stop_finish(client->stop);
}

static void answer_told(client_t *client)
{
    if (!wheel_stop_poll(client->stop)) {
        client->state = CLIENT_WAITS;
    }
    else {
        answer_stop(client);
    }
}

static void *teller_main(void *data)
{
    client_t *client = data;

    wheel_stop_publish(client->stop);
    /* Release: the thread reads what was said. */
    atomic_store_explicit(&client->told, 1, memory_order_release);
    wheel_wake_ring(told_fd);
    return NULL;
}

static void tell_hosts(client_t *client)
{
    if (wheel_stop_publishes(client->stop) &&
        wheel_process_thread(&client->teller, CONTROL_STACK_BYTES, teller_main,
                             client) == 0) {
        client->state = CLIENT_TELLS;
        return;
    }
    wheel_stop_publish(client->stop);
    answer_told(client);
}

static void stop(client_t *client, const char *query)
{
    wheel_stop_request_t request;
    const char *error = wheel_stop_request_read(&request, query, client->pool);
    const wheel_stopped_t *result;

    if (error) {
        answer_problem(client, HTTP_BAD_REQUEST, error);
        return;
    }
    request.json = 1;
    client->stop = wheel_stop_begin(&request, client->pool);
    result = wheel_stop_result(client->stop);
    if (result->hits_n && !result->dry) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
                     "WH0063: process %ld of user %ld has stopped %u wheels: "
                     "stop %s",
                     (long)client->peer.pid, (long)client->peer.uid,
                     result->hits_n,
                     wheel_filter_text(&request.filter, client->pool));
    }
    tell_hosts(client);
}

typedef struct verb_t {
    const char *name;
    void (*run)(client_t *client, const char *query);
} verb_t;

static const verb_t verbs[] = {{"list", list}, {"stop", stop}};

#define VERBS_N (sizeof(verbs) / sizeof(verbs[0]))

static void answer_line(client_t *client, char *line)
{
    char *query = strchr(line, ' ');
    size_t n = 0;

    if (!client->admitted) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     "WH0062: process %ld of user %ld may not use the socket "
                     "of WheelControl",
                     (long)client->peer.pid, (long)client->peer.uid);
        answer_problem(client, HTTP_FORBIDDEN,
                       "only root, the user who started the server and "
                       "members of WheelControl's group may list and stop");
        return;
    }
    if (query) {
        *query++ = '\0';
    }
    while (n < VERBS_N && strcmp(verbs[n].name, line)) {
        n++;
    }
    if (n == VERBS_N) {
        answer_problem(client, HTTP_BAD_REQUEST,
                       apr_psprintf(client->pool,
                                    "'%.64s' is not one of: list, stop", line));
        return;
    }
    verbs[n].run(client, query);
}

/* --- Clients -------------------------------------------------------------- */

static apr_pool_t *make_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    /* Of no other pool's tree: those are not for this thread to touch. */
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

/* @param how EPOLL_CTL_ADD or EPOLL_CTL_MOD.  Who has a teller can't be
 * forgotten, and is not looked at. */
static void watch(client_t *client, int how)
{
    struct epoll_event event = {0, {.ptr = client}};

    if (client->state == CLIENT_TELLS) {
        how = EPOLL_CTL_DEL;
    }
    if (client->state == CLIENT_READS) {
        event.events = EPOLLIN;
    }
    if (client->state == CLIENT_WRITES) {
        event.events = EPOLLOUT;
    }
    epoll_ctl(epoll_fd, how, client->fd, &event);
}

static void forget(client_t *client)
{
    client_t **link = &clients;

    while (*link != client) {
        link = &(*link)->next;
    }
    *link = client->next;
    clients_n--;
    close(client->fd);
    apr_pool_destroy(client->pool);
    free(client);
}

static void take(int fd)
{
    client_t *client = calloc(1, sizeof(*client));
    client_t **link = &clients;

    if (client) {
        client->pool = make_pool();
    }
    if (!client || !client->pool) {
        free(client);
        close(fd);
        return;
    }
    client->fd = fd;
    client->until_usec = wheel_clock_usec() + CONTROL_READ_USEC;
    client->admitted = wheel_socket_admits(fd, &client->peer);
    while (*link) {
        link = &(*link)->next;
    }
    *link = client;
    clients_n++;
    watch(client, EPOLL_CTL_ADD);
}

/* Make room for one more.  @return 0 if there is none */
static int make_room(void)
{
    client_t *client = clients;

    if (clients_n < CONTROL_CLIENTS_MAX) {
        return 1;
    }
    while (client && client->state != CLIENT_READS) {
        client = client->next;
    }
    if (client) {
        forget(client);
    }
    return client != NULL;
}

static void listen_again(void)
{
    /* Exclusive: of all the children that sleep, one wakes. */
    struct epoll_event event = {EPOLLIN | EPOLLEXCLUSIVE, {.ptr = &listens}};

    pause_usec = 0;
    listens = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wheel_socket_listener(),
                        &event) == 0;
}

static void pause_listening(void)
{
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, wheel_socket_listener(), NULL);
    listens = 0;
    pause_usec = wheel_clock_usec() + CONTROL_PAUSE_USEC;
}

static void accept_one(void)
{
    int fd;

    if (!make_room()) {
        pause_listening();
        return;
    }
    fd = accept4(wheel_socket_listener(), NULL, NULL,
                 SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        take(fd);
    }
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        pause_listening();
    }
}

/* --- What clients send and get -------------------------------------------- */

/* @return 0 if the client is to be forgotten */
static int write_some(client_t *client)
{
    while (client->answer_bytes) {
        ssize_t bytes = send(client->fd, client->answer, client->answer_bytes,
                             MSG_NOSIGNAL | MSG_DONTWAIT);

        if (bytes < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->answer += bytes;
        client->answer_bytes -= bytes;
    }
    return 0;
}

/* The client's line is here, or never will be. */
static void read_line(client_t *client)
{
    char *end = memchr(client->line, '\n', client->line_bytes);

    if (!end) {
        answer_problem(client, HTTP_BAD_REQUEST,
                       apr_psprintf(client->pool,
                                    "a line has %d bytes at most, its end "
                                    "included",
                                    CONTROL_LINE_MAX));
        return;
    }
    if (end + 1 != client->line + client->line_bytes ||
        memchr(client->line, '\0', client->line_bytes)) {
        answer_problem(client, HTTP_BAD_REQUEST,
                       "one line is allowed, without NUL bytes");
        return;
    }
    if (end > client->line && end[-1] == '\r') {
        end--;
    }
    *end = '\0';
    answer_line(client, client->line);
}

/* @return 0 if the client is to be forgotten */
static int read_some(client_t *client)
{
    ssize_t bytes = recv(client->fd, client->line + client->line_bytes,
                         sizeof(client->line) - client->line_bytes, 0);

    if (bytes < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (bytes == 0) {
        return 0; /* it went away in the middle */
    }
    client->line_bytes += bytes;
    if (client->line_bytes == sizeof(client->line) ||
        memchr(client->line, '\n', client->line_bytes)) {
        read_line(client);
    }
    return client->state != CLIENT_WRITES || write_some(client);
}

static void serve(client_t *client, unsigned events)
{
    client_state_e before = client->state;
    int goes_on;

    switch (before) {
    case CLIENT_READS:
        goes_on = read_some(client);
        break;
    case CLIENT_WRITES:
        goes_on = write_some(client);
        break;
    default: /* it waits, and can only hang up */
        goes_on = !(events & (EPOLLHUP | EPOLLERR));
        break;
    }
    if (!goes_on) {
        forget(client);
    }
    else if (client->state != before) {
        watch(client, EPOLL_CTL_MOD);
    }
}

/* --- The thread ----------------------------------------------------------- */

/* Its time is over.  If it was this thread that had none for the client, the
 * line is there. */
static int is_late(client_t *client)
{
    if (client->state != CLIENT_READS || !read_some(client) ||
        client->state == CLIENT_READS) {
        return 1;
    }
    watch(client, EPOLL_CTL_MOD);
    return 0;
}

/* Go on with those whose tellers are at their ends. */
static void answer_all_told(void)
{
    client_t *client;

    wheel_wake_clear(told_fd);
    for (client = clients; client; client = client->next) {
        if (client->state == CLIENT_TELLS &&
            atomic_load_explicit(&client->told, memory_order_acquire)) {
            pthread_join(client->teller, NULL);
            answer_told(client);
            watch(client, EPOLL_CTL_ADD);
        }
    }
}

/* End stops that are over and clients that are late.
 * @return milliseconds until the next look, -1 for none */
static int look_round(void)
{
    apr_int64_t now = wheel_clock_usec();
    apr_int64_t next = INT64_MAX;
    client_t *client;
    client_t *younger;

    for (client = clients; client; client = younger) {
        younger = client->next;
        if (client->state == CLIENT_WAITS) {
            if (wheel_stop_poll(client->stop)) {
                answer_stop(client);
                watch(client, EPOLL_CTL_MOD);
            }
            else {
                client->until_usec = now + CONTROL_LOOK_USEC;
            }
        }
        else if (client->state == CLIENT_TELLS) {
            continue;
        }
        else if (client->until_usec <= now && is_late(client)) {
            forget(client);
            continue;
        }
        next = client->until_usec < next ? client->until_usec : next;
    }
    if (!listens) {
        if (pause_usec <= now) {
            listen_again();
        }
        next = pause_usec && pause_usec < next ? pause_usec : next;
    }
    return next == INT64_MAX ? -1 : (int)((next - now) / 1000 + 1);
}

/* The child ends: tell those that wait how far it is. */
static void leave_clients(void)
{
    while (clients) {
        if (clients->state == CLIENT_TELLS) {
            pthread_join(clients->teller, NULL);
            answer_told(clients);
        }
        if (clients->state == CLIENT_WAITS) {
            wheel_stop_cancel(clients->stop);
            wheel_stop_poll(clients->stop);
            answer_stop(clients);
        }
        if (clients->state == CLIENT_WRITES) {
            write_some(clients);
        }
        forget(clients);
    }
}

static void *control_main(void *data)
{
    struct epoll_event events[CONTROL_EVENTS_MAX];
    int ends = 0;
    int n;

    (void)data;
    while (!ends) {
        int events_n =
            epoll_wait(epoll_fd, events, CONTROL_EVENTS_MAX, look_round());
        int comes = 0;

        for (n = 0; n < events_n; n++) {
            if (events[n].data.ptr == &end_fd) {
                ends = 1;
            }
            else if (events[n].data.ptr == &told_fd) {
                answer_all_told();
            }
            else if (events[n].data.ptr == &listens) {
                comes = 1; /* last, since it may forget another client */
            }
            else {
                serve(events[n].data.ptr, events[n].events);
            }
        }
        if (comes && !ends) {
            accept_one();
        }
    }
    leave_clients();
    return NULL;
}

/* --- A child -------------------------------------------------------------- */

/* Under prefork, this may run inside a signal handler. */
static apr_status_t child_exit(void *data)
{
    apr_int64_t until_usec = wheel_clock_usec() + CONTROL_EXIT_WAIT_USEC;
    struct timespec until = {until_usec / 1000000, until_usec % 1000000 * 1000};
    uint64_t one = 1;

    if (write(end_fd, &one, sizeof(one)) != sizeof(one) ||
        pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
        wheel_process_exit_early(data);
    }
    return APR_SUCCESS;
}

/* An eventfd in the epoll set, by whose address its events are known. */
static int make_eventfd(int *fd)
{
    struct epoll_event event = {EPOLLIN, {.ptr = fd}};

    *fd = wheel_wake_open();
    return *fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *fd, &event) == 0;
}

static int make_epoll(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || !make_eventfd(&end_fd) || !make_eventfd(&told_fd)) {
        return errno;
    }
    listen_again();
    return listens ? 0 : errno;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    int error;

    if (wheel_socket_listener() < 0) {
        return;
    }
    error = make_epoll();
    if (!error) {
        error = wheel_process_thread(&thread, CONTROL_STACK_BYTES, control_main,
                                     NULL);
    }
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, error, s,
                     "WH0064: WheelControl: no thread for it in this child");
        return;
    }
    apr_pool_pre_cleanup_register(pchild, s, child_exit);
}

void wheel_control_register(apr_pool_t *pconf)
{
    (void)pconf;
    /* Last, so that its thread is the first to end. */
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_LAST);
}

#endif /* WHEEL_PORTABLE */
