/* SPDX-License-Identifier: Apache-2.0 */
/* redis/resolve.c: host names to addresses, with a limit of time.
 *
 * The thread that waits for getaddrinfo() may outlive its callers and the
 * module itself: it is detached, touches no pool, and keeps the module's
 * code in memory until the process ends.
 */
#include "redis/resolve.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESOLVE_STACK_BYTES (256 * 1024)
#define RESOLVE_HOST_BYTES 256
#define RESOLVE_PORT_BYTES 16

/* One call of getaddrinfo(). */
typedef struct lookup_t {
    char host[RESOLVE_HOST_BYTES];
    char port[RESOLVE_PORT_BYTES];
    unsigned users; /* the thread, and those that wait */
    int done;
    int fds[2]; /* a pipe; the thread closes the second when it is done */
    int error;
    wheel_addresses_t found;
} lookup_t;

static struct {
    pthread_mutex_t mutex; /* guards all of this and every lookup_t */
    lookup_t *current;     /* that has not come to its end */
    /* What was found last, and for whom. */
    char host[RESOLVE_HOST_BYTES];
    char port[RESOLVE_PORT_BYTES];
    wheel_addresses_t good;
} resolver = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int look_up(wheel_addresses_t *found, const char *host, const char *port,
                   int flags)
{
    struct addrinfo hints;
    struct addrinfo *list;
    const struct addrinfo *one;
    int error;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    error = getaddrinfo(host, port, &hints, &list);
    if (error) {
        return error;
    }
    found->n = 0;
    for (one = list; one && found->n < WHEEL_ADDRESSES_MAX;
         one = one->ai_next) {
        if (one->ai_addrlen <= sizeof(found->list[0].address)) {
            found->list[found->n].family = one->ai_family;
            found->list[found->n].bytes = one->ai_addrlen;
            memcpy(&found->list[found->n].address, one->ai_addr,
                   one->ai_addrlen);
            found->n++;
        }
    }
    freeaddrinfo(list);
    return found->n ? 0 : EAI_NONAME;
}

/* With the mutex held. */
static void leave(lookup_t *lookup)
{
    if (--lookup->users == 0) {
        close(lookup->fds[0]);
        free(lookup);
    }
}

static void *lookup_main(void *data)
{
    lookup_t *lookup = data;
    wheel_addresses_t found;
    int error = look_up(&found, lookup->host, lookup->port, AI_ADDRCONFIG);

    if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
        /* A machine with nothing but loopback has no addresses to configure
         * by. */
        error = look_up(&found, lookup->host, lookup->port, 0);
    }
    pthread_mutex_lock(&resolver.mutex);
    lookup->error = error;
    if (!error) {
        lookup->found = found;
        resolver.good = found;
        memcpy(resolver.host, lookup->host, sizeof(resolver.host));
        memcpy(resolver.port, lookup->port, sizeof(resolver.port));
    }
    lookup->done = 1;
    resolver.current = NULL;
    close(lookup->fds[1]);
    leave(lookup);
    pthread_mutex_unlock(&resolver.mutex);
    return NULL;
}

/* The code that a thread runs must not be unmapped under it. */
static void pin_code(void)
{
    Dl_info info;

    if (dladdr(&resolver, &info) && info.dli_fname) {
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

/* With the mutex held: nobody else starts one meanwhile. */
static lookup_t *start(const char *host, const char *port)
{
    lookup_t *lookup = calloc(1, sizeof(*lookup));
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int error;

    if (!lookup || pipe2(lookup->fds, O_CLOEXEC) != 0) {
        free(lookup);
        return NULL;
    }
    strcpy(lookup->host, host);
    strcpy(lookup->port, port);
    lookup->users = 1;
    pin_code();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, RESOLVE_STACK_BYTES);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    error = pthread_create(&thread, &attr, lookup_main, lookup);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        close(lookup->fds[1]);
        leave(lookup);
        return NULL;
    }
    return lookup;
}

static int is_of(const char *a_host, const char *a_port, const char *host,
                 const char *port)
{
    return !strcmp(a_host, host) && !strcmp(a_port, port);
}

/* With the mutex held. */
static const char *take(wheel_addresses_t *found, const lookup_t *lookup,
                        const char *host, const char *port)
{
    if (lookup && lookup->done && !lookup->error) {
        *found = lookup->found;
        return NULL;
    }
    if (is_of(resolver.host, resolver.port, host, port)) {
        *found = resolver.good;
        return NULL;
    }
    if (!lookup) {
        return resolver.current ? "another name is still being looked up"
                                : "no thread or descriptor to look it up";
    }
    return lookup->done ? gai_strerror(lookup->error)
                        : "the resolver does not answer in time";
}

const char *wheel_resolve(wheel_addresses_t *found, const char *host,
                          const char *port, int (*wait)(void *baton, int fd),
                          void *baton)
{
    lookup_t *lookup;
    const char *error;

    if (look_up(found, host, port, AI_NUMERICHOST | AI_NUMERICSERV) == 0) {
        return NULL;
    }
    if (strlen(host) >= RESOLVE_HOST_BYTES ||
        strlen(port) >= RESOLVE_PORT_BYTES) {
        return "the name is too long";
    }
    pthread_mutex_lock(&resolver.mutex);
    if (!resolver.current) {
        resolver.current = start(host, port);
    }
    lookup = resolver.current;
    if (lookup && !is_of(lookup->host, lookup->port, host, port)) {
        lookup = NULL; /* another name's is under way */
    }
    if (lookup) {
        lookup->users++;
        pthread_mutex_unlock(&resolver.mutex);
        wait(baton, lookup->fds[0]);
        pthread_mutex_lock(&resolver.mutex);
    }
    error = take(found, lookup, host, port);
    if (lookup) {
        leave(lookup);
    }
    pthread_mutex_unlock(&resolver.mutex);
    return error;
}
