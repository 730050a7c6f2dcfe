/* SPDX-License-Identifier: Apache-2.0 */
/* core/job_tree.c: the processes that work for a request.
 *
 * Runs in the helper, and in workers that report.
 */
#include "core/job_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "apr_strings.h"

/* What is read of an environment: WHEEL_JOB stands among the first. */
#define TREE_ENVIRONMENT_BYTES (64 * 1024)

/* Fields of proc(5)'s stat, counted from the one after the name. */
#define TREE_PARENT 1
#define TREE_CPU_FIRST 11 /* utime, stime, and those of ended children */
#define TREE_CPU_LAST 14

/* A process that may be one of the job's. */
typedef struct tree_process_t {
    pid_t pid;
    pid_t parent;
    int fd; /* a pidfd: it is this process and no later one */
    int is_own;
    apr_uint64_t job; /* of its environment, 0 for none */
    apr_int64_t cpu_ticks;
} tree_process_t;

struct wheel_job_trees_t {
    tree_process_t *processes;
    size_t n;
    size_t max;
};

static ssize_t read_file(pid_t pid, const char *name, char *text, size_t max)
{
    char path[64];
    ssize_t bytes = -1;
    int fd;

    apr_snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        bytes = read(fd, text, max - 1);
        close(fd);
        text[bytes > 0 ? bytes : 0] = '\0';
    }
    return bytes;
}

/* The job of an environment, entries that end with NUL; 0 for none. */
static apr_uint64_t job_of(const char *environment, size_t bytes)
{
    static const char name[] = WHEEL_JOB_VARIABLE "=";
    const char *end = environment + bytes;

    while (environment < end) {
        size_t length = strnlen(environment, (size_t)(end - environment));

        if (length >= sizeof(name) &&
            !memcmp(environment, name, sizeof(name) - 1)) {
            return (apr_uint64_t)apr_strtoi64(environment + sizeof(name) - 1,
                                              NULL, 10);
        }
        environment += length + 1;
    }
    return 0;
}

static int read_stat(tree_process_t *process)
{
    char text[1024];
    char *field;
    char *rest;
    int n;

    if (read_file(process->pid, "stat", text, sizeof(text)) <= 0) {
        return 0;
    }
    field = strrchr(text, ')');
    field = field ? apr_strtok(field + 1, " ", &rest) : NULL;
    for (n = 0; field && n <= TREE_CPU_LAST; n++) {
        if (n == TREE_PARENT) {
            process->parent = (pid_t)atol(field);
        }
        else if (n >= TREE_CPU_FIRST) {
            process->cpu_ticks += atoll(field);
        }
        field = apr_strtok(NULL, " ", &rest);
    }
    return n > TREE_CPU_LAST;
}

static tree_process_t *add(wheel_job_trees_t *tree)
{
    if (tree->n == tree->max) {
        size_t max = tree->max ? 2 * tree->max : 64;
        tree_process_t *more =
            realloc(tree->processes, max * sizeof(*tree->processes));

        if (!more) {
            return NULL;
        }
        tree->processes = more;
        tree->max = max;
    }
    return &tree->processes[tree->n++];
}

/* The pidfd comes first: what is read later is of the process that it holds,
 * or of none. */
static void look_at(wheel_job_trees_t *tree, pid_t pid, char *environment)
{
    tree_process_t process = {pid, 0, -1, 0, 0, 0};
    tree_process_t *added;
    ssize_t bytes;

    process.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process.fd < 0) {
        return;
    }
    bytes = read_file(pid, "environ", environment, TREE_ENVIRONMENT_BYTES);
    if (bytes >= 0 && read_stat(&process)) {
        process.job = job_of(environment, (size_t)bytes);
        added = add(tree);
        if (added) {
            *added = process;
            return;
        }
    }
    close(process.fd);
}

/* What an own process has started is an own one, too. */
static void add_descendants(wheel_job_trees_t *tree)
{
    int more = 1;
    size_t n;
    size_t of;

    while (more) {
        more = 0;
        for (n = 0; n < tree->n; n++) {
            for (of = 0; of < tree->n && !tree->processes[n].is_own; of++) {
                if (tree->processes[of].is_own &&
                    tree->processes[of].pid == tree->processes[n].parent) {
                    tree->processes[n].is_own = more = 1;
                }
            }
        }
    }
}

wheel_job_trees_t *wheel_job_trees_read(void)
{
    wheel_job_trees_t *trees = calloc(1, sizeof(*trees));
    char *environment = malloc(TREE_ENVIRONMENT_BYTES);
    DIR *proc = opendir("/proc");
    const struct dirent *found;

    while (trees && proc && environment && (found = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)atol(found->d_name);

        if (pid > 1 && pid != getpid()) {
            look_at(trees, pid, environment);
        }
    }
    if (proc) {
        closedir(proc);
    }
    free(environment);
    return trees;
}

void wheel_job_trees_free(wheel_job_trees_t *trees)
{
    size_t n;

    for (n = 0; trees && n < trees->n; n++) {
        close(trees->processes[n].fd);
    }
    if (trees) {
        free(trees->processes);
        free(trees);
    }
}

static void find(wheel_job_trees_t *trees, apr_uint64_t id)
{
    size_t n;

    for (n = 0; n < trees->n; n++) {
        trees->processes[n].is_own = id && trees->processes[n].job == id;
    }
    add_descendants(trees);
}

void wheel_job_trees_signal(wheel_job_trees_t *trees, apr_uint64_t id,
                            int signal, wheel_job_tree_t *found)
{
    apr_int64_t ticks = 0;
    size_t n;

    memset(found, 0, sizeof(*found));
    if (!trees) {
        return;
    }
    find(trees, id);
    for (n = 0; n < trees->n; n++) {
        const tree_process_t *process = &trees->processes[n];

        if (!process->is_own) {
            continue;
        }
        found->processes++;
        ticks += process->cpu_ticks;
        if (signal) {
            wheel_job_tree_send(process->fd, signal);
        }
    }
    found->cpu_usec = ticks * 1000000 / sysconf(_SC_CLK_TCK);
}

static int by_pid(const void *a, const void *b)
{
    const wheel_job_process_t *left = a;
    const wheel_job_process_t *right = b;

    return (left->pid > right->pid) - (left->pid < right->pid);
}

static void fill_process(const tree_process_t *found,
                         wheel_job_process_t *process)
{
    char *at = process->command;

    process->pid = found->pid;
    process->parent = found->parent;
    if (read_file(found->pid, "comm", at, sizeof(process->command)) <= 0) {
        *at = '\0';
    }
    for (; *at && *at != '\n'; at++) {
        *at = *at < ' ' || *at > '~' ? '?' : *at;
    }
    *at = '\0';
}

unsigned wheel_job_tree_list(apr_uint64_t id, wheel_job_process_t *processes,
                             unsigned max)
{
    wheel_job_trees_t *trees = wheel_job_trees_read();
    unsigned found = 0;
    size_t n;

    if (!trees) {
        return 0;
    }
    find(trees, id);
    for (n = 0; n < trees->n; n++) {
        if (trees->processes[n].is_own && found < max) {
            fill_process(&trees->processes[n], &processes[found]);
        }
        found += trees->processes[n].is_own != 0;
    }
    wheel_job_trees_free(trees);
    qsort(processes, found < max ? found : max, sizeof(*processes), by_pid);
    return found;
}

int wheel_job_tree_send(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0;
}

int wheel_job_tree_hold(apr_int64_t pid, const char *command,
                        wheel_job_tree_held_t held, void *baton)
{
    char name[64];
    int done = 0;
    int fd;

    if (pid <= 1 || pid > 0x7fffffff) {
        return 0;
    }
    fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0) {
        return 0;
    }
    if (read_file((pid_t)pid, "comm", name, sizeof(name)) > 0 &&
        !strncmp(name, command, strlen(command))) {
        done = held(fd, baton);
    }
    close(fd);
    return done;
}
