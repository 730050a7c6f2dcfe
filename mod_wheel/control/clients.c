/* SPDX-License-Identifier: Apache-2.0 */
/* control/clients.c: who comes to WheelControl's socket: accept, read a line,
 * send the answer, give up those that are late.
 *
 * In the helper's main thread, which takes no part in requests: clients are
 * answered when every worker and every connection of the server is taken.  No
 * client can keep it from another, since nothing here blocks but the table's
 * mutex, for a second at most.
 *
 * A client sends one line, "list" or "stop" and perhaps a query string, and
 * reads until the end: a line with a status as in HTTP, and one of JSON.
 */

#include "control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_strings.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"
#include "http_protocol.h"

#include "control/client.h"
#include "core/platform.h"
#include "render/render.h"
#include "server/helper.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* How long a client may take to send its line, and to read its answer. */
#define CLIENTS_READ_USEC APR_USEC_PER_SEC
#define CLIENTS_WRITE_USEC (5 * APR_USEC_PER_SEC)

/* Clients at once.  Whoever comes then takes the place of the first that has
 * not sent its line. */
#define CLIENTS_MAX 128

/* How often a stop that waits is checked, and how long nobody is accepted when
 * the process has no descriptor left. */
#define CLIENTS_CHECK_USEC (5 * 1000)
#define CLIENTS_PAUSE_USEC (100 * 1000)

/* How long before the end of the helper those that wait are answered. */
#define CLIENTS_BEFORE_END_USEC (500 * 1000)

/* Descriptors besides those of clients: the listener, and told_fd. */
#define CLIENTS_FDS_OWN 2

static struct {
    client_t *first; /* the oldest one */
    unsigned n;
    int listener;           /* -1: not here, or closed */
    int told_fd;            /* rung when other hosts are told of a stop */
    apr_int64_t pause_usec; /* until then, nobody is accepted; 0: no pause */
    apr_int64_t
        leave_usec; /* until then, stops may wait; 0: the helper stays */
} clients = {NULL, 0, -1, -1, 0, 0};

/* --- The answers ---------------------------------------------------------- */

void client_answer(client_t *client, int status, const char *json)
{
    client->answer = apr_psprintf(client->pool, "%d\n%s\n", status, json);
    client->answer_bytes = strlen(client->answer);
    client->state = CLIENT_ANSWERED;
    client->until_usec = wheel_clock_usec() + CLIENTS_WRITE_USEC;
}

void client_answer_problem(client_t *client, int status, const char *detail)
{
    /* The status line is "404 Not Found". */
    const char *title = ap_get_status_line(status) + 4;

    client_answer(client, status,
                  wheel_render_problem(status, title, detail, client->pool));
}

/* --- Come and go ---------------------------------------------------------- */

static void forget(client_t *client)
{
    client_t **link = &clients.first;

    while (*link != client) {
        link = &(*link)->next;
    }
    *link = client->next;
    clients.n--;
    close(client->fd);
    apr_pool_destroy(client->pool);
    free(client);
}

static void take(int fd)
{
    client_t *client = calloc(1, sizeof(*client));
    client_t **link = &clients.first;

    if (client) {
        client->pool = wheel_helper_pool();
    }
    if (!client || !client->pool) {
        free(client);
        close(fd);
        return;
    }
    client->fd = fd;
    client->until_usec = wheel_clock_usec() + CLIENTS_READ_USEC;
    client->admitted = wheel_socket_admits(fd, &client->peer);
    while (*link) {
        link = &(*link)->next;
    }
    *link = client;
    clients.n++;
}

/* Make room for one more.  @return 0 if there is none */
static int make_room(void)
{
    client_t *client = clients.first;

    if (clients.n < CLIENTS_MAX) {
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

static void accept_all(void)
{
    while (make_room()) {
        int fd =
            accept4(clients.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            take(fd);
        }
        else if (errno == EAGAIN) {
            return;
        }
        else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
    clients.pause_usec = wheel_clock_usec() + CLIENTS_PAUSE_USEC;
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
        client_answer_problem(client, HTTP_BAD_REQUEST,
                              apr_psprintf(client->pool,
                                           "a line has %d bytes at most, its "
                                           "end included",
                                           CLIENT_LINE_MAX));
        return;
    }
    if (end + 1 != client->line + client->line_bytes ||
        memchr(client->line, '\0', client->line_bytes)) {
        client_answer_problem(client, HTTP_BAD_REQUEST,
                              "one line is allowed, without NUL bytes");
        return;
    }
    if (end > client->line && end[-1] == '\r') {
        end--;
    }
    *end = '\0';
    client_command(client, client->line, clients.told_fd);
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
    return 1;
}

/* @return 0 if the client is to be forgotten */
static int attend(client_t *client, apr_int64_t now)
{
    int goes_on = 1;

    if (client->state == CLIENT_TELLS) {
        if (!atomic_load_explicit(&client->told, memory_order_acquire)) {
            return 1;
        }
        client_told(client);
    }
    if (client->state == CLIENT_READS && client->revents) {
        goes_on = read_some(client);
    }
    else if (client->state == CLIENT_WAITS) {
        goes_on = !(client->revents & (POLLHUP | POLLERR));
        if (goes_on) {
            client_poll(client, clients.leave_usec && now > clients.leave_usec);
        }
    }
    if (goes_on && client->state == CLIENT_ANSWERED) {
        goes_on = write_some(client);
    }
    return goes_on &&
           (client->state == CLIENT_TELLS || client->state == CLIENT_WAITS ||
            client->until_usec > now);
}

/* --- As a part of the helper ---------------------------------------------- */

static int wanted(void)
{
    return wheel_socket_listener() >= 0;
}

static void begin(apr_pool_t *pool)
{
    (void)pool;
    clients.told_fd = wheel_wake_open();
    if (clients.told_fd < 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, ap_server_conf,
                     "WH0064: WheelControl: the helper process has no "
                     "descriptor left for it: raise the limit of open files");
        return;
    }
    clients.listener = wheel_socket_listener();
}

static apr_int64_t due_of(const client_t *client)
{
    switch (client->state) {
    case CLIENT_TELLS:
        return INT64_MAX;
    case CLIENT_WAITS:
        return wheel_clock_usec() + CLIENTS_CHECK_USEC;
    default:
        return client->until_usec;
    }
}

/* Who has a teller can't be forgotten, and is not waited for. */
static struct pollfd poll_of(const client_t *client)
{
    static const short events[] = {POLLIN, 0, 0, POLLOUT};
    struct pollfd poll = {-1, 0, 0};

    if (client->state != CLIENT_TELLS) {
        poll.fd = client->fd;
        poll.events = events[client->state];
    }
    return poll;
}

static unsigned prepare(struct pollfd *fds, unsigned fds_max,
                        apr_int64_t *until_usec)
{
    apr_int64_t now = wheel_clock_usec();
    const client_t *client;
    unsigned n = CLIENTS_FDS_OWN;

    if (clients.told_fd < 0 || fds_max < CLIENTS_FDS_OWN + CLIENTS_MAX) {
        return 0;
    }
    if (clients.pause_usec <= now) {
        clients.pause_usec = 0;
    }
    else if (clients.pause_usec < *until_usec) {
        *until_usec = clients.pause_usec;
    }
    fds[0].fd = clients.pause_usec ? -1 : clients.listener;
    fds[0].events = POLLIN;
    fds[1].fd = clients.told_fd;
    fds[1].events = POLLIN;
    for (client = clients.first; client; client = client->next) {
        apr_int64_t due = due_of(client);

        fds[n++] = poll_of(client);
        *until_usec = due < *until_usec ? due : *until_usec;
    }
    return n;
}

static void serve(const struct pollfd *fds, unsigned fds_n)
{
    apr_int64_t now = wheel_clock_usec();
    unsigned n = CLIENTS_FDS_OWN;
    client_t *client;
    client_t *younger;

    if (!fds_n) {
        return;
    }
    if (fds[1].revents) {
        wheel_wake_clear(clients.told_fd);
    }
    for (client = clients.first; client; client = younger) {
        younger = client->next;
        client->revents = fds[n++].revents;
        if (!attend(client, now)) {
            forget(client);
        }
    }
    if (fds[0].revents) {
        accept_all();
    }
}

static void leave(wheel_helper_why_e why)
{
    clients.leave_usec = wheel_clock_usec();
    if (why == WHEEL_HELPER_REPLACED) {
        clients.leave_usec +=
            WHEEL_HELPER_REPLACED_USEC - CLIENTS_BEFORE_END_USEC;
    }
    if (clients.listener >= 0) {
        close(clients.listener);
        clients.listener = -1;
    }
}

static int busy(void)
{
    return clients.first != NULL;
}

static const wheel_helper_part_t part = {
    wanted, begin, prepare, serve, leave, busy,
};

void wheel_control_register(apr_pool_t *pconf)
{
    (void)pconf;
    wheel_helper_add(&part);
}
