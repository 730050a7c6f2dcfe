/* SPDX-License-Identifier: Apache-2.0 */
/* core/request_where.h: where requests are stuck, in the shared slots.
 *
 * The helper writes what it has found by /proc, for whoever reports.  A request
 * whose engine can tell where its script is, does so when it is asked to.  As
 * with all of the slots, what is read is copied, bounded and made printable.
 */
#ifndef WHEEL_CORE_REQUEST_WHERE_H
#define WHEEL_CORE_REQUEST_WHERE_H

#include "core/request_slots.h"

#define WHEEL_REQUEST_WAITS_BYTES 184

/** The longest trace of a script, with its NUL. */
#define WHEEL_REQUEST_TRACE_BYTES 256

/** Where a request is stuck.  Whole words: it is copied so. */
typedef struct wheel_request_where_t {
    apr_int32_t cpu_msec; /* CPU time a second, of late; -1: not known */
    char state[4];        /* of its thread, one letter of proc(5) */
    char waits_for[WHEEL_REQUEST_WAITS_BYTES]; /* empty: not known */
} wheel_request_where_t;

/** Note where a request is stuck.  For the helper. */
void wheel_request_where_set(wheel_request_slots_t *slots, unsigned n,
                             apr_uint64_t id,
                             const wheel_request_where_t *where);

/** @return 0 if nothing is noted of that request */
int wheel_request_where_get(const wheel_request_slots_t *slots, unsigned n,
                            apr_uint64_t id, wheel_request_where_t *where);

/** Ask a request for the trace of its script.  It answers when its engine runs
 * next, or never. */
void wheel_request_trace_want(wheel_request_slots_t *slots, unsigned n,
                              apr_uint64_t id);

/** Is it wanted?  For its owner: a single load. */
int wheel_request_trace_wanted_in(const wheel_request_slots_t *slots,
                                  unsigned n, apr_uint64_t id);

/** Answer.  For its owner.  @param text is cut to fit */
void wheel_request_trace_set(wheel_request_slots_t *slots, unsigned n,
                             apr_uint64_t id, const char *text);

/** The last answer.  @param text room for WHEEL_REQUEST_TRACE_BYTES
 * @return 0 if there is none */
int wheel_request_trace_get(const wheel_request_slots_t *slots, unsigned n,
                            apr_uint64_t id, char *text);

#endif /* WHEEL_CORE_REQUEST_WHERE_H */
