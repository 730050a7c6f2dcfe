/* SPDX-License-Identifier: Apache-2.0 */
/* redis_resolve.c: a resolver that doesn't answer holds nobody up, and the
 * addresses that were found last serve meanwhile.
 *
 * getaddrinfo() is ours here: it takes names only when a test lets it.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "redis/resolve.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int holds;    /* getaddrinfo() doesn't return */
static int fails;    /* it returns an error */
static int calls;    /* that have been made, */
static int returned; /* and that have returned */

/* A name is some address of 192.0.2.0/24, which ends in its length. */
int getaddrinfo(const char *host, const char *port,
                const struct addrinfo *hints, struct addrinfo **list)
{
    struct sockaddr_in *address;
    int is_number = host[strspn(host, "0123456789.")] == '\0';

    (void)port;
    if (hints->ai_flags & AI_NUMERICHOST && !is_number) {
        return EAI_NONAME;
    }
    if (!is_number) {
        int failed;

        pthread_mutex_lock(&mutex);
        calls++;
        while (holds) {
            pthread_cond_wait(&changed, &mutex);
        }
        failed = fails;
        returned++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
        if (failed) {
            return EAI_FAIL;
        }
    }
    *list = calloc(1, sizeof(**list) + sizeof(*address));
    address = (struct sockaddr_in *)(*list + 1);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(0xc0000200 | strlen(host));
    (*list)->ai_family = AF_INET;
    (*list)->ai_addr = (struct sockaddr *)address;
    (*list)->ai_addrlen = sizeof(*address);
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

static void set(int *what, int value)
{
    pthread_mutex_lock(&mutex);
    *what = value;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static int wait_long(void *baton, int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    (void)baton;
    return poll(&one, 1, 20000) == 1;
}

static int wait_never(void *baton, int fd)
{
    (void)baton;
    (void)fd;
    return 0;
}

static unsigned last_byte(const wheel_addresses_t *found)
{
    const struct sockaddr_in *address =
        (const struct sockaddr_in *)&found->list[0].address;

    return found->n ? ntohl(address->sin_addr.s_addr) & 255 : 0;
}

static void test_address(void **state)
{
    wheel_addresses_t found;

    (void)state;
    assert_null(wheel_resolve(&found, "127.0.0.1", "1", wait_never, NULL));
    assert_int_equal(found.n, 1);
    assert_int_equal(calls, 0);
}

static void test_name(void **state)
{
    wheel_addresses_t found;

    (void)state;
    assert_null(wheel_resolve(&found, "redis", "1", wait_long, NULL));
    assert_int_equal(last_byte(&found), strlen("redis"));
}

static void test_silent_resolver(void **state)
{
    wheel_addresses_t found;
    int before = calls;
    int after;

    (void)state;
    set(&holds, 1);
    /* Known, and not known. */
    assert_null(wheel_resolve(&found, "redis", "1", wait_never, NULL));
    assert_int_equal(last_byte(&found), strlen("redis"));
    assert_string_equal(wheel_resolve(&found, "other", "1", wait_never, NULL),
                        "another name is still being looked up");
    assert_null(wheel_resolve(&found, "redis", "1", wait_never, NULL));
    set(&holds, 0);
    /* However many ask, one call is made at a time. */
    pthread_mutex_lock(&mutex);
    while (calls == before || returned < calls) {
        pthread_cond_wait(&changed, &mutex);
    }
    after = calls;
    pthread_mutex_unlock(&mutex);
    assert_int_equal(after, before + 1);
    /* It may still be about to tell. */
    while (wheel_resolve(&found, "another", "1", wait_long, NULL)) {
        poll(NULL, 0, 1);
    }
    assert_int_equal(last_byte(&found), strlen("another"));
}

static void test_failing_resolver(void **state)
{
    wheel_addresses_t found;

    (void)state;
    set(&fails, 1);
    assert_null(wheel_resolve(&found, "another", "1", wait_long, NULL));
    assert_int_equal(last_byte(&found), strlen("another"));
    assert_non_null(wheel_resolve(&found, "another", "2", wait_long, NULL));
    assert_non_null(wheel_resolve(&found, "unknown", "1", wait_long, NULL));
    set(&fails, 0);
    assert_null(wheel_resolve(&found, "unknown", "1", wait_long, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_silent_resolver),
        cmocka_unit_test(test_failing_resolver),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
