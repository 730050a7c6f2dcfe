/* SPDX-License-Identifier: Apache-2.0 */
/* requests/fpm.h: the worker of PHP-FPM that runs a request. */
#ifndef WHEEL_REQUESTS_FPM_H
#define WHEEL_REQUESTS_FPM_H

#include "core/request_slots.h"

/** What became of an interrupt. */
typedef enum {
    WHEEL_FPM_SIGNALLED = 0,
    WHEEL_FPM_NONE_FITS,  /* no worker runs it: it may wait for one */
    WHEEL_FPM_AMBIGUOUS,  /* more than one may */
    WHEEL_FPM_NO_STATUS,  /* no WheelFpmStatus */
    WHEEL_FPM_NO_ANSWER,  /* its status can't be read */
    WHEEL_FPM_NOT_ALLOWED /* the worker can't be signalled */
} wheel_fpm_e;

/**
 * Have the worker end its script as PHP's own time limit does, if exactly one
 * runs this request.  Blocks for a few milliseconds, for half a second at most.
 * For the helper.
 */
wheel_fpm_e wheel_fpm_interrupt(const wheel_request_t *request);

/** Why it goes on, for the log. */
const char *wheel_fpm_text(wheel_fpm_e found);

#endif /* WHEEL_REQUESTS_FPM_H */
