/* SPDX-License-Identifier: Apache-2.0 */
/* server/job_private.h: what jobs of both kinds share:
 *
 *   job_claim.c      may a job begin?
 *   job.c            a job with a companion, and how jobs leave
 *   job_in_worker.c  a job that its worker does itself
 */
#ifndef WHEEL_SERVER_JOB_PRIVATE_H
#define WHEEL_SERVER_JOB_PRIVATE_H

#include "server/config.h"
#include "server/job.h"
#include "server/wait.h"

/**
 * Check what is asked for, and whether the server takes jobs.  What has been
 * entered ends with job_not_begun() or job_leave().
 * @param needs_work spec has to have work
 * @return APR_ENOTIMPL or APR_EINVAL for a wrong spec; APR_EAGAIN if it was
 *         refused, as the result says
 */
apr_status_t job_enter(request_rec *r, const wheel_spec_t *spec, int needs_work,
                       wheel_result_t *result);

/** Claim a slot.
 * @param wait has the table, and gets slot, id and deadline */
apr_status_t job_claim(request_rec *r, const wheel_spec_t *spec,
                       const wheel_dir_config_t *settings, wheel_wait_t *wait,
                       wheel_refusal_e *refusal);

/** A job was refused at its claim, or for want of a thread.
 * @return APR_EAGAIN */
apr_status_t job_not_begun(request_rec *r, const wheel_result_t *result);

/** The request is listed again, after its job.  @param baton a wheel_wait_t */
void job_show_request(void *baton);

/** Leave the slot, and say how the job went. */
void job_leave(request_rec *r, wheel_wait_t *wait, wheel_end_e end,
               wheel_result_t *result);

#endif /* WHEEL_SERVER_JOB_PRIVATE_H */
