/* SPDX-License-Identifier: Apache-2.0 */
/* requests/finish.h: the end of a request that is a job.  For the worker that
 * runs it. */
#ifndef WHEEL_REQUESTS_FINISH_H
#define WHEEL_REQUESTS_FINISH_H

#include "requests/run.h"

/**
 * The handlers of a request have returned.  If it was marked, its client is
 * told why.
 * @param r the request that the job began with
 * @param status that httpd is to get, unless the client is told
 * @return the status that it gets
 */
int wheel_finish(wheel_running_t *running, request_rec *r, int status);

/** It is no job from now on, whatever its mark. */
void wheel_finish_silently(wheel_running_t *running);

/** Register the hook that logs answers which were stopped while they were
 * sent. */
void wheel_finish_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_FINISH_H */
