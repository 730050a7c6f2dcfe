/* SPDX-License-Identifier: Apache-2.0 */
/* core/job_children.c: the processes that a thread has started while it runs a
 * request.
 *
 * Runs in the helper, and in workers that report.
 */
#include "core/job_children.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apr_strings.h"

#include "core/reader.h"

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

/* What a thread that may be given up reads. */
typedef struct children_reading_t {
    char numbers[CHILDREN_BYTES];
    apr_uint64_t since;
    wheel_job_children_t children;
} children_reading_t;

/* A blank stands behind each number; the last one may have been cut. */
static void read_births(void *baton)
{
    children_reading_t *reading = baton;
    wheel_job_children_t *children = &reading->children;
    const char *at = reading->numbers;
    char *rest;
    pid_t child;

    for (child = (pid_t)strtol(at, &rest, 10);
         child > 0 && *rest == ' ' && children->n < WHEEL_JOB_CHILDREN_MAX;
         child = (pid_t)strtol(at, &rest, 10)) {
        wheel_proc_t proc = {child, 0};

        if (wheel_reader_begin(child)) {
            proc = wheel_proc_of(child);
        }
        if (proc.birth && proc.birth >= reading->since) {
            children->list[children->n++] = proc;
        }
        at = rest;
    }
}

void wheel_job_children_read(pid_t pid, pid_t tid, apr_int64_t since_usec,
                             wheel_job_children_t *children)
{
    char numbers[CHILDREN_BYTES];
    children_reading_t *reading;

    children->n = 0;
    if (!read_numbers(pid, tid, numbers, sizeof(numbers))) {
        return;
    }
    reading = calloc(1, sizeof(*reading));
    if (!reading) {
        return;
    }
    memcpy(reading->numbers, numbers, sizeof(numbers));
    reading->since = wheel_proc_birth_at(since_usec);
    if (wheel_reader_run(read_births, free, reading)) {
        *children = reading->children;
        free(reading);
    }
}
