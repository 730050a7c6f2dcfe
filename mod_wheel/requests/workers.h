/* SPDX-License-Identifier: Apache-2.0 */
/* requests/workers.h: workers of PHP-FPM while they run requests of this
 * server.  For the helper. */
#ifndef WHEEL_REQUESTS_WORKERS_H
#define WHEEL_REQUESTS_WORKERS_H

#include "core/request_slots.h"
#include "requests/fpm.h"

/** What the helper remembers of a request's worker.  Begins as zeros. */
typedef struct wheel_worker_t {
    wheel_fpm_worker_t fpm;     /* pid 0: not found */
    apr_int64_t began_cpu_usec; /* of its process */
    apr_int64_t next_usec;      /* not looked for before, to follow it */
    apr_int64_t again_usec;     /* nor before this, to interrupt it */
    apr_int64_t signalled_usec;
    int signals;
    int logged;
} wheel_worker_t;

/** Note the CPU time that its worker has used, if it is slow or has a limit. */
void wheel_worker_follow(wheel_request_t *request, wheel_worker_t *worker);

/** Is the worker's CPU time really that of this request?  Asks FPM. */
int wheel_worker_is_sure(wheel_request_t *request, wheel_worker_t *worker);

/** Have its worker end its script, as far as this step goes.  Call it ten times
 * a second: it may be found later. */
void wheel_worker_interrupt(const wheel_request_t *request,
                            wheel_worker_t *worker, wheel_step_e step);

#endif /* WHEEL_REQUESTS_WORKERS_H */
