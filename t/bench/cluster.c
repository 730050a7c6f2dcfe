/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.c: how long a stop takes to reach so many hosts, and what it costs.
 *
 * Each host is a thread with the module's own reader, redis/reader.c, and a
 * connection of its own; only the table of wheels is missing.  One more host is
 * the one that gets /stop and publishes it.  t/bench/cluster builds this,
 * starts a Redis, and runs it.
 *
 *   cluster URL [HOSTS [STOPS [QUIET_SECONDS]]]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "apr_general.h"
#include "apr_strings.h"
#include "apr_uri.h"

#include "redis/redis.h"

#define BENCH_HOSTS 100
#define BENCH_STOPS 1000
#define BENCH_QUIET_SEC 10
#define BENCH_LENGTH_MAX 10000
#define BENCH_TIMEOUT_USEC (5 * APR_USEC_PER_SEC)
#define BENCH_STACK_BYTES (256 * 1024)

typedef struct bench_host_t {
    pthread_t thread;
    char name[32];
    wheel_place_t place;
    int known;
    _Atomic double applied; /* when it applied the last stop, usec */
    _Atomic unsigned stops;
} bench_host_t;

/* Counters out of INFO. */
typedef struct bench_cost_t {
    double cpu_usec;
    double bytes_in;
    double bytes_out;
    double commands;
} bench_cost_t;

static const wheel_link_t *link_to_redis;
static atomic_int ends;
static atomic_uint linked_n;

static double now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

/* --- A host -------------------------------------------------------------- */

static int host_ended(void *baton)
{
    (void)baton;
    return atomic_load(&ends);
}

static int host_place(void *baton, wheel_place_t *place)
{
    const bench_host_t *host = baton;

    *place = host->place;
    return host->known;
}

static void host_set_place(void *baton, const wheel_place_t *place)
{
    bench_host_t *host = baton;

    host->place = *place;
    host->known = 1;
}

static int host_apply(void *baton, const wheel_notice_t *notice,
                      const wheel_place_t *place, apr_pool_t *pool)
{
    bench_host_t *host = baton;

    (void)notice;
    (void)pool;
    host_set_place(baton, place);
    atomic_store(&host->applied, now_usec());
    atomic_fetch_add(&host->stops, 1);
    return 0;
}

/* A host with no wheel. */
static void host_heartbeat(void *baton, wheel_heartbeat_t *heartbeat,
                           apr_pool_t *pool)
{
    (void)baton;
    (void)pool;
    heartbeat->mpm = "event";
    heartbeat->rotating_max = 90;
    heartbeat->reserve = 1;
}

static void host_linked(void *baton, const char *why)
{
    if (why) {
        fprintf(stderr, "%s: %s\n", ((bench_host_t *)baton)->name, why);
        return;
    }
    atomic_fetch_add(&linked_n, 1);
}

static void host_trouble(void *baton, const char *why)
{
    fprintf(stderr, "%s: %s\n", ((bench_host_t *)baton)->name, why);
}

static void *host_main(void *data)
{
    bench_host_t *host = data;
    wheel_service_t service = {
        host->name,     {-1, -1},       host,         host_ended,
        host_place,     host_set_place, host_apply,   host_trouble,
        host_heartbeat, host_linked,    host_trouble,
    };
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) == APR_SUCCESS &&
        apr_pool_create_unmanaged_ex(&pool, NULL, allocator) == APR_SUCCESS) {
        wheel_redis_provider.serve(link_to_redis, &service, pool);
    }
    return NULL;
}

static void wait_for_all(bench_host_t *hosts, unsigned n, unsigned stops)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        while (atomic_load(&hosts[i].stops) < stops) {
            usleep(100);
        }
    }
}

/* --- Redis ---------------------------------------------------------------- */

static double field(const char *info, const char *name)
{
    const char *at = strstr(info, name);

    return at ? strtod(at + strlen(name), NULL) : 0;
}

static bench_cost_t cost_so_far(redisContext *redis)
{
    redisReply *reply = redisCommand(redis, "INFO all");
    bench_cost_t cost = {0, 0, 0, 0};

    if (reply && reply->str) {
        cost.cpu_usec = 1e6 * (field(reply->str, "\nused_cpu_user:") +
                               field(reply->str, "\nused_cpu_sys:"));
        cost.bytes_in = field(reply->str, "\ntotal_net_input_bytes:");
        cost.bytes_out = field(reply->str, "\ntotal_net_output_bytes:");
        cost.commands = field(reply->str, "\ntotal_commands_processed:");
    }
    freeReplyObject(reply);
    return cost;
}

static void print_cost(const char *what, bench_cost_t from, bench_cost_t to,
                       double divisor)
{
    printf("%-24s %10.1f us CPU %10.1f bytes in %10.1f out %8.1f commands\n",
           what, (to.cpu_usec - from.cpu_usec) / divisor,
           (to.bytes_in - from.bytes_in) / divisor,
           (to.bytes_out - from.bytes_out) / divisor,
           (to.commands - from.commands) / divisor);
}

/* --- The measurement ------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return (*left > *right) - (*left < *right);
}

static void print_times(const char *what, double *usec, unsigned n)
{
    qsort(usec, n, sizeof(*usec), by_time);
    printf("%-24s median %7.2f ms, 99 %% %7.2f ms, worst %7.2f ms\n", what,
           usec[n / 2] / 1e3, usec[n * 99 / 100] / 1e3, usec[n - 1] / 1e3);
}

/* One stop.  @return when it began */
static double publish(const bench_host_t *sender, unsigned hosts_n,
                      unsigned number, apr_pool_t *pool)
{
    char stop[WHEEL_STOP_BYTES];
    wheel_notice_t notice = {sender->name, stop, ""};
    wheel_round_t round;
    double began = now_usec();

    apr_snprintf(stop, sizeof(stop), "%032x", number);
    wheel_redis_provider.publish(link_to_redis, &notice, 0, -1, NULL, &round,
                                 pool);
    if (round.told != WHEEL_TOLD) {
        fprintf(stderr, "a stop was not published: %s\n", round.why);
        exit(1);
    }
    if (round.replies_n != hosts_n + 1) {
        fprintf(stderr, "%u hosts have replied in place of %u\n",
                round.replies_n, hosts_n + 1);
        exit(1);
    }
    return began;
}

static void measure(bench_host_t *hosts, unsigned hosts_n, unsigned stops_n,
                    redisContext *redis, apr_pool_t *pool)
{
    double *marks = calloc(stops_n, sizeof(*marks));
    double *answers = calloc(stops_n, sizeof(*answers));
    bench_cost_t from;
    apr_pool_t *round;
    unsigned i;
    unsigned n;

    apr_pool_create(&round, pool);
    from = cost_so_far(redis);
    for (n = 0; n < stops_n; n++) {
        double began = publish(&hosts[hosts_n], hosts_n, n, round);

        answers[n] = now_usec() - began;
        wait_for_all(hosts, hosts_n, n + 1);
        for (i = 0; i < hosts_n; i++) {
            double mark = atomic_load(&hosts[i].applied) - began;

            marks[n] = mark > marks[n] ? mark : marks[n];
        }
        apr_pool_clear(round);
        usleep(1000);
    }
    print_times("last host's mark", marks, stops_n);
    print_times("the answer to /stop", answers, stops_n);
    print_cost("a stop", from, cost_so_far(redis), stops_n);
    print_cost("a stop, for each host", from, cost_so_far(redis),
               (double)stops_n * hosts_n);
    free(marks);
    free(answers);
}

static int start_hosts(bench_host_t *hosts, unsigned n)
{
    pthread_attr_t attr;
    unsigned i;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, BENCH_STACK_BYTES);
    for (i = 0; i < n; i++) {
        apr_snprintf(hosts[i].name, sizeof(hosts[i].name), "host%05u:8000/%08x",
                     i, i);
        if (pthread_create(&hosts[i].thread, &attr, host_main, &hosts[i])) {
            fprintf(stderr, "no thread for host %u\n", i);
            return 0;
        }
    }
    while (atomic_load(&linked_n) < n) {
        usleep(1000);
    }
    return 1;
}

int main(int argc, const char *const *argv)
{
    unsigned hosts_n = argc > 2 ? (unsigned)atoi(argv[2]) : BENCH_HOSTS;
    unsigned stops_n = argc > 3 ? (unsigned)atoi(argv[3]) : BENCH_STOPS;
    unsigned quiet_sec = argc > 4 ? (unsigned)atoi(argv[4]) : BENCH_QUIET_SEC;
    wheel_link_spec_t spec = {
        argc > 1 ? argv[1] : "", NULL, "bench", NULL, -1, BENCH_LENGTH_MAX,
        BENCH_TIMEOUT_USEC};
    const char *error;
    wheel_link_t *made;
    bench_host_t *hosts;
    redisContext *redis;
    bench_cost_t from;
    apr_pool_t *pool;
    apr_uri_t uri;
    unsigned i;

    if (argc < 2 || !hosts_n || !stops_n) {
        fprintf(stderr, "usage: cluster URL [HOSTS [STOPS [SECONDS]]]\n");
        return 2;
    }
    apr_app_initialize(&argc, &argv, NULL);
    apr_pool_create(&pool, NULL);
    error = wheel_redis_provider.read(&made, &spec, pool);
    if (error || apr_uri_parse(pool, argv[1], &uri) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", error ? error : "not an URL");
        return 2;
    }
    link_to_redis = made;
    redis = redisConnect(uri.hostname, uri.port);
    if (!redis || redis->err) {
        fprintf(stderr, "no connection to %s\n", argv[1]);
        return 1;
    }
    /* The last one is the host that publishes. */
    hosts = calloc(hosts_n + 1, sizeof(*hosts));
    if (!hosts || !start_hosts(hosts, hosts_n + 1)) {
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%u hosts, %u stops\n", hosts_n, stops_n);
    from = cost_so_far(redis);
    sleep(quiet_sec);
    print_cost("a host, a quiet second", from, cost_so_far(redis),
               (double)quiet_sec * (hosts_n + 1));
    measure(hosts, hosts_n, stops_n, redis, pool);
    atomic_store(&ends, 1);
    for (i = 0; i <= hosts_n; i++) {
        pthread_join(hosts[i].thread, NULL);
    }
    return 0;
}
