/* SPDX-License-Identifier: Apache-2.0 */
/* mod_test_itk.c: an empty module that httpd knows as mpm_itk, which not every
 * machine of a test has. */
#include "httpd.h"
#include "http_config.h"

module AP_MODULE_DECLARE_DATA test_itk_module = {
    MODULE_MAGIC_NUMBER_MAJOR,
    MODULE_MAGIC_NUMBER_MINOR,
    -1,
    "mpm_itk.c",
    NULL,
    NULL,
    MODULE_MAGIC_COOKIE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    0,
};
