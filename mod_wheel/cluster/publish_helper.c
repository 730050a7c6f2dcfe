/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/publish_helper.c: a stop of this host, told to the other hosts: the
 * side of the helper, which asks the provider.
 *
 * In a thread for each stop that a child has asked for, since it blocks.
 */
#include "cluster/private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apr_general.h"
#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "cluster/message.h"
#include "core/platform.h"
#include "server/helper.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* Stops that are told at once; others wait their turn. */
#define PUBLISH_MAX 64

/* What a child may take to read its answer. */
#define PUBLISH_SEND_MS 1000

/* One request, and the thread that does it. */
typedef struct publish_t {
    int fd;
    wheel_filter_t filter;
    message_request_t request;
    apr_pool_t *pool;
} publish_t;

/* Of the helper. */
static struct {
    int fd;                /* requests come here; -1: not here, or no more */
    int done_fd;           /* rung when a thread is at its end */
    atomic_uint threads_n; /* that run */
} publisher = {-1, -1, 0};

void cluster_publish(const wheel_filter_t *filter, unsigned stopped,
                     apr_interval_time_t wait_max, wheel_round_t *round,
                     apr_pool_t *pool)
{
    const cluster_t *own = cluster_own();
    unsigned char unique[CLUSTER_STOP_BYTES];
    char stop[CLUSTER_STOP_BYTES * 2 + 1];
    wheel_notice_t notice = {own->host, stop, wheel_filter_text(filter, pool)};

    if (apr_generate_random_bytes(unique, sizeof(unique)) != APR_SUCCESS) {
        memset(round, 0, sizeof(*round));
        round->told = WHEEL_TOLD_NOT;
        round->why = "no entropy for the id of the stop";
        return;
    }
    cluster_write_hex(stop, unique, sizeof(unique));
    own->provider->publish(own->link, &notice, stopped, wait_max,
                           wheel_process_ending, round, pool);
}

/* --- One request ---------------------------------------------------------- */

/* The child doesn't wait any longer: what it asked for is too late, and would
 * stop jobs that have begun since. */
static int has_left(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void send_answer(int fd, const char *text, apr_size_t bytes)
{
    struct pollfd ready = {fd, POLLOUT, 0};

    while (bytes) {
        ssize_t sent = send(fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return;
        }
        if (sent < 0 && poll(&ready, 1, PUBLISH_SEND_MS) == 0) {
            return;
        }
        text += sent > 0 ? sent : 0;
        bytes -= sent > 0 ? sent : 0;
    }
}

static void forget(publish_t *publish)
{
    close(publish->fd);
    apr_pool_destroy(publish->pool); /* it holds publish */
}

static void *publish_main(void *data)
{
    publish_t *publish = data;
    wheel_round_t round;
    const char *text;
    apr_size_t bytes;

    if (!has_left(publish->fd)) {
        cluster_publish(&publish->filter, publish->request.stopped,
                        publish->request.wait_max, &round, publish->pool);
        text = message_write_round(&round, &bytes, publish->pool);
        send_answer(publish->fd, text, bytes);
    }
    forget(publish);
    atomic_fetch_sub_explicit(&publisher.threads_n, 1, memory_order_release);
    wheel_wake_ring(publisher.done_fd);
    return NULL;
}

/* What a child may write is checked as a request of a client is. */
static publish_t *read_request(const char *text, apr_size_t bytes, int fd)
{
    apr_pool_t *pool = wheel_helper_pool();
    publish_t *publish;

    if (!pool) {
        close(fd);
        return NULL;
    }
    publish = apr_pcalloc(pool, sizeof(*publish));
    publish->fd = fd;
    publish->pool = pool;
    if (message_read_request(text, bytes, &publish->request, pool) !=
            APR_SUCCESS ||
        publish->request.wait_max < -1 ||
        wheel_filter_parse(&publish->filter, publish->request.filter, pool)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "WH0091: a child has asked for a stop on other hosts in "
                     "a way that this build of mod_wheel doesn't understand: "
                     "restart the server");
        forget(publish);
        return NULL;
    }
    return publish;
}

static void begin_request(const char *text, apr_size_t bytes, int fd)
{
    publish_t *publish = read_request(text, bytes, fd);
    pthread_t thread;

    if (!publish) {
        return;
    }
    atomic_fetch_add_explicit(&publisher.threads_n, 1, memory_order_relaxed);
    if (wheel_process_thread(&thread, CLUSTER_STACK_BYTES, publish_main,
                             publish) != 0) {
        atomic_fetch_sub_explicit(&publisher.threads_n, 1,
                                  memory_order_relaxed);
        forget(publish);
        return;
    }
    pthread_detach(thread);
}

/* @return the descriptor that came with a message, the first if there are
 *         several; -1 for none */
static int take_fd(struct msghdr *message)
{
    struct cmsghdr *with;
    int first = -1;

    for (with = CMSG_FIRSTHDR(message); with;
         with = CMSG_NXTHDR(message, with)) {
        size_t n;

        if (with->cmsg_level != SOL_SOCKET || with->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (n = 0; CMSG_LEN((n + 1) * sizeof(int)) <= with->cmsg_len; n++) {
            int fd;

            memcpy(&fd, CMSG_DATA(with) + n * sizeof(int), sizeof(int));
            if (first < 0) {
                first = fd;
            }
            else {
                close(fd);
            }
        }
    }
    return first;
}

/* @return 0 if there is no request */
static int take_request(void)
{
    char text[MESSAGE_REQUEST_BYTES];
    struct iovec bytes_of = {text, sizeof(text)};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct msghdr message = {0};
    ssize_t bytes;
    int fd;

    message.msg_iov = &bytes_of;
    message.msg_iovlen = 1;
    message.msg_control = control.room;
    message.msg_controllen = sizeof(control.room);
    bytes = recvmsg(publisher.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (bytes < 0) {
        return 0;
    }
    fd = take_fd(&message);
    if (fd >= 0) {
        begin_request(text, bytes, fd);
    }
    return 1;
}

static int wanted(void)
{
    return wheel_cluster_on();
}

static void begin(apr_pool_t *pool)
{
    (void)pool;
    publisher.done_fd = wheel_wake_open();
    publisher.fd = cluster_own()->kept->requests[0];
}

static unsigned threads_n(void)
{
    return atomic_load_explicit(&publisher.threads_n, memory_order_acquire);
}

static unsigned prepare(struct pollfd *fds, unsigned fds_max,
                        apr_int64_t *until_usec)
{
    (void)until_usec;
    if (publisher.done_fd < 0 || fds_max < 2) {
        return 0;
    }
    fds[0].fd = threads_n() < PUBLISH_MAX ? publisher.fd : -1;
    fds[0].events = POLLIN;
    fds[1].fd = publisher.done_fd;
    fds[1].events = POLLIN;
    return 2;
}

static void serve(const struct pollfd *fds, unsigned fds_n)
{
    if (!fds_n) {
        return;
    }
    if (fds[1].revents) {
        wheel_wake_clear(publisher.done_fd);
    }
    while (fds[0].revents && threads_n() < PUBLISH_MAX && take_request()) {
    }
}

/* What children ask for from now on is for the next helper. */
static void leave(wheel_helper_why_e why)
{
    (void)why;
    publisher.fd = -1;
}

static int busy(void)
{
    return threads_n() > 0;
}

static const wheel_helper_part_t part = {
    wanted, begin, prepare, serve, leave, busy,
};

void cluster_publish_register(void)
{
    wheel_helper_add(&part);
}
