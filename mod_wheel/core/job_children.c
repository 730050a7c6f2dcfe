/* SPDX-License-Identifier: Apache-2.0 */
/* core/job_children.c: the processes that a thread has started while it runs a
 * request.
 *
 * Runs in the helper, and in workers that report.
 */
#include "core/job_children.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "apr_strings.h"

/* Room for the numbers of WHEEL_JOB_CHILDREN_MAX processes. */
#define CHILDREN_BYTES 1024

/* @return 0 if the kernel doesn't tell */
static int read_numbers(pid_t pid, pid_t tid, char *text, size_t max)
{
    char path[64];
    ssize_t bytes;
    int fd;

    apr_snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)pid,
                 (long)tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    bytes = read(fd, text, max - 1);
    close(fd);
    text[bytes > 0 ? bytes : 0] = '\0';
    return bytes > 0;
}

void wheel_job_children_read(pid_t pid, pid_t tid, apr_int64_t since_usec,
                             wheel_job_children_t *children)
{
    char text[CHILDREN_BYTES];
    apr_uint64_t since;
    const char *at = text;
    char *rest;
    pid_t child;

    children->n = 0;
    if (!read_numbers(pid, tid, text, sizeof(text))) {
        return;
    }
    since = wheel_proc_birth_at(since_usec);
    /* A blank stands behind each number; the last one may have been cut. */
    for (child = (pid_t)strtol(at, &rest, 10);
         child > 0 && *rest == ' ' && children->n < WHEEL_JOB_CHILDREN_MAX;
         child = (pid_t)strtol(at, &rest, 10)) {
        wheel_proc_t proc = wheel_proc_of(child);

        if (proc.birth >= since) {
            children->list[children->n++] = proc;
        }
        at = rest;
    }
}
