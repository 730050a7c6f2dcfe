/* SPDX-License-Identifier: Apache-2.0 */
/* client.c: measures one server beside so many wheels.
 *
 * A single thread at real-time priority: it runs as soon as there is something
 * for it, whatever the wheels and the server do, and so measures the server
 * and not how itself is woken.  To show that, it asks a control server as
 * well, a child of its own at the same priority that the wheels can't hold
 * back: what changes there beside wheels is the client's and the machine's.
 *
 * Prints a line for each kind of figure: its name, then samples in usec.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client_ask.h"
#include "http.h"
#include "reference.h"
#include "series.h"

/* How often to look whether all wheels turn, and how much longer than a look
 * takes: the status of a thousand wheels is work for server and client. */
#define CLIENT_LOOK_USEC 2000
#define CLIENT_LOOK_SHARE 1

/* A client that insists tries so often, and waits so long in between. */
#define CLIENT_STOPS_MAX 20
#define CLIENT_INSIST_USEC 100000

/* After a stop's answer, a wheel that hasn't answered for so long won't. */
#define CLIENT_QUIET_USEC 1500000

/* A wheel's connection. */
typedef struct wheel_conn_t {
    int fd;
    int answered;
    int bytes;
    char answer[2048];
} wheel_conn_t;

typedef struct client_t {
    client_ask_t ask;
    int epoll;
    int control_port;
    pid_t control_pid;
    wheel_conn_t *wheels;
    series_t paths[CLIENT_PATHS_MAX];
    series_t control;
    series_t at; /* when a turn of the kinds began, from the wheels' start */
    series_t rotating;
    series_t stop;
    series_t last;
    series_t held;
    series_t empty;
    series_t rate;
    double begun; /* when the first wheels were asked for */
    long ended;
    long refused;
    long asked;
    const char *trouble; /* what went wrong; no more cycles then */
    unsigned random;
} client_t;

/* --- Requests beside the wheels ------------------------------------------- */

static void pause_between(client_t *client)
{
    double share = rand_r(&client->random) / (double)RAND_MAX;

    nap(2 * share * client->ask.gap_usec);
}

static void timed(client_t *client, int port, const char *path,
                  series_t *series)
{
    double begun = now_usec();
    int status = http_request(port, path, client->ask.limit_usec);

    if (status < 200 || status >= 500) {
        client->trouble = status ? "refused-request" : "request-timed-out";
        return;
    }
    series_add(series, now_usec() - begun);
    pause_between(client);
}

/* All kinds in turn, so that a machine whose speed drifts is fair to all. */
static void requests(client_t *client)
{
    const client_ask_t *ask = &client->ask;
    double until = now_usec() + ask->patience_msec * 1e3;
    int n;
    int i;

    for (n = 0; n < ask->requests && now_usec() < until; n++) {
        series_add(&client->at, now_usec() - client->begun);
        for (i = 0; i < ask->paths_n && !client->trouble; i++) {
            const char *path = strchr(ask->paths[i], '/');
            int port = atoi(ask->paths[i]);

            timed(client, port ? port : ask->port, path, &client->paths[i]);
        }
        if (client->trouble) {
            return;
        }
        if (ask->control) {
            timed(client, client->control_port, "/", &client->control);
        }
    }
}

/* --- Wheels --------------------------------------------------------------- */

/* Wait until the next look, after one that has begun then. */
static void look_later(double begun)
{
    double usec = CLIENT_LOOK_SHARE * (now_usec() - begun);

    nap(usec > CLIENT_LOOK_USEC ? usec : CLIENT_LOOK_USEC);
}

/* How many wheels have turned. */
static int count_turning(const client_t *client)
{
    const client_ask_t *ask = &client->ask;
    struct stat turned;
    char *line;
    int count = 0;

    if (ask->started_file) {
        return stat(ask->started_file, &turned) == 0 ? (int)turned.st_size : 0;
    }
    if (http_request(ask->port, "/wheel-status?auto", ask->limit_usec) != 200) {
        return -1;
    }
    for (line = http_answer; (line = strstr(line, "\nWheelRunning:")); line++) {
        char *turns = strstr(line, " turns=");

        count += turns && turns[7] != '0';
    }
    return count;
}

/* A connection for each wheel, with a request whose last byte is held back or
 * not.
 * @return how many there are */
static int begin_all(client_t *client, const char *path, int hold)
{
    const client_ask_t *ask = &client->ask;
    int begun_n = 0;
    int n;

    for (n = 0; n < ask->wheels; n++) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                    .data.u32 = n};
        wheel_conn_t *wheel = &client->wheels[n];

        wheel->answered = wheel->bytes = 0;
        wheel->fd = http_begin(ask->port, path, ask->limit_usec, hold);
        if (wheel->fd >= 0) {
            epoll_ctl(client->epoll, EPOLL_CTL_ADD, wheel->fd, &event);
            begun_n++;
        }
    }
    return begun_n;
}

/* Start the wheels and wait until enough of them have turned. */
static void start_wheels(client_t *client)
{
    const client_ask_t *ask = &client->ask;
    double begun = now_usec();
    double look;
    int enough;

    if (!ask->wheels) {
        return;
    }
    if (ask->started_file && truncate(ask->started_file, 0) != 0) {
        fail("%s: %s", ask->started_file, strerror(errno));
    }
    enough = begin_all(client, "/rotate", 0);
    if (ask->enough && ask->enough < enough) {
        enough = ask->enough;
    }
    client->asked += ask->wheels;
    for (look = now_usec(); count_turning(client) < enough; look = now_usec()) {
        if (look - begun > ask->limit_usec) {
            client->trouble = "not-all-turn";
            return;
        }
        look_later(look);
    }
    series_add(&client->rotating, now_usec() - begun);
}

static void wheel_close(client_t *client, wheel_conn_t *wheel)
{
    epoll_ctl(client->epoll, EPOLL_CTL_DEL, wheel->fd, NULL);
    close(wheel->fd);
    wheel->fd = -1;
}

static double header_number(const char *text, const char *name)
{
    const char *at = strcasestr(text, name);

    return at ? atof(at + strlen(name)) : 0;
}

/* Bytes have come for a wheel.  No more than needed is done while others are
 * still to answer: the client shares the machine with the server.
 * @return whether it has answered */
static int wheel_read(const client_t *client, wheel_conn_t *wheel)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u32 = wheel - client->wheels};
    int room = (int)sizeof(wheel->answer) - 1 - wheel->bytes;
    ssize_t got =
        recv(wheel->fd, wheel->answer + wheel->bytes, room, MSG_DONTWAIT);

    wheel->bytes += got > 0 ? got : 0;
    wheel->answered = http_whole(wheel->answer, wheel->bytes, got == 0);
    if (!wheel->answered) {
        epoll_ctl(client->epoll, EPOLL_CTL_MOD, wheel->fd, &event);
    }
    return wheel->answered;
}

/* Count an answer, once all are here. */
static void wheel_count(client_t *client, const wheel_conn_t *wheel)
{
    double elapsed;

    if (!wheel->answered) {
        return;
    }
    if (http_status(wheel->answer) != 200) {
        client->refused++;
        return;
    }
    client->ended++;
    elapsed = header_number(wheel->answer, "\nWheel-Elapsed:");
    if (elapsed > 0) {
        series_add(&client->rate,
                   header_number(wheel->answer, "\nWheel-Turns:") / elapsed);
    }
}

/* Bytes have come for a stop.  @return whether it is answered */
static int stop_read(client_t *client, wheel_conn_t *stop, double begun)
{
    ssize_t got = recv(stop->fd, stop->answer + stop->bytes,
                       sizeof(stop->answer) - 1 - stop->bytes, MSG_DONTWAIT);

    stop->bytes += got > 0 ? got : 0;
    if (!http_whole(stop->answer, stop->bytes, got == 0)) {
        return 0;
    }
    series_add(&client->stop, now_usec() - begun);
    if (http_status(stop->answer) != 200) {
        client->trouble = "refused-stop";
    }
    wheel_close(client, stop);
    return 1;
}

/* Take the answers of a stop (NULL: there is none) and of the wheels as they
 * come, until all are here or nothing comes any more.
 * @return wheels that are left; when the last came is in the series */
static long take_answers(client_t *client, wheel_conn_t *stop, double begun,
                         long left, series_t *series)
{
    double quiet = client->ask.insist ? CLIENT_INSIST_USEC : CLIENT_QUIET_USEC;
    double last = begun;
    int answered = !stop;
    int n;

    while (!answered || left > 0) {
        double until = answered ? last + quiet : begun + client->ask.limit_usec;
        double wait_ms = (until - now_usec()) / 1000;
        struct epoll_event events[64];
        int got = epoll_wait(client->epoll, events, 64,
                             wait_ms > 0 ? (int)wait_ms + 1 : 0);

        if (got <= 0) {
            client->trouble = answered ? "wheels-are-left" : "stop-timed-out";
            break;
        }
        for (n = 0; n < got; n++) {
            unsigned which = events[n].data.u32;

            if (which == CLIENT_WHEELS_MAX) {
                answered = stop_read(client, stop, begun);
            }
            else if (wheel_read(client, &client->wheels[which])) {
                left--;
            }
            last = now_usec();
        }
    }
    if (client->ask.wheels && left == 0) {
        series_add(series, last - begun);
    }
    return left;
}

/* One stop.  @return wheels that are left */
static long stop_once(client_t *client)
{
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u32 = CLIENT_WHEELS_MAX};
    wheel_conn_t stop = {.bytes = 0};
    double begun = now_usec();
    long left = 0;
    int n;

    for (n = 0; n < client->ask.wheels; n++) {
        left += client->wheels[n].fd >= 0 && !client->wheels[n].answered;
    }
    stop.fd = http_begin(client->ask.port, "/stop", client->ask.limit_usec, 0);
    if (stop.fd < 0) {
        client->trouble = "stop-timed-out";
        return left;
    }
    epoll_ctl(client->epoll, EPOLL_CTL_ADD, stop.fd, &event);
    left = take_answers(client, &stop, begun, left, &client->last);
    if (stop.fd >= 0) {
        wheel_close(client, &stop);
    }
    return left;
}

/* Stop the wheels. */
static void stop_wheels(client_t *client)
{
    int tries = client->ask.insist ? CLIENT_STOPS_MAX : 1;

    while (stop_once(client) > 0 && --tries > 0) {
        client->trouble = NULL;
    }
}

/* Has the server put everything away?  Workers have logged and closed long
 * after the last answer, and aren't idle before. */
static int is_clear(const client_t *client)
{
    const char *idle;

    if (http_request(client->ask.port, "/wheel-status?auto",
                     client->ask.limit_usec) != 200 ||
        strstr(http_answer, "\nWheelRunning:")) {
        return 0;
    }
    idle = strstr(http_answer, "\nWheelWorkersIdle: ");
    return idle && atoi(idle + 19) > client->ask.wheels;
}

/* Nothing is left of a cycle when the next begins. */
static void clear_up(client_t *client)
{
    double begun = now_usec();
    int n;

    for (n = 0; n < client->ask.wheels; n++) {
        if (client->wheels[n].fd >= 0) {
            wheel_count(client, &client->wheels[n]);
            wheel_close(client, &client->wheels[n]);
        }
    }
    if (client->ask.started_file || !client->ask.wheels) {
        return;
    }
    while (!is_clear(client)) {
        if (now_usec() - begun > client->ask.limit_usec) {
            client->trouble = "not-all-clear";
            return;
        }
        nap(CLIENT_LOOK_USEC);
    }
}

/* A command that looks at the server while all wheels turn. */
static void run_probe(const client_t *client)
{
    fflush(stdout);
    if (system(client->ask.probe) != 0) {
        fail("%s failed", client->ask.probe);
    }
}

/* What is measured beside the wheels.  A server that hasn't begun all of them
 * may still serve other requests. */
static void look_beside(client_t *client)
{
    const char *trouble = client->trouble;

    if (client->ask.probe && !trouble) {
        run_probe(client);
    }
    nap(client->ask.hold_usec);
    client->trouble = NULL;
    requests(client);
    if (trouble) {
        client->trouble = trouble;
    }
}

/* Workers that the server says are busy, -1 for no answer. */
static int count_busy(const client_ask_t *ask)
{
    const char *busy;

    if (http_request(ask->port, "/wheel-status?auto", ask->limit_usec) != 200) {
        return -1;
    }
    busy = strstr(http_answer, "\nWheelWorkersBusy: ");
    return busy ? atoi(busy + 19) : -1;
}

/* Let as many workers as there are wheels wait for the last byte of a request
 * to an empty handler. */
static void hold_empties(client_t *client)
{
    const client_ask_t *ask = &client->ask;

    if (begin_all(client, "/empty", 1) < ask->wheels) {
        fail("no connection for an empty answer: %s", strerror(errno));
    }
}

/* Send that byte to all: what httpd and the machine take to wake so many, and
 * for their answers. */
static void take_empties(client_t *client)
{
    double begun = now_usec();
    int n;

    for (n = 0; n < client->ask.wheels; n++) {
        (void)!send(client->wheels[n].fd, "\n", 1, MSG_NOSIGNAL);
    }
    take_answers(client, NULL, begun, client->ask.wheels, &client->empty);
    for (n = 0; n < client->ask.wheels; n++) {
        wheel_close(client, &client->wheels[n]);
    }
    clear_up(client);
}

static void empty_answers(client_t *client)
{
    const client_ask_t *ask = &client->ask;
    double begun = now_usec();
    double look;

    hold_empties(client);
    for (look = now_usec(); count_busy(ask) <= ask->wheels; look = now_usec()) {
        if (look - begun > ask->limit_usec) {
            client->trouble = "not-all-wait";
            break;
        }
        look_later(look);
    }
    series_add(&client->held, now_usec() - begun);
    nap(ask->settle_usec);
    take_empties(client);
}

static void wheel_cycle(client_t *client, int is_first)
{
    client->begun = now_usec();
    if (client->ask.occupy) {
        hold_empties(client);
        look_beside(client);
        take_empties(client);
        return;
    }
    start_wheels(client);
    nap(client->ask.settle_usec);
    if (is_first) {
        look_beside(client);
    }
    stop_wheels(client);
    clear_up(client);
}

static void empty_cycle(client_t *client)
{
    if (client->ask.empties && !client->trouble) {
        empty_answers(client);
    }
}

/* What comes second in a cycle finds workers that have just run: so wheels and
 * empty answers take turns in that. */
static void cycles(client_t *client)
{
    const client_ask_t *ask = &client->ask;
    double begun = now_usec();
    int cycle;

    if (ask->cycles_max == 0) {
        requests(client);
    }
    for (cycle = 0; cycle < ask->cycles_max && !client->trouble &&
                    now_usec() - begun < ask->budget_msec * 1e3;
         cycle++) {
        if (cycle % 2) {
            empty_cycle(client);
        }
        if (!client->trouble) {
            wheel_cycle(client, cycle == 0);
        }
        if (cycle % 2 == 0) {
            empty_cycle(client);
        }
    }
}

int main(int argc, char **argv)
{
    static client_t client = {
        .control = {"control", NULL, 0},
        .at = {"at", NULL, 0},
        .rotating = {"rotating", NULL, 0},
        .stop = {"stop", NULL, 0},
        .last = {"last", NULL, 0},
        .held = {"held", NULL, 0},
        .empty = {"empty", NULL, 0},
        .rate = {"rate", NULL, 0},
        .random = 1,
    };
    struct rlimit files = {65536, 65536};
    reference_t reference;
    int n;

    client_ask_read(&client.ask, argc, argv);
    for (n = 0; n < client.ask.paths_n; n++) {
        client.paths[n].name = client.ask.paths[n];
    }
    setrlimit(RLIMIT_NOFILE, &files);
    client.epoll = epoll_create1(EPOLL_CLOEXEC);
    client.wheels = calloc(client.ask.wheels + 1, sizeof(*client.wheels));
    if (client.epoll < 0 || !client.wheels) {
        fail("no room for %d wheels", client.ask.wheels);
    }
    if (client.ask.reference) {
        reference_start(&reference); /* at the servers' priority */
    }
    reference_rise(0);
    if (client.ask.control) {
        client.control_pid = reference_serve(&client.control_port);
    }
    if (client.ask.reference) {
        reference_print(&reference);
        reference_end(&reference);
    }
    cycles(&client);
    for (n = 0; n < client.ask.paths_n; n++) {
        series_print(&client.paths[n]);
    }
    series_print(&client.control);
    if (client.ask.times) {
        series_print(&client.at);
    }
    series_print(&client.rotating);
    series_print(&client.stop);
    series_print(&client.last);
    series_print(&client.held);
    series_print(&client.empty);
    series_print(&client.rate);
    printf("wheels %ld %ld %ld\n", client.asked, client.ended, client.refused);
    if (client.trouble) {
        printf("trouble %s\n", client.trouble);
    }
    if (client.control_pid > 0) {
        kill(client.control_pid, SIGKILL);
    }
    return 0;
}
