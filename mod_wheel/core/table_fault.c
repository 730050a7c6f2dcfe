/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_fault.c: a countdown to the death of a process at a store into
 * the table, or to its being held there.  Only in a build with WHEEL_FAULTS,
 * for tests.
 */
#include "core/table_private.h"

#ifdef WHEEL_FAULTS

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

_Atomic int *wheel_table_fault;

/* The parent of a server, whose death would be the end of everything. */
static pid_t fault_spared;

static int fault_signal = SIGKILL;

void table_fault_step(void)
{
    if (wheel_table_fault && getpid() != fault_spared &&
        atomic_fetch_sub_explicit(wheel_table_fault, 1, memory_order_relaxed) ==
            1) {
        raise(fault_signal);
    }
}

/* The countdown of a whole server is the first int of a file. */
void table_fault_open(void)
{
    const char *path = getenv("WHEEL_FAULT_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped;

    if (fd < 0) {
        return;
    }
    mapped = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    wheel_table_fault = mapped == MAP_FAILED ? NULL : mapped;
    fault_spared = getpid();
    fault_signal = getenv("WHEEL_FAULT_HOLDS") ? SIGSTOP : SIGKILL;
    close(fd);
}

#endif /* WHEEL_FAULTS */
