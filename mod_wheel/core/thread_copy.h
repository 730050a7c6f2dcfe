/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_copy.h: registers and stack of a thread of another process,
 * copied to be examined later.
 *
 * Linux on x86-64 and arm64; the caller needs the right to trace the process.
 * Whoever copies parses nothing: core/thread_names.h does, with fewer rights.
 */
#ifndef WHEEL_CORE_THREAD_COPY_H
#define WHEEL_CORE_THREAD_COPY_H

#include <sys/types.h>

#include "apr.h"
#include "apr_errno.h"

/** Registers, by their numbers in DWARF. */
#define WHEEL_COPY_REGISTERS 32

/** So much of a stack is copied, from its innermost frame on. */
#define WHEEL_COPY_STACK_BYTES (64 * 1024)

/** A copy of a thread.  The last member is used as far as stack_bytes says. */
typedef struct wheel_thread_copy_t {
    apr_uint64_t pc;
    apr_uint64_t sp; /* the address of the first byte of stack */
    apr_uint64_t registers[WHEEL_COPY_REGISTERS];
    apr_uint32_t registers_n; /* that are known, 0 for the two above alone */
    apr_uint32_t stack_bytes;
    apr_int64_t stopped_nsec; /* for how long the thread was stopped */
    char stack[WHEEL_COPY_STACK_BYTES];
} wheel_thread_copy_t;

/** The bytes of a copy that are used. */
size_t wheel_thread_copy_bytes(const wheel_thread_copy_t *copy);

/**
 * Copy a thread.  One that is blocked in a call which a stop would end early is
 * not stopped: the copy has no registers but two, and is consistent because the
 * thread has not run meanwhile.  Any other thread is stopped by ptrace(), for
 * tens of microseconds once it has a core; it doesn't notice.
 * @return APR_SUCCESS, APR_ENOENT if it is gone, APR_EACCES without the right,
 *         APR_EAGAIN if it has run meanwhile, APR_EGENERAL if it has no stack,
 *         APR_ENOTIMPL on other machines
 */
apr_status_t wheel_thread_copy(pid_t pid, pid_t tid, wheel_thread_copy_t *copy);

#endif /* WHEEL_CORE_THREAD_COPY_H */
