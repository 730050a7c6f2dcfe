/* SPDX-License-Identifier: Apache-2.0 */
/* core/each_request.h: a mark for what each request of the server runs. */
#ifndef WHEEL_CORE_EACH_REQUEST_H
#define WHEEL_CORE_EACH_REQUEST_H

/** A function that each request of the server runs, whether it uses the module
 * or not.  The linker puts these together, in few pages of memory: a process of
 * prefork that has waited for its turn finds little of that near its core. */
#define WHEEL_EACH_REQUEST __attribute__((hot))

#endif /* WHEEL_CORE_EACH_REQUEST_H */
