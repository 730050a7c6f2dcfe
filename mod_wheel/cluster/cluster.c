/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/cluster.c: one stop for many hosts.
 *
 * Each child has a thread that waits for a lock; the one that has it serves
 * for the whole host: it reads the stream of stops and applies what other
 * hosts have said.  The kernel gives the lock to the next one in the moment in
 * which a child dies.  What must outlive a child is in shared memory.
 *
 * Workers tell of stops by themselves.
 */
#include "cluster/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ap_listen.h"
#include "ap_mpm.h"
#include "ap_provider.h"
#include "apr_file_io.h"
#include "apr_general.h"
#include "apr_network_io.h"
#include "apr_shm.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"

#include "server/admit.h"
#include "server/config.h"
#include "core/platform.h"
#include "server/process.h"
#include "render/render.h"

APLOG_USE_MODULE(wheel);

/* Under this key the shared part outlives restarts. */
#define CLUSTER_RETAINED "mod_wheel-cluster"

#define CLUSTER_VERSION 1

/* What makes a host unique, in hexadecimal digits, and a stop. */
#define CLUSTER_UNIQUE_BYTES 8
#define CLUSTER_STOP_BYTES 16

/* getaddrinfo() and logging take some. */
#define CLUSTER_STACK_BYTES (256 * 1024)

/* How long an exiting child waits for the thread, and for how long at a
 * time. */
#define CLUSTER_EXIT_WAIT_USEC (500 * 1000)
#define CLUSTER_EXIT_STEP_USEC (5 * 1000)

/* Ends the wait for the lock: sent to that thread alone, and ignored by
 * everybody who doesn't ask for it. */
#define CLUSTER_SIGNAL SIGURG

#define CLUSTER_PASSWORD_MAX 512

/* Of one host, all processes and generations together.  Only the thread that
 * has the lock writes what is not atomic; others read what is. */
typedef struct cluster_shared_t {
    apr_uint64_t layout;
    char unique[CLUSTER_UNIQUE_BYTES * 2 + 1];

    /* The newest generation that wants to serve: others make room. */
    _Atomic int wanted_generation;

    /* The place in the stream: in the one of two that place_now says, so that
     * a thread may be killed while it writes the other one. */
    _Atomic unsigned place_now;
    wheel_place_t places[2];
    _Atomic apr_uint64_t stream; /* which stream that is; 0 for none */

    /* The entry that is being applied, and since when: whoever has to do it
     * again spares what began later. */
    _Atomic int applying;
    wheel_place_t applying_place;
    apr_int64_t applying_usec;

    _Atomic int linked;
    _Atomic apr_uint64_t applied;
    _Atomic apr_uint64_t lost;
    _Atomic apr_uint64_t links;
    _Atomic apr_uint64_t told;
    _Atomic apr_uint64_t untold;
} cluster_shared_t;

/* What outlives restarts, on the process pool: no pointer into the module.
 * Descriptors have the same number in every child. */
typedef struct cluster_retained_t {
    cluster_shared_t *shared;
    int lock_fd;   /* a file without a name, for its lock */
    int wanted_fd; /* rung: look at wanted_generation */
} cluster_retained_t;

/* Of this process.  Read-only after child_init but for what is atomic. */
static const wheel_provider_t *provider;
static wheel_link_t *cluster_link;
static const cluster_retained_t *kept;
static const char *own_host;
static int stop_when_lost;
static pid_t parent;

static pthread_t service_thread;
static int service_end_fd = -1;
static atomic_int service_ends;

int wheel_cluster_on(void)
{
    return cluster_link != NULL;
}

/* --- The shared part ------------------------------------------------------ */

static apr_uint64_t layout(void)
{
    return (apr_uint64_t)CLUSTER_VERSION << 32 | sizeof(cluster_shared_t);
}

static void write_hex(char *to, const unsigned char *from, size_t bytes)
{
    size_t n;

    for (n = 0; n < bytes; n++) {
        apr_snprintf(to + 2 * n, 3, "%02x", from[n]);
    }
}

static apr_status_t make_shared(cluster_retained_t *made, apr_pool_t *pool)
{
    unsigned char unique[CLUSTER_UNIQUE_BYTES];
    apr_shm_t *shm;
    apr_status_t rv;

    rv = apr_shm_create(&shm, sizeof(*made->shared) + sizeof(apr_uint64_t),
                        NULL, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_generate_random_bytes(unique, sizeof(unique));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    made->lock_fd = wheel_nameless_file();
    made->wanted_fd = wheel_wake_open();
    if (made->lock_fd < 0 || made->wanted_fd < 0) {
        return APR_FROM_OS_ERROR(errno);
    }
    made->shared = apr_shm_baseaddr_get(shm);
    made->shared->layout = layout();
    write_hex(made->shared->unique, unique, sizeof(unique));
    return APR_SUCCESS;
}

static void get_place(cluster_shared_t *shared, wheel_place_t *place)
{
    unsigned now =
        atomic_load_explicit(&shared->place_now, memory_order_acquire);

    *place = shared->places[now & 1];
}

static void put_place(cluster_shared_t *shared, const wheel_place_t *place)
{
    unsigned next =
        !atomic_load_explicit(&shared->place_now, memory_order_relaxed);

    shared->places[next] = *place;
    /* Release: the place is whole before it counts. */
    atomic_store_explicit(&shared->place_now, next, memory_order_release);
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

static void count(_Atomic apr_uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static apr_uint64_t read_count(_Atomic apr_uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

const wheel_cluster_facts_t *wheel_cluster_look(apr_pool_t *pool)
{
    cluster_shared_t *shared = kept->shared;
    wheel_cluster_facts_t *facts = apr_pcalloc(pool, sizeof(*facts));

    facts->host = own_host;
    facts->where = provider->where(cluster_link);
    facts->linked = atomic_load_explicit(&shared->linked, memory_order_relaxed);
    facts->applied = read_count(&shared->applied);
    facts->lost = read_count(&shared->lost);
    facts->links = read_count(&shared->links);
    facts->told = read_count(&shared->told);
    facts->untold = read_count(&shared->untold);
    return facts;
}

/* --- What the provider asks while it serves ------------------------------- */

static int is_outdated(void)
{
    return atomic_load_explicit(&kept->shared->wanted_generation,
                                memory_order_acquire) >
           wheel_process_generation();
}

static int service_ended(void *baton)
{
    (void)baton;
    /* Or poll() would find it for ever. */
    wheel_wake_clear(kept->wanted_fd);
    return atomic_load_explicit(&service_ends, memory_order_acquire) ||
           is_outdated();
}

static int service_place(void *baton, wheel_place_t *place)
{
    const wheel_place_t none = {0};
    apr_uint64_t stream = *(const apr_uint64_t *)baton;

    if (atomic_load_explicit(&kept->shared->stream, memory_order_acquire) !=
        stream) {
        *place = none;
        return 0;
    }
    get_place(kept->shared, place);
    return 1;
}

static void service_set_place(void *baton, const wheel_place_t *place)
{
    apr_uint64_t stream = *(const apr_uint64_t *)baton;

    put_place(kept->shared, place);
    atomic_store_explicit(&kept->shared->stream, stream, memory_order_release);
}

/* The instant of a stop is the first time that somebody began to apply it.
 * @return how long ago that was */
static apr_interval_time_t begin_applying(const wheel_place_t *place)
{
    cluster_shared_t *shared = kept->shared;
    apr_int64_t now = wheel_clock_usec();

    if (atomic_load_explicit(&shared->applying, memory_order_acquire) &&
        shared->applying_place.ms == place->ms &&
        shared->applying_place.seq == place->seq) {
        return now - shared->applying_usec;
    }
    atomic_store_explicit(&shared->applying, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    shared->applying_place = *place;
    shared->applying_usec = now;
    /* Release: it is whole before it counts. */
    atomic_store_explicit(&shared->applying, 1, memory_order_release);
    return 0;
}

static apr_status_t stop_here(const wheel_filter_t *filter, unsigned *stopped)
{
    wheel_table_t *table = wheel_process_table();
    apr_status_t rv;

    rv = wheel_table_stop(table, filter, WHEEL_END_STOP, NULL, stopped);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, ap_server_conf,
                     "WH0087: a stop of another host is lost: the mutex "
                     "'wheel' failed");
        return rv;
    }
    wheel_table_wake_marked(table);
    return APR_SUCCESS;
}

static int service_apply(void *baton, const wheel_notice_t *notice,
                         const wheel_place_t *place, apr_pool_t *pool)
{
    wheel_filter_t filter;
    unsigned stopped = 0;
    int result = WHEEL_REPLY_FAILED;
    const char *error;

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
        if (stop_here(&filter, &stopped) == APR_SUCCESS) {
            result = (int)stopped;
            count(&kept->shared->applied);
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
    count(&kept->shared->lost);
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                 "WH0086: stops of other hosts may be lost: %s; %s", why,
                 stop_when_lost ? "all wheels of this host are stopped "
                                  "(lost=stop)"
                                : "the wheels of this host turn on "
                                  "(lost=keep)");
    if (stop_when_lost) {
        memset(&all, 0, sizeof(all));
        stop_here(&all, &stopped);
    }
}

static void service_heartbeat(void *baton, wheel_heartbeat_t *heartbeat,
                              apr_pool_t *pool)
{
    wheel_server_config_t config = wheel_config_server();
    wheel_snapshot_t snapshot;

    (void)baton;
    heartbeat->mpm = ap_show_mpm();
    heartbeat->generation = wheel_process_generation();
    heartbeat->rotating_max = config.rotating_max;
    heartbeat->reserve = config.reserve;
    heartbeat->per_client_max = config.per_client_max;
    if (wheel_table_snapshot(wheel_process_table(), &snapshot, pool) ==
        APR_SUCCESS) {
        wheel_heartbeat_count(heartbeat, &snapshot, pool);
    }
}

static void service_linked(void *baton, const char *why)
{
    (void)baton;
    atomic_store_explicit(&kept->shared->linked, why == NULL,
                          memory_order_relaxed);
    if (why) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "WH0085: %s can't be read: %s; stops of other hosts "
                     "don't reach this one until it can",
                     provider->where(cluster_link), why);
        return;
    }
    count(&kept->shared->links);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
                 "WH0084: stops of other hosts come from %s",
                 provider->where(cluster_link));
}

static void service_failed(void *baton, const char *why)
{
    (void)baton;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf, "WH0089: %s: %s",
                 provider->where(cluster_link), why);
}

/* --- The thread ----------------------------------------------------------- */

static void serve(void)
{
    apr_uint64_t stream = stream_number(provider->where(cluster_link),
                                        wheel_config_server().cluster->key);
    wheel_service_t service = {
        own_host,          {service_end_fd, kept->wanted_fd},
        &stream,           service_ended,
        service_place,     service_set_place,
        service_apply,     service_lost,
        service_heartbeat, service_linked,
        service_failed,
    };
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    /* Pools of its own: those of the process may be gone before it is. */
    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return;
    }
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) == APR_SUCCESS) {
        provider->serve(cluster_link, &service, pool);
        apr_pool_destroy(pool);
    }
    apr_allocator_destroy(allocator);
}

/* Whoever serves for an older generation, by other settings perhaps, makes
 * room. */
static void ask_for_room(void)
{
    _Atomic int *wanted = &kept->shared->wanted_generation;
    int mine = wheel_process_generation();
    int seen = atomic_load_explicit(wanted, memory_order_acquire);

    while (seen < mine) {
        if (atomic_compare_exchange_weak_explicit(wanted, &seen, mine,
                                                  memory_order_acq_rel,
                                                  memory_order_acquire)) {
            wheel_wake_ring(kept->wanted_fd);
            return;
        }
    }
}

static int may_go_on(void)
{
    return !atomic_load_explicit(&service_ends, memory_order_acquire) &&
           !is_outdated();
}

static void *service_main(void *data)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct flock unlock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    sigset_t wakes;

    (void)data;
    sigemptyset(&wakes);
    sigaddset(&wakes, CLUSTER_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &wakes, NULL);
    ask_for_room();
    while (may_go_on()) {
        if (fcntl(kept->lock_fd, F_SETLKW, &lock) == 0) {
            if (may_go_on()) {
                serve();
            }
            fcntl(kept->lock_fd, F_SETLK, &unlock);
        }
        else if (errno != EINTR) {
            ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(errno),
                         ap_server_conf,
                         "WH0083: no lock: this child can't read the stops "
                         "of other hosts");
            break;
        }
    }
    return NULL;
}

static void on_wake(int signal)
{
    (void)signal;
}

static void heed_wakes(void)
{
    struct sigaction action;

    if (sigaction(CLUSTER_SIGNAL, NULL, &action) == 0 &&
        action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
        return; /* a handler of somebody else does as well */
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_wake; /* no SA_RESTART: the wait is to end */
    sigemptyset(&action.sa_mask);
    sigaction(CLUSTER_SIGNAL, &action, NULL);
}

static void forget_wakes(void)
{
    struct sigaction action;

    if (sigaction(CLUSTER_SIGNAL, NULL, &action) == 0 &&
        action.sa_handler == on_wake) {
        signal(CLUSTER_SIGNAL, SIG_IGN); /* on_wake() will be unmapped */
    }
}

/* A signal may come just before the thread begins to wait: send it again. */
static int join_service(void)
{
    apr_int64_t until_usec = wheel_clock_usec() + CLUSTER_EXIT_WAIT_USEC;
    apr_int64_t now = 0;

    while (now < until_usec) {
        pthread_kill(service_thread, CLUSTER_SIGNAL);
        now = wheel_clock_usec();
        if (wheel_thread_join_until(service_thread,
                                    now + CLUSTER_EXIT_STEP_USEC) == 0) {
            return 1;
        }
    }
    return 0;
}

/* As child_exit() of wheel_process.c: under prefork perhaps in a handler. */
static apr_status_t end_service(void *data)
{
    server_rec *s = data;

    atomic_store_explicit(&service_ends, 1, memory_order_release);
    wheel_wake_ring(service_end_fd);
    if (!join_service()) {
        wheel_process_exit_early(s);
    }
    forget_wakes();
    return APR_SUCCESS;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    int error;

    if (!cluster_link) {
        return;
    }
    heed_wakes();
    service_end_fd = wheel_wake_open();
    error = service_end_fd < 0
                ? errno
                : wheel_process_thread(&service_thread, CLUSTER_STACK_BYTES,
                                       service_main, NULL);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, APR_FROM_OS_ERROR(error), s,
                     "WH0083: no thread: this child can't read the stops of "
                     "other hosts");
        return;
    }
    apr_pool_pre_cleanup_register(pchild, s, end_service);
}

/* --- Workers -------------------------------------------------------------- */

void wheel_cluster_tell(const wheel_filter_t *filter, unsigned stopped,
                        apr_interval_time_t wait_max, wheel_round_t *round,
                        apr_pool_t *pool)
{
    unsigned char unique[CLUSTER_STOP_BYTES];
    char stop[CLUSTER_STOP_BYTES * 2 + 1];
    wheel_notice_t notice = {own_host, stop, wheel_filter_text(filter, pool)};

    if (apr_generate_random_bytes(unique, sizeof(unique)) != APR_SUCCESS) {
        memset(round, 0, sizeof(*round));
        round->told = WHEEL_TOLD_NOT;
        round->why = "no entropy for the id of the stop";
    }
    else {
        write_hex(stop, unique, sizeof(unique));
        provider->tell(cluster_link, &notice, stopped, wait_max,
                       wheel_process_ending, round, pool);
    }
    if (round->told != WHEEL_TOLD) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, ap_server_conf,
                     "WH0043: a stop has not been told to the other hosts%s: "
                     "%s",
                     round->told == WHEEL_TOLD_PERHAPS ? ", as far as is known"
                                                       : "",
                     round->why);
    }
    count(round->told == WHEEL_TOLD ? &kept->shared->told
                                    : &kept->shared->untold);
}

const char *wheel_cluster_peers(wheel_peer_t **peers, unsigned *peers_n,
                                apr_pool_t *pool)
{
    return provider->look(cluster_link, peers, peers_n, pool);
}

/* --- Configuration -------------------------------------------------------- */

/* The first line of a file, which the parent reads while it is root. */
static apr_status_t read_password(const char **password, const char *file,
                                  apr_pool_t *pool)
{
    char *line = apr_pcalloc(pool, CLUSTER_PASSWORD_MAX);
    apr_file_t *in;
    apr_status_t rv;

    rv = apr_file_open(&in, file, APR_FOPEN_READ | APR_FOPEN_BUFFERED,
                       APR_FPROT_OS_DEFAULT, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_gets(line, CLUSTER_PASSWORD_MAX, in);
    apr_file_close(in);
    line[strcspn(line, "\r\n")] = '\0';
    *password = line;
    return rv == APR_SUCCESS && !*line ? APR_EOF : rv;
}

static const wheel_provider_t *find_provider(const char *scheme)
{
    return ap_lookup_provider(WHEEL_PROVIDER_GROUP, scheme,
                              WHEEL_PROVIDER_VERSION);
}

/* @return NULL, or what is wrong */
static const char *read_link(const wheel_cluster_config_t *config,
                             const char *password, wheel_link_t **made,
                             apr_pool_t *pool)
{
    const wheel_provider_t *found = find_provider(config->scheme);
    wheel_link_spec_t *spec = apr_pcalloc(pool, sizeof(*spec));

    spec->url = config->url;
    spec->password = password;
    spec->key = config->key;
    spec->user = config->user;
    spec->db = config->db;
    spec->length_max = config->length_max;
    spec->timeout = config->timeout;
    return found->read(made, spec, pool);
}

/* Runs at httpd -t, too.  All modules have registered their providers. */
static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *s)
{
    const wheel_server_config_t *server =
        ap_get_module_config(s->module_config, &wheel_module);
    const wheel_cluster_config_t *config = server->cluster;
    wheel_link_t *link;
    const char *error;

    (void)pconf;
    (void)plog;
    if (!config) {
        return OK;
    }
    if (!find_provider(config->scheme)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "WH0080: WheelCluster: no module that is loaded knows "
                     "URLs that begin with '%s:'; redis: and unix: need "
                     "LoadModule wheel_redis_module .../mod_wheel_redis.so, "
                     "of the same version as mod_wheel.so",
                     wheel_render_text(config->scheme, 16, ptemp));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    /* The file is for root's eyes, and -t may be anybody's. */
    error = read_link(config, config->password_file ? "" : NULL, &link, ptemp);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "WH0081: WheelCluster: %s",
                     error);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static const char *default_name(const server_rec *s, apr_pool_t *pool)
{
    char name[APRMAXHOSTLEN + 1] = "localhost";
    unsigned port = s->port;

    apr_gethostname(name, sizeof(name), pool);
    if (ap_listeners) {
        port = ap_listeners->bind_addr->port;
    }
    name[APRMAXHOSTLEN > 100 ? 100 : APRMAXHOSTLEN] = '\0';
    return apr_psprintf(pool, "%s:%u", name, port);
}

/* The server ends.  Its children come by here, too, when they exit, and the
 * parent at each restart.  If it can't be said, the others will find out. */
static apr_status_t say_goodbye(void *pconf)
{
    if (cluster_link && getpid() == parent &&
        ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        (void)provider->leave(cluster_link, own_host, pconf);
    }
    return APR_SUCCESS;
}

/* Who serves for an older generation ends: there is no cluster any more. */
static void leave_cluster(void)
{
    const cluster_retained_t *before = ap_retained_data_get(CLUSTER_RETAINED);
    int generation = 0;

    if (!before || before->shared->layout != layout()) {
        return;
    }
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    atomic_store_explicit(&before->shared->wanted_generation, generation,
                          memory_order_release);
    wheel_wake_ring(before->wanted_fd);
}

static int keep_shared(server_rec *s)
{
    cluster_retained_t *retained = ap_retained_data_get(CLUSTER_RETAINED);
    apr_status_t rv;

    /* Where the module was replaced, old processes keep what they have. */
    if (!retained || retained->shared->layout != layout()) {
        cluster_retained_t made = {NULL, -1, -1};

        rv = make_shared(&made, s->process->pool);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                         "WH0082: WheelCluster: no shared memory");
            return 0;
        }
        if (!retained) {
            retained = ap_retained_data_create(CLUSTER_RETAINED, sizeof(made));
        }
        *retained = made;
    }
    kept = retained;
    return 1;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const wheel_cluster_config_t *config = wheel_config_server().cluster;
    const char *password = NULL;
    apr_status_t rv;

    (void)plog;
    (void)ptemp;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    cluster_link = NULL;
    if (!config) {
        leave_cluster();
        return OK;
    }
    if (config->password_file) {
        rv = read_password(&password, config->password_file, pconf);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                         "WH0081: WheelCluster: no password could be read "
                         "from %s",
                         config->password_file);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (!keep_shared(s)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    provider = find_provider(config->scheme);
    stop_when_lost = config->stop_when_lost;
    own_host =
        apr_pstrcat(pconf, config->host ? config->host : default_name(s, pconf),
                    "/", kept->shared->unique, NULL);
    read_link(config, password, &cluster_link, pconf);
    parent = getpid();
    apr_pool_cleanup_register(pconf, pconf, say_goodbye, apr_pool_cleanup_null);
    return OK;
}

void wheel_cluster_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
}
