/* SPDX-License-Identifier: Apache-2.0 */
/* requests/proxy.h: wheels of other servers, behind mod_proxy. */
#ifndef WHEEL_REQUESTS_PROXY_H
#define WHEEL_REQUESTS_PROXY_H

#include "httpd.h"

/** Register the hooks of WheelProxy. */
void wheel_proxy_register(apr_pool_t *pconf);

#endif /* WHEEL_REQUESTS_PROXY_H */
