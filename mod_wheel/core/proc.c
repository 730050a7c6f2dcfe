/* SPDX-License-Identifier: Apache-2.0 */
/* core/proc.c: monotonic clocks and process identity.
 *
 * Any thread of any process.
 */
#include "core/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apr_strings.h"

static apr_int64_t clock_usec(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (apr_int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

apr_int64_t wheel_clock_usec(void)
{
    return clock_usec(CLOCK_MONOTONIC);
}

apr_int64_t wheel_clock_thread_usec(void)
{
    return clock_usec(CLOCK_THREAD_CPUTIME_ID);
}

/* Fields of proc(5), by their numbers there. */
#define PROC_STATE 3
#define PROC_UTIME 14
#define PROC_STIME 15
#define PROC_BIRTH 22

/* What a stat file says from its third field on: the name before it may hold
 * anything, so look for its last parenthesis.
 * @return NULL if there is no such file */
static const char *read_stat(const char *path, char *text, size_t text_bytes)
{
    ssize_t bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return NULL;
    }
    bytes = read(fd, text, text_bytes - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    text = strrchr(text, ')');
    return text && text[1] ? text + 2 : NULL;
}

static apr_uint64_t stat_number(const char *fields, int number)
{
    int n;

    for (n = PROC_STATE; fields && n < number; n++) {
        fields = strchr(fields, ' ');
        fields = fields ? fields + 1 : NULL;
    }
    return fields ? strtoull(fields, NULL, 10) : 0;
}

/* The start time of a process, 0 if it can't be told, and its state letter. */
static apr_uint64_t proc_birth(pid_t pid, char *state)
{
    char path[64];
    char text[512];
    const char *fields;

    apr_snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    fields = read_stat(path, text, sizeof(text));
    if (!fields) {
        return 0;
    }
    *state = *fields;
    return stat_number(fields, PROC_BIRTH);
}

apr_int64_t wheel_proc_thread_usec(pid_t pid, pid_t tid, int *asleep)
{
    char path[64];
    char text[512];
    const char *fields;

    apr_snprintf(path, sizeof(path), "/proc/%ld/task/%ld/stat", (long)pid,
                 (long)tid);
    fields = read_stat(path, text, sizeof(text));
    if (!fields) {
        return -1;
    }
    *asleep = *fields == 'S' || *fields == 'D';
    return (apr_int64_t)(stat_number(fields, PROC_UTIME) +
                         stat_number(fields, PROC_STIME)) *
           1000000 / sysconf(_SC_CLK_TCK);
}

apr_int64_t wheel_proc_thread_cpu_usec(pid_t pid, pid_t tid, int *asleep)
{
    apr_int64_t usec = wheel_proc_thread_usec(pid, tid, asleep);
    char path[64];
    char text[128];
    ssize_t bytes;
    int fd;

    apr_snprintf(path, sizeof(path), "/proc/%ld/task/%ld/schedstat", (long)pid,
                 (long)tid);
    fd = usec < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return usec;
    }
    bytes = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0 ? (apr_int64_t)(strtoull(text, NULL, 10) / 1000) : usec;
}

wheel_proc_t wheel_proc_of(pid_t pid)
{
    wheel_proc_t proc;
    char state;

    proc.pid = pid;
    proc.birth = proc_birth(pid, &state);
    return proc;
}

wheel_proc_t wheel_proc_self(void)
{
    return wheel_proc_of(getpid());
}

apr_uint64_t wheel_proc_birth_at(apr_int64_t usec)
{
    usec += clock_usec(CLOCK_BOOTTIME) - clock_usec(CLOCK_MONOTONIC);
    return usec > 0 ? (apr_uint64_t)(usec * sysconf(_SC_CLK_TCK) / 1000000) : 0;
}

char wheel_proc_state(pid_t pid)
{
    char state = '\0';

    proc_birth(pid, &state);
    return state;
}

int wheel_proc_hidden(void)
{
    return !wheel_proc_state(getppid());
}

int wheel_proc_dead(const wheel_proc_t *proc)
{
    char state = 'R';
    apr_uint64_t birth;

    if (proc->pid <= 0 || (kill(proc->pid, 0) != 0 && errno == ESRCH)) {
        return 1;
    }
    birth = proc_birth(proc->pid, &state);
    if (state == 'Z' || state == 'X') {
        return 1; /* nobody has waited for it */
    }
    return birth && proc->birth && birth != proc->birth;
}
