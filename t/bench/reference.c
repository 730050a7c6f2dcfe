/* SPDX-License-Identifier: Apache-2.0 */
/* reference.c: what the benchmark's client compares a server with. */
#include "reference.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http.h"

#define REFERENCE_PRIORITY 10

/* How often each is measured. */
#define REFERENCE_TIMES 200

void reference_rise(int control)
{
    struct sched_param param = {REFERENCE_PRIORITY + control};

    mlockall(MCL_CURRENT | MCL_FUTURE);
    if (sched_setscheduler(0, SCHED_FIFO, &param) == 0) {
        return;
    }
    if (!control) {
        fprintf(stderr,
                "client: no real-time priority (%s): what it measures "
                "includes how itself is woken\n",
                strerror(errno));
    }
    setpriority(PRIO_PROCESS, 0, -20);
}

/* --- The control server --------------------------------------------------- */

static void control_serve(int listener)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"
                               "Connection: close\r\n\r\nhello\n";
    char asked[1024];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    reference_rise(1);
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0) {
            continue;
        }
        if (recv(fd, asked, sizeof(asked), 0) > 0) {
            send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
            shutdown(fd, SHUT_WR);
            (void)!recv(fd, asked, sizeof(asked), 0);
        }
        close(fd);
    }
}

pid_t reference_serve(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t bytes = sizeof(at);
    pid_t pid;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, bytes) != 0 ||
        listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &bytes) != 0) {
        fail("no control server: %s", strerror(errno));
    }
    *port = ntohs(at.sin_port);
    pid = fork();
    if (pid == 0) {
        control_serve(listener);
    }
    close(listener);
    return pid;
}

/* --- What the machine takes ----------------------------------------------- */

/* At the priority that servers have: answer each byte, 'f' by a child. */
static void helper_serve(int in, int out)
{
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(in, &byte, 1) == 1) {
        pid_t pid = byte == 'f' ? fork() : -1;

        if (pid != 0) {
            if (pid > 0) {
                waitpid(pid, NULL, 0);
            }
            else {
                (void)!write(out, &byte, 1);
            }
            continue;
        }
        (void)!write(out, &byte, 1);
        _exit(0);
    }
    _exit(0);
}

void reference_start(reference_t *reference)
{
    int in[2];
    int out[2];

    if (pipe(in) != 0 || pipe(out) != 0) {
        fail("no pipes: %s", strerror(errno));
    }
    reference->pid = fork();
    if (reference->pid < 0) {
        fail("no helper: %s", strerror(errno));
    }
    if (reference->pid == 0) {
        close(in[1]);
        close(out[0]);
        helper_serve(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    reference->to = in[1];
    reference->from = out[0];
}

static double ask(const reference_t *reference, char what)
{
    double begun = now_usec();

    if (write(reference->to, &what, 1) != 1 ||
        read(reference->from, &what, 1) != 1) {
        fail("the helper is gone");
    }
    return now_usec() - begun;
}

void reference_print(const reference_t *reference)
{
    static const struct {
        const char *name;
        char what;
    } kinds[] = {{"wake", 'w'}, {"fork", 'f'}};
    size_t kind;
    int n;

    for (kind = 0; kind < sizeof(kinds) / sizeof(*kinds); kind++) {
        printf("%s", kinds[kind].name);
        for (n = 0; n < REFERENCE_TIMES; n++) {
            nap(500);
            printf(" %.1f", ask(reference, kinds[kind].what));
        }
        printf("\n");
    }
}

void reference_end(const reference_t *reference)
{
    kill(reference->pid, SIGKILL);
    waitpid(reference->pid, NULL, 0);
}
