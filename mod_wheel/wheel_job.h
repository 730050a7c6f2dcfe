/* wheel_job.h: one job from claim to release.  wheel_job_run() itself is in
 * mod_wheel.h, since other modules call it, too. */
#ifndef WHEEL_JOB_H
#define WHEEL_JOB_H

#include "httpd.h"

#include "wheel_table.h"

/** The name of an end, as it stands in headers, notes and the status page:
 * stop, deadline, gone, ... */
const char *wheel_end_name(wheel_end_e end);

/** The name of a refusal, as it stands in metrics and notes: max, ... */
const char *wheel_refusal_name(wheel_refusal_e refusal);

/** Is this a name a job may have: 1 to WHEEL_NAME_MAX of A-Z a-z 0-9 . _ - */
int wheel_name_valid(const char *name);

/** The table, NULL before the first post_config. */
wheel_table_t *wheel_job_table(void);

/** Workers that wait for a request right now, in the whole server, as the
 * scoreboard says. */
unsigned wheel_job_idle_workers(void);

/** See wheel_job_run in mod_wheel.h. */
apr_status_t wheel_job_run(request_rec *r, const wheel_spec_t *spec,
                           wheel_result_t *result);

/** Make or find the table; set up and end what a child needs. */
void wheel_job_register(apr_pool_t *pconf);

#endif /* WHEEL_JOB_H */
