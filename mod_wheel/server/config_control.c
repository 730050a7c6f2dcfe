/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_control.c: WheelControl PATH|off [mode=0600|0660] [group=NAME].
 *
 * Runs while the configuration is read.
 */
#include "server/config_control.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "apr_lib.h"
#include "apr_strings.h"

#include "server/config.h"
#include "server/config_values.h"

APLOG_USE_MODULE(wheel);

/* For root and who started the server alone, or for a group, too. */
static const char *set_control_mode(cmd_parms *cmd, const char *text,
                                    wheel_server_config_t *config)
{
    char *end;
    apr_int64_t mode = apr_strtoi64(text, &end, 8);

    if (!apr_isdigit(*text) || *end || (mode != 0600 && mode != 0660)) {
        return apr_psprintf(cmd->pool,
                            "%s: mode=%s is not one of: 0600, 0660; nobody "
                            "outside its owner and group may use the socket",
                            cmd->cmd->name, text);
    }
    config->control_mode = (int)mode;
    return NULL;
}

static const char *set_control_option(cmd_parms *cmd, const char *text,
                                      wheel_server_config_t *config)
{
    apr_gid_t group;

    if (!strncmp(text, "mode=", 5)) {
        return set_control_mode(cmd, text + 5, config);
    }
    if (strncmp(text, "group=", 6)) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not one of: mode=, group=",
                            cmd->cmd->name, text);
    }
    if (apr_gid_get(&group, text + 6, cmd->pool) != APR_SUCCESS) {
        return apr_psprintf(cmd->pool,
                            "%s: group=%s: there is no group of that name",
                            cmd->cmd->name, text + 6);
    }
    config->control_group = group;
    return NULL;
}

/* @param path of the socket, or off */
static const char *set_control_path(cmd_parms *cmd, const char *path,
                                    wheel_server_config_t *config)
{
    struct sockaddr_un address;

    config->control = NULL;
    if (!ap_cstr_casecmp(path, "off")) {
        return NULL;
    }
    config->control = ap_runtime_dir_relative(cmd->pool, path);
    if (!*path || !config->control || !ap_cstr_casecmp(path, "on") ||
        (strchr(path, '=') && !strchr(path, '/'))) {
        return apr_psprintf(cmd->pool,
                            "%s: '%s' is not the path of a socket, or off",
                            cmd->cmd->name, path);
    }
    if (strlen(config->control) >= sizeof(address.sun_path)) {
        return apr_psprintf(cmd->pool,
                            "%s: the path '%s' has %d bytes; that of a local "
                            "socket has %d at most",
                            cmd->cmd->name, config->control,
                            (int)strlen(config->control),
                            (int)sizeof(address.sun_path) - 1);
    }
    return NULL;
}

const char *wheel_config_set_control(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[])
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    wheel_server_config_t *config =
        ap_get_module_config(cmd->server->module_config, &wheel_module);
    int n;

    (void)dir;
    if (!error && (argc < 1 || argc > 3)) {
        error = apr_pstrcat(cmd->pool, cmd->cmd->name,
                            " takes a path or off, and then mode= and group= "
                            "once each",
                            NULL);
    }
    if (error) {
        return error;
    }
    config->control_mode = 0;
    config->control_group = WHEEL_CONTROL_NO_GROUP;
    error = set_control_path(cmd, argv[0], config);
    if (!error && !config->control && argc > 1) {
        error = apr_psprintf(cmd->pool, "%s: '%s' stands behind off",
                             cmd->cmd->name, argv[1]);
    }
    for (n = 1; n < argc && !error; n++) {
        error = set_control_option(cmd, argv[n], config);
    }
    if (!error && argc > 2) {
        error = wheel_config_twice(cmd, argv[1], argv[2]);
    }
    if (!config->control_mode) {
        config->control_mode =
            config->control_group == WHEEL_CONTROL_NO_GROUP ? 0600 : 0660;
    }
    if (!error && config->control_mode == 0600 &&
        config->control_group != WHEEL_CONTROL_NO_GROUP) {
        error = apr_pstrcat(cmd->pool, cmd->cmd->name,
                            ": mode=0600 keeps the group out that group= lets "
                            "in; give one or the other",
                            NULL);
    }
    return error;
}
