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

#include "core/platform.h"
#include "core/proc.h"
#include "core/reader.h"

/* From a process up to one that has its job in its environment.  A bound, since
 * children can have this asked for any number of jobs. */
#define TREE_DEPTH_MAX 64

/* What is read of an environment: WHEEL_JOB stands among the first. */
#define TREE_ENVIRONMENT_BYTES (64 * 1024)

/* Fields of proc(5)'s stat, counted from the one after the name. */
#define TREE_PARENT 1
#define TREE_CPU_FIRST 11 /* utime, stime, and those of ended children */
#define TREE_CPU_LAST 14
#define TREE_BIRTH 19 /* clock ticks from boot to its start */

/* A process that may be one of the job's. */
typedef struct tree_process_t {
    wheel_proc_t proc;
    pid_t parent;
    struct tree_process_t *above; /* its parent; NULL: it isn't seen */
    apr_uint64_t job;             /* of its environment, 0 for none */
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

    if (read_file(process->proc.pid, "stat", text, sizeof(text)) <= 0) {
        return 0;
    }
    field = strrchr(text, ')');
    field = field ? apr_strtok(field + 1, " ", &rest) : NULL;
    for (n = 0; field && n <= TREE_BIRTH; n++) {
        if (n == TREE_PARENT) {
            process->parent = (pid_t)atol(field);
        }
        else if (n >= TREE_CPU_FIRST && n <= TREE_CPU_LAST) {
            process->cpu_ticks += atoll(field);
        }
        else if (n == TREE_BIRTH) {
            process->proc.birth = strtoull(field, NULL, 10);
        }
        field = apr_strtok(NULL, " ", &rest);
    }
    return n > TREE_BIRTH;
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

/* Others could say in their environment what they like.  The start is read
 * first: if it is the same later, the environment was of this process, too. */
static void look_at(wheel_job_trees_t *trees, pid_t pid, uid_t user,
                    char *environment)
{
    tree_process_t process = {.proc = {pid, 0}};
    tree_process_t *added;
    uid_t found;
    ssize_t bytes;

    if (!wheel_proc_user(pid, &found) || found != user ||
        !wheel_reader_begin(pid) || !read_stat(&process)) {
        return;
    }
    bytes = read_file(pid, "environ", environment, TREE_ENVIRONMENT_BYTES);
    added = bytes >= 0 ? add(trees) : NULL;
    if (added) {
        *added = process;
        added->job = job_of(environment, (size_t)bytes);
    }
}

static int by_pid(const void *a, const void *b)
{
    const tree_process_t *left = a;
    const tree_process_t *right = b;

    return (left->proc.pid > right->proc.pid) -
           (left->proc.pid < right->proc.pid);
}

static void find_parents(wheel_job_trees_t *trees)
{
    size_t n;

    if (trees->n) {
        qsort(trees->processes, trees->n, sizeof(*trees->processes), by_pid);
    }
    for (n = 0; n < trees->n; n++) {
        tree_process_t parent = {.proc = {trees->processes[n].parent, 0}};

        trees->processes[n].above = bsearch(&parent, trees->processes, trees->n,
                                            sizeof(*trees->processes), by_pid);
    }
}

/* What a thread that may be given up reads. */
typedef struct tree_reading_t {
    uid_t user;
    wheel_job_trees_t *trees;
    char environment[TREE_ENVIRONMENT_BYTES];
} tree_reading_t;

static void read_all(void *baton)
{
    tree_reading_t *reading = baton;
    DIR *proc = opendir("/proc");
    const struct dirent *found;

    while (proc && (found = readdir(proc)) != NULL) {
        pid_t pid = (pid_t)atol(found->d_name);

        if (pid > 1 && pid != getpid()) {
            look_at(reading->trees, pid, reading->user, reading->environment);
        }
    }
    if (proc) {
        closedir(proc);
    }
    find_parents(reading->trees);
}

static void release(void *baton)
{
    tree_reading_t *reading = baton;

    wheel_job_trees_free(reading->trees);
    free(reading);
}

wheel_job_trees_t *wheel_job_trees_read(uid_t user)
{
    tree_reading_t *reading = calloc(1, sizeof(*reading));
    wheel_job_trees_t *trees = calloc(1, sizeof(*trees));

    if (!reading || !trees) {
        free(reading);
        free(trees);
        return NULL;
    }
    reading->user = user;
    reading->trees = trees;
    if (!wheel_reader_run(read_all, release, reading)) {
        return NULL;
    }
    free(reading);
    return trees;
}

void wheel_job_trees_free(wheel_job_trees_t *trees)
{
    if (trees) {
        free(trees->processes);
        free(trees);
    }
}

void wheel_job_trees_adopt(wheel_job_trees_t *trees, apr_uint64_t id,
                           const wheel_job_children_t *children)
{
    unsigned n;

    for (n = 0; trees && n < children->n; n++) {
        const tree_process_t child = {.proc = children->list[n]};
        tree_process_t *found =
            trees->n ? bsearch(&child, trees->processes, trees->n,
                               sizeof(*trees->processes), by_pid)
                     : NULL;

        if (found && !found->job && found->proc.birth == child.proc.birth) {
            found->job = id;
        }
    }
}

/* Does it work for a job: does it, or one that has started it, say so? */
static int is_of(const tree_process_t *process, apr_uint64_t id)
{
    int depth;

    for (depth = 0; id && process && depth < TREE_DEPTH_MAX; depth++) {
        if (process->job == id) {
            return 1;
        }
        process = process->above;
    }
    return 0;
}

/* With the process held, is it the one that was seen?  To hold all of them from
 * the start would take more descriptors than there may be. */
static void send_to(const tree_process_t *process, int signal)
{
    int fd = (int)syscall(SYS_pidfd_open, process->proc.pid, 0);

    if (fd < 0) {
        return;
    }
    if (!wheel_proc_dead(&process->proc)) {
        wheel_job_tree_send(fd, signal);
    }
    close(fd);
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
    for (n = 0; n < trees->n; n++) {
        const tree_process_t *process = &trees->processes[n];

        if (!is_of(process, id)) {
            continue;
        }
        found->processes++;
        ticks += process->cpu_ticks;
        if (signal) {
            send_to(process, signal);
        }
    }
    found->cpu_usec = ticks * 1000000 / sysconf(_SC_CLK_TCK);
}

static void cool(const tree_process_t *process)
{
    static const struct sched_param none;
    char path[64];
    const struct dirent *found;
    DIR *threads;

    apr_snprintf(path, sizeof(path), "/proc/%ld/task", (long)process->proc.pid);
    threads = opendir(path);
    while (threads && !wheel_proc_dead(&process->proc) &&
           (found = readdir(threads)) != NULL) {
        pid_t tid = (pid_t)atol(found->d_name);

        if (tid > 1) {
            wheel_policy_set(tid, SCHED_IDLE, &none);
        }
    }
    if (threads) {
        closedir(threads);
    }
}

void wheel_job_trees_cool(const wheel_job_trees_t *trees, apr_uint64_t id)
{
    size_t n;

    for (n = 0; trees && n < trees->n; n++) {
        if (is_of(&trees->processes[n], id)) {
            cool(&trees->processes[n]);
        }
    }
}

static void fill_process(const tree_process_t *found,
                         wheel_job_process_t *process)
{
    char *at = process->command;

    process->pid = found->proc.pid;
    process->parent = found->parent;
    if (read_file(found->proc.pid, "comm", at, sizeof(process->command)) <= 0) {
        *at = '\0';
    }
    for (; *at && *at != '\n'; at++) {
        *at = *at < ' ' || *at > '~' ? '?' : *at;
    }
    *at = '\0';
}

unsigned wheel_job_tree_list(apr_uint64_t id, uid_t user,
                             const wheel_job_children_t *children,
                             wheel_job_process_t *processes, unsigned max)
{
    wheel_job_trees_t *trees = wheel_job_trees_read(user);
    unsigned found = 0;
    size_t n;

    if (!trees) {
        return 0;
    }
    wheel_job_trees_adopt(trees, id, children);
    for (n = 0; n < trees->n; n++) {
        if (!is_of(&trees->processes[n], id)) {
            continue;
        }
        if (found < max) {
            fill_process(&trees->processes[n], &processes[found]);
        }
        found++;
    }
    wheel_job_trees_free(trees);
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
