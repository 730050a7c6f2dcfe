/* SPDX-License-Identifier: Apache-2.0 */
/* client_ask.h: what the benchmark's client is asked to measure. */
#ifndef BENCH_CLIENT_ASK_H
#define BENCH_CLIENT_ASK_H

#define CLIENT_WHEELS_MAX 4000
#define CLIENT_PATHS_MAX 8

typedef struct client_ask_t {
    int port;
    int wheels;
    int cycles_max;
    int budget_msec;   /* no new cycle begins later */
    int requests;      /* of each kind, beside the wheels of a first cycle */
    int patience_msec; /* no new request begins later */
    int gap_usec;      /* mean time between two requests */
    int settle_usec;   /* from the last wheel's first turn on */
    int hold_usec;     /* and then, before the stop */
    int limit_usec;    /* for any one answer, and for all to turn */
    const char *started_file; /* grows by a byte with each wheel's first turn;
                               * NULL: ask mod_wheel's status */
    const char *paths
        [CLIENT_PATHS_MAX]; /* of requests; PORT:/PATH for another server */
    int paths_n;
    int control;
    int reference;     /* print what the machine itself takes */
    int empties;       /* in each cycle, as many empty answers as wheels */
    int enough;        /* wheels that have to turn; 0 for all */
    int occupy;        /* workers wait for clients in place of wheels */
    int times;         /* print when requests beside the wheels began */
    int insist;        /* stop again until every wheel has ended */
    const char *probe; /* command to run beside the wheels */
} client_ask_t;

/* Read the options, each --NAME=VALUE, after the defaults are set.  Ends the
 * program with a message if one is wrong; keeps pointers into argv. */
void client_ask_read(client_ask_t *ask, int argc, char **argv);

#endif
