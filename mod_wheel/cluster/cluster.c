/* SPDX-License-Identifier: Apache-2.0 */
/* cluster/cluster.c: this host in its cluster: the settings, the provider, and
 * what outlives restarts.
 *
 * The parent sets it up in post_config.  The helper reads the stops of other
 * hosts (reader.c) and tells them those of this one (publish.c).
 */
#include "cluster/private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ap_listen.h"
#include "ap_provider.h"
#include "apr_file_io.h"
#include "apr_general.h"
#include "apr_network_io.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"
#include "http_main.h"

#include "render/render.h"
#include "server/config.h"
#include "server/fork.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* Under this key, with the sizes of what is kept, it outlives restarts. */
#define CLUSTER_RETAINED "mod_wheel-cluster-2"

#define CLUSTER_PASSWORD_MAX 8192

static cluster_t own;

const cluster_t *cluster_own(void)
{
    return &own;
}

int wheel_cluster_on(void)
{
    return own.link != NULL;
}

/* --- What is shared ------------------------------------------------------- */

void cluster_write_hex(char *to, const unsigned char *from, size_t bytes)
{
    size_t n;

    for (n = 0; n < bytes; n++) {
        apr_snprintf(to + 2 * n, 3, "%02x", from[n]);
    }
}

void cluster_count(_Atomic apr_uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static apr_uint64_t read_count(_Atomic apr_uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

const wheel_cluster_facts_t *wheel_cluster_read(apr_pool_t *pool)
{
    cluster_counters_t *counters = own.kept->counters;
    wheel_cluster_facts_t *facts = apr_pcalloc(pool, sizeof(*facts));

    facts->host = own.host;
    facts->where = own.provider->where(own.link);
    facts->linked =
        atomic_load_explicit(&counters->linked, memory_order_relaxed);
    facts->applied = read_count(&counters->applied);
    facts->lost = read_count(&counters->lost);
    facts->links = read_count(&counters->links);
    facts->told = read_count(&counters->told);
    facts->untold = read_count(&counters->untold);
    return facts;
}

const char *wheel_cluster_peers(wheel_peer_t **peers, unsigned *peers_n,
                                apr_pool_t *pool)
{
    return own.provider->peers(own.link, peers, peers_n, pool);
}

/* Memory of all processes that are forked from now on, without a name.
 * @return NULL, with errno set, if there is none */
static void *share(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static apr_status_t make_kept(cluster_retained_t *made)
{
    unsigned char unique[CLUSTER_UNIQUE_BYTES];
    apr_status_t rv = apr_generate_random_bytes(unique, sizeof(unique));

    if (rv != APR_SUCCESS) {
        return rv;
    }
    cluster_write_hex(made->unique, unique, sizeof(unique));
    made->owner = getpid();
    made->counters = share(sizeof(*made->counters));
    made->position = share(sizeof(*made->position));
    if (!made->counters || !made->position ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, made->requests)) {
        return APR_FROM_OS_ERROR(errno);
    }
    return APR_SUCCESS;
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
    if (strlen(line) == CLUSTER_PASSWORD_MAX - 1) {
        return APR_ENOSPC; /* a part of it is no password */
    }
    line[strcspn(line, "\r\n")] = '\0';
    *password = line;
    return rv == APR_SUCCESS && !*line ? APR_EOF : rv;
}

static void log_no_password(apr_status_t rv,
                            const wheel_cluster_config_t *config, server_rec *s)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                 "WH0081: WheelCluster: no password could be read from %s: "
                 "its first line has to have 1 to %d bytes",
                 config->password_file, CLUSTER_PASSWORD_MAX - 2);
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
    const char *password = NULL;
    wheel_link_t *link;
    const char *error;
    apr_status_t rv;

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
    if (config->password_file) {
        /* The file is for root's eyes, and -t may be anybody's. */
        rv = read_password(&password, config->password_file, ptemp);
        if (rv != APR_SUCCESS && !APR_STATUS_IS_EACCES(rv)) {
            log_no_password(rv, config, s);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        password = password ? password : "";
    }
    error = read_link(config, password, &link, ptemp);
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

static cluster_retained_t *retained(int makes)
{
    return wheel_process_retained(
        CLUSTER_RETAINED, sizeof(cluster_retained_t),
        sizeof(cluster_counters_t) + sizeof(cluster_position_t), makes);
}

/* Where the module was replaced by one with other sizes, old processes keep
 * what they have. */
static int keep(server_rec *s)
{
    cluster_retained_t *kept = retained(0);

    if (!kept) {
        cluster_retained_t made;
        apr_status_t rv;

        memset(&made, 0, sizeof(made));
        rv = make_kept(&made);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                         "WH0082: WheelCluster: no shared memory, or no socket "
                         "for the helper process: allow more memory and open "
                         "files");
            return 0;
        }
        kept = retained(1);
        *kept = made;
    }
    own.kept = kept;
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
    own.link = NULL;
    if (!config) {
        return OK;
    }
    if (config->password_file) {
        rv = read_password(&password, config->password_file, pconf);
        if (rv != APR_SUCCESS) {
            log_no_password(rv, config, s);
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (!keep(s)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    own.provider = find_provider(config->scheme);
    own.stop_when_lost = config->stop_when_lost;
    own.key = config->key;
    own.timeout = config->timeout;
    own.host =
        apr_pstrcat(pconf, config->host ? config->host : default_name(s, pconf),
                    "/", own.kept->unique, NULL);
    read_link(config, password, &own.link, pconf);
    return OK;
}

/* No other process reaches what the helper alone uses. */
static void close_own(void)
{
    cluster_retained_t *kept = retained(0);

    if (kept && kept->position) {
        munmap(kept->position, sizeof(*kept->position));
        close(kept->requests[0]);
        kept->position = NULL;
    }
}

void wheel_cluster_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    wheel_fork_closes(close_own);
    cluster_reader_register();
    cluster_publish_register();
}
