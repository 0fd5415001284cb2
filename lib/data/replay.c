/* replay.c - see replay.h. */
#include "data/replay.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/internal.h"
#include "package/package.h"

struct entry {
    uint64_t hash;
    struct digest digest; /* of the content */
    uint32_t index;
    int32_t label; /* -1: not to be kept */
};

/* ---- choosing ---- */

struct hashing {
    const struct dataset *set;
    uint64_t seed;
    struct entry *entry;
};

static struct digest digest_content(const struct dataset *set, int64_t index)
{
    const size_t elements = (size_t)set->elements;

    return set->values != NULL ? digest_of(set->values + (size_t)index * elements, elements * sizeof(float))
                               : digest_of(set->pixels + (size_t)index * elements, elements);
}

static void hash_one(void *context, size_t index, int worker)
{
    const struct hashing *hashing = context;
    struct entry *entry = &hashing->entry[index];
    uint64_t bits = 0;

    (void)worker;
    entry->digest = digest_content(hashing->set, (int64_t)index);
    entry->index = (uint32_t)index;
    entry->label = hashing->set->label[index];
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | entry->digest.bytes[i];
    entry->hash = rng_stream("replay", hashing->seed, bits);
}

static int by_hash(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    const int order = memcmp(&x->digest, &y->digest, sizeof(x->digest));

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* By class; as they were within one. */
static int by_class(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->label != y->label ? (x->label > y->label) - (x->label < y->label) : by_hash(a, b);
}

/* What comes a second time has no class from now on: the label that was said first, that of the newer data, holds. */
static void drop_twins(struct entry *entry, int64_t count)
{
    int64_t first = 0;

    for (int64_t i = 1; i < count; i++) {
        if (entry[i].hash == entry[first].hash && digest_equal(&entry[i].digest, &entry[first].digest))
            entry[i].label = -1;
        else
            first = i;
    }
}

static int64_t sum_up_to(const int64_t *per_class, int classes, int64_t level)
{
    int64_t sum = 0;

    for (int c = 0; c < classes; c++)
        sum += per_class[c] < level ? per_class[c] : level;
    return sum;
}

/* per_class becomes how many each class keeps. */
static void share_out(int64_t *per_class, int classes, int64_t most)
{
    int64_t low = 0, high = most, left; /* a level of low fits */

    while (low < high) {
        const int64_t middle = low + (high - low + 1) / 2;

        if (sum_up_to(per_class, classes, middle) <= most)
            low = middle;
        else
            high = middle - 1;
    }
    left = most - sum_up_to(per_class, classes, low);
    for (int c = 0; c < classes; c++) {
        const bool more = per_class[c] > low;

        if (more)
            per_class[c] = low + (left > 0);
        left -= more && left > 0;
    }
}

static int64_t take(uint32_t *index, const struct entry *entry, int64_t count, int64_t *quota)
{
    int64_t taken = 0;

    for (int64_t i = 0; i < count; i++)
        if (entry[i].label >= 0 && quota[entry[i].label] > 0) {
            quota[entry[i].label]--;
            index[taken++] = entry[i].index;
        }
    return taken;
}

int replay_choose(uint32_t **index, int64_t *count, struct arena *arena, const struct dataset *set, int64_t most,
                  uint64_t seed, const struct job *job, struct error *err)
{
    struct hashing hashing = { set, seed, arena_array(arena, (size_t)set->count + 1, sizeof(struct entry)) };
    int64_t *quota = arena_array(arena, (size_t)set->label_count + 1, sizeof(*quota));

    *index = arena_array(arena, (size_t)set->count + 1, sizeof(**index));
    if (hashing.entry == NULL || quota == NULL || *index == NULL)
        return error_memory(err);
    pool_run(job != NULL ? job->pool : NULL, (size_t)set->count, hash_one, &hashing);
    qsort(hashing.entry, (size_t)set->count, sizeof(*hashing.entry), by_hash);
    drop_twins(hashing.entry, set->count);
    qsort(hashing.entry, (size_t)set->count, sizeof(*hashing.entry), by_class);
    for (int64_t i = 0; i < set->count; i++)
        if (hashing.entry[i].label >= 0)
            quota[hashing.entry[i].label]++;
    share_out(quota, set->label_count, most);
    *count = take(*index, hashing.entry, set->count, quota);
    return 0;
}

/* ---- writing ---- */

static int add_member(struct tar_writer *tar, const struct digest *digest, const char *ext, const void *bytes,
                      size_t count, struct error *err)
{
    char hex[65], name[65 + 8];

    snprintf(name, sizeof(name), "%.32s.%s", digest_hex(digest, hex), ext);
    return tar_add(tar, name, bytes, count, err);
}

static int add_pixels(struct tar_writer *tar, const struct digest *digest, const struct dataset *set, uint32_t index,
                      struct error *err)
{
    const struct preprocess *preprocess = &set->preprocess;
    const struct image image = { preprocess->height, preprocess->width, preprocess->channels,
                                 set->pixels + (size_t)index * (size_t)set->elements };
    uint8_t *png;
    size_t count;
    int rc;

    if (image_encode_png(&image, &png, &count, err) < 0)
        return -1;
    rc = add_member(tar, digest, "png", png, count, err);
    free(png);
    return rc;
}

static int add_values(struct tar_writer *tar, const struct digest *digest, const struct dataset *set, uint32_t index,
                      struct error *err)
{
    const struct tensor tensor = { .dtype = DTYPE_F32,
                                   .shape = set->shape,
                                   .data = set->values + (size_t)index * (size_t)set->elements };
    struct text npy = { 0 };
    int rc;

    npy_write(&npy, &tensor);
    rc = text_check(&npy, err);
    if (rc == 0)
        rc = add_member(tar, digest, "npy", npy.chars, npy.length, err);
    text_free(&npy);
    return rc;
}

/* The name, unless it is one that a .cls cannot say: blanks at its ends, or too long. Then its number. */
static const char *class_text(const struct dataset *set, uint32_t index, char number[16])
{
    const char *name = set->labels[set->label[index]];
    const size_t length = strlen(name);

    snprintf(number, 16, "%d", set->label[index]);
    if (length == 0 || length >= CLASS_BYTES || isspace((unsigned char)name[0]) ||
        isspace((unsigned char)name[length - 1]))
        return number;
    return name;
}

static int add_sample(struct tar_writer *tar, const struct dataset *set, uint32_t index, struct error *err)
{
    const struct digest digest = digest_content(set, index);
    char number[16];
    const char *class = class_text(set, index, number);

    if ((set->values != NULL ? add_values : add_pixels)(tar, &digest, set, index, err) < 0)
        return -1;
    return add_member(tar, &digest, "cls", class, strlen(class), err);
}

static int add_all(struct tar_writer *tar, const struct dataset *set, const uint32_t *index, int64_t count,
                   struct error *err)
{
    struct text header = { 0 };
    int rc = dataset_header(&header, set->labels, set->label_count, set->privacy, NULL, err);

    if (rc == 0)
        rc = tar_add(tar, ".dataset.yaml", header.chars, header.length, err);
    text_free(&header);
    for (int64_t i = 0; i < count && rc == 0; i++)
        rc = add_sample(tar, set, index[i], err);
    return rc;
}

int replay_write(struct text *out, const struct dataset *set, int64_t most, uint64_t seed, const struct job *job,
                 struct error *err)
{
    struct arena arena = { 0 };
    struct tar_writer *tar = NULL;
    uint32_t *index;
    int64_t count;
    int rc = replay_choose(&index, &count, &arena, set, most, seed, job, err);

    if (rc == 0) {
        tar = tar_create_text(out, err);
        rc = tar != NULL ? add_all(tar, set, index, count, err) : -1;
    }
    if (rc == 0)
        rc = tar_finish(tar, (uint64_t)count, err);
    else
        tar_abandon(tar);
    arena_free(&arena);
    return rc;
}
