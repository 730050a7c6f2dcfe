/* wheel_proc.c: what time it is, and whether a process still lives.
 *
 * Any thread of any process.
 */
#include "wheel_proc.h"

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

apr_int64_t wheel_clock_coarse_usec(void)
{
    return clock_usec(CLOCK_MONOTONIC_COARSE);
}

apr_int64_t wheel_clock_thread_usec(void)
{
    return clock_usec(CLOCK_THREAD_CPUTIME_ID);
}

/* The start time of a process, 0 if it can't be told, and its state letter.
 * The name between the parentheses may hold anything, so look for the last. */
static apr_uint64_t proc_birth(pid_t pid, char *state)
{
    char path[64];
    char text[512];
    const char *field;
    ssize_t bytes;
    int fd;
    int n;

    apr_snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    bytes = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (bytes <= 0) {
        return 0;
    }
    text[bytes] = '\0';
    field = strrchr(text, ')');
    if (!field || !field[1]) {
        return 0;
    }
    *state = field[2]; /* field 3 of proc(5), after ") "; the start is 22 */
    for (n = 2; field && n < 22; n++) {
        field = strchr(field + 1, ' ');
    }
    return field ? strtoull(field + 1, NULL, 10) : 0;
}

wheel_proc_t wheel_proc_self(void)
{
    wheel_proc_t proc;
    char state;

    proc.pid = getpid();
    proc.birth = proc_birth(proc.pid, &state);
    return proc;
}

int wheel_proc_dead(const wheel_proc_t *proc)
{
    char state = 'R';
    apr_uint64_t birth;

    if (kill(proc->pid, 0) != 0 && errno == ESRCH) {
        return 1;
    }
    birth = proc_birth(proc->pid, &state);
    if (!birth || !proc->birth) {
        return 0; /* /proc doesn't say */
    }
    return birth != proc->birth || state == 'Z' || state == 'X';
}
