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
#include <sys/stat.h>
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

/* Of proc(5)'s stat. */
#define PROC_STAT "stat"
#define PROC_STATE 3
#define PROC_UTIME 14
#define PROC_STIME 15
#define PROC_BIRTH 22

/* More than any of the files but for a list of groups, which stands behind what
 * is read. */
#define PROC_BYTES 1024
#define PROC_PATH_BYTES 64

/* @return 0 if there is no such file, or nothing in it */
static int read_text(const char *path, char *text, size_t text_bytes)
{
    ssize_t bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return 0;
    }
    bytes = read(fd, text, text_bytes - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

/* A file of a process, or of one of its threads if tid is not 0. */
static int read_proc(pid_t pid, pid_t tid, const char *name, char *text)
{
    char path[PROC_PATH_BYTES];

    if (tid) {
        apr_snprintf(path, sizeof(path), "/proc/%ld/task/%ld/%s", (long)pid,
                     (long)tid, name);
    }
    else {
        apr_snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    }
    return read_text(path, text, PROC_BYTES);
}

/* --- Status: never waits for the process ---------------------------------- */

/* What stands behind a label there.  The kernel escapes ends of lines in the
 * name, which comes first.
 * @return NULL if there is no such file */
static const char *read_status(pid_t pid, pid_t tid, const char *label,
                               char *text)
{
    const char *at =
        read_proc(pid, tid, "status", text) ? strstr(text, label) : NULL;

    return at ? at + strlen(label) : NULL;
}

char wheel_proc_thread_state(pid_t pid, pid_t tid)
{
    char text[PROC_BYTES];
    const char *state = read_status(pid, tid, "\nState:\t", text);

    return state ? *state : '\0';
}

char wheel_proc_state(pid_t pid)
{
    return wheel_proc_thread_state(pid, 0);
}

pid_t wheel_proc_parent(pid_t pid)
{
    char text[PROC_BYTES];
    const char *parent = read_status(pid, 0, "\nPPid:\t", text);

    return parent ? (pid_t)strtol(parent, NULL, 10) : -1;
}

int wheel_proc_user(pid_t pid, uid_t *user)
{
    char path[PROC_PATH_BYTES];
    struct stat info;

    apr_snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
    if (stat(path, &info) != 0) {
        return 0;
    }
    *user = info.st_uid;
    return 1;
}

/* --- Stat ----------------------------------------------------------------- */

/* A field, by its number: the name before them may hold anything, so look for
 * its last parenthesis.
 * @return 0 if it can't be told */
static apr_uint64_t stat_number(const char *text, int number)
{
    const char *at = strrchr(text, ')');
    int n;

    at = at && at[1] ? at + 2 : NULL;
    for (n = PROC_STATE; at && n < number; n++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}

/* The start time of a process, 0 if it can't be told. */
static apr_uint64_t proc_birth(pid_t pid)
{
    char text[PROC_BYTES];

    return read_proc(pid, 0, PROC_STAT, text) ? stat_number(text, PROC_BIRTH)
                                              : 0;
}

/* Where the kernel doesn't keep schedstat. */
static apr_int64_t stat_usec(pid_t pid, pid_t tid)
{
    char text[PROC_BYTES];

    if (!read_proc(pid, tid, PROC_STAT, text)) {
        return -1;
    }
    return (apr_int64_t)(stat_number(text, PROC_UTIME) +
                         stat_number(text, PROC_STIME)) *
           1000000 / sysconf(_SC_CLK_TCK);
}

apr_int64_t wheel_proc_thread_usec(pid_t pid, pid_t tid, int *asleep)
{
    char state = wheel_proc_thread_state(pid, tid);
    char text[PROC_BYTES];
    apr_uint64_t nsec = 0;

    if (!state) {
        return -1;
    }
    *asleep = state == 'S' || state == 'D';
    if (read_proc(pid, tid, "schedstat", text)) {
        nsec = strtoull(text, NULL, 10);
    }
    return nsec ? (apr_int64_t)(nsec / 1000) : stat_usec(pid, tid);
}

wheel_proc_t wheel_proc_of(pid_t pid)
{
    wheel_proc_t proc = {pid, proc_birth(pid)};

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

int wheel_proc_hidden(void)
{
    return !wheel_proc_state(getppid());
}

int wheel_proc_dead(const wheel_proc_t *proc)
{
    apr_uint64_t birth;
    char state;

    if (proc->pid <= 0 || (kill(proc->pid, 0) != 0 && errno == ESRCH)) {
        return 1;
    }
    state = wheel_proc_state(proc->pid);
    if (state == 'Z' || state == 'X') {
        return 1; /* nobody has waited for it */
    }
    birth = proc->birth ? proc_birth(proc->pid) : 0;
    return birth && birth != proc->birth;
}
