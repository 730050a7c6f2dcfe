/* SPDX-License-Identifier: Apache-2.0 */
/* core/ids.c: the first number of a server's jobs.
 *
 * The parent, once in the life of a table.
 */
#include "core/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apr_errno.h"
#include "apr_general.h"

/* Another parent that starts at the same moment holds the file as long as it
 * takes to write a line. */
#define IDS_LOCK_TRIES 100
#define IDS_LOCK_USEC 10000

apr_uint64_t wheel_ids_first(apr_uint64_t mark, apr_time_t now,
                             apr_uint64_t chance)
{
    apr_uint64_t first = chance % WHEEL_IDS_SPREAD + 1;

    if (now > 0 && (apr_uint64_t)now < WHEEL_IDS_FIRST_MAX - first) {
        first += (apr_uint64_t)now;
    }
    return mark > first && mark <= WHEEL_IDS_FIRST_MAX ? mark : first;
}

apr_uint64_t wheel_ids_parse(const char *text, apr_size_t bytes)
{
    apr_uint64_t mark = 0;
    apr_size_t n;

    if (bytes != WHEEL_IDS_BYTES || text[bytes - 1] != '\n') {
        return 0;
    }
    for (n = 0; n < WHEEL_IDS_BYTES - 1; n++) {
        if (text[n] < '0' || text[n] > '9') {
            return 0;
        }
        mark = mark * 10 + (apr_uint64_t)(text[n] - '0');
    }
    return mark <= WHEEL_IDS_FIRST_MAX ? mark : 0;
}

static apr_status_t lock_file(int fd)
{
    int tries;

    for (tries = 0; tries < IDS_LOCK_TRIES; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return APR_SUCCESS;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            break;
        }
        apr_sleep(IDS_LOCK_USEC);
    }
    return APR_FROM_OS_ERROR(errno);
}

static const char *check_file(int fd)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return "it is no file";
    }
    if (info.st_uid != geteuid() || info.st_nlink != 1 ||
        (info.st_mode & (S_IWGRP | S_IWOTH))) {
        return "it is not this user's alone";
    }
    return NULL;
}

/* With the file locked. */
static apr_status_t take_block(int fd, apr_time_t now, apr_uint64_t chance,
                               apr_uint64_t *first, const char **problem)
{
    char text[WHEEL_IDS_BYTES + 1];
    ssize_t bytes = pread(fd, text, sizeof(text), 0);
    apr_uint64_t mark = bytes > 0 ? wheel_ids_parse(text, bytes) : 0;

    if (bytes != 0 && !mark) {
        *problem = "it does not hold a number, and is written anew";
    }
    *first = wheel_ids_first(mark, now, chance);
    mark = *first + WHEEL_IDS_BLOCK;
    if (mark > WHEEL_IDS_FIRST_MAX) {
        *problem = "its numbers are used up, and begin again";
        mark = 0;
    }
    snprintf(text, sizeof(text), "%016" APR_UINT64_T_FMT "\n", mark);
    if (pwrite(fd, text, WHEEL_IDS_BYTES, 0) != WHEEL_IDS_BYTES ||
        ftruncate(fd, WHEEL_IDS_BYTES) != 0 || fsync(fd) != 0) {
        *problem = "it can't be written";
        return errno ? APR_FROM_OS_ERROR(errno) : APR_ENOSPC;
    }
    return APR_SUCCESS;
}

apr_status_t wheel_ids_take(const char *path, apr_uint64_t *first,
                            const char **problem)
{
    apr_time_t now = apr_time_now();
    apr_uint64_t chance = 0;
    apr_status_t rv;
    int fd;

    *problem = NULL;
    if (apr_generate_random_bytes((unsigned char *)&chance, sizeof(chance)) !=
        APR_SUCCESS) {
        chance = (apr_uint64_t)now * 2654435769u ^ (apr_uint64_t)getpid() << 20;
    }
    *first = wheel_ids_first(0, now, chance);
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
              S_IRUSR | S_IWUSR);
    if (fd < 0) {
        *problem = "it can't be opened";
        return APR_FROM_OS_ERROR(errno);
    }
    *problem = check_file(fd);
    rv = *problem ? APR_FROM_OS_ERROR(EPERM) : lock_file(fd);
    if (rv != APR_SUCCESS) {
        *problem = *problem ? *problem : "somebody keeps it locked";
    }
    else {
        rv = take_block(fd, now, chance, first, problem);
    }
    close(fd);
    return rv;
}
