/* SPDX-License-Identifier: Apache-2.0 */
/* requests/drain.c: let a child take nothing new, end what it has, and then
 * itself.
 *
 * No MPM can be told to end one child.  But each asks its listeners for a
 * connection by a function that they name, and ends gracefully when that says
 * that the child can't take any: what it does when a child has no descriptors
 * left.  Nothing is lost: the connection stays in the queue of the socket.
 */
#include "requests/drain.h"

#include "httpd.h"

#include "ap_listen.h"

/* As ap_unixd_accept() ends when it is out of descriptors.  With threads, that
 * is a graceful end; under prefork, the child has no request then, and ends. */
static apr_status_t accept_none(void **accepted, ap_listen_rec *listener,
                                apr_pool_t *ptrans)
{
    (void)listener;
    (void)ptrans;
    *accepted = NULL;
    return APR_EGENERAL;
}

void wheel_drain_here(void)
{
    ap_listen_rec *listener;

    for (listener = ap_listeners; listener; listener = listener->next) {
        listener->accept_func = accept_none;
    }
}
