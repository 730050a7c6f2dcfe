/* SPDX-License-Identifier: Apache-2.0 */
/* server/job.h: one job from claim to release. */
#ifndef WHEEL_SERVER_JOB_H
#define WHEEL_SERVER_JOB_H

#include "httpd.h"

#include "core/table.h"

/** The name of a refusal, as it stands in metrics and notes: max, ... */
const char *wheel_refusal_name(wheel_refusal_e refusal);

/** See wheel_job_run in mod_wheel.h. */
apr_status_t wheel_job_run(request_rec *r, const wheel_spec_t *spec,
                           wheel_result_t *result);

/** See wheel_job_begin and wheel_job_end in mod_wheel.h. */
apr_status_t wheel_job_begin(request_rec *r, const wheel_spec_t *spec,
                             wheel_job_t **job, wheel_result_t *result);
void wheel_job_end(wheel_job_t *job, wheel_result_t *result);

/** Offer the functions of mod_wheel.h to other modules. */
void wheel_job_register(apr_pool_t *pconf);

#endif /* WHEEL_SERVER_JOB_H */
