/* SPDX-License-Identifier: Apache-2.0 */
/* requests/kind.h: what kind of request it is, and what it is for. */
#ifndef WHEEL_REQUESTS_KIND_H
#define WHEEL_REQUESTS_KIND_H

#include "httpd.h"

#include "core/request_slots.h"

/** How what handles a request can be interrupted. */
wheel_kind_e wheel_kind_of(const request_rec *r);

/** The file that a FastCGI server is asked for.
 * @return as long as the request; "" if it is not known */
const char *wheel_kind_script(request_rec *r);

/** The path that its client has asked for, decoded, whatever that was rewritten
 * or redirected to.
 * @return as long as the request */
const char *wheel_kind_path(const request_rec *r);

#endif /* WHEEL_REQUESTS_KIND_H */
