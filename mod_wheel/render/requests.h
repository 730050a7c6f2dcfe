/* SPDX-License-Identifier: Apache-2.0 */
/* render/requests.h: the requests that are jobs, in each form of the status.
 *
 * For render/ alone.  Pure functions; any thread.
 */
#ifndef WHEEL_RENDER_REQUESTS_H
#define WHEEL_RENDER_REQUESTS_H

#include <jansson.h>

#include "render/render.h"
#include "render/text.h"

/** As a JSON array; NULL without memory. */
json_t *wheel_render_requests_json(const wheel_facts_t *facts,
                                   apr_pool_t *pool);

/** The steps of a stop as a JSON array, each with the seconds from the stop to
 * it; NULL without memory. */
json_t *wheel_render_steps_json(const wheel_step_times_t *steps);

/** As lines of "WheelRequest: key=value ...". */
void wheel_render_requests_auto(wheel_text_t *out, const wheel_facts_t *facts);

/** As a table of HTML; nothing where no request is a job. */
void wheel_render_requests_html(wheel_text_t *out, const wheel_facts_t *facts);

#endif /* WHEEL_RENDER_REQUESTS_H */
