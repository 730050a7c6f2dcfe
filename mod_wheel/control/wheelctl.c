/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl.c: list and stop jobs of this machine's httpd from a shell.
 *
 * A program of its own.  It talks to the helper process behind WheelControl's
 * socket (see clients.c), which answers when no worker is left for a request.
 * What comes from there may be anything: it is bounded, and nothing of it
 * reaches the terminal as a command.
 */
#include "control/wheelctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apr_general.h"
#include "apr_strings.h"

#include "core/parse.h"

static const column_t list_columns[] = {
    {"id", "ID"},           {"name", "NAME"},         {"client", "CLIENT"},
    {"handler", "HANDLER"}, {"pid", "PID"},           {"state", "STATE"},
    {"elapsed", "ELAPSED"}, {"deadline", "DEADLINE"}, {"turns", "TURNS"},
    {NULL, NULL},
};

static const column_t request_columns[] = {
    {"id", "ID"},     {"method", "METHOD"}, {"host", "HOST"},
    {"path", "PATH"}, {"client", "CLIENT"}, {"handler", "HANDLER"},
    {"pid", "PID"},   {"state", "STATE"},   {"elapsed", "ELAPSED"},
    {"cpu", "CPU"},   {NULL, NULL},
};

static const column_t stop_columns[] = {
    {"id", "ID"},           {"name", "NAME"},       {"client", "CLIENT"},
    {"handler", "HANDLER"}, {"outcome", "OUTCOME"}, {NULL, NULL},
};

static const column_t dry_columns[] = {
    {"id", "ID"},           {"name", "NAME"},   {"client", "CLIENT"},
    {"handler", "HANDLER"}, {"steps", "STEPS"}, {NULL, NULL},
};

/* Of a stop in a cluster. */
static const column_t host_columns[] = {
    {"host", "HOST"},
    {"stopped", "STOPPED"},
    {"outcome", "OUTCOME"},
    {NULL, NULL},
};

apr_pool_t *wheelctl_pool;

/* --- What it says --------------------------------------------------------- */

static const char help[] =
    "Usage: wheelctl [OPTION]... list [FILTER]...\n"
    "       wheelctl [OPTION]... stop FILTER... | --all\n"
    "       wheelctl [OPTION]... where | cool | drain --id=N\n"
    "\n"
    "Lists or stops the jobs of mod_wheel in the httpd on this machine:\n"
    "wheels, requests, and jobs of other modules; also when none of its\n"
    "workers is left for a request.\n"
    "\n"
    "  where              what a request waits for; for root, its stack\n"
    "  cool               the request gets only CPU time that is left over\n"
    "  drain              the request is stopped, and its process ends\n"
    "\n"
    "Filters; a job must match all that are given:\n"
    "  --name=NAME        its name; with a * at the end, how it begins\n"
    "  --id=N             its id\n"
    "  --client=ADDRESS   the address of its client\n"
    "  --handler=HANDLER  the handler that runs it\n"
    "  --older=SECONDS    it has run for so long at least\n"
    "  --path=PATH        the path of the request\n"
    "  --host=HOST        the host that the request is for\n"
    "  --method=METHOD    the method of the request\n"
    "  --kind=KIND        request, or wheel, which means all other jobs\n"
    "stop means requests only with --id, --handler, --path, --host,\n"
    "--method or --kind=request.\n"
    "\n"
    "Options:\n"
    "  -a, --all          stop: every wheel and job, but no requests\n"
    "  -c, --cut          stop: free the thread, if it waits for a socket\n"
    "  -n, --dry-run      stop: only tell what would be stopped\n"
    "  -w, --wait=SECONDS stop: wait so long at most until they have ended\n"
    "  -j, --json         print the server's JSON\n"
    "  -s, --socket=PATH  the server's socket, if not\n"
    "                     " WHEEL_SOCKET "\n"
    "  -h, --help         print this, and exit\n"
    "  -V, --version      print the version, and exit\n"
    "\n"
    "Exit codes: 0 done, 1 no job matches, 2 wrong usage, 3 no server, no\n"
    "permission or no answer, 4 some jobs still run after --wait.\n";

void wheelctl_fail(int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "wheelctl: %s\n",
            apr_pvsprintf(wheelctl_pool, format, args));
    va_end(args);
    if (code == EXIT_USAGE) {
        fprintf(stderr, "wheelctl: see wheelctl --help\n");
    }
    exit(code);
}

static void finish(int code)
{
    if (fflush(stdout) || ferror(stdout)) {
        wheelctl_fail(EXIT_SERVER, "the output can't be written: %s",
                      strerror(errno));
    }
    exit(code);
}

/* --- The command line ----------------------------------------------------- */

/* Long options without a letter: the parameters of a filter, in their order. */
#define OPTION_FILTER 256

static const struct option options[] = {
    {"name", required_argument, NULL, OPTION_FILTER},
    {"id", required_argument, NULL, OPTION_FILTER + 1},
    {"client", required_argument, NULL, OPTION_FILTER + 2},
    {"handler", required_argument, NULL, OPTION_FILTER + 3},
    {"older", required_argument, NULL, OPTION_FILTER + 4},
    {"path", required_argument, NULL, OPTION_FILTER + 5},
    {"host", required_argument, NULL, OPTION_FILTER + 6},
    {"method", required_argument, NULL, OPTION_FILTER + 7},
    {"kind", required_argument, NULL, OPTION_FILTER + 8},
    {"all", no_argument, NULL, 'a'},
    {"cut", no_argument, NULL, 'c'},
    {"dry-run", no_argument, NULL, 'n'},
    {"wait", required_argument, NULL, 'w'},
    {"json", no_argument, NULL, 'j'},
    {"socket", required_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

#define OPTIONS_N (sizeof(options) / sizeof(options[0]))

static void read_option(int option, ask_t *ask)
{
    const char *error = NULL;

    switch (option) {
    case 'a':
        ask->all = 1;
        break;
    case 'c':
        ask->cut = 1;
        break;
    case 'n':
        ask->dry = 1;
        break;
    case 'w':
        ask->wait = optarg;
        error = wheel_parse_stop_wait("wait", optarg, &ask->wait_max,
                                      wheelctl_pool);
        break;
    case 'j':
        ask->json = 1;
        break;
    case 's':
        ask->socket = optarg;
        break;
    case 'h':
        fputs(help, stdout);
        finish(0);
        break;
    case 'V':
        printf("wheelctl (mod_wheel) %s\n", WHEEL_VERSION);
        finish(0);
        break;
    case '?': /* getopt has said why */
        fprintf(stderr, "wheelctl: see wheelctl --help\n");
        exit(EXIT_USAGE);
    default:
        error = wheel_filter_read(
            &ask->filter, wheel_filter_params[option - OPTION_FILTER].name,
            optarg, wheelctl_pool);
        break;
    }
    if (error) {
        wheelctl_fail(EXIT_USAGE, "--%s", error);
    }
}

/* An option twice is one too many: which of the two would hold? */
static void read_options(int argc, char **argv, ask_t *ask)
{
    unsigned char given[OPTION_FILTER + OPTIONS_N] = {0};
    int option;

    while ((option = getopt_long(argc, argv, "acnw:js:hV", options, NULL)) !=
           -1) {
        if (given[option]++ && option != '?') {
            wheelctl_fail(EXIT_USAGE, "an option is given twice: %s",
                          argv[optind - 1]);
        }
        read_option(option, ask);
    }
}

static int is_verb(const ask_t *ask, const char *verb)
{
    return !strcmp(ask->verb, verb);
}

/* Does the server do something with one request, and say what? */
static int acts(const ask_t *ask)
{
    return is_verb(ask, "cool") || is_verb(ask, "drain");
}

static void read_verb(int argc, char **argv, ask_t *ask)
{
    if (optind == argc) {
        wheelctl_fail(EXIT_USAGE, "list, stop, where, cool or drain?");
    }
    ask->verb = argv[optind];
    if (!is_verb(ask, "list") && !is_verb(ask, "stop") &&
        !is_verb(ask, "where") && !acts(ask)) {
        wheelctl_fail(EXIT_USAGE,
                      "'%.64s' is not one of: list, stop, where, cool, drain",
                      ask->verb);
    }
    if (optind + 1 < argc) {
        wheelctl_fail(EXIT_USAGE, "'%.64s' is one word too many",
                      argv[optind + 1]);
    }
}

/* where, cool and drain are for one job. */
static void check_single(const ask_t *ask)
{
    wheel_filter_t only = {0};

    only.id = ask->filter.id;
    if (!only.id || memcmp(&only, &ask->filter, sizeof(only)) != 0) {
        wheelctl_fail(EXIT_USAGE, "%s takes --id=N and no other filter",
                      ask->verb);
    }
}

static void check_stop(const ask_t *ask)
{
    int any = wheel_filter_is_any(&ask->filter);

    if (ask->all && !any) {
        wheelctl_fail(EXIT_USAGE, "--all and a filter exclude each other");
    }
    if (!ask->all && any) {
        wheelctl_fail(EXIT_USAGE, "which wheels? give a filter, or --all");
    }
    if (ask->dry && ask->wait) {
        wheelctl_fail(EXIT_USAGE,
                      "--dry-run stops nothing that --wait could wait for");
    }
    if (ask->cut && (ask->dry || !ask->filter.id)) {
        wheelctl_fail(EXIT_USAGE, "--cut takes --id=N, and no --dry-run");
    }
}

static void check_ask(const ask_t *ask)
{
    if (is_verb(ask, "stop")) {
        check_stop(ask);
        return;
    }
    if (ask->all || ask->dry || ask->wait || ask->cut) {
        wheelctl_fail(EXIT_USAGE,
                      "--all, --dry-run, --wait and --cut are for stop");
    }
    if (!is_verb(ask, "list")) {
        check_single(ask);
    }
}

static int lists(const ask_t *ask)
{
    return is_verb(ask, "list");
}

static void print_answer(const ask_t *ask, const answer_t *answer,
                         const json_t *rows, const column_t *columns)
{
    const json_t *hosts = json_object_get(answer->json, "hosts");
    const json_t *requests = json_object_get(answer->json, "requests");

    if (ask->json) {
        wheelctl_print_json(answer->text);
        return;
    }
    wheelctl_print_table(rows, columns);
    if (json_array_size(requests)) {
        printf("\n");
        wheelctl_print_table(requests, request_columns);
    }
    if (hosts && !strcmp(ask->verb, "stop")) {
        printf("\n");
        wheelctl_print_table(hosts, host_columns);
    }
}

static int still_runs(const json_t *rows)
{
    const json_t *row;
    size_t n;

    json_array_foreach(rows, n, row)
    {
        if (!strcmp(wheelctl_cell(row, "outcome"), "running")) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    ask_t ask;
    answer_t answer;
    const json_t *rows;
    const json_t *stopped;
    int lists_jobs;

    if (apr_initialize() != APR_SUCCESS ||
        apr_pool_create(&wheelctl_pool, NULL) != APR_SUCCESS) {
        fputs("wheelctl: APR can't be used\n", stderr);
        return EXIT_SERVER;
    }
    memset(&ask, 0, sizeof(ask));
    ask.socket = WHEEL_SOCKET;
    read_options(argc, argv, &ask);
    read_verb(argc, argv, &ask);
    check_ask(&ask);

    if (is_verb(&ask, "where")) {
        finish(wheelctl_where(&ask));
    }
    if (acts(&ask)) {
        finish(wheelctl_act(&ask));
    }
    answer = wheelctl_ask(&ask);
    if (answer.status != 200) {
        wheelctl_fail_as_told(&ask, &answer);
    }
    lists_jobs = lists(&ask);
    rows = json_object_get(answer.json, lists_jobs ? "running" : "wheels");
    if (ask.cut) {
        wheelctl_cut(&ask, rows);
    }
    print_answer(&ask, &answer, rows,
                 lists_jobs ? list_columns
                 : ask.dry  ? dry_columns
                            : stop_columns);
    /* They may have been those of other hosts. */
    stopped = json_object_get(answer.json, "stopped");
    if (!json_array_size(rows) &&
        !json_array_size(json_object_get(answer.json, "requests")) &&
        !json_integer_value(stopped) && !wheel_filter_is_any(&ask.filter)) {
        finish(EXIT_NONE);
    }
    finish(still_runs(rows) ? EXIT_RUNNING : 0);
}
