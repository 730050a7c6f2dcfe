/* SPDX-License-Identifier: Apache-2.0 */
/* server/config.h: the directives and what they set. */
#ifndef WHEEL_SERVER_CONFIG_H
#define WHEEL_SERVER_CONFIG_H

#include "httpd.h"
#include "http_config.h"

#include "core/fastcgi.h"
#include "core/request_slots.h"

/** How companions share the CPU. */
typedef enum {
    WHEEL_SCHEDULING_IDLE,
    WHEEL_SCHEDULING_BATCH,
    WHEEL_SCHEDULING_NORMAL
} wheel_scheduling_e;

/** WheelCluster.  The strings live as long as the configuration. */
typedef struct wheel_cluster_config_t {
    const char *url;             /* may hold a password: never show it */
    const char *scheme;          /* of the URL */
    const char *key;             /* what separates clusters */
    const char *host;            /* what this host is called; NULL unset */
    const char *user;            /* NULL unset */
    const char *password_file;   /* NULL unset */
    int db;                      /* -1 unset */
    int length_max;              /* entries that the stream keeps */
    apr_interval_time_t timeout; /* usec to wait for other hosts */
    int stop_when_lost;          /* stop all when entries may be lost */
} wheel_cluster_config_t;

/** The group of a control socket that has none. */
#define WHEEL_CONTROL_NO_GROUP (~(gid_t)0)

/** What holds for the whole server.  Read-only after post_config. */
typedef struct wheel_server_config_t {
    int rotating_max;    /* WheelMax; -1 unset: what the MPM can run */
    int reserve;         /* WheelReserve; -1 unset: 1 */
    int per_client_max;  /* WheelMaxPerClient; -1 unset: 0, no limit */
    int stop_on_restart; /* WheelOnRestart; -1 unset: 0, continue */
    const wheel_cluster_config_t *cluster; /* NULL unset: no other host */
    apr_interval_time_t poll_max; /* WheelLookWarning in usec; -1 unset: 1 s,
                                   * 0: never */
    const char *control; /* WheelControl: path of the socket; NULL: off */
    int control_mode;    /* rights of its file */
    gid_t control_group; /* whose members may use it, too */
    unsigned privileged; /* WheelPrivileged: WHEEL_PRIVILEGED_ bits; 0 unset:
                          * none */
} wheel_server_config_t;

/** What a Location may set.  Read-only after post_config. */
typedef struct wheel_dir_config_t {
    apr_interval_time_t wait_max; /* WheelTimeout in usec; -1 unset: 0, none */
    int scheduling; /* WheelScheduling: a wheel_scheduling_e; -1 unset: idle */
    int stop_on_disconnect;   /* WheelOnDisconnect; -1 unset: 1, stop */
    int cross_site;           /* WheelCrossSite; -1 unset: 0, refuse */
    int forwarded;            /* WheelForwarded; -1 unset: 0, refuse */
    int proxy;                /* WheelProxy; -1 unset: 0, off */
    int where;                /* WheelWhere; -1 unset: 0, off */
    int requests;             /* WheelRequests; -1 unset: 0, off */
    apr_interval_time_t slow; /* its slow= in usec; -1 unset: 250 ms */
    int where_log;            /* its where=; -1 unset: 0, none */
    int wait_action; /* WheelTimeout action=: WHEEL_ACTION_; -1 unset: STOP */
    apr_interval_time_t cpu_max; /* WheelCpuLimit in usec; -1 unset: 0 */
    int cpu_action;              /* WheelCpuLimit action=; -1 unset: STOP */
    /* WheelOnStop: usec from the stop to each step, WHEEL_STEP_NEVER; -1 unset:
     * 0 for the first, never for the others. */
    apr_interval_time_t interrupt_after;
    apr_interval_time_t cut_after;
    apr_interval_time_t cooldown_after;
    apr_interval_time_t drain_after;
    apr_uint32_t fpm; /* WheelFpmStatus, as its hash; 0 unset */
} wheel_dir_config_t;

/** The directives, for the module record. */
extern const command_rec wheel_config_directives[];

/** The create and merge functions, for the module record. */
void *wheel_config_create_server(apr_pool_t *pconf, server_rec *s);
void *wheel_config_create_dir(apr_pool_t *pconf, char *dir);
void *wheel_config_merge_dir(apr_pool_t *pool, void *base, void *add);

/** Register the hooks that check directives against each other. */
void wheel_config_register(apr_pool_t *pconf);

/** What holds for the server, defaults filled in.  Any thread, after
 * post_config. */
wheel_server_config_t wheel_config_server(void);

/** Does any part of the configuration say WheelRequests on? */
int wheel_config_requests_used(void);

/** Are the requests of this location jobs?  What a request costs that is
 * none. */
int wheel_config_requests_on(const request_rec *r);

/** Does a client that leaves end a request that is a job?  Only where
 * WheelOnDisconnect says so. */
int wheel_config_requests_watched(const request_rec *r);

/** Has this location a WheelOnStop of its own, other than its server's? */
int wheel_config_own_steps(const request_rec *r);

/** Where the status of PHP-FPM is, by the hash in the facts of a request.
 * @return NULL if no such directive is in force */
const wheel_fastcgi_t *wheel_config_fpm(apr_uint32_t hash);

/** What the sections of a request's location say, for a comparison: as long as
 * this stays the same, so does all that holds for the request. */
const wheel_dir_config_t *wheel_config_location(const request_rec *r);

/** What holds for a request, defaults filled in. */
wheel_dir_config_t wheel_config_request(const request_rec *r);

#endif /* WHEEL_SERVER_CONFIG_H */
