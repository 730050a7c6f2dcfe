/* SPDX-License-Identifier: Apache-2.0 */
/* requests/departed.c: has the client of a request closed its connection?
 *
 * The helper has no descriptor of it, and the thread that runs the request may
 * compute or wait elsewhere.  So the helper asks the kernel for the state of
 * the connection, by its addresses and ports (sock_diag(7)), which needs no
 * privilege and interrupts nobody.
 */
#include "requests/departed.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd.h"
#include "http_log.h"
#include "http_main.h"

APLOG_USE_MODULE(wheel);

typedef struct departed_question_t {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
} departed_question_t;

/* What may follow is cut off. */
typedef struct departed_answer_t {
    struct nlmsghdr header;
    union {
        struct inet_diag_msg found;
        struct nlmsgerr error;
    } is;
} departed_answer_t;

static struct {
    int fd; /* and 1; 0: not open */
    apr_uint32_t sequence;
    int logged;
    int finds; /* it has found a connection */
} departed;

/* --- In a worker ---------------------------------------------------------- */

static int copy_address(const struct sockaddr_storage *from,
                        wheel_request_connection_t *to, int which)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

    if (from->ss_family == AF_INET) {
        to->ports[which] = in->sin_port;
        memcpy(to->addresses[which], &in->sin_addr, sizeof(in->sin_addr));
        return 1;
    }
    if (from->ss_family == AF_INET6) {
        to->ports[which] = in6->sin6_port;
        memcpy(to->addresses[which], &in6->sin6_addr, sizeof(in6->sin6_addr));
        return 1;
    }
    return 0;
}

void wheel_departed_watch(int fd, wheel_request_connection_t *connection)
{
    struct sockaddr_storage ours;
    struct sockaddr_storage clients;
    socklen_t ours_bytes = sizeof(ours);
    socklen_t clients_bytes = sizeof(clients);
    socklen_t device_bytes = sizeof(connection->device);

    if (fd >= 0 &&
        getsockname(fd, (struct sockaddr *)&ours, &ours_bytes) == 0 &&
        getpeername(fd, (struct sockaddr *)&clients, &clients_bytes) == 0 &&
        ours.ss_family == clients.ss_family &&
        copy_address(&ours, connection, 0) &&
        copy_address(&clients, connection, 1)) {
        connection->family = ours.ss_family;
        getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &connection->device,
                   &device_bytes);
    }
}

/* --- In the helper -------------------------------------------------------- */

static int untold(const char *what)
{
    if (!departed.logged) {
        departed.logged = 1;
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, ap_server_conf,
                     "WH0108: clients that leave don't end requests: the "
                     "kernel doesn't tell the state of connections (%s of "
                     "sock_diag)",
                     what);
    }
    return 0;
}

static int open_socket(void)
{
    if (departed.fd == 0) {
        departed.fd =
            1 + socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    }
    return departed.fd > 0;
}

static int ask(const wheel_request_connection_t *connection)
{
    departed_question_t question;
    struct inet_diag_sockid *id = &question.request.id;

    memset(&question, 0, sizeof(question));
    question.header.nlmsg_len = sizeof(question);
    question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    question.header.nlmsg_seq = ++departed.sequence;
    question.request.sdiag_family = (apr_byte_t)connection->family;
    question.request.sdiag_protocol = IPPROTO_TCP;
    question.request.idiag_states = ~0U;
    id->idiag_sport = connection->ports[0];
    id->idiag_dport = connection->ports[1];
    memcpy(id->idiag_src, connection->addresses[0], sizeof(id->idiag_src));
    memcpy(id->idiag_dst, connection->addresses[1], sizeof(id->idiag_dst));
    id->idiag_if = connection->device;
    id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return send(departed.fd - 1, &question, sizeof(question), MSG_DONTWAIT) ==
           (ssize_t)sizeof(question);
}

/* The kernel answers before send() returns.  What is left of a question before
 * is passed over.  @return 0 if there is no answer */
static int receive(departed_answer_t *answer)
{
    ssize_t bytes;

    memset(answer, 0, sizeof(*answer));
    do {
        bytes = recv(departed.fd - 1, answer, sizeof(*answer), MSG_DONTWAIT);
    } while (bytes >= (ssize_t)sizeof(answer->header) &&
             answer->header.nlmsg_seq != departed.sequence);
    return bytes >= (ssize_t)sizeof(answer->header);
}

/* A lookup that finds no connection may find the socket that listens.
 * @return 0 for no connection */
static int state_of(const departed_answer_t *answer)
{
    if (answer->header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer->is.found.idiag_state == TCP_LISTEN) {
        return 0;
    }
    return answer->is.found.idiag_state;
}

/* A connection that isn't there was reset, once others have been found from
 * here. */
static int is_closed(int state)
{
    switch (state) {
    case TCP_CLOSE_WAIT:
    case TCP_LAST_ACK:
    case TCP_CLOSING:
        departed.finds = 1;
        return 1;
    case 0:
    case TCP_CLOSE:
    case TCP_TIME_WAIT:
        return departed.finds;
    default:
        departed.finds = 1;
        return 0;
    }
}

/* An answer of the kernel that is an error, but for "not found". */
static int is_refused(const departed_answer_t *answer)
{
    if (answer->header.nlmsg_type != NLMSG_ERROR ||
        answer->is.error.error == -ENOENT) {
        return 0;
    }
    errno = -answer->is.error.error;
    return 1;
}

int wheel_departed_poll(const wheel_request_connection_t *connection)
{
    departed_answer_t answer;

    /* It comes from a child. */
    if (connection->family != AF_INET && connection->family != AF_INET6) {
        return 0;
    }
    if (!open_socket()) {
        return untold("socket");
    }
    if (!ask(connection)) {
        return untold("question");
    }
    if (!receive(&answer) || is_refused(&answer)) {
        return untold("answer");
    }
    return is_closed(state_of(&answer));
}
