/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_places.c: a hundred places where a request gets stuck: 25
 * loops and waits, each in four functions of names of their own.
 *
 *   test-places?names  lists the functions
 *   test-places?N      runs one, 0 to 99
 *   test-places?end    ends all loops; new ones end at once until
 *   test-places?begin
 *   test-places?turns  how often each function has gone on
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"

/* Shared by all children. */
static struct page_t {
    volatile int ended;
    volatile unsigned long turns[256];
} * page;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* --- What they wait for --------------------------------------------------- */

static int silent_pipe(int end)
{
    int ends[2];

    return pipe2(ends, O_CLOEXEC) == 0 ? ends[end] : -1;
}

static int silent_socket(void)
{
    int ends[2];

    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0
               ? ends[0]
               : -1;
}

/* Its reads end after an hour, or once a debugger stops them. */
static int limited_socket(void)
{
    struct timeval hour = {3600, 0};
    int fd = silent_socket();

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof(hour));
    return fd;
}

/* A socket that listens, and takes nobody. */
static int listener(struct sockaddr_un *address)
{
    static int number;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX; /* without a file */
    snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
             "places-%ld-%d", (long)getpid(),
             __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED));
    bind(fd, (struct sockaddr *)address, sizeof(*address));
    listen(fd, 0);
    return fd;
}

static int another_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* A file whose lock somebody has: another descriptor of it. */
static int locked_file(int ofd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char name[] = "/tmp/wheel-places-XXXXXX";
    int holder = mkostemp(name, O_CLOEXEC);
    int fd = open(name, O_RDWR | O_CLOEXEC);

    unlink(name);
    if (ofd) {
        fcntl(holder, F_OFD_SETLK, &whole);
    }
    else {
        flock(holder, LOCK_EX);
    }
    return fd;
}

static pid_t start_process(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            pause();
        }
    }
    return pid;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* --- The places ----------------------------------------------------------- */

/* What each function does.  Its number keeps the compiler from making one of
 * two functions, and a turn after a wait from leaving it by a jump. */
#define LOOP(n) while (page->turns[n]++, !page->ended)
#define WAIT(n, wait)     \
    for (;;) {            \
        page->turns[n]++; \
        wait;             \
        page->turns[n]++; \
    }

#define DO_count(n, self)    \
    LOOP(n)                  \
    {                        \
        page->turns[n] += 2; \
    }
#define DO_divide(n, self)                           \
    LOOP(n)                                          \
    {                                                \
        page->turns[n] = page->turns[n] * 7 / 3 + 1; \
    }
#define DO_search(n, self)                   \
    char *volatile text = calloc(1, 100000); \
    memset(text, 'x', 99999);                \
    LOOP(n)                                  \
    {                                        \
        page->turns[n] += strlen(text);      \
    }                                        \
    free(text);
#define DO_print(n, self)                                        \
    char text[256];                                              \
    LOOP(n)                                                      \
    {                                                            \
        snprintf(text, sizeof(text), "%d %f", n, (double)n / 3); \
    }
#define DO_sort(n, self)                                \
    int numbers[256];                                   \
    LOOP(n)                                             \
    {                                                   \
        int at;                                         \
        for (at = 0; at < 256; at++) {                  \
            numbers[at] = (at * 7919 + n) % 256;        \
        }                                               \
        qsort(numbers, 256, sizeof(*numbers), compare); \
    }
#define DO_allocate(n, self)                    \
    LOOP(n)                                     \
    {                                           \
        free(malloc(100 + page->turns[n] % 9)); \
    }
#define DO_clock(n, self)         \
    struct timeval now;           \
    LOOP(n)                       \
    {                             \
        gettimeofday(&now, NULL); \
    }
#define DO_call(n, self)                            \
    LOOP(n)                                         \
    {                                               \
        page->turns[n] += (unsigned long)getppid(); \
    }
#define DO_recurse(n, self)  \
    LOOP(n)                  \
    {                        \
        if (depth < 40) {    \
            self(depth + 1); \
        }                    \
    }

#define DO_poll(n, self)                             \
    struct pollfd fd = {silent_socket(), POLLIN, 0}; \
    WAIT(n, poll(&fd, 1, 3600 * 1000))
#define DO_ppoll(n, self)                           \
    struct pollfd fd = {silent_pipe(0), POLLIN, 0}; \
    struct timespec hour = {3600, 0};               \
    WAIT(n, ppoll(&fd, 1, &hour, NULL))
#define DO_select(n, self)           \
    struct timeval hour = {3600, 0}; \
    WAIT(n, select(0, NULL, NULL, NULL, &hour))
#define DO_epoll(n, self)                  \
    struct epoll_event event;              \
    int fd = epoll_create1(EPOLL_CLOEXEC); \
    WAIT(n, epoll_wait(fd, &event, 1, 3600 * 1000))
#define DO_read(n, self)     \
    int fd = silent_pipe(0); \
    char byte;               \
    WAIT(n, (void)!read(fd, &byte, 1))
#define DO_receive(n, self)    \
    int fd = limited_socket(); \
    char byte;                 \
    WAIT(n, recv(fd, &byte, 1, 0))
#define DO_mutex(n, self) WAIT(n, pthread_mutex_lock(&lock))
#define DO_condition(n, self)                        \
    pthread_cond_t never = PTHREAD_COND_INITIALIZER; \
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER; \
    pthread_mutex_lock(&own);                        \
    WAIT(n, pthread_cond_wait(&never, &own))
#define DO_sleep(n, self)             \
    struct timespec hour = {3600, 0}; \
    WAIT(n, nanosleep(&hour, NULL))
#define DO_flock(n, self)    \
    int fd = locked_file(0); \
    WAIT(n, flock(fd, LOCK_EX))
#define DO_range(n, self)                     \
    struct flock whole = {.l_type = F_WRLCK}; \
    int fd = locked_file(1);                  \
    WAIT(n, fcntl(fd, F_OFD_SETLKW, &whole))
#define DO_connect(n, self)                                        \
    struct sockaddr_un address;                                    \
    listener(&address);                                            \
    WAIT(n, connect(another_socket(), (struct sockaddr *)&address, \
                    sizeof(address)))
#define DO_accept(n, self)       \
    struct sockaddr_un address;  \
    int fd = listener(&address); \
    WAIT(n, accept(fd, NULL, NULL))
#define DO_write(n, self)            \
    int fd = silent_pipe(1);         \
    char *block = calloc(1, 100000); \
    WAIT(n, (void)!write(fd, block, 100000))
#define DO_process(n, self)      \
    pid_t pid = start_process(); \
    WAIT(n, waitpid(pid, NULL, 0))
#define DO_signal(n, self)            \
    struct timespec hour = {3600, 0}; \
    sigset_t set;                     \
    sigemptyset(&set);                \
    sigaddset(&set, SIGPWR);          \
    WAIT(n, sigtimedwait(&set, NULL, &hour))

#define KINDS(f)                                                               \
    f(count) f(divide) f(search) f(print) f(sort) f(allocate) f(clock) f(call) \
        f(recurse) f(poll) f(ppoll) f(select) f(epoll) f(read) f(receive)      \
            f(mutex) f(condition) f(sleep) f(flock) f(range) f(connect)        \
                f(accept) f(write) f(process) f(signal)
#define FOUR(f, kind) f(kind, a) f(kind, b) f(kind, c) f(kind, d)

#define NUMBER(kind, letter) NUMBER_##kind##_##letter,
#define NUMBERS(kind) FOUR(NUMBER, kind)
enum {
    KINDS(NUMBERS) PLACES
};

#define FUNCTION(kind, letter)                                                 \
    static void __attribute__((noinline)) planted_##kind##_##letter(int depth) \
    {                                                                          \
        (void)depth;                                                           \
        DO_##kind(NUMBER_##kind##_##letter, planted_##kind##_##letter)         \
    }
#define FUNCTIONS(kind) FOUR(FUNCTION, kind)
KINDS(FUNCTIONS)

typedef struct place_t {
    const char *name;
    void (*run)(int depth);
} place_t;

#define ROW(kind, letter) \
    {"planted_" #kind "_" #letter, planted_##kind##_##letter},
#define ROWS(kind) FOUR(ROW, kind)
static const place_t places[PLACES] = {KINDS(ROWS)};

/* --- Handler -------------------------------------------------------------- */

static int answer(request_rec *r)
{
    int n;

    if (strcmp(r->handler, "test-places") || !r->args) {
        return DECLINED;
    }
    if (!strcmp(r->args, "names")) {
        for (n = 0; n < PLACES; n++) {
            ap_rprintf(r, "%s\n", places[n].name);
        }
        return OK;
    }
    if (!strcmp(r->args, "turns")) {
        for (n = 0; n < PLACES; n++) {
            ap_rprintf(r, "%lu\n", page->turns[n]);
        }
        return OK;
    }
    if (!strcmp(r->args, "end") || !strcmp(r->args, "begin")) {
        page->ended = !strcmp(r->args, "end");
        return OK;
    }
    n = atoi(r->args);
    if (n >= 0 && n < PLACES) {
        places[n].run(0);
    }
    return OK;
}

/* The lock is held for ever. */
static void child_init(apr_pool_t *pchild, server_rec *s)
{
    (void)pchild;
    (void)s;
    pthread_mutex_lock(&lock);
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    if (!page) {
        page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    return page == MAP_FAILED ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_places) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
