/* SPDX-License-Identifier: Apache-2.0 */
/* control/wheelctl_print.c: what wheelctl prints of the server's answers.
 *
 * Nothing of an answer reaches the terminal as a command.
 */
#include "control/wheelctl.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "apr_strings.h"

/* What is printed of a text of the server. */
#define CELL_BYTES 200
#define DETAIL_BYTES 1000

/* Steps of a stop that are printed, and of the name of each. */
#define STEPS_MAX 8
#define STEP_BYTES 16
#define STEP_SEC_MAX 1e6

/* Whatever listens there: nothing that a terminal takes for a command, and not
 * more than fits on a screen. */
const char *wheelctl_printable(const char *text, size_t bytes_max)
{
    char *safe = apr_pstrndup(wheelctl_pool, text, bytes_max);
    char *c;

    for (c = safe; *c; c++) {
        if (!isprint((unsigned char)*c)) {
            *c = '?';
        }
    }
    return strlen(text) > bytes_max
               ? apr_pstrcat(wheelctl_pool, safe, "...", NULL)
               : safe;
}

/* The same for JSON, which stays JSON: in what the parser has let through, such
 * characters stand in strings alone, and these may be the control characters
 * that JSON allows: DEL, and those from U+0080 to U+009F. */
void wheelctl_print_json(const char *text)
{
    const unsigned char *c;

    for (c = (const unsigned char *)text; *c; c++) {
        if (*c == 0x7f) {
            fputs("\\u007f", stdout);
        }
        else if (*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
            printf("\\u%04x", (unsigned)*++c);
        }
        else {
            putchar(*c);
        }
    }
}

/* Steps of a stop, as WheelOnStop has them: refuse interrupt cut=500ms */
static const char *steps_cell(const json_t *steps)
{
    const char *text = "";
    const json_t *step;
    size_t n;

    json_array_foreach(steps, n, step)
    {
        const char *name = json_string_value(json_object_get(step, "step"));
        double after = json_real_value(json_object_get(step, "after"));

        if (n == STEPS_MAX || !name) {
            break;
        }
        text = apr_pstrcat(wheelctl_pool, text, n ? " " : "",
                           wheelctl_printable(name, STEP_BYTES), NULL);
        if (after > 0 && after < STEP_SEC_MAX) {
            int msec = (int)(after * 1e3);

            text = apr_psprintf(wheelctl_pool, "%s=%d%s", text,
                                msec % 1000 ? msec : msec / 1000,
                                msec % 1000 ? "ms" : "s");
        }
    }
    return *text ? text : "-";
}

const char *wheelctl_cell(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return wheelctl_printable(json_string_value(value), CELL_BYTES);
    case JSON_INTEGER:
        return apr_psprintf(wheelctl_pool, "%" APR_INT64_T_FMT,
                            (apr_int64_t)json_integer_value(value));
    case JSON_REAL:
        return apr_psprintf(wheelctl_pool, "%.3f", json_real_value(value));
    case JSON_ARRAY:
        return steps_cell(value);
    default:
        return "-";
    }
}

void wheelctl_print_table(const json_t *rows, const column_t *columns)
{
    int widths[COLUMNS_MAX] = {0};
    const json_t *row;
    size_t n;
    int c;

    for (c = 0; columns[c].key; c++) {
        widths[c] = (int)strlen(columns[c].title);
        json_array_foreach(rows, n, row)
        {
            int width = (int)strlen(wheelctl_cell(row, columns[c].key));

            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (c = 0; columns[c].key; c++) {
        printf("%s%-*s", c ? "  " : "", columns[c + 1].key ? widths[c] : 0,
               columns[c].title);
    }
    printf("\n");
    json_array_foreach(rows, n, row)
    {
        for (c = 0; columns[c].key; c++) {
            printf("%s%-*s", c ? "  " : "", columns[c + 1].key ? widths[c] : 0,
                   wheelctl_cell(row, columns[c].key));
        }
        printf("\n");
    }
}

/* Anything but success. */
void wheelctl_fail_as_told(const ask_t *ask, const answer_t *answer)
{
    static const struct {
        int status;
        int code;
    } codes[] = {{404, EXIT_NONE}, {400, EXIT_USAGE}, {0, EXIT_SERVER}};
    const char *detail =
        json_string_value(json_object_get(answer->json, "detail"));
    int n = 0;

    while (codes[n].status && codes[n].status != answer->status) {
        n++;
    }
    if (ask->json) {
        wheelctl_print_json(answer->text);
        fflush(stdout);
    }
    wheelctl_fail(codes[n].code, "%s",
                  detail ? wheelctl_printable(detail, DETAIL_BYTES)
                         : "it failed");
}
