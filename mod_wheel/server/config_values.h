/* SPDX-License-Identifier: Apache-2.0 */
/* server/config_values.h: the values of directives: numbers, words, times. */
#ifndef WHEEL_SERVER_CONFIG_VALUES_H
#define WHEEL_SERVER_CONFIG_VALUES_H

#include "httpd.h"
#include "http_config.h"

/* All of these return NULL, or an error that names the directive, the value and
 * what is allowed, in cmd->pool.  The value may be that of an option, such as
 * "slow="; it is "" otherwise. */

/** A setting that has two or more words for values; a list ends at NULL. */
typedef struct wheel_config_word_t {
    const char *word;
    int value;
} wheel_config_word_t;

/** on and off. */
extern const wheel_config_word_t wheel_config_switch[];

/** A whole number from min to max. */
const char *wheel_config_range(cmd_parms *cmd, const char *option,
                               const char *text, int min, int max, int *number);

/** A whole number from min to far above what an MPM can run. */
const char *wheel_config_number(cmd_parms *cmd, const char *text, int min,
                                int *number);

/** One of several words, in whatever case. */
const char *wheel_config_word(cmd_parms *cmd, const char *option,
                              const char *text,
                              const wheel_config_word_t *words, int *value);

/** A time in usec, up to a year: 30, 500ms, 10min; 0 for none. */
const char *wheel_config_time(cmd_parms *cmd, const char *option,
                              const char *text, apr_interval_time_t *time);

/** Is this the same option as another one, "name=value"? */
const char *wheel_config_twice(cmd_parms *cmd, const char *option,
                               const char *other);

#endif /* WHEEL_SERVER_CONFIG_VALUES_H */
