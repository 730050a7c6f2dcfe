/* SPDX-License-Identifier: Apache-2.0 */
/* requests/run.h: a request as a job, from the time when its head has been read
 * to the end of its handler. */
#ifndef WHEEL_REQUESTS_RUN_H
#define WHEEL_REQUESTS_RUN_H

#include "httpd.h"

#include "core/request_slots.h"
#include "requests/blocked.h"
#include "server/config.h"

/** A request that runs as a job, with its subrequests and internal redirects.
 * For the thread that runs it. */
typedef struct wheel_running_t {
    apr_uint64_t id;
    unsigned slot;
    wheel_request_facts_t facts;        /* as the slot has them */
    const wheel_dir_config_t *location; /* the settings that these come from */
    wheel_blocked_t *wait;
    conn_rec *c;      /* the client's */
    request_rec *r;   /* the last one that it was redirected to */
    request_rec *own; /* whose handler hooks are about to run once more */
    struct proxy_worker *backend; /* of mod_proxy, or NULL */
    conn_rec *tunnel;             /* to a backend, or NULL */
    wheel_kind_e kind;            /* of what runs now */
    int has_processes;            /* some may work for it */
    int is_ahead;                 /* of its handler, which is not known yet */
    int passed;    /* a part of its answer has gone down the filters */
    int complete;  /* all of it has */
    int answering; /* mod_wheel answers in its place */
    int over;      /* its handler has returned */
    int aborted;   /* c->aborted is set for the handler's sake alone */
} wheel_running_t;

/** What the calling thread runs, NULL for no job. */
wheel_running_t *wheel_run_current(void);

/** Its mark. */
wheel_mark_e wheel_run_marked(const wheel_running_t *running);

/** It waits on no tunnel any more: its backend may serve others. */
void wheel_run_leave_tunnel(wheel_running_t *running);

/** Its client's connection counts as lost, so that the handler gives up. */
void wheel_run_refuse(wheel_running_t *running);

/** Register the hooks. */
void wheel_run_register(apr_pool_t *pconf);

/** The calling thread runs no job any more.  For wheel_finish() alone. */
void wheel_run_leave(void);

/** It gets another entry in the list of waits for its next one.  For
 * wheel_finish() alone. */
void wheel_run_leave_wait(void);

/** Add the filters of a request that is a job. */
void wheel_run_add_filters(wheel_running_t *running, request_rec *r);

/** Remove them: nothing has been read or sent. */
void wheel_run_remove_filters(request_rec *r);

/** Register the filters, for wheel_run_register() alone. */
void wheel_run_register_filters(void);

#endif /* WHEEL_REQUESTS_RUN_H */
