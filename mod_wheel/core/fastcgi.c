/* SPDX-License-Identifier: Apache-2.0 */
/* core/fastcgi.c: one GET of a FastCGI server.
 *
 * Runs in whatever thread asks.
 */
#include "core/fastcgi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "apr_lib.h"
#include "apr_strings.h"

#include "core/proc.h"

/* The status of a large pool of PHP-FPM, and some; and one record. */
#define FASTCGI_ANSWER_MAX (4 * 1024 * 1024)
#define FASTCGI_RECORD_MAX (65535 + 255)

/* Records of the protocol, version 1. */
enum {
    FASTCGI_VERSION = 1,
    FASTCGI_BEGIN = 1,
    FASTCGI_END = 3,
    FASTCGI_PARAMS = 4,
    FASTCGI_STDIN = 5,
    FASTCGI_STDOUT = 6,
    FASTCGI_HEADER_BYTES = 8
};

/* --- Where ---------------------------------------------------------------- */

static const char *parse_unix(wheel_fastcgi_t *server, const char *path,
                              size_t bytes)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&server->address;

    if (*path != '/' || bytes >= sizeof(address->sun_path)) {
        return "the path of the socket does not begin with a slash, or is too "
               "long";
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, bytes);
    server->address_bytes = sizeof(*address);
    return NULL;
}

/* An address in digits: it is a server of this machine, and names would have
 * to be looked up. */
static const char *parse_address(wheel_fastcgi_t *server, char *host,
                                 const char *port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&server->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&server->address;
    size_t bytes = strlen(host);
    char *end;
    apr_int64_t number = apr_strtoi64(port, &end, 10);

    if (!apr_isdigit(*port) || *end || number < 1 || number > 65535) {
        return "the port is not a number from 1 to 65535";
    }
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((apr_uint16_t)number);
        server->address_bytes = sizeof(*v4);
        return NULL;
    }
    if (bytes > 2 && host[0] == '[' && host[bytes - 1] == ']') {
        host[bytes - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1) {
            v6->sin6_family = AF_INET6;
            v6->sin6_port = htons((apr_uint16_t)number);
            server->address_bytes = sizeof(*v6);
            return NULL;
        }
    }
    return "the address is not one of IPv4, or of IPv6 in brackets";
}

const char *wheel_fastcgi_parse(wheel_fastcgi_t *server, const char *url,
                                apr_pool_t *pool)
{
    static const char scheme[] = "fcgi://";
    const char *error = NULL;
    const char *bar = strchr(url, '|');
    int is_unix = !strncmp(url, "unix:", 5) && bar;
    const char *rest = is_unix ? bar + 1 : url;
    const char *slash;
    char *host;
    char *port;

    memset(server, 0, sizeof(*server));
    slash = strncmp(rest, scheme, strlen(scheme))
                ? NULL
                : strchr(rest + strlen(scheme), '/');
    if (!slash || !slash[1]) {
        return "it is neither fcgi://ADDRESS:PORT/PATH nor "
               "unix:/SOCKET|fcgi://localhost/PATH";
    }
    server->path = apr_pstrdup(pool, slash);
    if (is_unix) {
        return parse_unix(server, url + 5, (size_t)(bar - url) - 5);
    }
    rest += strlen(scheme);
    host = apr_pstrmemdup(pool, rest, (apr_size_t)(slash - rest));
    port = strrchr(host, ':');
    if (!port) {
        return "it names no port";
    }
    *port = '\0';
    error = parse_address(server, host, port + 1);
    return error;
}

/* --- The wire ------------------------------------------------------------- */

/* A socket, and when to give up. */
typedef struct fastcgi_wire_t {
    int fd;
    apr_int64_t until_usec;
} fastcgi_wire_t;

static apr_status_t wait_for(const fastcgi_wire_t *wire, short events)
{
    struct pollfd wanted = {wire->fd, events, 0};
    apr_int64_t left = wire->until_usec - wheel_clock_usec();
    int ready = left > 0 ? poll(&wanted, 1, (int)(left / 1000) + 1) : 0;

    if (ready < 0 && errno != EINTR) {
        return APR_FROM_OS_ERROR(errno);
    }
    return ready == 0 ? APR_TIMEUP : APR_SUCCESS;
}

static apr_status_t open_wire(const wheel_fastcgi_t *server,
                              fastcgi_wire_t *wire)
{
    int error = 0;
    socklen_t bytes = sizeof(error);
    apr_status_t rv;

    wire->fd = socket(server->address.ss_family,
                      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (wire->fd < 0) {
        return APR_FROM_OS_ERROR(errno);
    }
    if (connect(wire->fd, (const struct sockaddr *)&server->address,
                server->address_bytes) == 0) {
        return APR_SUCCESS;
    }
    if (errno != EINPROGRESS) {
        return APR_FROM_OS_ERROR(errno);
    }
    rv = wait_for(wire, POLLOUT);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    getsockopt(wire->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
    return APR_FROM_OS_ERROR(error);
}

static apr_status_t send_all(const fastcgi_wire_t *wire, const char *bytes,
                             size_t left)
{
    while (left) {
        ssize_t sent = send(wire->fd, bytes, left, MSG_NOSIGNAL);

        if (sent >= 0) {
            bytes += sent;
            left -= (size_t)sent;
        }
        else if (errno == EAGAIN || errno == EINTR) {
            apr_status_t rv = wait_for(wire, POLLOUT);

            if (rv != APR_SUCCESS) {
                return rv;
            }
        }
        else {
            return APR_FROM_OS_ERROR(errno);
        }
    }
    return APR_SUCCESS;
}

/* @return APR_EOF if it ends before */
static apr_status_t read_all(const fastcgi_wire_t *wire, char *bytes,
                             size_t left)
{
    while (left) {
        ssize_t got = read(wire->fd, bytes, left);

        if (got > 0) {
            bytes += got;
            left -= (size_t)got;
        }
        else if (got == 0) {
            return APR_EOF;
        }
        else if (errno == EAGAIN || errno == EINTR) {
            apr_status_t rv = wait_for(wire, POLLIN);

            if (rv != APR_SUCCESS) {
                return rv;
            }
        }
        else {
            return APR_FROM_OS_ERROR(errno);
        }
    }
    return APR_SUCCESS;
}

/* --- The request ---------------------------------------------------------- */

static char *put_header(char *at, int type, size_t bytes)
{
    const char header[FASTCGI_HEADER_BYTES] = {FASTCGI_VERSION,
                                               (char)type,
                                               0,
                                               1, /* the request's number */
                                               (char)(bytes >> 8),
                                               (char)(bytes & 0xff),
                                               0,
                                               0};

    memcpy(at, header, sizeof(header));
    return at + sizeof(header);
}

/* Both are shorter than 128 bytes. */
static char *put_param(char *at, const char *name, const char *value)
{
    size_t name_bytes = strlen(name);
    size_t value_bytes = strnlen(value, 127);

    *at++ = (char)name_bytes;
    *at++ = (char)value_bytes;
    memcpy(at, name, name_bytes);
    memcpy(at + name_bytes, value, value_bytes);
    return at + name_bytes + value_bytes;
}

static apr_status_t send_request(const fastcgi_wire_t *wire,
                                 const wheel_fastcgi_t *server,
                                 const char *query)
{
    static const char responder[8] = {0, 1, 0, 0, 0, 0, 0, 0};
    char request[2048];
    char *at = put_header(request, FASTCGI_BEGIN, sizeof(responder));
    char *params;
    char *end;

    memcpy(at, responder, sizeof(responder));
    at += sizeof(responder);
    params = at + FASTCGI_HEADER_BYTES;
    end = put_param(params, "REQUEST_METHOD", "GET");
    end = put_param(end, "SCRIPT_NAME", server->path);
    end = put_param(end, "SCRIPT_FILENAME", server->path);
    end = put_param(end, "REQUEST_URI", server->path);
    end = put_param(end, "QUERY_STRING", query ? query : "");
    end = put_param(end, "SERVER_PROTOCOL", "HTTP/1.1");
    put_header(at, FASTCGI_PARAMS, (size_t)(end - params));
    end = put_header(end, FASTCGI_PARAMS, 0);
    end = put_header(end, FASTCGI_STDIN, 0);
    return send_all(wire, request, (size_t)(end - request));
}

/* What stands behind the head of an answer; NULL if there is no end to it. */
static const char *behind_head(const char *answer)
{
    const char *blank = strstr(answer, "\r\n\r\n");

    return blank ? blank + 4 : NULL;
}

/* Memory that an answer doesn't touch costs nothing.  Who answers may say more
 * and more that is no answer: the time is looked at for each record. */
static apr_status_t read_answer(const fastcgi_wire_t *wire, const char **body,
                                apr_pool_t *pool)
{
    char *answer =
        apr_palloc(pool, FASTCGI_ANSWER_MAX + FASTCGI_RECORD_MAX + 1);
    size_t length = 0;

    while (length <= FASTCGI_ANSWER_MAX &&
           wheel_clock_usec() < wire->until_usec) {
        unsigned char header[FASTCGI_HEADER_BYTES];
        size_t bytes;
        apr_status_t rv = read_all(wire, (char *)header, sizeof(header));

        if (rv != APR_SUCCESS) {
            return rv;
        }
        bytes = (size_t)header[4] << 8 | header[5];
        rv = read_all(wire, answer + length, bytes + header[6]);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (header[0] != FASTCGI_VERSION) {
            return APR_EGENERAL;
        }
        if (header[1] == FASTCGI_END) {
            answer[length] = '\0';
            *body = behind_head(answer);
            return *body ? APR_SUCCESS : APR_EGENERAL;
        }
        length += header[1] == FASTCGI_STDOUT ? bytes : 0;
    }
    return APR_TIMEUP;
}

apr_status_t wheel_fastcgi_get(const wheel_fastcgi_t *server, const char *query,
                               apr_interval_time_t wait_max, const char **body,
                               apr_pool_t *pool)
{
    fastcgi_wire_t wire = {-1, wheel_clock_usec() + wait_max};
    apr_status_t rv = open_wire(server, &wire);

    if (rv == APR_SUCCESS) {
        rv = send_request(&wire, server, query);
    }
    if (rv == APR_SUCCESS) {
        rv = read_answer(&wire, body, pool);
    }
    if (wire.fd >= 0) {
        close(wire.fd);
    }
    return rv;
}
