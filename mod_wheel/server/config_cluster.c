/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_cluster.c: WheelCluster URL [OPTION=VALUE ...].
 *
 * Runs while the configuration is read.
 */
#include "server/config_cluster.h"

#include <string.h>

#include "apr_lib.h"
#include "apr_strings.h"

#include "server/config.h"
#include "server/config_values.h"

APLOG_USE_MODULE(wheel);

#define CONFIG_KEY_DEFAULT "wheel"
#define CONFIG_LENGTH_DEFAULT 10000
#define CONFIG_LENGTH_MIN 100
#define CONFIG_LENGTH_MAX 1000000
#define CONFIG_DB_MAX 65535
#define CONFIG_CLUSTER_TIMEOUT_USEC APR_USEC_PER_SEC
#define CONFIG_CLUSTER_TIMEOUT_MIN_USEC (10 * 1000)
#define CONFIG_CLUSTER_TIMEOUT_MAX_USEC (60 * APR_USEC_PER_SEC)
#define CONFIG_WORD_MAX 100

static const wheel_config_word_t lost_words[] = {
    {"keep", 0},
    {"stop", 1},
    {NULL, 0},
};

/* Any printable word: it becomes a part of names in Redis. */
static const char *parse_text(cmd_parms *cmd, const char *what,
                              const char *text, const char **value)
{
    size_t bytes = strlen(text);
    int odd = bytes == 0 || bytes > CONFIG_WORD_MAX;
    size_t n;

    for (n = 0; n < bytes; n++) {
        odd |= text[n] <= ' ' || text[n] > '~' || text[n] == '/';
    }
    if (odd) {
        return apr_psprintf(cmd->pool,
                            "%s: %s='%s' is not 1 to %d printable characters "
                            "of ASCII without blanks and slashes",
                            cmd->cmd->name, what, text, CONFIG_WORD_MAX);
    }
    *value = text;
    return NULL;
}

static const char *set_key(cmd_parms *cmd, const char *text,
                           wheel_cluster_config_t *config)
{
    return parse_text(cmd, "key", text, &config->key);
}

static const char *set_host(cmd_parms *cmd, const char *text,
                            wheel_cluster_config_t *config)
{
    return parse_text(cmd, "host", text, &config->host);
}

static const char *set_user(cmd_parms *cmd, const char *text,
                            wheel_cluster_config_t *config)
{
    return parse_text(cmd, "user", text, &config->user);
}

static const char *set_db(cmd_parms *cmd, const char *text,
                          wheel_cluster_config_t *config)
{
    return wheel_config_range(cmd, "db=", text, 0, CONFIG_DB_MAX, &config->db);
}

static const char *set_length(cmd_parms *cmd, const char *text,
                              wheel_cluster_config_t *config)
{
    return wheel_config_range(cmd, "length=", text, CONFIG_LENGTH_MIN,
                              CONFIG_LENGTH_MAX, &config->length_max);
}

static const char *set_lost(cmd_parms *cmd, const char *text,
                            wheel_cluster_config_t *config)
{
    return wheel_config_word(cmd, "lost=", text, lost_words,
                             &config->stop_when_lost);
}

static const char *set_password_file(cmd_parms *cmd, const char *text,
                                     wheel_cluster_config_t *config)
{
    apr_finfo_t info = {0};

    config->password_file = ap_server_root_relative(cmd->pool, text);
    if (!*text || !config->password_file ||
        APR_STATUS_IS_ENOENT(apr_stat(&info, config->password_file,
                                      APR_FINFO_TYPE, cmd->pool)) ||
        info.filetype == APR_DIR) {
        return apr_psprintf(cmd->pool,
                            "%s: password-file='%s' is not the path of a file",
                            cmd->cmd->name, text);
    }
    return NULL;
}

static const char *set_cluster_timeout(cmd_parms *cmd, const char *text,
                                       wheel_cluster_config_t *config)
{
    if (!apr_isdigit(*text) ||
        ap_timeout_parameter_parse(text, &config->timeout, "s") !=
            APR_SUCCESS ||
        config->timeout < CONFIG_CLUSTER_TIMEOUT_MIN_USEC ||
        config->timeout > CONFIG_CLUSTER_TIMEOUT_MAX_USEC) {
        return apr_psprintf(cmd->pool,
                            "%s: timeout='%s' is not a time from 10ms to 60s",
                            cmd->cmd->name, text);
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*set)(cmd_parms *cmd, const char *text,
                       wheel_cluster_config_t *config);
} cluster_options[] = {
    {"key", set_key},       {"host", set_host},
    {"user", set_user},     {"password-file", set_password_file},
    {"db", set_db},         {"timeout", set_cluster_timeout},
    {"length", set_length}, {"lost", set_lost},
};

#define CLUSTER_OPTIONS_N (sizeof(cluster_options) / sizeof(*cluster_options))

static const char *set_cluster_option(cmd_parms *cmd, const char *text,
                                      wheel_cluster_config_t *config)
{
    const char *allowed = "";
    size_t n;

    for (n = 0; n < CLUSTER_OPTIONS_N; n++) {
        size_t bytes = strlen(cluster_options[n].name);

        if (!strncmp(text, cluster_options[n].name, bytes) &&
            text[bytes] == '=') {
            return cluster_options[n].set(cmd, text + bytes + 1, config);
        }
        allowed = apr_pstrcat(cmd->pool, allowed, n ? ", " : "",
                              cluster_options[n].name, "=", NULL);
    }
    /* Not the word itself: it may be a part of a password. */
    return apr_psprintf(cmd->pool, "%s: what follows the URL is not one of: %s",
                        cmd->cmd->name, allowed);
}

/* "redis:" of redis://HOST, with letters alone: anything else may be a part of
 * a password.  Empty for none. */
static const char *url_scheme(const char *url, apr_pool_t *pool)
{
    size_t letters = strspn(url, "abcdefghijklmnopqrstuvwxyz");

    if (!letters || url[letters] != ':' || url[letters + 1] != '/') {
        return "";
    }
    return apr_pstrmemdup(pool, url, letters + 1);
}

/* What follows the scheme, without user and password: they end at the last @.
 * What is not HOST:PORT/DB then may be a part of them. */
static const char *url_shown(const char *rest, int is_path, apr_pool_t *pool)
{
    static const char digits[] = "0123456789";
    const char *at = strrchr(rest, '@');
    const char *end;

    if (!is_path) {
        if (strncmp(rest, "//", 2)) {
            return "//********";
        }
        end = at ? at + 1 : rest + strlen("//");
        end += *end == '[' ? strcspn(end, "]/") : strcspn(end, ":/?#");
        end += *end == ']';
        end += *end == ':' ? 1 + strspn(end + 1, digits) : 0;
        end += *end == '/' ? 1 + strspn(end + 1, digits) : 0;
        if (*end) {
            return "//********";
        }
    }
    return at ? apr_pstrcat(pool, "//********", at, NULL) : rest;
}

/* mod_info and -D DUMP_CONFIG show a directive's arguments as they were
 * written, with quotes and escapes.  In their place stand those that were read,
 * without a password. */
static void hide_password(cmd_parms *cmd, int argc, char *const argv[])
{
    ap_directive_t *directive = (ap_directive_t *)cmd->directive;
    const char *scheme = argc ? url_scheme(argv[0], cmd->pool) : "";
    const char *shown = *scheme ? url_shown(argv[0] + strlen(scheme),
                                            !strcmp(scheme, "unix:"), cmd->pool)
                                : "********";
    int n;

    shown = apr_pstrcat(cmd->pool, scheme, shown, NULL);
    for (n = 1; n < argc; n++) {
        shown = apr_pstrcat(cmd->pool, shown, " ", argv[n], NULL);
    }
    directive->args = shown;
}

const char *wheel_config_set_cluster(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[])
{
    wheel_cluster_config_t *config;
    wheel_server_config_t *server;
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *scheme = argc ? url_scheme(argv[0], cmd->pool) : "";
    int other;
    int n;

    (void)dir;
    hide_password(cmd, argc, argv);
    if (error) {
        return error;
    }
    if (!*scheme) {
        return "WheelCluster: the first word is not an URL, such as "
               "redis://HOST:PORT or unix:/PATH";
    }
    config = apr_pcalloc(cmd->pool, sizeof(*config));
    config->url = argv[0];
    config->scheme = apr_pstrmemdup(cmd->pool, scheme, strlen(scheme) - 1);
    config->key = CONFIG_KEY_DEFAULT;
    config->db = -1;
    config->length_max = CONFIG_LENGTH_DEFAULT;
    config->timeout = CONFIG_CLUSTER_TIMEOUT_USEC;
    for (n = 1; n < argc && !error; n++) {
        error = set_cluster_option(cmd, argv[n], config);
        for (other = 1; other < n && !error; other++) {
            error = wheel_config_twice(cmd, argv[n], argv[other]);
        }
    }
    server = ap_get_module_config(cmd->server->module_config, &wheel_module);
    server->cluster = config;
    return error;
}
