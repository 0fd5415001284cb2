/* source_idx.c - "IMAGES,LABELS": a pair of idx files, gzipped or not. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "data/internal.h"

struct file {
    struct input input;
    unsigned char *unzipped; /* or NULL */
    struct idx idx;
};

struct state {
    struct file images, labels;
    uint32_t at;
    char key[16], class_text[8];
};

static void close_file(struct file *file)
{
    input_close(&file->input);
    free(file->unzipped);
}

static void close_idx(struct source *source)
{
    struct state *state = source->state;

    close_file(&state->images);
    close_file(&state->labels);
}

static int next(struct source *source, struct item *item, struct error *err)
{
    struct state *state = source->state;
    const struct idx *images = &state->images.idx;
    size_t bytes = (size_t)images->dim[1] * images->dim[2];

    (void)err;
    if (state->at == images->dim[0])
        return 0;
    snprintf(state->key, sizeof(state->key), "%08" PRIu32, state->at);
    snprintf(state->class_text, sizeof(state->class_text), "%d", state->labels.idx.data[state->at]);
    *item = (struct item){ .key = state->key,
                           .bytes = images->data + state->at * bytes,
                           .count = bytes,
                           .ext = "raw",
                           .height = (int)images->dim[1],
                           .width = (int)images->dim[2],
                           .channels = 1,
                           .class_text = state->class_text };
    state->at++;
    return 1;
}

static const struct source_kind kind = { next, close_idx };

static int open_file(struct source *source, struct file *file, const char *path, int rank, struct error *err)
{
    const unsigned char *bytes;
    size_t count;

    if (input_open(&file->input, path, limit_get(LIMIT_DATA_BYTES), err) < 0)
        return -1;
    bytes = file->input.bytes;
    count = file->input.count;
    source_hash(source, bytes, count);
    if (stream_is_gzip(bytes, count)) {
        if (stream_gunzip(bytes, count, limit_get(LIMIT_DATA_BYTES), &file->unzipped, &count, err) < 0)
            return error_in(err, "%s", path);
        bytes = file->unzipped;
    }
    return idx_parse(&file->idx, rank, bytes, count, err) < 0 ? error_in(err, "%s", path) : 0;
}

int source_idx_open(struct source *source, struct error *err)
{
    struct state *state = arena_alloc(&source->arena, sizeof(*state));
    const char *comma = strchr(source->path, ',');
    const char *images = arena_strndup(&source->arena, source->path, (size_t)(comma - source->path));

    if (state == NULL || images == NULL)
        return error_memory(err);
    source->state = state;
    source->kind = &kind;
    if (open_file(source, &state->images, images, 3, err) < 0 ||
        open_file(source, &state->labels, comma + 1, 1, err) < 0)
        return -1;
    if (state->images.idx.dim[0] != state->labels.idx.dim[0])
        return error_set(err, ERROR_INPUT, "%s: %" PRIu32 " images but %" PRIu32 " labels", source->path,
                         state->images.idx.dim[0], state->labels.idx.dim[0]);
    return 0;
}
