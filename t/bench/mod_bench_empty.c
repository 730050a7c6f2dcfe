/* SPDX-License-Identifier: Apache-2.0 */
/* mod_bench_empty.c: a handler that does nothing but answer, with as many
 * bytes as a stop: what httpd itself takes for a request.
 */
#include <string.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"

#define EMPTY_ANSWER                                                  \
    "\"Wheel running job stopped. See the rotate request output now " \
    "to see the lucky number.\""

static int answer(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "bench-empty")) {
        return DECLINED;
    }
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, sizeof(EMPTY_ANSWER) - 1);
    ap_rputs(EMPTY_ANSWER, r);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(bench_empty) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, 0,
};
