/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_server.c: how wheelctl asks the server.
 *
 * What listens there may be anything: it is bounded in time and size.
 */
#include "control/wheelctl.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apr_strings.h"

#include "core/proc.h"

/* How long the server may take, besides what it is told to wait. */
#define ANSWER_WAIT_USEC (10 * APR_USEC_PER_SEC)

/* How often the clock is looked at while nothing comes. */
#define CHECK_MSEC 500

/* How often a server is asked that hangs up, and the pause between. */
#define TRIES_MAX 10
#define TRY_AGAIN_USEC (20 * 1000)

/* What most servers have to say, and more than any has. */
#define ANSWER_BYTES (64 * 1024)
#define ANSWER_BYTES_MAX (64 * 1024 * 1024)

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd;

    memset(&address, 0, sizeof(address));
    if (!*path || strlen(path) >= sizeof(address.sun_path)) {
        wheelctl_fail(EXIT_USAGE,
                      "--socket: the path of a socket has 1 to %d bytes",
                      (int)sizeof(address.sun_path) - 1);
    }
    address.sun_family = AF_UNIX;
    apr_cpystrn(address.sun_path, path, sizeof(address.sun_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    switch (errno) {
    case ENOENT:
        wheelctl_fail(
            EXIT_SERVER,
            "%s: there is no such socket; is httpd running, with WheelControl "
            "set? --socket names another one",
            path);
    case ECONNREFUSED:
        wheelctl_fail(EXIT_SERVER,
                      "%s: the server that made this socket is gone, or it "
                      "is no socket",
                      path);
    case EACCES:
        wheelctl_fail(
            EXIT_SERVER,
            "%s: permission denied; only root, the user who started the "
            "server and members of WheelControl's group may use it",
            path);
    default:
        wheelctl_fail(EXIT_SERVER, "%s: %s", path, strerror(errno));
    }
}

static const char *line_of(const ask_t *ask)
{
    const char *query = wheel_filter_text(&ask->filter, wheelctl_pool);

    if (ask->dry) {
        query = apr_pstrcat(wheelctl_pool, query, "&dry", NULL);
    }
    if (ask->wait) {
        query = apr_pstrcat(wheelctl_pool, query, "&wait=", ask->wait, NULL);
    }
    return apr_psprintf(wheelctl_pool, "%s %s\n", ask->verb, query);
}

/* As much memory, or more. */
static char *grown(char *text, size_t bytes)
{
    char *more = realloc(text, bytes);

    if (!more) {
        free(text);
        wheelctl_fail(EXIT_SERVER, "no memory for the server's answer");
    }
    return more;
}

/* All that the server has to say.
 * @return NULL if it hung up and has done nothing, or nothing that matters */
static char *read_all(int fd, const ask_t *ask)
{
    apr_int64_t until = wheel_clock_usec() + ask->wait_max + ANSWER_WAIT_USEC;
    struct pollfd look = {fd, POLLIN, 0};
    size_t room = ANSWER_BYTES;
    size_t bytes = 0;
    char *text = grown(NULL, room);
    ssize_t got = 1;

    while (got > 0) {
        if (wheel_clock_usec() > until || bytes >= ANSWER_BYTES_MAX) {
            wheelctl_fail(EXIT_SERVER, "the server doesn't come to an end");
        }
        if (poll(&look, 1, CHECK_MSEC) <= 0) {
            continue;
        }
        if (bytes + 1 == room) {
            room *= 2;
            text = grown(text, room);
        }
        got = recv(fd, text + bytes, room - bytes - 1, 0);
        bytes += got > 0 ? got : 0;
    }
    if (!bytes &&
        ((got < 0 && errno == ECONNRESET) || !strcmp(ask->verb, "list"))) {
        free(text);
        return NULL;
    }
    if (got < 0 || !bytes) {
        wheelctl_fail(EXIT_SERVER, "the server ended before it answered%s%s",
                      got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
    }
    text[bytes] = '\0';
    return text;
}

/* A helper of the server that is killed hangs up, and another one is there at
 * once.  If it has not read what was sent, it has done nothing. */
static char *try_server(const ask_t *ask, pid_t *server)
{
    const char *line = line_of(ask);
    int fd = connect_to(ask->socket);
    struct ucred listener;
    socklen_t bytes = sizeof(listener);
    char *text = NULL;

    /* The kernel's word: who has called listen(), which is the parent. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &bytes) == 0) {
        *server = listener.pid;
    }

    if (send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line)) {
        text = read_all(fd, ask);
    }
    close(fd);
    return text;
}

answer_t wheelctl_ask(const ask_t *ask)
{
    answer_t answer = {0, NULL, NULL, -1};
    json_error_t error;
    char *rest;
    char *text = try_server(ask, &answer.server);
    int tries = 1;

    while (!text) {
        if (tries++ == TRIES_MAX) {
            wheelctl_fail(EXIT_SERVER, "%s: the server hangs up", ask->socket);
        }
        usleep(TRY_AGAIN_USEC);
        text = try_server(ask, &answer.server);
    }
    answer.status = (int)strtol(text, &rest, 10);
    answer.text = rest + (*rest == '\n');
    answer.json = json_loads(answer.text, 0, &error);
    if (!json_is_object(answer.json)) {
        wheelctl_fail(EXIT_SERVER,
                      "%s: what answers there is no mod_wheel, or was cut "
                      "off",
                      ask->socket);
    }
    return answer;
}
