/* SPDX-License-Identifier: Apache-2.0 */
/* held_listener_shim.c: a listener of worker that is held up at its end, once
 * it has told the idle threads to end, and before it says that it ends itself.
 *
 * With LD_PRELOAD, for one server of a test; it is held while the first byte of
 * the file that HELD_LISTENER_FILE names is a 1.  Nobody else but the main
 * thread wakes all who wait for what the idle threads wait for.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "apr_thread_cond.h"
#include "apr_thread_mutex.h"

#define HELD_LISTENER_POLL_USEC (10 * 1000)

static __thread int has_told;
static apr_thread_cond_t *_Atomic waited; /* by an idle thread */

static int is_to_wait(void)
{
    const char *path = getenv("HELD_LISTENER_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char byte = 0;

    if (fd >= 0) {
        if (read(fd, &byte, 1) != 1) {
            byte = 0;
        }
        close(fd);
    }
    return byte == '1';
}

__attribute__((visibility("default"))) apr_status_t apr_thread_cond_broadcast(
    apr_thread_cond_t *cond)
{
    apr_status_t (*next)(apr_thread_cond_t *) =
        dlsym(RTLD_NEXT, "apr_thread_cond_broadcast");

    has_told = gettid() != getpid() && cond == waited;
    return next(cond);
}

__attribute__((visibility("default"))) apr_status_t apr_thread_cond_wait(
    apr_thread_cond_t *cond, apr_thread_mutex_t *mutex)
{
    apr_status_t (*next)(apr_thread_cond_t *, apr_thread_mutex_t *) =
        dlsym(RTLD_NEXT, "apr_thread_cond_wait");

    waited = cond;
    return next(cond, mutex);
}

/* They need the mutex in order to go on. */
__attribute__((visibility("default"))) apr_status_t apr_thread_mutex_unlock(
    apr_thread_mutex_t *mutex)
{
    static apr_status_t (*next)(apr_thread_mutex_t *);
    apr_status_t status;

    if (!next) {
        next = dlsym(RTLD_NEXT, "apr_thread_mutex_unlock");
    }
    status = next(mutex);
    if (has_told) {
        has_told = 0;
        while (is_to_wait()) {
            usleep(HELD_LISTENER_POLL_USEC);
        }
    }
    return status;
}
