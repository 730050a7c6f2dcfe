/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_cluster.h: WheelCluster URL [OPTION=VALUE ...]. */
#ifndef WHEEL_SERVER_CONFIG_CLUSTER_H
#define WHEEL_SERVER_CONFIG_CLUSTER_H

#include "httpd.h"
#include "http_config.h"

/** The directive's function, of type AP_INIT_TAKE_ARGV. */
const char *wheel_config_set_cluster(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[]);

#endif /* WHEEL_SERVER_CONFIG_CLUSTER_H */
