/* SPDX-License-Identifier: Apache-2.0 */
/* client_ask.c: the options of the benchmark's client. */
#include "client_ask.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* Numbers, by the names of their options. */
static const struct {
    const char *name;
    size_t at;
} numbers[] = {
    {"port", offsetof(client_ask_t, port)},
    {"wheels", offsetof(client_ask_t, wheels)},
    {"cycles", offsetof(client_ask_t, cycles_max)},
    {"budget", offsetof(client_ask_t, budget_msec)},
    {"requests", offsetof(client_ask_t, requests)},
    {"patience", offsetof(client_ask_t, patience_msec)},
    {"gap", offsetof(client_ask_t, gap_usec)},
    {"settle", offsetof(client_ask_t, settle_usec)},
    {"hold", offsetof(client_ask_t, hold_usec)},
    {"limit", offsetof(client_ask_t, limit_usec)},
    {"control", offsetof(client_ask_t, control)},
    {"reference", offsetof(client_ask_t, reference)},
    {"empties", offsetof(client_ask_t, empties)},
    {"enough", offsetof(client_ask_t, enough)},
    {"occupy", offsetof(client_ask_t, occupy)},
    {"times", offsetof(client_ask_t, times)},
    {"insist", offsetof(client_ask_t, insist)},
};

#define CLIENT_NUMBERS (sizeof(numbers) / sizeof(*numbers))

static void read_number(client_ask_t *ask, const char *name, const char *value)
{
    char *end;
    long number = strtol(value, &end, 10);
    size_t n;

    if (!*value || *end || number < 0 || number > INT_MAX) {
        fail("--%s=%s: it must be a number from 0 to %d", name, value, INT_MAX);
    }
    for (n = 0; n < CLIENT_NUMBERS; n++) {
        if (!strcmp(numbers[n].name, name)) {
            *(int *)((char *)ask + numbers[n].at) = (int)number;
            return;
        }
    }
    fail("--%s: there is no such option", name);
}

static void read_path(client_ask_t *ask, const char *path)
{
    if (ask->paths_n == CLIENT_PATHS_MAX || !strchr(path, '/')) {
        fail("--path=%s: %d at most, each with a /", path, CLIENT_PATHS_MAX);
    }
    ask->paths[ask->paths_n++] = path;
}

void client_ask_read(client_ask_t *ask, int argc, char **argv)
{
    int n;

    *ask = (client_ask_t){.cycles_max = 1,
                          .budget_msec = INT_MAX,
                          .patience_msec = INT_MAX,
                          .gap_usec = 500,
                          .settle_usec = 100000,
                          .limit_usec = 2000000};

    for (n = 1; n < argc; n++) {
        char *value = strchr(argv[n], '=');

        if (strncmp(argv[n], "--", 2) != 0 || !value) {
            fail("'%s' is not --NAME=VALUE", argv[n]);
        }
        *value++ = '\0';
        if (!strcmp(argv[n], "--path")) {
            read_path(ask, value);
        }
        else if (!strcmp(argv[n], "--started")) {
            ask->started_file = value;
        }
        else if (!strcmp(argv[n], "--probe")) {
            ask->probe = value;
        }
        else {
            read_number(ask, argv[n] + 2, value);
        }
    }
    if (ask->port < 1 || ask->port > 65535 ||
        ask->wheels >= CLIENT_WHEELS_MAX) {
        fail("--port must be 1 to 65535, --wheels 0 to %d",
             CLIENT_WHEELS_MAX - 1);
    }
}
