/* SPDX-License-Identifier: Apache-2.0 */
/* http/status.h: the handler wheel-status and the section in mod_status. */
#ifndef WHEEL_HTTP_STATUS_H
#define WHEEL_HTTP_STATUS_H

#include "httpd.h"

/** Register the handler wheel-status and a section of mod_status's page. */
void wheel_status_register(apr_pool_t *pconf);

#endif /* WHEEL_HTTP_STATUS_H */
