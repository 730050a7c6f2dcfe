/* SPDX-License-Identifier: Apache-2.0 */
/* clock_shim.c: an admin who sets the wall clock, for one server of a test.
 *
 * With LD_PRELOAD; the seconds to add are the first int of the file that
 * CLOCK_SHIM_FILE names.  The monotonic clock is left alone, as the kernel
 * leaves it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int offset(void)
{
    static const volatile int *seconds;

    if (!seconds) {
        const char *path = getenv("CLOCK_SHIM_FILE");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = MAP_FAILED;

        if (fd >= 0) {
            mapped = mmap(NULL, sizeof(int), PROT_READ, MAP_SHARED, fd, 0);
            close(fd);
        }
        if (mapped == MAP_FAILED) {
            return 0;
        }
        seconds = mapped;
    }
    return *seconds;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock,
                                                         struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += offset();
    }
    return result;
}

__attribute__((visibility("default"))) int gettimeofday(
    struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

__attribute__((visibility("default"))) time_t time(time_t *where)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (where) {
        *where = now.tv_sec;
    }
    return now.tv_sec;
}
