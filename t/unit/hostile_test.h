/* SPDX-License-Identifier: Apache-2.0 */
/* hostile_test.h: a segment between pages that can't be touched, and children
 * that write what they like over it. */
#ifndef HOSTILE_TEST_H
#define HOSTILE_TEST_H

#include "children.h"

#include <stdlib.h>
#include <sys/mman.h>

#define SLOTS 64
#define WRITERS 2
#define ROUND_WRITES 64

static unsigned char *segment;
static size_t segment_bytes;

/* The segment ends with a page: what is behind it can't be read. */
static void fence_in(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *map = mmap(NULL, bytes + 3 * page, PROT_NONE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(map, MAP_FAILED);
    segment_bytes = bytes;
    segment = map + page + (page - bytes % page);
    assert_int_equal(
        mprotect(map + page, (bytes / page + 1) * page, PROT_READ | PROT_WRITE),
        0);
}

static apr_uint64_t any_number(unsigned *seed)
{
    static const apr_uint64_t numbers[] = {0,
                                           1,
                                           SLOTS - 1,
                                           SLOTS,
                                           SLOTS + 1,
                                           WHEEL_NAMES_MAX - 1,
                                           WHEEL_NAMES_MAX,
                                           0xff,
                                           0x7fffffff,
                                           0x80000000,
                                           0xffffffff,
                                           0x00ffffff,
                                           0x8000000080000000,
                                           (apr_uint64_t)-1,
                                           (apr_uint64_t)1 << 63,
                                           ((apr_uint64_t)1 << 63) - 1,
                                           (apr_uint64_t)1 << 53,
                                           0x4141414141414141};
    unsigned choice = rand_r(seed) % (sizeof(numbers) / sizeof(*numbers) + 2);

    if (choice < sizeof(numbers) / sizeof(*numbers)) {
        return numbers[choice];
    }
    return (apr_uint64_t)rand_r(seed) << 33 ^ (apr_uint64_t)rand_r(seed) << 9 ^
           rand_r(seed);
}

/* Children that write random bytes, and what write_chosen() does, until they
 * are killed. */
static void start_writers(pid_t pids[WRITERS],
                          void (*write_chosen)(unsigned *seed))
{
    int n;

    for (n = 0; n < WRITERS; n++) {
        unsigned seed = (unsigned)n + 1;

        pids[n] = start_child();
        if (pids[n] == 0) {
            for (;;) {
                unsigned writes;

                for (writes = 0; writes < ROUND_WRITES; writes++) {
                    segment[rand_r(&seed) % segment_bytes] =
                        (unsigned char)rand_r(&seed);
                }
                write_chosen(&seed);
            }
        }
    }
}

static void end_writers(const pid_t pids[WRITERS])
{
    int n;

    for (n = 0; n < WRITERS; n++) {
        kill_child(pids[n]);
    }
}

#endif /* HOSTILE_TEST_H */
