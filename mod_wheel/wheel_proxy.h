/* wheel_proxy.h: wheels of other servers, behind mod_proxy. */
#ifndef WHEEL_PROXY_H
#define WHEEL_PROXY_H

#include "httpd.h"

/** Register the hooks of WheelProxy. */
void wheel_proxy_register(apr_pool_t *pconf);

#endif /* WHEEL_PROXY_H */
