/* stats.c - a set described: how many of what, how large, how bright. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "data/internal.h"

/* Of one image, or of many: whole numbers, so that no order of adding matters. */
struct levels {
    int channels; /* 0: nothing yet */
    uint64_t pixels, sum[3], squares[3];
};

struct stats {
    struct arena *arena;
    const struct job *job;
    const char *path;
    struct gather gather;
    struct image shape[GATHER_SAMPLES]; /* sizes only */
    struct levels levels[GATHER_SAMPLES];
    struct error failed[GATHER_SAMPLES];
    int64_t samples, images, bytes, unlabelled;
    int low[2], high[2]; /* height, width */
    struct levels gray, rgb;
    struct class_list classes;
    int64_t *per_class; /* room as classes has */
    int class_room;
};

/* ---- one image, on any thread ---- */

static void sum_levels(struct levels *levels, const struct image *image)
{
    size_t channels = (size_t)image->channels;

    *levels = (struct levels){ .channels = image->channels,
                               .pixels = (uint64_t)image->height * (uint64_t)image->width };
    for (size_t i = 0; i < levels->pixels * channels; i += channels)
        for (size_t c = 0; c < channels; c++) {
            levels->sum[c] += image->pixels[i + c];
            levels->squares[c] += (uint64_t)image->pixels[i + c] * image->pixels[i + c];
        }
}

static void measure_one(void *context, size_t index, int worker)
{
    struct stats *stats = context;
    const struct item *item = &stats->gather.item[index];
    struct image *image = &stats->shape[index];

    (void)worker;
    stats->failed[index].kind = ERROR_NONE;
    stats->levels[index].channels = 0;
    if (item->ext != NULL && strcmp(item->ext, "npy") == 0)
        return;
    if (item_decode(image, item, 0, &stats->failed[index]) < 0)
        return;
    sum_levels(&stats->levels[index], image);
    image_free(image);
}

/* ---- all of them, in order ---- */

static void add_levels(struct levels *to, const struct levels *from)
{
    to->channels = from->channels;
    to->pixels += from->pixels;
    for (int c = 0; c < from->channels; c++) {
        to->sum[c] += from->sum[c];
        to->squares[c] += from->squares[c];
    }
}

static void add_size(struct stats *stats, const struct image *image)
{
    int side[2] = { image->height, image->width };

    for (int i = 0; i < 2; i++) {
        stats->low[i] = stats->images == 0 || side[i] < stats->low[i] ? side[i] : stats->low[i];
        stats->high[i] = side[i] > stats->high[i] ? side[i] : stats->high[i];
    }
    stats->images++;
}

static int count_class(struct stats *stats, const char *name, int64_t by, struct error *err)
{
    int class = class_list_add(&stats->classes, name, err);

    if (class < 0)
        return -1;
    if (stats->class_room < stats->classes.room) {
        stats->per_class = arena_grow(stats->arena, stats->per_class, (size_t)stats->class_room,
                                      (size_t)stats->classes.room, sizeof(*stats->per_class));
        if (stats->per_class == NULL)
            return error_memory(err);
        stats->class_room = stats->classes.room;
    }
    stats->per_class[class] += by;
    return 0;
}

static int add_item(struct stats *stats, const struct source *source, int i, struct error *err)
{
    const struct item *item = &stats->gather.item[i];
    const struct levels *levels = &stats->levels[i];

    if (stats->failed[i].kind != ERROR_NONE) {
        *err = stats->failed[i];
        return sample_error(err, stats->path, item->key);
    }
    if (levels->channels > 0) {
        add_size(stats, &stats->shape[i]);
        add_levels(levels->channels == 1 ? &stats->gray : &stats->rgb, levels);
    }
    stats->samples++;
    stats->bytes += (int64_t)item->count;
    if (item->class_text == NULL) {
        stats->unlabelled++;
        return 0;
    }
    return count_class(stats, class_shown(source, item), 1, err);
}

static int add_source(struct stats *stats, struct source *source, struct error *err)
{
    int n, own_count;
    const char *const *own = source_labels(source, &own_count);

    for (int i = 0; i < own_count && own != NULL; i++) /* in their order, also those without a sample */
        if (count_class(stats, own[i], 0, err) < 0)
            return -1;
    while ((n = gather_next(&stats->gather, source, GATHER_SAMPLES, err)) > 0) {
        pool_run(stats->job != NULL ? stats->job->pool : NULL, (size_t)n, measure_one, stats);
        for (int i = 0; i < n; i++)
            if (add_item(stats, source, i, err) < 0)
                return -1;
        job_step(stats->job, "measuring", (uint64_t)stats->samples, 0);
    }
    return n;
}

/* ---- as a tree ---- */

static void add_range(const struct stats *stats, struct tree *map, const char *key, int i)
{
    struct tree *range = tree_add_map(stats->arena, map, key);

    tree_add_int(stats->arena, range, "min", stats->low[i]);
    tree_add_int(stats->arena, range, "max", stats->high[i]);
}

/* Of the 0..1 scale. Gray images count in all three channels where others have colour. */
static void add_brightness(const struct stats *stats, struct tree *map)
{
    int channels = stats->rgb.channels > 0 ? 3 : 1;
    struct tree *mean, *deviation;
    struct levels all = stats->rgb;

    all.pixels += stats->gray.pixels;
    for (int c = 0; c < channels; c++) {
        all.sum[c] += stats->gray.sum[0];
        all.squares[c] += stats->gray.squares[0];
    }
    tree_add_int(stats->arena, map, "channels", channels);
    mean = tree_add_list(stats->arena, map, "mean");
    deviation = tree_add_list(stats->arena, map, "std");
    for (int c = 0; c < channels; c++) {
        double centre = (double)all.sum[c] / (double)all.pixels;
        double variance = (double)all.squares[c] / (double)all.pixels - centre * centre;

        tree_add_real(stats->arena, mean, NULL, round(centre / 255 * 1e6) / 1e6);
        tree_add_real(stats->arena, deviation, NULL, round(sqrt(variance > 0 ? variance : 0) / 255 * 1e6) / 1e6);
    }
}

struct counted {
    const char *name;
    int64_t samples;
};

static int compare_numbers(const void *a, const void *b)
{
    int x = class_number(((const struct counted *)a)->name), y = class_number(((const struct counted *)b)->name);

    return x < y ? -1 : x > y;
}

/* Classes that are just numbers go by size; names stay as they came. */
static int add_classes(const struct stats *stats, struct tree *map, struct error *err)
{
    struct tree *classes = tree_add_map(stats->arena, map, "classes");
    size_t count = (size_t)stats->classes.count;
    struct counted *counted = arena_array(stats->arena, count + 1, sizeof(*counted));
    bool numbers = true;

    if (counted == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        counted[i] = (struct counted){ stats->classes.name[i], stats->per_class[i] };
        numbers = numbers && class_number(counted[i].name) >= 0;
    }
    if (numbers)
        qsort(counted, count, sizeof(*counted), compare_numbers);
    for (size_t i = 0; i < count; i++)
        tree_add_int(stats->arena, classes, counted[i].name, counted[i].samples);
    return 0;
}

static int to_tree(const struct stats *stats, enum privacy privacy, const struct digest *digest, struct tree **out,
                   struct error *err)
{
    struct tree *map = tree_map(stats->arena);
    char hex[65];

    tree_add_int(stats->arena, map, "samples", stats->samples);
    if (add_classes(stats, map, err) < 0)
        return -1;
    if (stats->unlabelled > 0)
        tree_add_int(stats->arena, map, "unlabelled", stats->unlabelled);
    tree_add_int(stats->arena, map, "bytes", stats->bytes);
    if (stats->images > 0) {
        add_range(stats, map, "height", 0);
        add_range(stats, map, "width", 1);
        add_brightness(stats, map);
    }
    tree_add_text(stats->arena, map, "privacy", privacy_name(privacy));
    if (tree_add_text(stats->arena, map, "sha256", digest_hex(digest, hex)) == NULL)
        return error_memory(err);
    *out = map;
    return 0;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

int dataset_stats(struct arena *arena, const char *const *paths, int path_count, struct tree **out,
                  const struct job *job, struct error *err)
{
    struct stats *stats = sys_alloc(sizeof(*stats));
    struct digest *digest = arena_array(arena, (size_t)path_count + 1, sizeof(*digest)), whole;
    enum privacy privacy = PRIVACY_PUBLIC;
    int rc = 0;

    if (stats == NULL || digest == NULL) {
        free(stats);
        return error_memory(err);
    }
    stats->arena = stats->classes.arena = arena;
    stats->job = job;
    for (int i = 0; i < path_count && rc == 0; i++) {
        struct source *source = source_open(paths[i], err);

        stats->path = paths[i];
        rc = source == NULL ? -1 : add_source(stats, source, err);
        if (rc == 0) {
            digest[i] = source_digest(source);
            privacy = source_privacy(source) > privacy ? source_privacy(source) : privacy;
        }
        source_close(source);
    }
    if (rc == 0 && stats->samples == 0)
        rc = error_set(err, ERROR_INPUT, "%s: no samples", path_count > 0 ? paths[0] : "no data");
    if (rc == 0) {
        qsort(digest, (size_t)path_count, sizeof(*digest), compare_digests);
        whole = digest_of(digest, (size_t)path_count * sizeof(*digest));
        rc = to_tree(stats, privacy, path_count == 1 ? &digest[0] : &whole, out, err);
    }
    gather_free(&stats->gather);
    free(stats);
    return rc;
}
