/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_steps.h: the directives for the steps of a stop, for the other
 * files of the configuration alone. */
#ifndef WHEEL_SERVER_CONFIG_STEPS_H
#define WHEEL_SERVER_CONFIG_STEPS_H

#include "server/config.h"

void wheel_config_steps_unset(wheel_dir_config_t *config);
void wheel_config_steps_merge(wheel_dir_config_t *config,
                              const wheel_dir_config_t *outer,
                              const wheel_dir_config_t *inner);
void wheel_config_steps_default(wheel_dir_config_t *config);

const char *wheel_config_set_on_stop(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[]);
const char *wheel_config_set_privileged(cmd_parms *cmd, void *dir, int argc,
                                        char *const argv[]);

/** A directive works only if WheelPrivileged names this step, a
 * WHEEL_PRIVILEGED_ bit. */
void wheel_config_need(cmd_parms *cmd, unsigned step);

/** Warn of what directives need and WheelPrivileged does not name. */
void wheel_config_steps_check(const wheel_server_config_t *config,
                              apr_pool_t *ptemp, server_rec *s);

/** Forget what the configuration before this one needs. */
void wheel_config_steps_reset(void);

#endif /* WHEEL_SERVER_CONFIG_STEPS_H */
