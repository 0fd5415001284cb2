/* synth_shard.c - drawn joints into a shard: drawn and packed by all threads, written in order. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "data/internal.h"

enum { BATCH = 96, MIN_SIZE = 16, MAX_SIZE = 512 };

struct drawing {
    const struct synth_options *options;
    int64_t first;
    uint8_t *pixels; /* [BATCH, size, size, 3] */
    uint8_t *png[BATCH];
    size_t count[BATCH];
    int class[BATCH];
    struct error failed[BATCH];
};

static void draw_one(void *context, size_t index, int worker)
{
    struct drawing *drawing = context;
    int size = drawing->options->size;
    struct image image = { size, size, 3, drawing->pixels + index * (size_t)size * (size_t)size * 3 };

    (void)worker;
    drawing->class[index] = synth_draw(drawing->options, drawing->first + (int64_t)index, image.pixels);
    if (image_encode_png(&image, &drawing->png[index], &drawing->count[index], &drawing->failed[index]) < 0)
        drawing->png[index] = NULL;
}

/* "SITE-000042"; another seed's samples have other names, so that both fit in one shard. */
static void make_key(char key[160], const struct synth_options *options, int64_t i)
{
    const char *site = options->site[0] != '\0' ? options->site : "public";

    if (options->seed == 0)
        snprintf(key, 160, "%.100s-%06" PRId64, site, i);
    else
        snprintf(key, 160, "%.100s-s%" PRIu64 "-%06" PRId64, site, options->seed, i);
}

/* The class's place in the shard's labels. */
static int place_of(const struct synth_options *options, int class)
{
    for (int k = 0; k < options->only_count; k++)
        if (options->only[k] == class)
            return k;
    return class;
}

static int write_batch(struct shard *shard, struct drawing *drawing, int n, struct error *err)
{
    int rc = 0;

    for (int i = 0; i < n; i++) {
        char key[160];

        make_key(key, drawing->options, drawing->first + i);
        if (rc == 0 && drawing->png[i] == NULL) {
            *err = drawing->failed[i];
            rc = -1;
        }
        if (rc == 0)
            rc = shard_add_image(shard, key, "png", drawing->png[i], drawing->count[i],
                                 place_of(drawing->options, drawing->class[i]), err);
        free(drawing->png[i]);
    }
    return rc;
}

static int draw_all(struct shard *shard, struct drawing *drawing, const struct job *job, struct error *err)
{
    int64_t count = drawing->options->count;

    for (; drawing->first < count; drawing->first += BATCH) {
        int n = count - drawing->first < BATCH ? (int)(count - drawing->first) : BATCH;

        pool_run(job != NULL ? job->pool : NULL, (size_t)n, draw_one, drawing);
        if (write_batch(shard, drawing, n, err) < 0)
            return -1;
        job_step(job, "drawing", (uint64_t)(drawing->first + n), (uint64_t)count);
    }
    return 0;
}

static int check(const struct synth_options *options, struct error *err)
{
    if (options->count < 1)
        return error_set(err, ERROR_USAGE, "%" PRId64 " samples, expected at least 1", options->count);
    if (options->size < MIN_SIZE || options->size > MAX_SIZE)
        return error_set(err, ERROR_USAGE, "pictures of %d pixels a side, expected %d to %d", options->size, MIN_SIZE,
                         MAX_SIZE);
    if (!(options->drift >= 0 && options->drift <= 1))
        return error_set(err, ERROR_USAGE, "drift %g, expected 0 to 1", options->drift);
    if (strlen(options->site) > 100 || options->site[strspn(options->site, "abcdefghijklmnopqrstuvwxyz"
                                                                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                           "0123456789_-")] != '\0')
        return error_set(err, ERROR_USAGE, "site '%s', expected at most 100 letters, digits, '_' and '-'",
                         options->site);
    return 0;
}

int dataset_synth(const char *out, const struct synth_options *options, const struct job *job, struct error *err)
{
    struct header header = { .label_count = 6 };
    const char *labels[6];
    struct drawing *drawing;
    struct shard shard;
    int rc;

    if (check(options, err) < 0)
        return -1;
    memcpy(labels, synth_labels, sizeof(labels));
    for (int k = 0; k < options->only_count; k++)
        labels[k] = synth_labels[options->only[k]];
    if (options->only_count > 0)
        header.label_count = options->only_count;
    header.labels = labels;
    header.privacy = options->site[0] == '\0' ? PRIVACY_PUBLIC : PRIVACY_EDGE;
    if (options->set_privacy)
        header.privacy = options->privacy;
    drawing = sys_alloc(sizeof(*drawing) + (size_t)BATCH * (size_t)options->size * (size_t)options->size * 3);
    if (drawing == NULL)
        return error_memory(err);
    drawing->options = options;
    drawing->pixels = (uint8_t *)(drawing + 1);
    rc = shard_open(&shard, out, &header, err);
    if (rc == 0) {
        rc = draw_all(&shard, drawing, job, err);
        if (rc == 0)
            rc = shard_commit(&shard, err);
        else
            shard_abort(&shard);
    }
    free(drawing);
    return rc;
}
