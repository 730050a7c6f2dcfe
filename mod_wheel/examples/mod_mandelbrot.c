/* SPDX-License-Identifier: Apache-2.0 */
/* mod_mandelbrot.c: a picture of the Mandelbrot set, as far as one gets.
 *
 *   SetHandler mandelbrot
 *   GET /mandelbrot?size=800&depth=5000&msec=500
 *
 * Shows how to run work in a companion and to answer with what there is when
 * it is stopped.  The picture is computed from coarse to fine: each pass
 * halves the distance of the pixels, and hands over line by line in the order
 * of computing.  The worker repeats the passes to find where each value goes,
 * and lets it stand for the whole square that no finer pass has reached.
 */
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "apr_strings.h"

#include "mod_wheel.h"

/* Distance of the first pass's pixels; the last one's is 1. */
#define FIRST_STEP 16

#define SIZE_DEFAULT 400
#define SIZE_MAX_PIXELS 2048
#define DEPTH_DEFAULT 1000
#define DEPTH_MAX 100000

/* Iterations from one look to the next: some 40 microseconds. */
#define LOOK_ITERATIONS 16384

module AP_MODULE_DECLARE_DATA mandelbrot_module;

static APR_OPTIONAL_FN_TYPE(wheel_job_run) * job_run;

/* What to draw: the whole baton. */
typedef struct picture_t {
    unsigned size;  /* pixels of a side */
    unsigned depth; /* iterations that tell inside from outside */
} picture_t;

/* --- The work: no request, pool or malloc in here ------------------------ */

static unsigned iterations(double real, double imaginary, unsigned depth)
{
    double x = 0;
    double y = 0;
    unsigned n;

    for (n = 0; n < depth && x * x + y * y <= 4; n++) {
        double next = x * x - y * y + real;

        y = 2 * x * y + imaginary;
        x = next;
    }
    return n;
}

/* Was this pixel a part of a coarser pass? */
static int is_old(unsigned column, unsigned row, unsigned step)
{
    return step < FIRST_STEP && column % (2 * step) == 0 &&
           row % (2 * step) == 0;
}

static void draw(wheel_job_t *job, void *baton)
{
    const picture_t *picture = baton;
    unsigned char *line = wheel_job_memory(job);
    double scale = 3.0 / picture->size;
    apr_uint64_t pixels = 0;
    unsigned since_look = 0;
    unsigned step;
    unsigned row;
    unsigned column;

    for (step = FIRST_STEP; step >= 1; step /= 2) {
        for (row = 0; row < picture->size; row += step) {
            unsigned filled = 0;

            for (column = 0; column < picture->size; column += step) {
                unsigned n;

                if (is_old(column, row, step)) {
                    continue;
                }
                if (wheel_job_stopped(job)) {
                    return;
                }
                n = iterations(column * scale - 2.25, row * scale - 1.5,
                               picture->depth);
                line[filled++] = n == picture->depth ? 0 : 255 - n % 200;
                since_look += n;
                if (since_look >= LOOK_ITERATIONS) {
                    since_look = 0;
                    wheel_job_look(job);
                }
            }
            wheel_job_append(job, line, filled);
            pixels += filled;
            wheel_job_progress(job, pixels, step);
        }
    }
}

/* --- The answer ----------------------------------------------------------- */

static void fill(unsigned char *pixels, unsigned size, unsigned column,
                 unsigned row, unsigned step, unsigned char value)
{
    unsigned width = column + step > size ? size - column : step;
    unsigned y;

    for (y = row; y < row + step && y < size; y++) {
        memset(pixels + (apr_size_t)y * size + column, value, width);
    }
}

/* Put the values where their pixels are, as many as there are. */
static void place(unsigned char *pixels, unsigned size,
                  const unsigned char *values, apr_size_t values_n)
{
    apr_size_t n = 0;
    unsigned step;
    unsigned row;
    unsigned column;

    for (step = FIRST_STEP; step >= 1; step /= 2) {
        for (row = 0; row < size; row += step) {
            for (column = 0; column < size; column += step) {
                if (is_old(column, row, step)) {
                    continue;
                }
                if (n == values_n) {
                    return;
                }
                fill(pixels, size, column, row, step, values[n++]);
            }
        }
    }
}

static int send_png(request_rec *r, const unsigned char *pixels, unsigned size)
{
    png_image image;
    png_alloc_size_t bytes = 0;
    void *png;

    memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
    image.width = image.height = size;
    image.format = PNG_FORMAT_GRAY;
    bytes = PNG_IMAGE_PNG_SIZE_MAX(image);
    png = apr_palloc(r->pool, bytes);
    if (!png_image_write_to_memory(&image, png, &bytes, 0, pixels, 0, NULL)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, "image/png");
    ap_set_content_length(r, bytes);
    ap_rwrite(png, (int)bytes, r);
    return OK;
}

/* A number out of the query. */
static apr_uint64_t number_of(request_rec *r, const char *name,
                              apr_uint64_t otherwise, apr_uint64_t max)
{
    char *rest = apr_pstrdup(r->pool, r->args ? r->args : "");
    char *part = apr_strtok(rest, "&", &rest);

    for (; part; part = apr_strtok(NULL, "&", &rest)) {
        char *value = strchr(part, '=');

        if (value && (apr_size_t)(value - part) == strlen(name) &&
            !strncmp(part, name, value - part)) {
            apr_uint64_t number = strtoull(value + 1, NULL, 10);

            return number < 1 || number > max ? otherwise : number;
        }
    }
    return otherwise;
}

static int handler(request_rec *r)
{
    wheel_spec_t spec;
    wheel_result_t result;
    picture_t picture;
    apr_size_t pixels_n;
    unsigned char *pixels;
    apr_uint64_t wait;
    apr_status_t rv;
    int status;

    if (strcmp(r->handler, "mandelbrot")) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        return HTTP_METHOD_NOT_ALLOWED;
    }
    picture.size = number_of(r, "size", SIZE_DEFAULT, SIZE_MAX_PIXELS);
    picture.depth = number_of(r, "depth", DEPTH_DEFAULT, DEPTH_MAX);
    wait = number_of(r, "msec", 0, 3600 * 1000);
    pixels_n = (apr_size_t)picture.size * picture.size;
    pixels = apr_pcalloc(r->pool, pixels_n);

    wheel_spec_init(&spec);
    spec.name = "mandelbrot";
    spec.work = draw;
    spec.baton = &picture;
    spec.baton_bytes = sizeof(picture);
    spec.memory_bytes = picture.size; /* a line */
    spec.result = apr_palloc(r->pool, pixels_n);
    spec.result_bytes = pixels_n;
    if (wait) {
        spec.wait_max = apr_time_from_msec(wait);
    }
    rv =
        job_run ? job_run(r, &spec, &result) : wheel_work_alone(&spec, &result);
    if (rv == APR_EAGAIN) {
        apr_table_setn(r->err_headers_out, "Retry-After", "1");
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (rv != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (result.end == WHEEL_END_GONE) {
        return OK;
    }
    apr_table_setn(r->headers_out, "Mandelbrot-Ended-By",
                   wheel_end_name(result.end));
    apr_table_setn(
        r->headers_out, "Mandelbrot-Pixels",
        apr_psprintf(r->pool, "%" APR_SIZE_T_FMT, result.result_bytes));
    place(pixels, picture.size, spec.result, result.result_bytes);
    status = send_png(r, pixels, picture.size);
    if (result.end == WHEEL_END_SHUTDOWN) {
        ap_rflush(r); /* the process may not live to do it later */
    }
    return status;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    (void)s;
    job_run =
        wheel_api_is_there() ? APR_RETRIEVE_OPTIONAL_FN(wheel_job_run) : NULL;
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(mandelbrot) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
