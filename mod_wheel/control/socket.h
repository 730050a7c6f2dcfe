/* SPDX-License-Identifier: Apache-2.0 */
/* control/socket.h: the local socket of WheelControl: made and removed by the
 * parent, served by the helper. */
#ifndef WHEEL_CONTROL_SOCKET_H
#define WHEEL_CONTROL_SOCKET_H

#include <sys/types.h>

#include "httpd.h"

/** Who is at the other end of a connection. */
typedef struct wheel_caller_t {
    pid_t pid;
    uid_t uid;
    gid_t gid;
} wheel_caller_t;

/** The listening socket, or -1 for none.  It doesn't block.  For the parent,
 * after post_config, and the helper. */
int wheel_socket_listener(void);

/**
 * May the other end of a connection list and stop jobs?  Root may, who started
 * the server may, and the members of WheelControl's group, except the user that
 * serves requests.
 * @param peer set to who it is
 */
int wheel_socket_admits(int fd, wheel_caller_t *peer);

/** Register the hook that makes the socket. */
void wheel_socket_register(apr_pool_t *pconf);

#endif /* WHEEL_CONTROL_SOCKET_H */
