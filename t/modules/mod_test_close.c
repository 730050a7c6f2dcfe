/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_close.c: makes long what is short in httpd: the time from
 * the close of a connection to the end of its pool, in which another thread may
 * get the descriptor's number.
 *
 * It takes effect for connections with a request whose query has "close" in it,
 * and for all connections of mod_proxy to backends.  Once such a connection is
 * closed, another one gets the number, the file "closed" of the document root
 * is made, and httpd goes on when there is a file "go".  The error log says
 * whether the other connection is whole.
 *
 * The handler test-close has its connection count as aborted.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "httpd.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_connection.h"
#include "http_core.h"
#include "http_log.h"
#include "http_protocol.h"
#include "http_request.h"
#include "mod_proxy.h"

#define CLOSE_STEP_USEC 10000
#define CLOSE_STEPS_MAX 6000

typedef struct closing_t {
    const server_rec *s;
    apr_pool_t *pool;
    const char *root;
    apr_os_sock_t fd;
} closing_t;

/* To the last backend of this thread. */
static _Thread_local apr_os_sock_t backend_fd;

/* A connection between two descriptors of this process. */
static int connect_pair(int ends[2])
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(here);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int ok;

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = bind(listener, (struct sockaddr *)&here, sizeof(here)) == 0 &&
         listen(listener, 1) == 0 &&
         getsockname(listener, (struct sockaddr *)&here, &bytes) == 0 &&
         connect(ends[0], (struct sockaddr *)&here, sizeof(here)) == 0;
    ends[1] = ok ? accept(listener, NULL, NULL) : -1;
    close(listener);
    return ends[1] >= 0;
}

static void wait_for(const char *file)
{
    int steps;

    for (steps = 0; steps < CLOSE_STEPS_MAX && access(file, F_OK) != 0;
         steps++) {
        apr_sleep(CLOSE_STEP_USEC);
    }
}

static apr_status_t use_the_number(void *data)
{
    const closing_t *closing = data;
    const char *made =
        apr_pstrcat(closing->pool, closing->root, "/closed", NULL);
    int is_free = fcntl(closing->fd, F_GETFD) < 0;
    int ends[2];
    int is_whole;
    char byte = 0;

    if (!connect_pair(ends)) {
        return APR_EGENERAL;
    }
    if (is_free && ends[1] != closing->fd) {
        if (ends[0] == closing->fd) {
            ends[0] = dup(closing->fd);
        }
        dup3(ends[1], closing->fd, O_CLOEXEC);
        close(ends[1]);
        ends[1] = closing->fd;
    }
    close(open(made, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    wait_for(apr_pstrcat(closing->pool, closing->root, "/go", NULL));
    is_whole = send(ends[1], &byte, 1, MSG_NOSIGNAL) == 1 &&
               recv(ends[0], &byte, 1, 0) == 1;
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, closing->s,
                 "test-close: the number was %s, the connection is %s",
                 is_free ? "free" : "in use", is_whole ? "whole" : "broken");
    close(ends[0]);
    close(ends[1]);
    return APR_SUCCESS;
}

static int note_connection(request_rec *r)
{
    if (r->args && strstr(r->args, "close")) {
        apr_table_set(r->connection->notes, "test-close", ap_document_root(r));
    }
    return DECLINED;
}

static int before_close(conn_rec *c)
{
    const char *root = apr_table_get(c->notes, "test-close");
    closing_t *closing;

    if (root) {
        closing = apr_pcalloc(c->pool, sizeof(*closing));
        closing->s = c->base_server;
        closing->pool = c->pool;
        closing->root = root;
        apr_os_sock_get(&closing->fd, ap_get_conn_socket(c));
        c->aborted = 1; /* what is not sent stays where it is */
        apr_pool_pre_cleanup_register(c->pool, closing, use_the_number);
    }
    return OK;
}

static int note_backend(conn_rec *c, void *socket)
{
    if (c->outgoing) {
        apr_os_sock_get(&backend_fd, socket);
    }
    return OK;
}

/* mod_proxy's handler is about to return. */
static int after_backend(int *status, request_rec *r)
{
    closing_t closing = {r->server, r->pool, ap_document_root(r), backend_fd};

    (void)status;
    use_the_number(&closing);
    return OK;
}

static int handle(request_rec *r)
{
    if (strcmp(r->handler, "test-close")) {
        return DECLINED;
    }
    r->connection->aborted = 1;
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_fixups(note_connection, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_close_connection(before_close, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(note_backend, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(proxy, request_status, after_backend, NULL, NULL,
                      APR_HOOK_MIDDLE);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_close) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
