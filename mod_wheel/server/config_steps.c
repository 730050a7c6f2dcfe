/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_steps.c: the directives for the steps of a stop.
 *
 * Runs while the configuration is read; later, any thread reads the result.
 */
#include "server/config_steps.h"

#include <stddef.h>
#include <string.h>

#include "apr_strings.h"
#include "http_log.h"

#include "server/config_values.h"
#include "server/privileged.h"

APLOG_USE_MODULE(wheel);

/* The steps of WheelOnStop behind refuse, in their order, with the time from
 * the stop to each if none is given. */
typedef struct step_row_t {
    const char *name;
    size_t offset; /* of its time in the settings of a directory */
    apr_interval_time_t usual;
    unsigned privileged; /* what it takes; 0 for nothing */
} step_row_t;

static const step_row_t steps[] = {
    {"interrupt", offsetof(wheel_dir_config_t, interrupt_after), 0, 0},
    {"cut", offsetof(wheel_dir_config_t, cut_after), 500 * 1000,
     WHEEL_PRIVILEGED_CUT},
    {"cooldown", offsetof(wheel_dir_config_t, cooldown_after),
     2 * APR_USEC_PER_SEC, WHEEL_PRIVILEGED_COOLDOWN},
    {"drain", offsetof(wheel_dir_config_t, drain_after), 5 * APR_USEC_PER_SEC,
     0},
};

#define STEPS_N (sizeof(steps) / sizeof(steps[0]))

static const wheel_config_word_t privileged_words[] = {
    {"none", 0},
    {"cut", WHEEL_PRIVILEGED_CUT},
    {"cooldown", WHEEL_PRIVILEGED_COOLDOWN},
    {"where", WHEEL_PRIVILEGED_WHERE},
    {NULL, 0},
};

#define PRIVILEGED_ALLOWED \
    "; allowed are none alone, or one or more of: cut, cooldown, where"

/* Who has asked first for what takes a privilege; NULL for nobody. */
static struct {
    unsigned step;
    const char *by;
} needs[] = {
    {WHEEL_PRIVILEGED_CUT, NULL},
    {WHEEL_PRIVILEGED_COOLDOWN, NULL},
};

#define NEEDS_N (sizeof(needs) / sizeof(needs[0]))

static apr_interval_time_t *time_of(wheel_dir_config_t *config, size_t n)
{
    return (apr_interval_time_t *)((char *)config + steps[n].offset);
}

static apr_interval_time_t read_time(const wheel_dir_config_t *config, size_t n)
{
    return *(const apr_interval_time_t *)((const char *)config +
                                          steps[n].offset);
}

/* --- Create, merge, read -------------------------------------------------- */

void wheel_config_steps_unset(wheel_dir_config_t *config)
{
    size_t n;

    for (n = 0; n < STEPS_N; n++) {
        *time_of(config, n) = -1;
    }
}

/* One directive sets them all. */
void wheel_config_steps_merge(wheel_dir_config_t *config,
                              const wheel_dir_config_t *outer,
                              const wheel_dir_config_t *inner)
{
    size_t n;

    for (n = 0; n < STEPS_N; n++) {
        if (read_time(inner, n) == -1) {
            *time_of(config, n) = read_time(outer, n);
        }
    }
}

void wheel_config_steps_default(wheel_dir_config_t *config)
{
    size_t n;

    for (n = 0; n < STEPS_N; n++) {
        if (read_time(config, n) == -1) {
            *time_of(config, n) = n == 0 ? 0 : WHEEL_STEP_NEVER;
        }
    }
}

/* --- Parse ---------------------------------------------------------------- */

static const char *out_of_place(cmd_parms *cmd, const char *text)
{
    return apr_psprintf(cmd->pool,
                        "%s: '%s' is out of place: the steps are, in this "
                        "order, refuse interrupt cut cooldown drain; all but "
                        "the first may have a time, as in cut=2s",
                        cmd->cmd->name, text);
}

/* A step, or step=TIME, from the one that is next on.
 * @param n set to the step */
static const char *parse_step(cmd_parms *cmd, const char *text, size_t next,
                              size_t *n, apr_interval_time_t *time)
{
    for (*n = next; *n < STEPS_N; (*n)++) {
        size_t bytes = strlen(steps[*n].name);

        if (!strncmp(text, steps[*n].name, bytes) && text[bytes] == '=') {
            return wheel_config_time(
                cmd, apr_pstrcat(cmd->pool, steps[*n].name, "=", NULL),
                text + bytes + 1, time);
        }
        if (!strcmp(text, steps[*n].name)) {
            *time = steps[*n].usual;
            return NULL;
        }
    }
    return out_of_place(cmd, text);
}

const char *wheel_config_set_on_stop(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[])
{
    wheel_dir_config_t *config = dir;
    apr_interval_time_t last = 0;
    const char *error = NULL;
    size_t next = 0;
    size_t n;
    int arg;

    if (argc < 1 || strcmp(argv[0], "refuse")) {
        return out_of_place(cmd, argc < 1 ? "" : argv[0]);
    }
    for (n = 0; n < STEPS_N; n++) {
        *time_of(config, n) = WHEEL_STEP_NEVER;
    }
    for (arg = 1; arg < argc && !error; arg++) {
        apr_interval_time_t time = 0;

        error = parse_step(cmd, argv[arg], next, &n, &time);
        if (!error && arg == 1 && n != 0) {
            error = out_of_place(cmd, argv[arg]);
        }
        if (!error && time < last) {
            error = apr_psprintf(
                cmd->pool,
                "%s: %s is due %" APR_TIME_T_FMT
                " ms after a stop, earlier than %s, which stands before it",
                cmd->cmd->name, argv[arg], apr_time_as_msec(time),
                argv[arg - 1]);
        }
        if (!error) {
            *time_of(config, n) = last = time;
            next = n + 1;
            wheel_config_need(cmd, steps[n].privileged);
        }
    }
    return error;
}

const char *wheel_config_set_privileged(cmd_parms *cmd, void *dir, int argc,
                                        char *const argv[])
{
    wheel_server_config_t *config;
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    unsigned all = 0;
    int arg;

    (void)dir;
    if (!error && argc < 1) {
        error = apr_pstrcat(cmd->pool, cmd->cmd->name,
                            ": '' names nothing" PRIVILEGED_ALLOWED, NULL);
    }
    for (arg = 0; arg < argc && !error; arg++) {
        int step = 0;

        error = wheel_config_word(cmd, "", argv[arg], privileged_words, &step);
        if (!error && !step && argc > 1) {
            error = apr_psprintf(cmd->pool, "%s: '%s' stands beside others%s",
                                 cmd->cmd->name, argv[arg], PRIVILEGED_ALLOWED);
        }
        all |= (unsigned)step;
    }
    if (error) {
        return error;
    }
    config = ap_get_module_config(cmd->server->module_config, &wheel_module);
    config->privileged = all ? config->privileged | all : 0;
    return NULL;
}

/* --- Check ---------------------------------------------------------------- */

void wheel_config_steps_reset(void)
{
    size_t n;

    for (n = 0; n < NEEDS_N; n++) {
        needs[n].by = NULL;
    }
}

void wheel_config_need(cmd_parms *cmd, unsigned step)
{
    size_t n;

    for (n = 0; n < NEEDS_N; n++) {
        if (needs[n].step == step && !needs[n].by) {
            needs[n].by = apr_psprintf(cmd->pool, "%s in line %d of %s",
                                       cmd->cmd->name, cmd->directive->line_num,
                                       cmd->directive->filename);
        }
    }
}

void wheel_config_steps_check(const wheel_server_config_t *config,
                              apr_pool_t *ptemp, server_rec *s)
{
    const char *missing = NULL;
    size_t n;

    for (n = 0; n < NEEDS_N; n++) {
        if (needs[n].by && !(config->privileged & needs[n].step)) {
            missing = apr_pstrcat(ptemp, missing ? missing : "",
                                  missing ? ", nor " : "",
                                  wheel_privileged_name(needs[n].step), " (",
                                  needs[n].by, ")", NULL);
        }
    }
    if (missing) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "WH0032: WheelPrivileged does not name %s: what is not "
                     "named is left out",
                     missing);
    }
}
