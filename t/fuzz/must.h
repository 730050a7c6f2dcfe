/* SPDX-License-Identifier: Apache-2.0 */
/* must.h: what a fuzzer takes for a fault.  (NDEBUG can't switch it off.) */
#ifndef MUST_H
#define MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(what)                                                             \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif /* MUST_H */
