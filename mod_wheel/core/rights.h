/* SPDX-License-Identifier: Apache-2.0 */
/* core/rights.h: what a process gives up before it reads what others, who may
 * be hostile, have written.
 */
#ifndef WHEEL_CORE_RIGHTS_H
#define WHEEL_CORE_RIGHTS_H

#include <stddef.h>

/** Close all descriptors but these two, which may be the same.
 * @return 0 with errno */
int wheel_rights_close_all_but(int a, int b);

/** Adds rules to a filter of libseccomp.  @return 0, or a negative errno */
typedef int (*wheel_rights_rules_t)(void *filter, int baton);

/**
 * From here on, this process can make these system calls alone, and open files
 * for reading alone; any other call fails with EPERM.
 * @param calls as SCMP_SYS() numbers them
 * @param rules for calls with some arguments alone, or NULL
 * @return 0 with errno
 */
int wheel_rights_filter(const int *calls, size_t calls_n,
                        wheel_rights_rules_t rules, int baton);

#endif /* WHEEL_CORE_RIGHTS_H */
