/* SPDX-License-Identifier: Apache-2.0 */
/* dlclose_shim.c: a C library that never unloads a module, as musl, for one
 * server of a test.  With LD_PRELOAD. */
#include <dlfcn.h>

int dlclose(void *library)
{
    (void)library;
    return 0;
}
