/* SPDX-License-Identifier: Apache-2.0 */
/* core/thread_wait_text.c: what a thread of another process waits for, in
 * words.
 */
#include "core/thread_wait_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static void peer_text(const struct sockaddr_storage *peer, socklen_t bytes,
                      char *text, size_t text_bytes)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_un *un = (const struct sockaddr_un *)peer;
    size_t path_at = offsetof(struct sockaddr_un, sun_path);
    char ip[INET6_ADDRSTRLEN] = "";

    if (peer->ss_family == AF_INET) {
        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
        snprintf(text, text_bytes, "%s:%u", ip, ntohs(in->sin_port));
    }
    else if (peer->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
        snprintf(text, text_bytes, "[%s]:%u", ip, ntohs(in6->sin6_port));
    }
    else if (peer->ss_family == AF_UNIX && bytes > path_at && un->sun_path[0]) {
        snprintf(text, text_bytes, "%.*s", (int)(bytes - path_at),
                 un->sun_path);
    }
    else {
        snprintf(text, text_bytes, "a socket without an address");
    }
}

/* The peer of a socket of that process.  @return 0 if it can't be had */
static int socket_text(const wheel_thread_wait_t *wait, int fd, char *text,
                       size_t text_bytes)
{
    struct sockaddr_storage peer;
    socklen_t bytes = sizeof(peer);
    int pidfd = (int)syscall(SYS_pidfd_open, wait->pid, 0);
    int copy = -1;
    int found = 0;

    if (pidfd >= 0) {
        copy = wheel_thread_wait_socket(wait, pidfd, fd);
        close(pidfd);
    }
    if (copy >= 0) {
        memset(&peer, 0, sizeof(peer));
        found = getpeername(copy, (struct sockaddr *)&peer, &bytes) == 0;
        close(copy);
    }
    if (found) {
        peer_text(&peer, bytes, text, text_bytes);
    }
    return found;
}

/* A descriptor as a person wants it: the peer of a socket, else the path. */
static void fd_text(const wheel_thread_wait_t *wait, int fd, char *text,
                    size_t text_bytes)
{
    if (!socket_text(wait, fd, text, text_bytes) &&
        !wait_fd_path(wait, fd, text, text_bytes)) {
        snprintf(text, text_bytes, "descriptor %d", fd);
    }
}

static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~') {
            *text = '?';
        }
    }
}

void wheel_thread_wait_text(const wheel_thread_wait_t *wait, char *text)
{
    const char *name = wheel_thread_wait_name(wait);
    int fds[WHEEL_POLLED_MAX];
    unsigned fds_n = wheel_thread_wait_fds(wait, fds);
    size_t used = (size_t)snprintf(text, WHEEL_WAIT_TEXT_BYTES, "%s", name);
    unsigned n;

    if (wait->in_syscall && !strcmp(name, "futex")) {
        snprintf(text, WHEEL_WAIT_TEXT_BYTES, "futex: a lock at 0x%llx",
                 (unsigned long long)wait->args[0]);
    }
    else if (wait->in_syscall && !strcmp(name, "another call")) {
        snprintf(text, WHEEL_WAIT_TEXT_BYTES, "system call %ld", wait->number);
    }
    else if (wait->in_syscall && wait->number == SYS_restart_syscall &&
             !fds_n) {
        snprintf(text, WHEEL_WAIT_TEXT_BYTES,
                 "a wait with a time limit, interrupted by a debugger before");
    }
    for (n = 0; n < fds_n && used + 4 < WHEEL_WAIT_TEXT_BYTES; n++) {
        used += (size_t)snprintf(text + used, WHEEL_WAIT_TEXT_BYTES - used,
                                 "%s", n ? ", " : ": ");
        fd_text(wait, fds[n], text + used, WHEEL_WAIT_TEXT_BYTES - used);
        used += strlen(text + used);
    }
    make_printable(text);
}
