/* SPDX-License-Identifier: Apache-2.0 */
/* render/html.h: what the pages of HTML share. */
#ifndef WHEEL_RENDER_HTML_H
#define WHEEL_RENDER_HTML_H

#include "render/text.h"

/** A page up to and with its headline.  @param title as HTML */
void wheel_html_head(wheel_text_t *out, const char *title);

/** Begin a table with a caption, and end it.  @param caption as HTML */
void wheel_html_table(wheel_text_t *out, const char *caption);
void wheel_html_table_end(wheel_text_t *out);

#endif /* WHEEL_RENDER_HTML_H */
