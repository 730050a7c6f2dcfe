/* SPDX-License-Identifier: Apache-2.0 */
/* http/site.h: who has made a request: its user, another site, a proxy? */
#ifndef WHEEL_HTTP_SITE_H
#define WHEEL_HTTP_SITE_H

#include "httpd.h"

/**
 * Check that a request that reads comes from where it seems to: by a name of
 * this server if a browser sends it, and not through a proxy that makes every
 * client look local.
 * @return NULL, or why it is refused
 */
const char *wheel_site_check(request_rec *r);

/**
 * The same for a request that starts or stops jobs, which must be one that its
 * user has made here: no page of another site, and no browser ahead of its
 * user.  Programs that are no browsers need no proof.
 */
const char *wheel_site_check_change(request_rec *r);

/** Adds "Require wheel-own-name", which lets in requests for a ServerName or
 * ServerAlias of their virtual host. */
void wheel_site_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_SITE_H */
