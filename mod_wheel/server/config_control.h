/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_control.h: WheelControl PATH|off [mode=0600|0660]
 * [group=NAME]. */
#ifndef WHEEL_SERVER_CONFIG_CONTROL_H
#define WHEEL_SERVER_CONFIG_CONTROL_H

#include "httpd.h"
#include "http_config.h"

/** The directive's function, of type AP_INIT_TAKE_ARGV. */
const char *wheel_config_set_control(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[]);

#endif /* WHEEL_SERVER_CONFIG_CONTROL_H */
