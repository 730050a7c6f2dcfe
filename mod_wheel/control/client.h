/* SPDX-License-Identifier: Apache-2.0 */
/* control/client.h: one client of WheelControl's socket, between the file that
 * reads and writes, clients.c, and the one that does what is asked,
 * commands.c.  All of it belongs to the helper's main thread. */
#ifndef WHEEL_CONTROL_CLIENT_H
#define WHEEL_CONTROL_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "control/socket.h"
#include "operations/stop.h"

/** The longest line of a client, with its end. */
#define CLIENT_LINE_MAX 1024

typedef enum {
    CLIENT_READS,   /* its line has not come */
    CLIENT_TELLS,   /* a thread tells other hosts; it has stop and pool */
    CLIENT_WAITS,   /* for the jobs that it has stopped */
    CLIENT_ANSWERED /* and the answer is being sent */
} client_state_e;

typedef struct client_t {
    struct client_t *next; /* the younger one */
    int fd;
    short revents; /* what the last wait has seen */
    client_state_e state;
    apr_int64_t until_usec; /* by wheel_clock_usec(): for reading or writing */
    wheel_caller_t peer;
    int admitted;
    apr_pool_t *pool; /* its own, with an allocator of its own */
    wheel_stop_t *stop;
    pthread_t teller;
    atomic_int told; /* the teller is at its end */
    const char *answer;
    size_t answer_bytes; /* what is not yet sent */
    size_t line_bytes;
    char line[CLIENT_LINE_MAX];
} client_t;

/** Answer a client: a status as in HTTP, and a line of JSON. */
void client_answer(client_t *client, int status, const char *json);

/** The same, with what is wrong. */
void client_answer_problem(client_t *client, int status, const char *detail);

/**
 * Do what a line asks: the client is answered then, or waits, or other hosts
 * are being told.
 * @param line without its end; is changed
 * @param told_fd rung when the other hosts are told
 */
void client_command(client_t *client, char *line, int told_fd);

/** Commands for one request: which thread runs it; what that waits for; free it
 * from that; let it have the CPU that nobody else wants; let its process end
 * with it, once its other requests have.  @param query id=N */
void client_thread(client_t *client, const char *query, int told_fd);
void client_where(client_t *client, const char *query, int told_fd);
void client_cut(client_t *client, const char *query, int told_fd);
void client_cool(client_t *client, const char *query, int told_fd);
void client_drain(client_t *client, const char *query, int told_fd);

/** Ask for one step with one request, and answer the client. */
void client_step(client_t *client, const wheel_filter_t *filter,
                 wheel_step_e step);

/** The teller of a client is at its end: go on. */
void client_told(client_t *client);

/**
 * Answer a client that waits, if its jobs have ended or its time is over.
 * @param at_once not to wait any longer
 */
void client_poll(client_t *client, int at_once);

#endif /* WHEEL_CONTROL_CLIENT_H */
