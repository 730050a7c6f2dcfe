/* SPDX-License-Identifier: Apache-2.0 */
/* core/ids.h: the first number of a server's jobs.
 *
 * No two jobs of a cluster have the same number, and those of one host only
 * grow, also over restarts and with a clock that is set back.  So each start,
 * and each server that has used half of its numbers, takes a block of
 * WHEEL_IDS_BLOCK numbers that begins behind the block of the
 * start before, which a file keeps, and at a random distance from the clock,
 * which keeps hosts apart.
 */
#ifndef WHEEL_CORE_IDS_H
#define WHEEL_CORE_IDS_H

#include "apr.h"
#include "apr_time.h"

/** Numbers that a server has for its jobs until it takes the next ones: a
 * million in each second of an hour. */
#define WHEEL_IDS_BLOCK ((apr_uint64_t)1 << 32)

/** The first numbers of two starts at the same moment lie within so many. */
#define WHEEL_IDS_SPREAD ((apr_uint64_t)1 << 38)

/** The largest first number. */
#define WHEEL_IDS_FIRST_MAX (((apr_uint64_t)1 << 53) - WHEEL_IDS_BLOCK)

/** Bytes of the file: 16 digits and a newline. */
#define WHEEL_IDS_BYTES 17

/**
 * The first number of a block.
 * @param mark the first number that no start before has taken, 0 if unknown
 * @param now the time of the clock, whatever it says
 * @param chance any number
 */
apr_uint64_t wheel_ids_first(apr_uint64_t mark, apr_time_t now,
                             apr_uint64_t chance);

/**
 * Read what the file holds.
 * @return the mark, or 0 if it is none
 */
apr_uint64_t wheel_ids_parse(const char *text, apr_size_t bytes);

/**
 * Take a block, and note so in a file.  Whoever else starts at the same moment
 * with this file takes another one.  A file that is of another user, or that
 * others may write, is not used.
 *
 * @param first the first number; set whatever happens: without the file, by the
 *        clock and by chance
 * @param problem NULL, or why the file was not used
 * @return APR_SUCCESS, or what went wrong with the file
 */
apr_status_t wheel_ids_take(const char *path, apr_uint64_t *first,
                            const char **problem);

#endif /* WHEEL_CORE_IDS_H */
