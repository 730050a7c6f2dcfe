/* SPDX-License-Identifier: Apache-2.0 */
/* t/modules/mod_test_hostile.c: a child under foreign control, which lies in
 * the shared slots of requests about pids, threads and ids.
 *
 *   test-hostile?PID:TID:ID:MARK:DRAIN,...
 *
 * For each of these, a slot says that a request with that id runs in that
 * thread, was stopped long ago if it has a mark, is to be cut and cooled down
 * by now; if the last number is 1, its process is to be drained, too, else its
 * handler is a CGI script.  The first lie stands in the slot of this request.
 * Then it waits until there is a file "end" in the document root.
 *
 *   test-hostile-slots
 *
 * All free slots are taken until there is the file "end".
 *
 *   test-hostile-scoreboard
 *
 * The scoreboard says that it has places for more than it has.
 *
 *   test-hostile-noise
 *
 * Random words all over the memory that processes share, but for the
 * scoreboard and mutexes, until there is the file "end".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "httpd.h"
#include "apr_strings.h"
#include "http_config.h"
#include "http_core.h"
#include "http_protocol.h"
#include "scoreboard.h"

#include "core/request_private.h"

/* As core/request_slots.c has it. */
#define WORD(id, mark) ((apr_uint64_t)(id) << 8 | (mark))

/* The slots, from that of this request on, to the end of the segment; and those
 * before. */
typedef struct slots_t {
    slots_slot_t *all;
    slots_slot_t *first;
    slots_slot_t *end;
} slots_t;

/* The slot that has this path and this process. */
static int find_own(char *from, const char *to, const char *path,
                    slots_t *slots)
{
    const size_t path_at =
        offsetof(slots_slot_t, facts) + offsetof(wheel_request_facts_t, path);
    char *at;

    for (at = from; at + sizeof(slots_slot_t) <= to; at += SLOTS_LINE_BYTES) {
        slots_slot_t *slot = (slots_slot_t *)at;

        if (!strncmp(at + path_at, path, WHEEL_REQUEST_PATH_BYTES) &&
            slot->owner >> 32 == (apr_uint64_t)getpid()) {
            slots->all = slot - (at - from - sizeof(slots_counts_t)) /
                                    sizeof(slots_slot_t);
            slots->first = slot;
            slots->end = slot + (to - at) / (apr_ssize_t)sizeof(*slot);
            return 1;
        }
    }
    return 0;
}

/* In any memory that processes share and that has no name. */
static int find_slots(const char *path, slots_t *slots)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    int found = 0;

    while (maps && !found && fgets(line, sizeof(line), maps)) {
        unsigned long from;
        unsigned long to;

        found = sscanf(line, "%lx-%lx rw-s", &from, &to) == 2 &&
                strstr(line, "rw-s") && strstr(line, "/dev/zero") &&
                find_own((char *)from, (char *)to, path, slots);
    }
    if (maps) {
        fclose(maps);
    }
    return found;
}

static void lie(slots_slot_t *slot, const unsigned long *said)
{
    wheel_request_facts_t facts;
    apr_uint64_t words[FACTS_WORDS];
    size_t n;

    memset(&facts, 0, sizeof(facts)); /* each step is due at once */
    facts.client_fd = -1;
    facts.drain_after = said[4] ? 0 : INT64_MAX;
    memcpy(words, &facts, sizeof(facts));
    slot->word = 0;
    for (n = 0; n < FACTS_WORDS; n++) {
        slot->facts[n] = words[n];
    }
    slot->owner = said[0] << 32 | said[1];
    slot->marked_usec = 1;
    slot->kind = said[4] ? WHEEL_KIND_OTHER : WHEEL_KIND_CGI;
    slot->has_processes = !said[4];
    slot->word = WORD(said[2], said[3]);
}

static int handle(request_rec *r)
{
    const char *end = apr_pstrcat(r->pool, ap_document_root(r), "/end", NULL);
    slots_t slots;
    char *next;
    char *one;

    if (strcmp(r->handler, "test-hostile")) {
        return DECLINED;
    }
    if (!r->args || !find_slots(r->uri, &slots)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (one = apr_strtok(apr_pstrdup(r->pool, r->args), ",", &next);
         one && slots.first < slots.end; one = apr_strtok(NULL, ",", &next)) {
        unsigned long said[5] = {0};

        sscanf(one, "%lu:%lu:%lu:%lu:%lu", &said[0], &said[1], &said[2],
               &said[3], &said[4]);
        lie(slots.first, said);
        do {
            slots.first++;
        } while (slots.first < slots.end && slots.first->word);
    }
    while (access(end, F_OK) != 0) {
        apr_sleep(10 * 1000);
    }
    ap_rputs("done\n", r);
    return OK;
}

static int handle_slots(request_rec *r)
{
    const char *end = apr_pstrcat(r->pool, ap_document_root(r), "/end", NULL);
    const apr_uint64_t taken = (apr_uint64_t)getpid() << 32 | 1;
    slots_slot_t *slot;
    slots_t slots;

    if (strcmp(r->handler, "test-hostile-slots")) {
        return DECLINED;
    }
    if (!find_slots(r->uri, &slots)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (slot = slots.all; slot < slots.end; slot++) {
        slot->owner = slot->owner ? slot->owner : taken;
    }
    ap_rputs("taken\n", r);
    ap_rflush(r);
    while (access(end, F_OK) != 0) {
        apr_sleep(10 * 1000);
    }
    for (slot = slots.all; slot < slots.end; slot++) {
        slot->owner = slot->owner == taken ? 0 : slot->owner;
    }
    return OK;
}

static int handle_scoreboard(request_rec *r)
{
    global_score *global = ap_scoreboard_image->global;

    if (strcmp(r->handler, "test-hostile-scoreboard")) {
        return DECLINED;
    }
    global->server_limit = global->thread_limit = 1 << 20;
    ap_rputs("done\n", r);
    return OK;
}

static int is_over(const char *end)
{
    return access(end, F_OK) == 0;
}

typedef struct area_t {
    apr_uint64_t *words;
    size_t words_n;
} area_t;

#define AREAS_MAX 16

/* Mutexes stand in less: a child can always keep them from the others. */
#define NOISE_AREA_MIN 8192

static unsigned find_areas(area_t *areas)
{
    const char *board = (const char *)ap_scoreboard_image->global;
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    unsigned found = 0;

    while (maps && found < AREAS_MAX && fgets(line, sizeof(line), maps)) {
        unsigned long from;
        unsigned long to;

        if (sscanf(line, "%lx-%lx rw-s", &from, &to) == 2 &&
            strstr(line, "rw-s") && strstr(line, "/dev/zero") &&
            to - from > NOISE_AREA_MIN &&
            (board < (char *)from || board >= (char *)to)) {
            areas[found].words = (apr_uint64_t *)from;
            areas[found++].words_n = (to - from) / sizeof(apr_uint64_t);
        }
    }
    if (maps) {
        fclose(maps);
    }
    return found;
}

/* What code may stumble over, beside what stands there. */
static apr_uint64_t any_word(const area_t *area, unsigned *seed)
{
    apr_uint64_t word = (apr_uint64_t)rand_r(seed) << 33 ^
                        (apr_uint64_t)rand_r(seed) << 11 ^ rand_r(seed);

    switch (rand_r(seed) % 8) {
    case 0:
        return ~(apr_uint64_t)0 >> (word & 63);
    case 1:
        return (apr_uint64_t)1 << (word & 63);
    case 2:
        return (apr_uint64_t)getppid() << 32 | (apr_uint32_t)getppid();
    case 3:
        return 0;
    case 4:
        return word & 0xff;
    case 5:
        return area->words[word % area->words_n];
    case 6:
        return (apr_uint64_t)1 << 32 | 1;
    default:
        return word;
    }
}

static int handle_noise(request_rec *r)
{
    const char *end = apr_pstrcat(r->pool, ap_document_root(r), "/end", NULL);
    unsigned seed = (unsigned)getpid();
    area_t areas[AREAS_MAX];
    unsigned areas_n;
    int n;

    if (strcmp(r->handler, "test-hostile-noise")) {
        return DECLINED;
    }
    areas_n = find_areas(areas);
    while (areas_n && !is_over(end)) {
        for (n = 0; n < 20000; n++) {
            const area_t *area = &areas[rand_r(&seed) % areas_n];

            area->words[rand_r(&seed) % area->words_n] = any_word(area, &seed);
        }
        apr_sleep(1000);
    }
    ap_rprintf(r, "done %u\n", areas_n);
    return OK;
}

static void register_hooks(apr_pool_t *pconf)
{
    (void)pconf;
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle_slots, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle_scoreboard, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handle_noise, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_hostile) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
    AP_MODULE_FLAG_NONE,
};
