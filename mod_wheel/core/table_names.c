/* SPDX-License-Identifier: Apache-2.0 */
/* core/table_names.c: which names have counters of their own.
 *
 * There are WHEEL_NAMES_MAX - 2 places.  A name that finds them all taken gets
 * that of the name which was used least recently, whose counters are added to
 * those of WHEEL_NAME_OTHER: so whoever invents names keeps no place for
 * longer than the names that are in use, and no sum ever goes back.
 *
 * With the mutex held.
 */
#include "core/table_private.h"

#include <string.h>

#include "apr_strings.h"

/* Do what the entry says, be it for the first time or again. */
static void replay(wheel_table_t *table)
{
    table_header_t *header = table->header;
    table_eviction_t entry;

    table_copy(&entry, &header->eviction, sizeof(entry));
    if (entry.index > WHEEL_NAME_NONE && entry.index < WHEEL_NAME_OTHER) {
        wheel_name_t *place = &header->names[entry.index];

        memcpy(header->names[WHEEL_NAME_OTHER].ended, entry.other,
               sizeof(entry.other));
        TABLE_STEP();
        memset(place->ended, 0, sizeof(place->ended));
        TABLE_STEP();
        table_copy_text(place->name, entry.name, sizeof(place->name));
        TABLE_STEP();
    }
    else {
        atomic_fetch_add_explicit(&table->damaged, 1, memory_order_relaxed);
    }
    /* Release: the stores above come first, also in a process that dies. */
    atomic_store_explicit(&header->eviction.valid, 0, memory_order_release);
}

void table_names_recover(wheel_table_t *table)
{
    if (atomic_load_explicit(&table->header->eviction.valid,
                             memory_order_acquire)) {
        replay(table);
    }
}

static void evict(wheel_table_t *table, unsigned index, const char *name)
{
    table_header_t *header = table->header;
    table_eviction_t *eviction = &header->eviction;
    unsigned end;

    eviction->index = index;
    apr_cpystrn(eviction->name, name, sizeof(eviction->name));
    for (end = 0; end < WHEEL_END_COUNT; end++) {
        eviction->other[end] = header->names[WHEEL_NAME_OTHER].ended[end] +
                               header->names[index].ended[end];
    }
    TABLE_STEP();
    /* Release: the entry is whole before it counts. */
    atomic_store_explicit(&eviction->valid, 1, memory_order_release);
    TABLE_STEP();
    replay(table);
}

static unsigned least_recently_used(const table_header_t *header)
{
    unsigned least = WHEEL_NAME_NONE + 1;
    unsigned n;

    for (n = least + 1; n < WHEEL_NAME_OTHER; n++) {
        if (header->names_used[n] < header->names_used[least]) {
            least = n;
        }
    }
    return least;
}

static unsigned place_of(wheel_table_t *table, const char *name)
{
    table_header_t *header = table->header;
    unsigned names_n = header->names_n;
    unsigned n;

    for (n = WHEEL_NAME_NONE + 1; n < names_n && n < WHEEL_NAME_OTHER; n++) {
        if (!strncmp(header->names[n].name, name, WHEEL_NAME_MAX + 1)) {
            return n;
        }
    }
    if (n == WHEEL_NAME_OTHER) {
        n = least_recently_used(header);
        evict(table, n, name);
        return n;
    }
    apr_cpystrn(header->names[n].name, name, sizeof(header->names[n].name));
    TABLE_STEP();
    header->names_n = n + 1;
    return n;
}

unsigned table_name_index(wheel_table_t *table, const char *name)
{
    table_header_t *header = table->header;
    unsigned place;

    if (!name || !*name) {
        return WHEEL_NAME_NONE;
    }
    place = place_of(table, name);
    header->names_used[place] = ++header->names_uses;
    return place;
}
