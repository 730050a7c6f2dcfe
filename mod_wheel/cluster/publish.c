/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/publish.c: a stop of this host, told to the other hosts by its
 * helper: the side of those who ask for it.
 *
 * A child sends its request over a socket that all children share, and with it
 * one end of a socket of its own, by which the answer comes.  While there is no
 * helper, requests wait in the shared socket for the next one.
 */
#include "cluster/private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "cluster/message.h"
#include "core/platform.h"
#include "server/helper.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* How often a process that waits checks whether it is to end. */
#define PUBLISH_CHECK_MS 50

/* What it allows for besides the time that the helper may take. */
#define PUBLISH_MORE_USEC APR_USEC_PER_SEC

static int left_ms(apr_int64_t until_usec)
{
    apr_int64_t left = (until_usec - wheel_clock_usec() + 999) / 1000;

    return left < 0                  ? 0
           : left < PUBLISH_CHECK_MS ? (int)left
                                     : PUBLISH_CHECK_MS;
}

/* @return 0 if the time is over, or the process ends */
static int wait_for(int fd, short events, apr_int64_t until_usec)
{
    struct pollfd ready = {fd, events, 0};

    while (!wheel_process_ending() && wheel_clock_usec() < until_usec) {
        if (poll(&ready, 1, left_ms(until_usec)) > 0) {
            return 1;
        }
    }
    return 0;
}

/* Send a request with a descriptor.  @return 0 if nobody takes it in time */
static int send_request(int fd, char *text, apr_size_t bytes, int answer_fd,
                        apr_int64_t until_usec)
{
    struct iovec bytes_of = {text, bytes};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {0};
    struct cmsghdr *with;

    memset(&control, 0, sizeof(control));
    message.msg_iov = &bytes_of;
    message.msg_iovlen = 1;
    message.msg_control = control.room;
    message.msg_controllen = sizeof(control.room);
    with = CMSG_FIRSTHDR(&message);
    with->cmsg_level = SOL_SOCKET;
    with->cmsg_type = SCM_RIGHTS;
    with->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(with), &answer_fd, sizeof(int));
    while (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if ((errno != EAGAIN && errno != EINTR) ||
            !wait_for(fd, POLLOUT, until_usec)) {
            return 0;
        }
    }
    return 1;
}

/* All that comes until the helper hangs up.
 * @return NULL if that doesn't come in time, or too much does */
static char *read_answer(int fd, apr_size_t *bytes, apr_int64_t until_usec,
                         apr_pool_t *pool)
{
    apr_size_t room = 8192;
    char *text = apr_palloc(pool, room);

    *bytes = 0;
    while (wait_for(fd, POLLIN, until_usec)) {
        ssize_t got = recv(fd, text + *bytes, room - *bytes, MSG_DONTWAIT);

        if (got == 0) {
            return text;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return NULL;
        }
        *bytes += got > 0 ? got : 0;
        if (*bytes == room) {
            char *more;

            if (room >= MESSAGE_ROUND_BYTES) {
                return NULL;
            }
            more = apr_palloc(pool, room * 2);
            memcpy(more, text, room);
            text = more;
            room *= 2;
        }
    }
    return NULL;
}

static apr_int64_t time_for(apr_interval_time_t wait_max)
{
    apr_interval_time_t timeout = cluster_own()->timeout;

    return wheel_clock_usec() + (wait_max > timeout ? wait_max : timeout) +
           timeout + PUBLISH_MORE_USEC;
}

/* Send a request, and read the answer by a socket of our own. */
static void ask_by(const int *ends, char *text, apr_size_t bytes,
                   apr_int64_t until_usec, wheel_round_t *round,
                   apr_pool_t *pool)
{
    int sent = send_request(cluster_own()->kept->requests[1], text, bytes,
                            ends[1], until_usec);
    char *answer = NULL;

    close(ends[1]); /* the helper has its own, and hangs up alone */
    if (sent) {
        answer = read_answer(ends[0], &bytes, until_usec, pool);
    }
    if (answer &&
        message_read_round(answer, bytes, round, pool) == APR_SUCCESS) {
        return;
    }
    memset(round, 0, sizeof(*round));
    round->told = sent ? WHEEL_TOLD_PERHAPS : WHEEL_TOLD_NOT;
    round->why = sent ? "the helper process has not answered"
                      : "the helper process takes no more requests";
}

static void ask(const message_request_t *request, wheel_round_t *round,
                apr_pool_t *pool)
{
    char text[MESSAGE_REQUEST_BYTES];
    apr_size_t bytes;
    int ends[2];

    memset(round, 0, sizeof(*round));
    round->told = WHEEL_TOLD_NOT;
    if (message_write_request(request, text, &bytes) != APR_SUCCESS) {
        round->why = "the filter is too long";
        return;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        round->why = "no descriptor is left for a socket";
        return;
    }
    ask_by(ends, text, bytes, time_for(request->wait_max), round, pool);
    close(ends[0]);
}

void wheel_cluster_tell(const wheel_filter_t *filter, unsigned stopped,
                        apr_interval_time_t wait_max, wheel_round_t *round,
                        apr_pool_t *pool)
{
    cluster_counters_t *counters = cluster_own()->kept->counters;
    message_request_t request = {stopped, wait_max,
                                 wheel_filter_text(filter, pool)};

    if (wheel_helper_here()) {
        cluster_publish(filter, stopped, wait_max, round, pool);
    }
    else {
        ask(&request, round, pool);
    }
    if (round->told != WHEEL_TOLD) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "WH0043: a stop has not been told to the other hosts%s: "
                     "%s",
                     round->told == WHEEL_TOLD_PERHAPS ? ", as far as is known"
                                                       : "",
                     round->why);
    }
    cluster_count(round->told == WHEEL_TOLD ? &counters->told
                                            : &counters->untold);
}
