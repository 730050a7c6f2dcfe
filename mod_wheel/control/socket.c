/* SPDX-License-Identifier: Apache-2.0 */
/* control/socket.c: the local socket of WheelControl.
 *
 * The parent makes it in post_config, keeps it over restarts, so that whoever
 * comes meanwhile is answered, and removes it when the server ends.  The helper
 * inherits it and serves it; all others close it.
 */

#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_log.h"

#include "core/proc.h"
#include "server/config.h"
#include "server/fork.h"
#include "server/process.h"

APLOG_USE_MODULE(wheel);

/* Under this key the socket outlives restarts. */
#define SOCKET_RETAINED "mod_wheel-control"

/* Clients that the kernel lets wait for an accept. */
#define SOCKET_BACKLOG 64

/* How long a server that starts waits for another one that does. */
#define SOCKET_LOCK_WAIT_USEC APR_USEC_PER_SEC
#define SOCKET_LOCK_NAP_USEC (10 * 1000)

/* Groups of a client that are looked at. */
#define SOCKET_GROUPS_MAX 256

/* What outlives restarts, on the process pool: no pointer into the module. */
typedef struct socket_retained_t {
    int open;
    int fd;
    pid_t owner; /* who made it, and may remove it */
    int mode;
    gid_t group;
    dev_t device; /* of its file, to tell it from another server's */
    ino_t file;
    struct sockaddr_un address;
} socket_retained_t;

/* Of the parent, and what the helper inherits. */
static struct {
    int listener;
    uid_t starter;
    gid_t group;
    apr_pool_t *plog;
} served = {-1, 0, 0, NULL};

int wheel_socket_listener(void)
{
    return served.listener;
}

/* --- Who is there --------------------------------------------------------- */

static int in_group(int fd, const wheel_caller_t *peer, gid_t group)
{
    gid_t groups[SOCKET_GROUPS_MAX];
    socklen_t bytes = sizeof(groups);
    unsigned n;

    if (peer->gid == group) {
        return 1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) != 0) {
        return 0;
    }
    for (n = 0; n < bytes / sizeof(*groups); n++) {
        if (groups[n] == group) {
            return 1;
        }
    }
    return 0;
}

int wheel_socket_admits(int fd, wheel_caller_t *peer)
{
    struct ucred who;
    socklen_t bytes = sizeof(who);

    peer->pid = -1;
    peer->uid = (uid_t)-1;
    peer->gid = (gid_t)-1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0) {
        return 0;
    }
    peer->pid = who.pid;
    peer->uid = who.uid;
    peer->gid = who.gid;
    /* This process runs as the user that serves requests. */
    return who.uid == 0 || who.uid == served.starter ||
           (served.group != WHEEL_CONTROL_NO_GROUP && who.uid != geteuid() &&
            in_group(fd, peer, served.group));
}

/* --- Make and remove ------------------------------------------------------ */

/* Two servers that start at once must not take each other's socket for a dead
 * one.  @return what to close, or -1 if it could not be locked */
static int lock_directory(const char *path, apr_pool_t *ptemp)
{
    const char *slash = strrchr(path, '/');
    const char *directory =
        slash == path ? "/" : apr_pstrmemdup(ptemp, path, slash - path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    apr_interval_time_t left = SOCKET_LOCK_WAIT_USEC;

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || left <= 0) {
            close(fd);
            return -1;
        }
        apr_sleep(SOCKET_LOCK_NAP_USEC);
        left -= SOCKET_LOCK_NAP_USEC;
    }
    return fd;
}

/* Does a server listen there?
 * @param pid set to the process that made the socket, if one does; 0 if that
 *        can't be seen from here
 * @return APR_SUCCESS if one does, APR_EGENERAL for a socket that a dead server
 *         has left, or another error */
static apr_status_t find_server(const struct sockaddr_un *address, pid_t *pid)
{
    struct ucred who = {0, 0, 0};
    socklen_t bytes = sizeof(who);
    apr_status_t rv = APR_SUCCESS;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return errno;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno != EAGAIN) { /* EAGAIN: it has a long queue */
        rv = errno == ECONNREFUSED ? APR_EGENERAL : errno;
    }
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0) {
        *pid = who.pid;
    }
    close(fd);
    /* The helper of a parent that was killed ends in a moment.  One of this
     * process is of a build that was replaced at a restart. */
    if (rv == APR_SUCCESS && who.pid) {
        wheel_proc_t maker = {who.pid, 0};

        rv = who.pid == getpid() || wheel_proc_dead(&maker) ? APR_EGENERAL
                                                            : APR_SUCCESS;
    }
    return rv;
}

/* May a socket be made there?
 * @return APR_ENOENT if nothing is there, APR_SUCCESS if what a dead server has
 *         left is, or why not, and was logged */
static apr_status_t check_place(const struct sockaddr_un *address,
                                server_rec *s)
{
    const char *path = address->sun_path;
    struct stat info;
    pid_t pid = 0;
    apr_status_t rv;

    if (lstat(path, &info) != 0) {
        rv = errno;
        if (rv != ENOENT) {
            ap_log_error(
                APLOG_MARK, APLOG_EMERG, rv, s,
                "WH0060: WheelControl: what is at %s can't be read: check "
                "the rights of its directories",
                path);
        }
        return rv;
    }
    if (!S_ISSOCK(info.st_mode)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "WH0060: WheelControl: %s is there, and is no socket: "
                     "choose another path",
                     path);
        return APR_EEXIST;
    }
    rv = find_server(address, &pid);
    if (rv == APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s,
                     "WH0060: WheelControl: another server, process %ld, "
                     "listens at %s: stop it, or choose another path",
                     (long)pid, path);
        return APR_EEXIST;
    }
    if (rv != APR_EGENERAL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "WH0060: WheelControl: the old socket %s can't be "
                     "replaced",
                     path);
        return rv;
    }
    return APR_SUCCESS;
}

/* Remove what a dead server has left.
 * @return APR_SUCCESS if the place is free, or why it isn't, and was logged */
static apr_status_t clear_place(const struct sockaddr_un *address,
                                server_rec *s)
{
    apr_status_t rv = check_place(address, s);

    if (rv == APR_ENOENT) {
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && unlink(address->sun_path) != 0 &&
        errno != ENOENT) {
        rv = errno;
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                     "WH0060: WheelControl: the old socket %s can't be "
                     "replaced",
                     address->sun_path);
    }
    return rv;
}

static int make_listener(const socket_retained_t *kept)
{
    const struct sockaddr *address = (const struct sockaddr *)&kept->address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before;
    int error;

    if (fd < 0) {
        return -1;
    }
    /* It never has more rights than it is to have, and nobody can connect
     * before listen(). */
    before = umask(0777 & ~kept->mode);
    error = bind(fd, address, sizeof(kept->address));
    umask(before);
    if (error ||
        (kept->group != WHEEL_CONTROL_NO_GROUP &&
         lchown(kept->address.sun_path, (uid_t)-1, kept->group)) ||
        listen(fd, SOCKET_BACKLOG)) {
        error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int is_ours(const socket_retained_t *kept)
{
    struct stat info;

    return lstat(kept->address.sun_path, &info) == 0 &&
           info.st_dev == kept->device && info.st_ino == kept->file;
}

/* A helper of an old generation may have it open, but nobody finds it any
 * more. */
static void close_kept(socket_retained_t *kept)
{
    if (!kept->open) {
        return;
    }
    if (is_ours(kept)) {
        unlink(kept->address.sun_path);
    }
    close(kept->fd);
    kept->open = 0;
}

static struct sockaddr_un address_of(const wheel_server_config_t *config)
{
    struct sockaddr_un address;

    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    apr_cpystrn(address.sun_path, config->control, sizeof(address.sun_path));
    return address;
}

static apr_status_t open_kept(socket_retained_t *kept,
                              const wheel_server_config_t *config,
                              apr_pool_t *ptemp, server_rec *s)
{
    struct stat info;
    apr_status_t rv;
    int lock;

    memset(kept, 0, sizeof(*kept));
    kept->owner = getpid();
    kept->mode = config->control_mode;
    kept->group = config->control_group;
    kept->address = address_of(config);
    lock = lock_directory(config->control, ptemp);
    rv = clear_place(&kept->address, s);
    if (rv == APR_SUCCESS) {
        kept->fd = make_listener(kept);
        if (kept->fd < 0 || lstat(config->control, &info) != 0) {
            rv = errno;
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, s,
                         "WH0061: WheelControl: no socket can be made at %s: "
                         "check the directory and its rights",
                         config->control);
        }
        else {
            kept->open = 1;
            kept->device = info.st_dev;
            kept->file = info.st_ino;
        }
    }
    if (lock >= 0) {
        close(lock);
    }
    return rv;
}

/* --- The parent ----------------------------------------------------------- */

/* Restarts destroy the configuration, too, and children their copy of it.  If
 * the next one doesn't load the module, nobody is to wait for an answer. */
static apr_status_t remove_at_end(void *data)
{
    socket_retained_t *kept = data;

    if (getpid() != kept->owner || !kept->open) {
        return APR_SUCCESS;
    }
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_EXITING) {
        close_kept(kept);
    }
    else {
        wheel_process_lend(SOCKET_RETAINED, &kept->fd, served.plog);
    }
    return APR_SUCCESS;
}

static int is_wanted(const socket_retained_t *kept,
                     const wheel_server_config_t *config)
{
    return config->control && config->control_mode == kept->mode &&
           config->control_group == kept->group &&
           !strcmp(config->control, kept->address.sun_path) && is_ours(kept);
}

/* A server that starts reads its configuration twice, and the first time still
 * has an exit code for whoever has started it.  Neither httpd -t nor the
 * commands for a server that runs come here, and no restart does. */
static int check_first_pass(const wheel_server_config_t *config, server_rec *s)
{
    struct sockaddr_un address;
    apr_status_t rv;

    if (!config->control) {
        return OK;
    }
    address = address_of(config);
    rv = check_place(&address, s);
    return rv == APR_SUCCESS || rv == APR_ENOENT ? OK
                                                 : HTTP_INTERNAL_SERVER_ERROR;
}

static socket_retained_t *retained(int makes)
{
    return wheel_process_retained(SOCKET_RETAINED, sizeof(socket_retained_t), 0,
                                  makes);
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    socket_retained_t *kept = retained(0);

    (void)pconf;
    (void)ptemp;
    if (kept) {
        kept->fd = wheel_process_take_back(SOCKET_RETAINED, plog);
        kept->open = kept->fd >= 0;
    }
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    wheel_server_config_t config = wheel_config_server();
    socket_retained_t *kept;
    int generation = 0;

    served.plog = plog;
    served.listener = -1;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return check_first_pass(&config, s);
    }
    kept = retained(1);
    if (kept->open && !is_wanted(kept, &config)) {
        close_kept(kept);
    }
    if (!config.control) {
        return OK;
    }
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    if (!kept->open && open_kept(kept, &config, ptemp, s) != APR_SUCCESS) {
        /* Of all servers, one that has served until now is better off without
         * the socket than dead. */
        return generation ? OK : HTTP_INTERNAL_SERVER_ERROR;
    }
    served.listener = kept->fd;
    served.starter = geteuid();
    served.group = kept->group;
    apr_pool_cleanup_register(pconf, kept, remove_at_end,
                              apr_pool_cleanup_null);
    return OK;
}

/* A process that outlives its parent must not keep the socket: nobody would
 * answer there, and the next server could not have it. */
static void close_own(void)
{
    socket_retained_t *kept = retained(0);

    if (kept && kept->open) {
        close(kept->fd);
        kept->open = 0;
        served.listener = -1;
    }
}

void wheel_socket_register(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    wheel_fork_closes(close_own);
}
