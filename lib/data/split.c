/*
 * split.c - one set into parts, each class in its share.
 *
 * Groups of samples (or single ones) come in an order drawn from the seed and
 * their names; each goes to the part that lacks its classes most. Where a
 * sample goes depends on the keys and classes of the set, never on the order
 * of its files.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "data/internal.h"

enum { MAX_PARTS = 16 };

struct entry {
    const char *group;
    uint64_t order; /* drawn: the same for all of a group */
    uint32_t index; /* which sample of the whole set */
    int32_t class;
};

struct split {
    struct arena arena;
    const char *const *paths;
    int path_count;
    const char *const *outs;
    const double *shares;
    int part_count;
    bool by_group;
    uint64_t seed;
    const struct job *job;
    struct header header;
    struct class_list classes;
    struct entry *entry;
    uint32_t count, room;
    uint8_t *part;   /* of each sample */
    int64_t *whole;  /* [class] samples */
    int64_t *placed; /* [part, class] */
};

/* ---- first reading: which samples there are ---- */

/* The key up to the first '-' of its last component: samples of one board, patient, day. */
static const char *group_of(struct split *split, const char *key)
{
    const char *name = strrchr(key, '/'), *dash = split->by_group ? strchr(name != NULL ? name : key, '-') : NULL;

    return arena_strndup(&split->arena, key, dash != NULL ? (size_t)(dash - key) : strlen(key));
}

static int note(struct split *split, const struct source *source, const struct item *item, struct error *err)
{
    struct entry *entry;
    int class = class_list_add(&split->classes, class_shown(source, item), err);

    if (class < 0)
        return -1;
    if (split->count == split->room) {
        uint32_t room = split->room * 2 + 1024;
        struct entry *longer = split->room > UINT32_MAX / 4 ? NULL : sys_realloc(split->entry, room * sizeof(*longer));

        if (longer == NULL)
            return error_memory(err);
        split->entry = longer;
        split->room = room;
    }
    entry = &split->entry[split->count];
    *entry = (struct entry){ .group = group_of(split, item->key), .index = split->count, .class = class };
    if (entry->group == NULL)
        return error_memory(err);
    entry->order = rng_stream(entry->group, split->seed, 0);
    split->count++;
    return 0;
}

static int note_all(struct split *split, struct sources *sources, struct error *err)
{
    for (int i = 0; i < sources->count; i++) {
        struct item item;
        int rc;

        while ((rc = source_next(sources->source[i], &item, err)) > 0)
            if (note(split, sources->source[i], &item, err) < 0)
                return -1;
        if (rc < 0)
            return -1;
    }
    return split->count > 0 ? 0 : error_set(err, ERROR_INPUT, "%s: no samples", split->paths[0]);
}

/* ---- who goes where ---- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int by_name;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    by_name = strcmp(x->group, y->group);
    return by_name != 0 ? by_name : x->index < y->index ? -1 : x->index > y->index;
}

/* The part for which these samples fill the largest gaps: of each class, what is due less what is there. */
static int neediest(const struct split *split, const struct entry *first, uint32_t count)
{
    double best = 0;
    int found = 0;

    for (int p = 0; p < split->part_count; p++) {
        const int64_t *placed = split->placed + (size_t)p * (size_t)split->classes.count;
        double need = 0;

        for (uint32_t i = 0; i < count; i++) {
            int class = first[i].class;

            need += split->shares[p] - (double)placed[class] / (double)split->whole[class];
        }
        if (split->shares[p] > 0 && (p == 0 || need > best)) {
            best = need;
            found = p;
        }
    }
    return found;
}

static int place(struct split *split, struct error *err)
{
    size_t classes = (size_t)split->classes.count;

    split->part = arena_alloc(&split->arena, split->count);
    split->whole = arena_array(&split->arena, classes, sizeof(*split->whole));
    split->placed = arena_array(&split->arena, classes * (size_t)split->part_count, sizeof(*split->placed));
    if (split->part == NULL || split->whole == NULL || split->placed == NULL)
        return error_memory(err);
    for (uint32_t i = 0; i < split->count; i++)
        split->whole[split->entry[i].class]++;
    qsort(split->entry, split->count, sizeof(*split->entry), compare_entries);
    for (uint32_t first = 0, end; first < split->count; first = end) {
        const struct entry *group = &split->entry[first];
        int part;

        for (end = first + 1; end < split->count && strcmp(split->entry[end].group, group->group) == 0;)
            end++;
        part = neediest(split, group, end - first);
        for (uint32_t i = first; i < end; i++) {
            split->part[split->entry[i].index] = (uint8_t)part;
            split->placed[(size_t)part * classes + (size_t)split->entry[i].class]++;
        }
    }
    return 0;
}

/* ---- second reading: copy ---- */

static int copy_all(struct split *split, struct sources *sources, struct shard *shards, struct error *err)
{
    uint32_t at = 0;

    for (int i = 0; i < sources->count; i++) {
        struct item item;
        int rc;

        while ((rc = source_next(sources->source[i], &item, err)) > 0) {
            if (at == split->count)
                break;
            if (shard_copy(&shards[split->part[at++]], &split->header, sources->source[i], &item, err) < 0)
                return -1;
            job_step(split->job, "splitting", at, split->count);
        }
        if (rc < 0)
            return -1;
    }
    return at == split->count ? 0 : error_set(err, ERROR_INPUT, "%s: changed while it was read", split->paths[0]);
}

static int write_parts(struct split *split, struct sources *sources, struct error *err)
{
    struct shard shards[MAX_PARTS];
    int open = 0, rc = 0;

    while (open < split->part_count && rc == 0) {
        rc = shard_open(&shards[open], split->outs[open], &split->header, err);
        open += rc == 0;
    }
    if (rc == 0)
        rc = copy_all(split, sources, shards, err);
    for (int i = 0; i < open && rc == 0; i++)
        rc = shard_finish(&shards[i], err); /* a new part beside an old one would share samples with it */
    for (int i = 0; i < open; i++) {
        if (rc == 0)
            rc = shard_commit(&shards[i], err);
        else
            shard_abort(&shards[i]);
    }
    return rc;
}

/* ---- the whole ---- */

static int check(const struct split *split, struct error *err)
{
    double sum = 0;

    if (split->part_count < 1 || split->part_count > MAX_PARTS)
        return error_set(err, ERROR_USAGE, "%d parts, expected 1 to %d", split->part_count, MAX_PARTS);
    for (int i = 0; i < split->part_count; i++) {
        if (!(split->shares[i] > 0))
            return error_set(err, ERROR_USAGE, "share %d is not above 0", i + 1);
        sum += split->shares[i];
    }
    if (!(sum > 0.999 && sum < 1.001))
        return error_set(err, ERROR_USAGE, "shares sum to %g, expected 1", sum);
    for (int i = 0; i < split->path_count; i++)
        if (strcmp(split->paths[i], "-") == 0)
            return error_set(err, ERROR_USAGE, "standard input cannot be split: the set is read twice");
    return 0;
}

static int run(struct split *split, struct error *err)
{
    struct sources sources;
    int rc = sources_open(&sources, &split->arena, split->paths, split->path_count, err);

    if (rc == 0)
        rc = header_join(&split->header, &split->arena, sources.source, sources.count, err);
    if (rc == 0)
        rc = note_all(split, &sources, err);
    sources_close(&sources);
    if (rc == 0)
        rc = place(split, err);
    if (rc < 0)
        return -1;
    rc = sources_open(&sources, &split->arena, split->paths, split->path_count, err);
    if (rc == 0)
        rc = write_parts(split, &sources, err);
    sources_close(&sources);
    return rc;
}

int dataset_split(const char *const *paths, int path_count, const char *const *outs, const double *shares,
                  int part_count, bool by_group, uint64_t seed, const struct job *job, struct error *err)
{
    struct split split = { .paths = paths,
                           .path_count = path_count,
                           .outs = outs,
                           .shares = shares,
                           .part_count = part_count,
                           .by_group = by_group,
                           .seed = seed,
                           .job = job };
    int rc;

    split.classes.arena = &split.arena;
    rc = check(&split, err);
    if (rc == 0)
        rc = run(&split, err);
    free(split.entry);
    arena_free(&split.arena);
    return rc;
}
