/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl.c: list and stop jobs of this machine's httpd from a shell.
 *
 * A program of its own.  It talks to the helper process behind WheelControl's
 * socket (see clients.c), which answers when no worker is left for a request.
 * What comes from there may be anything: it is bounded, and nothing of it
 * reaches the terminal as a command.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "apr_escape.h"
#include "apr_general.h"
#include "apr_strings.h"

#include "core/filter.h"
#include "core/parse.h"
#include "core/proc.h"

/* Exit codes; the manual page lists them. */
#define EXIT_NONE 1    /* no wheel matches */
#define EXIT_USAGE 2   /* the command line is wrong */
#define EXIT_SERVER 3  /* no server, no permission, no answer */
#define EXIT_RUNNING 4 /* --wait is over, and some wheels still run */

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

/* What is printed of a text of the server. */
#define CELL_BYTES 200
#define DETAIL_BYTES 1000

/* What the command line asks for. */
typedef struct ask_t {
    const char *socket;
    const char *verb; /* list or stop */
    wheel_filter_t filter;
    int all;
    int dry;
    int json;
    const char *wait; /* NULL for not */
    apr_interval_time_t wait_max;
} ask_t;

/* A status as in HTTP, and JSON. */
typedef struct answer_t {
    int status;
    const char *text;
    json_t *json;
} answer_t;

/* A column of what is printed. */
typedef struct column_t {
    const char *key;
    const char *title;
} column_t;

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

/* Of a stop in a cluster. */
static const column_t host_columns[] = {
    {"host", "HOST"},
    {"stopped", "STOPPED"},
    {"outcome", "OUTCOME"},
    {NULL, NULL},
};

#define COLUMNS_MAX 16

static apr_pool_t *pool;

/* --- What it says --------------------------------------------------------- */

static const char help[] =
    "Usage: wheelctl [OPTION]... list [FILTER]...\n"
    "       wheelctl [OPTION]... stop FILTER... | --all\n"
    "\n"
    "Lists or stops the wheels, and other jobs of mod_wheel, of the httpd on\n"
    "this machine, also when none of its workers is left for a request.\n"
    "\n"
    "Filters; a wheel must match all that are given:\n"
    "  --name=NAME        its name; with a * at the end, how it begins\n"
    "  --id=N             its number\n"
    "  --client=ADDRESS   the address of its client\n"
    "  --handler=HANDLER  the handler that runs it\n"
    "  --older=SECONDS    it has run for so long at least\n"
    "\n"
    "Options:\n"
    "  -a, --all          stop: every wheel\n"
    "  -n, --dry-run      stop: only tell what would be stopped\n"
    "  -w, --wait=SECONDS stop: wait so long at most until they have ended\n"
    "  -j, --json         print the server's JSON\n"
    "  -s, --socket=PATH  the server's socket, if not\n"
    "                     " WHEEL_SOCKET "\n"
    "  -h, --help         print this, and exit\n"
    "  -V, --version      print the version, and exit\n"
    "\n"
    "Exit codes: 0 done, 1 no wheel matches, 2 wrong usage, 3 no server, no\n"
    "permission or no answer, 4 some wheels still run after --wait.\n";

__attribute__((format(printf, 2, 3), noreturn)) static void fail(
    int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "wheelctl: %s\n", apr_pvsprintf(pool, format, args));
    va_end(args);
    if (code == EXIT_USAGE) {
        fprintf(stderr, "wheelctl: see wheelctl --help\n");
    }
    exit(code);
}

static void finish(int code)
{
    if (fflush(stdout) || ferror(stdout)) {
        fail(EXIT_SERVER, "the output can't be written: %s", strerror(errno));
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
    case 'n':
        ask->dry = 1;
        break;
    case 'w':
        ask->wait = optarg;
        error = wheel_parse_stop_wait("wait", optarg, &ask->wait_max, pool);
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
            optarg, pool);
        break;
    }
    if (error) {
        fail(EXIT_USAGE, "--%s", error);
    }
}

/* An option twice is one too many: which of the two would hold? */
static void read_options(int argc, char **argv, ask_t *ask)
{
    unsigned char given[OPTION_FILTER + OPTIONS_N] = {0};
    int option;

    while ((option = getopt_long(argc, argv, "anw:js:hV", options, NULL)) !=
           -1) {
        if (given[option]++ && option != '?') {
            fail(EXIT_USAGE, "an option is given twice: %s", argv[optind - 1]);
        }
        read_option(option, ask);
    }
}

static void read_verb(int argc, char **argv, ask_t *ask)
{
    if (optind == argc) {
        fail(EXIT_USAGE, "list or stop?");
    }
    ask->verb = argv[optind];
    if (strcmp(ask->verb, "list") && strcmp(ask->verb, "stop")) {
        fail(EXIT_USAGE, "'%.64s' is not one of: list, stop", ask->verb);
    }
    if (optind + 1 < argc) {
        fail(EXIT_USAGE, "'%.64s' is one word too many", argv[optind + 1]);
    }
}

static void check_ask(const ask_t *ask)
{
    int any = wheel_filter_is_any(&ask->filter);

    if (!strcmp(ask->verb, "list")) {
        if (ask->all || ask->dry || ask->wait) {
            fail(EXIT_USAGE, "--all, --dry-run and --wait are for stop");
        }
        return;
    }
    if (ask->all && !any) {
        fail(EXIT_USAGE, "--all and a filter exclude each other");
    }
    if (!ask->all && any) {
        fail(EXIT_USAGE, "which wheels? give a filter, or --all");
    }
    if (ask->dry && ask->wait) {
        fail(EXIT_USAGE, "--dry-run stops nothing that --wait could wait for");
    }
}

static int lists(const ask_t *ask)
{
    return !strcmp(ask->verb, "list");
}

/* --- The server ----------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un address;
    int fd;

    memset(&address, 0, sizeof(address));
    if (strlen(path) >= sizeof(address.sun_path)) {
        fail(EXIT_USAGE, "--socket: the path of a socket has %d bytes at most",
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
        fail(EXIT_SERVER,
             "%s: there is no such socket; is httpd running, with WheelControl "
             "set? --socket names another one",
             path);
    case ECONNREFUSED:
        fail(EXIT_SERVER, "%s: the server that made this socket is gone", path);
    case EACCES:
        fail(EXIT_SERVER,
             "%s: permission denied; only root, the user who started the "
             "server and members of WheelControl's group may use it",
             path);
    default:
        fail(EXIT_SERVER, "%s: %s", path, strerror(errno));
    }
}

static const char *line_of(const ask_t *ask)
{
    const char *query = wheel_filter_text(&ask->filter, pool);

    if (ask->dry) {
        query = apr_pstrcat(pool, query, "&dry", NULL);
    }
    if (ask->wait) {
        query = apr_pstrcat(pool, query, "&wait=", ask->wait, NULL);
    }
    return apr_psprintf(pool, "%s %s\n", ask->verb, query);
}

/* As much memory, or more. */
static char *grown(char *text, size_t bytes)
{
    char *more = realloc(text, bytes);

    if (!more) {
        free(text);
        fail(EXIT_SERVER, "no memory for the server's answer");
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
            fail(EXIT_SERVER, "the server doesn't come to an end");
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
    if (!bytes && ((got < 0 && errno == ECONNRESET) || lists(ask))) {
        free(text);
        return NULL;
    }
    if (got < 0 || !bytes) {
        fail(EXIT_SERVER, "the server ended before it answered%s%s",
             got < 0 ? ": " : "", got < 0 ? strerror(errno) : "");
    }
    text[bytes] = '\0';
    return text;
}

/* A helper of the server that is killed hangs up, and another one is there at
 * once.  If it has not read what was sent, it has done nothing. */
static char *try_server(const ask_t *ask)
{
    const char *line = line_of(ask);
    int fd = connect_to(ask->socket);
    char *text = NULL;

    if (send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line)) {
        text = read_all(fd, ask);
    }
    close(fd);
    return text;
}

static answer_t ask_server(const ask_t *ask)
{
    answer_t answer;
    json_error_t error;
    char *rest;
    char *text = try_server(ask);
    int tries = 1;

    while (!text) {
        if (tries++ == TRIES_MAX) {
            fail(EXIT_SERVER, "%s: the server hangs up", ask->socket);
        }
        usleep(TRY_AGAIN_USEC);
        text = try_server(ask);
    }
    answer.status = (int)strtol(text, &rest, 10);
    answer.text = rest + (*rest == '\n');
    answer.json = json_loads(answer.text, 0, &error);
    if (!json_is_object(answer.json)) {
        fail(EXIT_SERVER,
             "%s: what answers there is no mod_wheel, or was cut "
             "off",
             ask->socket);
    }
    return answer;
}

/* --- What is printed ------------------------------------------------------ */

/* Whatever listens there: nothing that a terminal takes for a command, and not
 * more than fits on a screen. */
static const char *printable(const char *text, size_t bytes_max)
{
    char *safe = apr_pstrndup(pool, text, bytes_max);
    char *c;

    for (c = safe; *c; c++) {
        if (!isprint((unsigned char)*c)) {
            *c = '?';
        }
    }
    return strlen(text) > bytes_max ? apr_pstrcat(pool, safe, "...", NULL)
                                    : safe;
}

/* The same for JSON, which stays JSON: in what the parser has let through, such
 * characters stand in strings alone, and these may be the control characters
 * that JSON allows: DEL, and those from U+0080 to U+009F. */
static void print_json(const char *text)
{
    const unsigned char *c;

    for (c = (const unsigned char *)text; *c; c++) {
        if (*c == 0x7f) {
            fputs("\\u007f", stdout);
        }
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
            printf("\\u%04x", (unsigned)*++c);
        }
        else {
            putchar(*c);
        }
    }
}

static const char *cell(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return printable(json_string_value(value), CELL_BYTES);
    case JSON_INTEGER:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT,
                            (apr_int64_t)json_integer_value(value));
    case JSON_REAL:
        return apr_psprintf(pool, "%.3f", json_real_value(value));
    default:
        return "-";
    }
}

static void print_table(const json_t *rows, const column_t *columns)
{
    int widths[COLUMNS_MAX] = {0};
    const json_t *row;
    size_t n;
    int c;

    for (c = 0; columns[c].key; c++) {
        widths[c] = (int)strlen(columns[c].title);
        json_array_foreach(rows, n, row)
        {
            int width = (int)strlen(cell(row, columns[c].key));

            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (c = 0; columns[c].key; c++) {
        printf("%s%-*s", c ? "  " : "", columns[c + 1].key ? widths[c] : 0,
               columns[c].title);
    }
    printf("\n");
    json_array_foreach(rows, n, row)
    {
        for (c = 0; columns[c].key; c++) {
            printf("%s%-*s", c ? "  " : "", columns[c + 1].key ? widths[c] : 0,
                   cell(row, columns[c].key));
        }
        printf("\n");
    }
}

/* Anything but success. */
static void fail_as_told(const ask_t *ask, const answer_t *answer)
{
    static const struct {
        int status;
        int code;
    } codes[] = {{404, EXIT_NONE}, {400, EXIT_USAGE}, {0, EXIT_SERVER}};
    const char *detail =
        json_string_value(json_object_get(answer->json, "detail"));
    int n = 0;

    while (codes[n].status && codes[n].status != answer->status) {
        n++;
    }
    if (ask->json) {
        print_json(answer->text);
        fflush(stdout);
    }
    fail(codes[n].code, "%s",
         detail ? printable(detail, DETAIL_BYTES) : "it failed");
}

static void print_answer(const ask_t *ask, const answer_t *answer,
                         const json_t *rows, const column_t *columns)
{
    const json_t *hosts = json_object_get(answer->json, "hosts");
    const json_t *requests = json_object_get(answer->json, "requests");

    if (ask->json) {
        print_json(answer->text);
        return;
    }
    print_table(rows, columns);
    if (json_array_size(requests)) {
        printf("\n");
        print_table(requests, request_columns);
    }
    if (hosts && !strcmp(ask->verb, "stop")) {
        printf("\n");
        print_table(hosts, host_columns);
    }
}

static int still_runs(const json_t *rows)
{
    const json_t *row;
    size_t n;

    json_array_foreach(rows, n, row)
    {
        if (!strcmp(cell(row, "outcome"), "running")) {
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
        apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        fputs("wheelctl: APR can't be used\n", stderr);
        return EXIT_SERVER;
    }
    memset(&ask, 0, sizeof(ask));
    ask.socket = WHEEL_SOCKET;
    read_options(argc, argv, &ask);
    read_verb(argc, argv, &ask);
    check_ask(&ask);

    answer = ask_server(&ask);
    if (answer.status != 200) {
        fail_as_told(&ask, &answer);
    }
    lists_jobs = lists(&ask);
    rows = json_object_get(answer.json, lists_jobs ? "running" : "wheels");
    print_answer(&ask, &answer, rows, lists_jobs ? list_columns : stop_columns);
    /* They may have been those of other hosts. */
    stopped = json_object_get(answer.json, "stopped");
    if (!json_array_size(rows) &&
        !json_array_size(json_object_get(answer.json, "requests")) &&
        !json_integer_value(stopped) && !wheel_filter_is_any(&ask.filter)) {
        finish(EXIT_NONE);
    }
    finish(still_runs(rows) ? EXIT_RUNNING : 0);
}
