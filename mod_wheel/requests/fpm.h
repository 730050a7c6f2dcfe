/* SPDX-License-Identifier: Apache-2.0 */
/* requests/fpm.h: the worker of PHP-FPM that runs a request.  For the helper.
 */
#ifndef WHEEL_REQUESTS_FPM_H
#define WHEEL_REQUESTS_FPM_H

#include "core/request_slots.h"

/** What became of a question or an interrupt. */
typedef enum {
    WHEEL_FPM_DONE = 0,   /* it was found, or told to end */
    WHEEL_FPM_NONE_FITS,  /* no worker runs it: it may wait for one */
    WHEEL_FPM_AMBIGUOUS,  /* more than one may */
    WHEEL_FPM_NO_STATUS,  /* no WheelFpmStatus */
    WHEEL_FPM_NO_ANSWER,  /* its status can't be read */
    WHEEL_FPM_NOT_ALLOWED /* the worker can't be signalled */
} wheel_fpm_e;

/** A worker, and which of its requests. */
typedef struct wheel_fpm_worker_t {
    apr_int64_t pid;
    apr_int64_t requests; /* that it has begun: tells one from the next */
    apr_int64_t ran_usec; /* for how long it has run this one */
} wheel_fpm_worker_t;

/** Find the worker that runs this request, if exactly one does.  Blocks for a
 * few milliseconds, and for 0.2 seconds at most. */
wheel_fpm_e wheel_fpm_find(const wheel_request_t *request,
                           wheel_fpm_worker_t *worker);

/**
 * Have the worker end its script as PHP's own time limit does.  It is stopped
 * for the moment in which it is asked once more what it runs, so that the
 * signal can't come to its next request.  Blocks for half a second at most.
 * @param signal for the programs that the script has started
 */
wheel_fpm_e wheel_fpm_interrupt(const wheel_request_t *request, int signal);

/** Let a worker go on which a helper has left behind. */
void wheel_fpm_thaw(void);

/** Why it goes on, for the log. */
const char *wheel_fpm_text(wheel_fpm_e found);

#endif /* WHEEL_REQUESTS_FPM_H */
