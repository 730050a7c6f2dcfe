/* SPDX-License-Identifier: Apache-2.0 */
/* http/path.h: where the path of a handler ends and a name begins. */
#ifndef WHEEL_HTTP_PATH_H
#define WHEEL_HTTP_PATH_H

#include "httpd.h"

/** What a request's path says. */
typedef enum {
    WHEEL_PATH_OWN,  /* it is the handler's own path: all jobs */
    WHEEL_PATH_NAME, /* its last segment is a name, well formed or not */
    WHEEL_PATH_LONG  /* it has more than that */
} wheel_path_e;

/**
 * Split the path of a request into the handler's own path and a name.
 *
 * The own path of a handler is the shortest part of the path, in whole
 * segments, for which the configuration sets this handler: a Location, or
 * whatever else sets it.  A pattern that would also set it for other last
 * segments gives it no own path there: the segment is a name.
 *
 * @param name the last segment, for WHEEL_PATH_NAME
 */
wheel_path_e wheel_path_split(request_rec *r, const char **name);

#endif /* WHEEL_HTTP_PATH_H */
