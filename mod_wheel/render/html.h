/* SPDX-License-Identifier: Apache-2.0 */
/* render/html.h: what the pages of HTML share. */
#ifndef WHEEL_RENDER_HTML_H
#define WHEEL_RENDER_HTML_H

#include "render/text.h"

/** A page up to and with its headline.  @param title as HTML */
void wheel_html_head(wheel_text_t *out, const char *title);

#endif /* WHEEL_RENDER_HTML_H */
