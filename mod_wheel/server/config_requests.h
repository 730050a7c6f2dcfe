/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_requests.h: the directives for requests as jobs, for
 * server/config.c alone. */
#ifndef WHEEL_SERVER_CONFIG_REQUESTS_H
#define WHEEL_SERVER_CONFIG_REQUESTS_H

#include "server/config.h"

const char *wheel_config_set_requests(cmd_parms *cmd, void *dir,
                                      const char *word, const char *first,
                                      const char *second);
const char *wheel_config_set_timeout(cmd_parms *cmd, void *dir,
                                     const char *time, const char *action);
const char *wheel_config_set_cpu_limit(cmd_parms *cmd, void *dir,
                                       const char *time, const char *action);
const char *wheel_config_set_fpm_status(cmd_parms *cmd, void *dir,
                                        const char *url);

/** Forget what the configuration before this one has set for all. */
void wheel_config_requests_reset(void);

#endif /* WHEEL_SERVER_CONFIG_REQUESTS_H */
