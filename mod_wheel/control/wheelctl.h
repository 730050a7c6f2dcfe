/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl.h: what the files of wheelctl share.  A program of one
 * thread: all of it may end the process. */
#ifndef WHEEL_CONTROL_WHEELCTL_H
#define WHEEL_CONTROL_WHEELCTL_H

#include <jansson.h>

#include "apr_pools.h"
#include "apr_time.h"

#include "core/filter.h"

/** Exit codes; the manual page lists them. */
#define EXIT_NONE 1    /* no wheel matches */
#define EXIT_USAGE 2   /* the command line is wrong */
#define EXIT_SERVER 3  /* no server, no permission, no answer */
#define EXIT_RUNNING 4 /* --wait is over, and some wheels still run */

/** What the command line asks for. */
typedef struct ask_t {
    const char *socket;
    const char *verb; /* list, stop, where, cut, cool or drain */
    wheel_filter_t filter;
    int all;
    int dry;
    int cut; /* a stop is to free threads that wait */
    int json;
    const char *wait; /* NULL for not */
    apr_interval_time_t wait_max;
} ask_t;

/** A status as in HTTP, and JSON. */
typedef struct answer_t {
    int status;
    const char *text;
    json_t *json;
    pid_t server; /* the parent of its processes: who listens */
} answer_t;

/** A column of what is printed; a table ends with NULL. */
typedef struct column_t {
    const char *key;
    const char *title;
} column_t;

/** Columns of a table at most. */
#define COLUMNS_MAX 16

/** For everything; never destroyed. */
extern apr_pool_t *wheelctl_pool;

/** Say what is wrong, and end. */
__attribute__((format(printf, 2, 3), noreturn)) void wheelctl_fail(
    int code, const char *format, ...);

/** Ask the server what the command line asks for. */
answer_t wheelctl_ask(const ask_t *ask);

/** Anything but success: say why, and end. */
__attribute__((noreturn)) void wheelctl_fail_as_told(const ask_t *ask,
                                                     const answer_t *answer);

/** A text of the server for a terminal: printable, and cut. */
const char *wheelctl_printable(const char *text, size_t bytes_max);

/** A member of a row as text, "-" for none. */
const char *wheelctl_cell(const json_t *row, const char *key);

/** Print rows as a table. */
void wheelctl_print_table(const json_t *rows, const column_t *columns);

/** Print the server's JSON. */
void wheelctl_print_json(const char *text);

/** A thread as the server names it. */
typedef struct wheelctl_thread_t {
    apr_uint64_t id;
    pid_t pid;
    pid_t tid;
    int client_fd;
    int marked;
    int is_cgi;             /* processes may work for it */
    apr_int64_t began_usec; /* by wheel_clock_usec() */
    const char *trace;      /* the last one, empty for none */
    pid_t server;
    const char *socket;
} wheelctl_thread_t;

/** Who runs the job of an id: ends if nobody does, or if the process that the
 * server names is none of its children. */
void wheelctl_thread_find(const ask_t *ask, wheelctl_thread_t *thread);

/** The same thread a moment later.  @return 0 if the job has ended */
int wheelctl_thread_again(wheelctl_thread_t *thread);

/** wheelctl where; and wheelctl cool and drain, which the server does.
 * @return the exit code */
int wheelctl_where(const ask_t *ask);
int wheelctl_act(const ask_t *ask);

/**
 * Free the threads of requests that were stopped and wait for a socket: by this
 * process, if it may, else by the server.
 * @param rows what the stop has hit
 */
void wheelctl_cut(const ask_t *ask, const json_t *rows);

#endif /* WHEEL_CONTROL_WHEELCTL_H */
