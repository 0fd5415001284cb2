#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "merge/internal.h"
#include "merge/round.h"

const char *round_state_name(enum round_state state)
{
    static const char *const names[] = { "here", "missing", "refused" };

    return names[state];
}

/* SITE of "round-0007/SITE.update". */
static bool is_of(const char *path, const char *site)
{
    const char *name = path_name(path);
    const size_t length = strlen(site);

    return strncmp(name, site, length) == 0 && strcmp(name + length, ".update") == 0;
}

static struct round_row *add(struct round_status *status, enum round_state state)
{
    struct round_row *row = &status->row[status->count++];

    *row = (struct round_row){ .state = state };
    status->here += state == ROUND_HERE;
    status->missing += state == ROUND_MISSING;
    status->refused += state == ROUND_REFUSED;
    return row;
}

static int add_refused(struct round_status *status, struct arena *arena, const char *path, const struct error *why,
                       struct error *err)
{
    struct round_row *row = add(status, ROUND_REFUSED);
    const char *place = arena_printf(arena, "%s: ", path);

    if (place == NULL)
        return error_memory(err);
    row->path = path;
    row->why = arena_strdup(arena, strncmp(why->message, place, strlen(place)) == 0 ? why->message + strlen(place)
                                                                                    : why->message);
    return row->why ? 0 : error_memory(err);
}

/* A row, unless the fault is not the update's. */
static int note_refused(const struct merge *merge, struct round_status *status, const char *path,
                        const struct error *why, struct error *err)
{
    if (why->kind != ERROR_LIMIT && why->kind != ERROR_INTERNAL)
        return add_refused(status, merge->arena, path, why, err);
    if (err != NULL)
        *err = *why;
    return -1;
}

/* Good ones stay in merge->site. */
static int look_at_all(struct merge *merge, const char *const *paths, int count, struct round_status *status,
                       struct error *err)
{
    for (int i = 0; i < count; i++) {
        struct error why = { 0 };

        if (admit_one(merge, paths[i], &why) == 0)
            continue;
        if (note_refused(merge, status, paths[i], &why, err) < 0)
            return -1;
    }
    return 0;
}

/* Those that do harm by themselves are good no more. */
static int note_harmful(struct merge *merge, const struct site *site, struct error *why, void *user, struct error *err)
{
    struct round_status *status = user;

    if (note_refused(merge, status, site->path, why, err) < 0)
        return -1;
    status->row[status->count - 1].site = site->update.site;
    return 0;
}

/* All that are good, and those that would not be once they are added up. */
static int add_here(struct merge *merge, struct round_status *status, struct error *err)
{
    struct merge_report report = { 0 };
    int good = 0;

    clip_all(merge, &report);
    for (int i = 0; i < merge->site_count; i++) {
        const struct site *site = &merge->site[i];
        struct error why = { 0 };
        struct round_row *row;

        if (admit_check_large(merge, site, &why) < 0) {
            if (add_refused(status, merge->arena, site->path, &why, err) < 0)
                return -1;
            continue;
        }
        row = add(status, ROUND_HERE);
        row->path = site->path;
        row->site = site->update.site;
        row->examples = site->update.examples;
        status->round = site->update.round;
        good++;
    }
    admit_close(merge);
    merge->site_count = good; /* closed: only their number counts from here */
    (void)!admit_enough(merge, status->count, &status->lacking);
    return 0;
}

/* Whoever is enrolled and neither here nor refused is missing; a file that bears a site's name is its. */
static void add_missing(const struct merge_keys *keys, struct round_status *status)
{
    const int known = status->count;

    for (int k = 0; k < keys->count; k++) {
        bool there = false;

        for (int i = 0; i < known; i++) {
            struct round_row *row = &status->row[i];

            if (row->state == ROUND_REFUSED && row->site == NULL && is_of(row->path, keys->site[k]))
                row->site = keys->site[k];
            there = there || (row->site != NULL && strcmp(row->site, keys->site[k]) == 0);
        }
        if (!there)
            add(status, ROUND_MISSING)->site = keys->site[k];
    }
}

static int by_site(const void *a, const void *b)
{
    const struct round_row *x = a, *y = b;

    if (x->site == NULL || y->site == NULL)
        return x->site == y->site ? strcmp(x->path, y->path) : (x->site == NULL) - (y->site == NULL);
    return strcmp(x->site, y->site);
}

int round_look(struct model *base, const char *const *paths, int count, const struct merge_options *options,
               const struct job *job, struct arena *arena, struct round_status *status, struct error *err)
{
    struct merge merge = { .base = base, .options = options, .job = job, .arena = arena };
    const int enrolled = options->keys ? options->keys->count : 0;
    int rc = 0;

    *status = (struct round_status){ .round = options->round };
    merge.combiner = combiner_of(options->combine.how);
    merge.site = arena_array(arena, (size_t)count + 1, sizeof(*merge.site));
    status->row = arena_array(arena, (size_t)count + (size_t)enrolled + 1, sizeof(*status->row));
    if (merge.site == NULL || status->row == NULL)
        return error_memory(err);
    if (model_identity(base, &merge.base_digest, err) < 0)
        return -1;
    rc = look_at_all(&merge, paths, count, status, err);
    if (rc == 0)
        rc = judge_all(&merge, note_harmful, status, err);
    if (rc == 0)
        rc = add_here(&merge, status, err);
    if (rc < 0)
        admit_close(&merge);
    if (rc == 0 && options->keys != NULL)
        add_missing(options->keys, status);
    if (rc == 0)
        qsort(status->row, (size_t)status->count, sizeof(*status->row), by_site);
    return rc;
}
