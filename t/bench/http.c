/* SPDX-License-Identifier: Apache-2.0 */
/* http.c: single requests of the benchmark's client, and its clock. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The status of a thousand wheels fits. */
#define HTTP_ANSWER_BYTES (2 * 1024 * 1024)

char http_answer[HTTP_ANSWER_BYTES];

void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "client: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(2);
}

double now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

void nap(double usec)
{
    struct timespec time = {(time_t)(usec / 1e6),
                            (long)(usec - 1e6 * (time_t)(usec / 1e6)) * 1000};

    nanosleep(&time, NULL);
}

int http_begin(int port, const char *path, int limit_usec, int hold)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {limit_usec / 1000000, limit_usec % 1000000};
    char text[256];
    int one = 1;
    int length;
    int fd;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail("no socket: %s", strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    length = snprintf(text, sizeof(text),
                      "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                      "Connection: close\r\n\r\n",
                      path) -
             (hold ? 1 : 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
        send(fd, text, length, MSG_NOSIGNAL) != length) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Is an http_answer whole?  Its header's length decides; interim answers don't
 * come to who does not shut its sending side. */
int http_whole(char *text, int bytes, int eof)
{
    char *end;
    char *length;

    text[bytes] = '\0';
    end = strstr(text, "\r\n\r\n");
    if (!end) {
        return eof;
    }
    length = strcasestr(text, "\r\nContent-Length:");
    if (!length || length > end) {
        return eof;
    }
    return eof || bytes >= end + 4 - text + atoi(length + 17);
}

int http_status(const char *text)
{
    return strncmp(text, "HTTP/1.", 7) == 0 ? atoi(text + 9) : 0;
}

int http_request(int port, const char *path, int limit_usec)
{
    int bytes = 0;
    int eof = 0;
    int fd = http_begin(port, path, limit_usec, 0);

    if (fd < 0) {
        return 0;
    }
    http_answer[0] = '\0';
    while (!eof && !http_whole(http_answer, bytes, 0)) {
        ssize_t got =
            recv(fd, http_answer + bytes, sizeof(http_answer) - 1 - bytes, 0);

        if (got < 0) {
            close(fd);
            return 0;
        }
        eof = got == 0;
        bytes += got;
    }
    close(fd);
    return http_whole(http_answer, bytes, eof) ? http_status(http_answer) : 0;
}
