/* SPDX-License-Identifier: Apache-2.0 */
/* requests/facts.h: what is known of a request when it begins, and what its
 * location says of it.  For the worker that runs it. */
#ifndef WHEEL_REQUESTS_FACTS_H
#define WHEEL_REQUESTS_FACTS_H

#include "httpd.h"

#include "core/request_slots.h"

/** @param facts zeros */
void wheel_facts_fill(const request_rec *r, wheel_request_facts_t *facts);

/** Its handler has become known. */
void wheel_facts_handler(const request_rec *r, wheel_request_facts_t *facts);

/** The same, and its location: what that says holds now in place of what is
 * there. */
void wheel_facts_locate(const request_rec *r, wheel_request_facts_t *facts);

/**
 * A request is redirected within the server, by a RewriteRule of a .htaccess
 * file, say: what its new location says holds, too, as far as it is stricter.
 */
void wheel_facts_redirect(const request_rec *r, wheel_request_facts_t *facts);

/** Its handler, for the log.
 * @return as long as the request, or for ever */
const char *wheel_facts_handler_text(const wheel_request_t *request);

#endif /* WHEEL_REQUESTS_FACTS_H */
