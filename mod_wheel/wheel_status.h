/* wheel_status.h: who rotates, told over HTTP. */
#ifndef WHEEL_STATUS_H
#define WHEEL_STATUS_H

#include "httpd.h"

/** Register the handler wheel-status and a section of mod_status's page. */
void wheel_status_register(apr_pool_t *pconf);

#endif /* WHEEL_STATUS_H */
