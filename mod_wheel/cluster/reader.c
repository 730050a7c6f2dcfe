/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/reader.c: reads the stops of other hosts and applies them.
 *
 * In a thread of the helper, since the provider blocks.  One helper at a time
 * reads: the next one begins when the one before has handed over, and where
 * that one was.
 */
#include "cluster/private.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "http_config.h"
#include "http_log.h"
#include "http_main.h"

#include "core/platform.h"
#include "render/render.h"
#include "server/helper.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* How long a helper waits for the one before to stop reading. */
#define READER_BEFORE_USEC (5 * APR_USEC_PER_SEC)
#define READER_CHECK_MS 1000

/* Of the helper. */
static struct {
    const wheel_cluster_host_t *host; /* set before there is a helper */
    pthread_t thread;
    int begun;
    int end_fd;  /* rung when the thread is to end */
    int done_fd; /* rung when it has */
    apr_uint64_t stream;
    atomic_int why;  /* a wheel_helper_why_e */
    int leaves_rest; /* what comes is the next helper's; for the thread alone */
    atomic_int done;
} reader = {.end_fd = -1, .done_fd = -1};

void wheel_cluster_serve(const wheel_cluster_host_t *host)
{
    reader.host = host;
}

/* --- How far it has read -------------------------------------------------- */

static void get_place(cluster_position_t *position, wheel_place_t *place)
{
    unsigned now =
        atomic_load_explicit(&position->place_now, memory_order_acquire);

    *place = position->places[now & 1];
}

static void put_place(cluster_position_t *position, const wheel_place_t *place)
{
    unsigned next =
        !atomic_load_explicit(&position->place_now, memory_order_relaxed);

    position->places[next] = *place;
    /* Release: the place is whole before it counts. */
    atomic_store_explicit(&position->place_now, next, memory_order_release);
}

/* FNV-1a: one stream told from another; never 0. */
static apr_uint64_t stream_number(const char *where, const char *key)
{
    const char *texts[] = {where, " ", key};
    apr_uint64_t hash = UINT64_C(14695981039346656037);
    size_t n;

    for (n = 0; n < sizeof(texts) / sizeof(*texts); n++) {
        const char *c;

        for (c = texts[n]; *c; c++) {
            hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
        }
    }
    return hash ? hash : 1;
}

static const char *where(void)
{
    return cluster_own()->provider->where(cluster_own()->link);
}

static wheel_helper_why_e why_it_ends(void)
{
    return (wheel_helper_why_e)atomic_load_explicit(&reader.why,
                                                    memory_order_acquire);
}

/* --- What the provider asks while it serves ------------------------------- */

static int service_ended(void *baton)
{
    (void)baton;
    return why_it_ends() != WHEEL_HELPER_STAYS;
}

static int service_place(void *baton, wheel_place_t *place)
{
    const wheel_place_t none = {0};
    cluster_position_t *position = cluster_own()->kept->position;

    (void)baton;
    if (atomic_load_explicit(&position->stream, memory_order_acquire) !=
        reader.stream) {
        *place = none;
        return 0;
    }
    get_place(position, place);
    return 1;
}

static void service_set_place(void *baton, const wheel_place_t *place)
{
    cluster_position_t *position = cluster_own()->kept->position;

    (void)baton;
    if (reader.leaves_rest) {
        return;
    }
    put_place(position, place);
    atomic_store_explicit(&position->stream, reader.stream,
                          memory_order_release);
}

/* The instant of a stop is the first time that somebody began to apply it.
 * @return how long ago that was */
static apr_interval_time_t begin_applying(const wheel_place_t *place)
{
    cluster_position_t *position = cluster_own()->kept->position;
    apr_int64_t now = wheel_clock_usec();

    if (atomic_load_explicit(&position->applying, memory_order_acquire) &&
        position->applying_place.ms == place->ms &&
        position->applying_place.seq == place->seq) {
        return now - position->applying_usec;
    }
    atomic_store_explicit(&position->applying, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    position->applying_place = *place;
    position->applying_usec = now;
    /* Release: it is whole before it counts. */
    atomic_store_explicit(&position->applying, 1, memory_order_release);
    return 0;
}

/* A child that is held with the mutex, by a debugger perhaps, delays a stop and
 * loses none: if this helper ends meanwhile, the next one applies it. */
static apr_status_t stop_here(const wheel_filter_t *filter, unsigned *stopped)
{
    apr_status_t rv;

    do {
        rv = reader.host->stop(filter, stopped);
    } while (APR_STATUS_IS_EBUSY(rv) && why_it_ends() == WHEEL_HELPER_STAYS);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     "WH0087: a stop of another host is %s: the mutex 'wheel' "
                     "failed; check the directory and rights of Mutex",
                     APR_STATUS_IS_EBUSY(rv) ? "late" : "lost");
    }
    return rv;
}

static int service_apply(void *baton, const wheel_notice_t *notice,
                         const wheel_place_t *place, apr_pool_t *pool)
{
    wheel_filter_t filter;
    unsigned stopped = 0;
    int result = WHEEL_REPLY_FAILED;
    const char *error;
    apr_status_t rv;

    if (reader.leaves_rest) {
        return result;
    }
    memset(&filter, 0, sizeof(filter));
    error = wheel_filter_parse(&filter, notice->filter, pool);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "WH0088: a stop of host %s could not be applied: %s",
                     wheel_render_text(notice->host, WHEEL_HOST_BYTES, pool),
                     wheel_render_text(error, WHEEL_HOST_BYTES, pool));
    }
    else {
        filter.older += begin_applying(place);
        rv = stop_here(&filter, &stopped);
        reader.leaves_rest = APR_STATUS_IS_EBUSY(rv);
        if (rv == APR_SUCCESS) {
            result = (int)stopped;
            cluster_count(&cluster_own()->kept->counters->applied);
        }
    }
    service_set_place(baton, place);
    return result;
}

static void service_lost(void *baton, const char *why)
{
    wheel_filter_t all;
    unsigned stopped = 0;

    (void)baton;
    cluster_count(&cluster_own()->kept->counters->lost);
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "WH0086: stops of other hosts may be lost: %s; %s", why,
                 cluster_own()->stop_when_lost
                     ? "all wheels of this host are stopped "
                       "(lost=stop)"
                     : "the wheels of this host continue "
                       "(lost=keep)");
    if (cluster_own()->stop_when_lost) {
        memset(&all, 0, sizeof(all));
        stop_here(&all, &stopped);
    }
}

static void service_heartbeat(void *baton, wheel_heartbeat_t *heartbeat,
                              apr_pool_t *pool)
{
    (void)baton;
    reader.host->report(heartbeat, pool);
}

static void service_linked(void *baton, const char *why)
{
    (void)baton;
    atomic_store_explicit(&cluster_own()->kept->counters->linked, why == NULL,
                          memory_order_relaxed);
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "WH0085: %s can't be read: %s; stops of other hosts "
                     "don't reach this one until it can",
                     where(), why);
        return;
    }
    cluster_count(&cluster_own()->kept->counters->links);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
                 "WH0084: stops of other hosts come from %s", where());
}

static void service_failed(void *baton, const char *why)
{
    (void)baton;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf, "WH0089: %s: %s",
                 where(), why);
}

/* --- The thread ----------------------------------------------------------- */

/* Two that read would apply a stop twice, and what began in between would end
 * by the second. */
static void await_predecessor(void)
{
    struct pollfd before = {wheel_helper_before(), POLLIN, 0};
    apr_int64_t until = wheel_clock_usec() + READER_BEFORE_USEC;

    while (before.fd >= 0 && why_it_ends() <= WHEEL_HELPER_REPLACED) {
        if (poll(&before, 1, READER_CHECK_MS) > 0) {
            return;
        }
        if (wheel_clock_usec() >= until) {
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                         "WH0092: the helper process before this one has not "
                         "stopped reading the stops of other hosts in time: "
                         "both may apply one");
            return;
        }
    }
}

static void read_stream(apr_pool_t *pool)
{
    const cluster_t *own = cluster_own();
    const wheel_service_t service = {
        own->host,         {reader.end_fd, -1}, NULL,           service_ended,
        service_place,     service_set_place,   service_apply,  service_lost,
        service_heartbeat, service_linked,      service_failed,
    };

    reader.stream = stream_number(where(), own->key);
    own->provider->serve(own->link, &service, pool);
}

static void *reader_main(void *data)
{
    const cluster_t *own = cluster_own();
    apr_pool_t *pool = data;

    await_predecessor();
    read_stream(pool); /* returns at once if the helper is to end */
    if (why_it_ends() == WHEEL_HELPER_ENDS) {
        /* If it can't be said, the others will find out. */
        (void)own->provider->leave(own->link, own->host, pool);
    }
    wheel_helper_hand_over();
    atomic_store_explicit(&reader.done, 1, memory_order_release);
    wheel_wake_ring(reader.done_fd);
    return NULL;
}

/* --- As a part of the helper ---------------------------------------------- */

static int wanted(void)
{
    return wheel_cluster_on();
}

static void begin(apr_pool_t *pool)
{
    apr_pool_t *own = wheel_helper_pool();
    int error = own ? 0 : ENOMEM;

    (void)pool;
    atomic_store_explicit(&cluster_own()->kept->counters->linked, 0,
                          memory_order_relaxed);
    reader.end_fd = wheel_wake_open();
    reader.done_fd = wheel_wake_open();
    if (!error && (reader.end_fd < 0 || reader.done_fd < 0)) {
        error = errno;
    }
    if (!error) {
        error = wheel_process_thread(&reader.thread, CLUSTER_STACK_BYTES,
                                     reader_main, own);
    }
    reader.begun = !error;
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(error),
                     ap_server_conf,
                     "WH0083: the helper process can't read the stops of other "
                     "hosts, since it gets no thread: raise the limits of "
                     "threads and processes");
    }
}

static unsigned prepare(struct pollfd *fds, unsigned fds_max,
                        apr_int64_t *until_usec)
{
    (void)until_usec;
    if (!reader.begun || fds_max < 1) {
        return 0;
    }
    fds[0].fd = reader.done_fd;
    fds[0].events = POLLIN;
    return 1;
}

static void serve(const struct pollfd *fds, unsigned fds_n)
{
    if (fds_n && fds[0].revents) {
        wheel_wake_clear(reader.done_fd);
    }
}

static void leave(wheel_helper_why_e why)
{
    if (!reader.begun) {
        wheel_helper_hand_over();
        return;
    }
    atomic_store_explicit(&reader.why, why, memory_order_release);
    wheel_wake_ring(reader.end_fd);
}

static int busy(void)
{
    return reader.begun &&
           !atomic_load_explicit(&reader.done, memory_order_acquire);
}

static const wheel_helper_part_t part = {
    wanted, begin, prepare, serve, leave, busy,
};

void cluster_reader_register(void)
{
    wheel_helper_add(&part);
}
