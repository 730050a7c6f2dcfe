/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_wait.c: a handler that waits for a peer which says
 * nothing, as libraries in C do it.
 *
 * The variable "wait" of the request says how:
 *
 *   CALL=PORT    connects to that port, sends a line and waits in that system
 *                call until its connection ends
 *   dbd=         wants a connection of mod_dbd
 *   pool=PORT    sends its query as a line and waits for a line, over one of
 *                the connections that the process keeps; tells the line
 *
 * and what must not be shut down:
 *
 *   pipe=FILE    a FIFO, until somebody writes to it
 *   listen=PORT  a socket that it listens on, until somebody connects
 *   client=      its own client, until that says more or goes
 *   shared=PORT  the one connection of all such requests of a process
 *   two=PORT     two connections at once
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_portable.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "apr_dbd.h"
#include "mod_dbd.h"

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static int shared_fd = -1;

/* --- Ways to wait --------------------------------------------------------- */

static void wait_poll(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};

    while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
    }
}

static void wait_ppoll(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};

    while (ppoll(&wait, 1, NULL, NULL) < 0 && errno == EINTR) {
    }
}

static void wait_select(int fd)
{
    fd_set set;

    do {
        FD_ZERO(&set);
        FD_SET(fd, &set);
    } while (select(fd + 1, &set, NULL, NULL, NULL) < 0 && errno == EINTR);
}

static void wait_pselect(int fd)
{
    fd_set set;

    do {
        FD_ZERO(&set);
        FD_SET(fd, &set);
    } while (pselect(fd + 1, &set, NULL, NULL, NULL, NULL) < 0 &&
             errno == EINTR);
}

static void wait_epoll(int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_create1(EPOLL_CLOEXEC);

    epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
    while (epoll_wait(set, &event, 1, -1) < 0 && errno == EINTR) {
    }
    close(set);
}

static void wait_read(int fd)
{
    char byte;

    while (read(fd, &byte, 1) < 0 && errno == EINTR) {
    }
}

static void wait_recv(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) < 0 && errno == EINTR) {
    }
}

static void wait_recvmsg(int fd)
{
    char byte;
    struct iovec place = {&byte, 1};
    struct msghdr header = {.msg_iov = &place, .msg_iovlen = 1};

    while (recvmsg(fd, &header, 0) < 0 && errno == EINTR) {
    }
}

static void wait_send(int fd)
{
    static const char block[65536];

    while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0 || errno == EINTR) {
    }
}

static const struct {
    const char *name;
    void (*wait)(int fd);
} ways[] = {
    {"poll", wait_poll},     {"ppoll", wait_ppoll},
    {"select", wait_select}, {"pselect", wait_pselect},
    {"epoll", wait_epoll},   {"read", wait_read},
    {"recv", wait_recv},     {"recvmsg", wait_recvmsg},
    {"send", wait_send},     {"connect", wait_read},
    {"shared", wait_recv},
};

/* --- What is waited for --------------------------------------------------- */

static int connect_to(unsigned port, const char *line)
{
    struct sockaddr_in peer = {.sin_family = AF_INET,
                               .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0) {
        (void)!write(fd, line, strlen(line));
    }
    return fd;
}

static int connect_shared(unsigned port)
{
    pthread_mutex_lock(&shared_lock);
    if (shared_fd < 0) {
        shared_fd = connect_to(port, "hello\n");
    }
    pthread_mutex_unlock(&shared_lock);
    return shared_fd;
}

/* --- A pool of connections ------------------------------------------------ */

#define POOL_MAX 64
#define LINE_BYTES 256

static struct {
    int fds[POOL_MAX];
    int fds_n;
} pool;

/* One that has ended is not used again. */
static int take_connection(unsigned port)
{
    char byte;
    int fd = -1;

    pthread_mutex_lock(&shared_lock);
    while (fd < 0 && pool.fds_n > 0) {
        fd = pool.fds[--pool.fds_n];
        if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
            errno != EAGAIN) {
            close(fd);
            fd = -1;
        }
    }
    pthread_mutex_unlock(&shared_lock);
    return fd >= 0 ? fd : connect_to(port, "");
}

static void give_connection(int fd)
{
    pthread_mutex_lock(&shared_lock);
    if (pool.fds_n < POOL_MAX) {
        pool.fds[pool.fds_n++] = fd;
        fd = -1;
    }
    pthread_mutex_unlock(&shared_lock);
    if (fd >= 0) {
        close(fd);
    }
}

static void ask_by_pool(request_rec *r, unsigned port)
{
    const char *query = apr_pstrcat(r->pool, r->args, "\n", NULL);
    int fd = take_connection(port);
    char line[LINE_BYTES];
    size_t bytes = 0;
    ssize_t more = send(fd, query, strlen(query), MSG_NOSIGNAL);

    while (more > 0 && (!bytes || line[bytes - 1] != '\n')) {
        more = recv(fd, line + bytes, sizeof(line) - bytes, 0);
        bytes += more > 0 ? (size_t)more : 0;
    }
    if (more > 0) {
        give_connection(fd);
        ap_rwrite(line, (int)bytes - 1, r);
    }
    else {
        close(fd);
        ap_rputs("lost\n", r);
    }
}

static void wait_for_two(unsigned port)
{
    struct pollfd wait[2] = {{connect_to(port, "hello\n"), POLLIN, 0},
                             {connect_to(port, "hello\n"), POLLIN, 0}};

    while (poll(wait, 2, -1) < 0 && errno == EINTR) {
    }
    close(wait[0].fd);
    close(wait[1].fd);
}

static void wait_for_pipe(const char *file)
{
    int fd = open(file, O_RDWR | O_CLOEXEC);

    wait_poll(fd);
    close(fd);
}

static void wait_for_connection(unsigned port)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0) {
        listen(fd, 1);
        wait_poll(fd);
    }
    close(fd);
}

static void wait_for_client(request_rec *r)
{
    apr_os_sock_t fd;

    if (apr_os_sock_get(&fd, ap_get_conn_socket(r->connection)) ==
        APR_SUCCESS) {
        wait_poll(fd);
    }
}

static void wait_for_database(request_rec *r)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *open =
        APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);

    if (open) {
        open(r->pool, r->server);
    }
}

static void wait_in(const char *name, unsigned port)
{
    int is_shared = !strcmp(name, "shared");
    size_t n;

    for (n = 0; n < sizeof(ways) / sizeof(*ways); n++) {
        if (!strcmp(ways[n].name, name)) {
            int fd =
                is_shared ? connect_shared(port) : connect_to(port, "hello\n");

            ways[n].wait(fd);
            if (!is_shared) {
                close(fd);
            }
        }
    }
}

static int handle(request_rec *r)
{
    const char *how;
    const char *value;
    char *name;

    if (strcmp(r->handler, "test-wait")) {
        return DECLINED;
    }
    how = apr_table_get(r->subprocess_env, "wait");
    value = how ? strchr(how, '=') : NULL;
    if (!value) {
        return HTTP_BAD_REQUEST;
    }
    name = apr_pstrmemdup(r->pool, how, (apr_size_t)(value - how));
    if (!strcmp(name, "pipe")) {
        wait_for_pipe(value + 1);
    }
    else if (!strcmp(name, "listen")) {
        wait_for_connection((unsigned)atoi(value + 1));
    }
    else if (!strcmp(name, "client")) {
        wait_for_client(r);
    }
    else if (!strcmp(name, "dbd")) {
        wait_for_database(r);
    }
    else if (!strcmp(name, "pool")) {
        ask_by_pool(r, (unsigned)atoi(value + 1));
        return OK;
    }
    else if (!strcmp(name, "two")) {
        wait_for_two((unsigned)atoi(value + 1));
    }
    else {
        wait_in(name, (unsigned)atoi(value + 1));
    }
    ap_rputs("waited\n", r);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_wait) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
