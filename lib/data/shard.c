/* shard.c - samples into a tar: `.dataset.yaml` first, images byte for byte, `.end` last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "data/internal.h"

int shard_open(struct shard *shard, const char *path, const struct header *header, struct error *err)
{
    struct output *output = output_open(path, err);

    return output == NULL ? -1 : shard_begin(shard, output, path, header, err);
}

int shard_begin(struct shard *shard, struct output *output, const char *path, const struct header *header,
                struct error *err)
{
    struct text text = { 0 };
    int rc;

    *shard = (struct shard){ .path = path, .output = output };
    shard->tar = tar_create(shard->output, err);
    rc = shard->tar == NULL
             ? -1
             : dataset_header(&text, header->labels, header->label_count, header->privacy, header->version, err);
    if (rc == 0)
        rc = tar_add(shard->tar, ".dataset.yaml", text.chars, text.length, err);
    text_free(&text);
    if (rc < 0)
        shard_abort(shard);
    return rc;
}

static int add_member(struct shard *shard, const char *key, const char *ext, const void *bytes, size_t count,
                      struct error *err)
{
    struct text name = { 0 };
    int rc;

    text_printf(&name, "%s.%s", key, ext);
    rc = text_check(&name, err);
    if (rc == 0)
        rc = tar_add(shard->tar, name.chars, bytes, count, err);
    text_free(&name);
    return rc;
}

static int add_text(struct shard *shard, const char *key, const char *ext, const char *text, struct error *err)
{
    return text == NULL ? 0 : add_member(shard, key, ext, text, strlen(text), err);
}

/* A name as numbers sort: what was read must not come a second time, or the shard could not be read. */
static int note_key(struct shard *shard, const char *key, struct error *err)
{
    uint64_t hash = rng_stream(key, 0, 0) | 1; /* 0 marks a free place */
    size_t at;

    if (2 * (size_t)shard->samples >= shard->key_room) {
        size_t room = shard->key_room == 0 ? 1024 : 2 * shard->key_room;
        uint64_t *wider = sys_alloc(room * sizeof(*wider));

        if (wider == NULL)
            return error_memory(err);
        for (size_t i = 0; i < shard->key_room; i++) {
            if (shard->key_hash[i] == 0)
                continue;
            for (at = shard->key_hash[i] / 2 % room; wider[at] != 0;)
                at = (at + 1) % room;
            wider[at] = shard->key_hash[i];
        }
        free(shard->key_hash);
        shard->key_hash = wider;
        shard->key_room = room;
    }
    for (at = hash / 2 % shard->key_room; shard->key_hash[at] != 0; at = (at + 1) % shard->key_room) {
        if (shard->key_hash[at] == hash) {
            error_set(err, ERROR_INPUT, "sample '%s' is there twice", key);
            return error_hint(err, "keys must differ; write the sources to shards of their own");
        }
    }
    shard->key_hash[at] = hash;
    shard->samples++;
    return 0;
}

static int add_image(struct shard *shard, const char *key, const char *ext, const void *bytes, size_t count,
                     const struct facts *facts, struct error *err)
{
    if (note_key(shard, key, err) < 0 || add_member(shard, key, ext, bytes, count, err) < 0)
        return -1;
    return add_text(shard, key, "cls", facts->class_text, err) < 0 ? -1
                                                                   : add_text(shard, key, "json", facts->json, err);
}

int shard_add_image(struct shard *shard, const char *key, const char *ext, const void *bytes, size_t count,
                    int class_index, struct error *err)
{
    char number[16];
    const struct facts facts = { class_index < 0 ? NULL : number, NULL };

    snprintf(number, sizeof(number), "%d", class_index);
    return add_image(shard, key, ext, bytes, count, &facts, err);
}

static bool is_ext(const struct sample_part *part, const char *ext)
{
    return strcmp(part->ext, ext) == 0;
}

/* From a tar: all members of the sample, whatever they are. */
static int add_sample(struct shard *shard, const struct sample *sample, const struct facts *facts, struct error *err)
{
    struct facts missing = *facts;

    if (note_key(shard, sample->key, err) < 0)
        return -1;
    for (int i = 0; i < sample->part_count; i++) {
        const struct sample_part *part = &sample->part[i];
        const char **text = is_ext(part, "cls") ? &missing.class_text : is_ext(part, "json") ? &missing.json : NULL;

        if (text != NULL && *text != NULL
                ? add_text(shard, sample->key, part->ext, *text, err) < 0
                : add_member(shard, sample->key, part->ext, part->bytes, part->count, err) < 0)
            return -1;
        if (text != NULL)
            *text = NULL;
    }
    return add_text(shard, sample->key, "cls", missing.class_text, err) < 0
               ? -1
               : add_text(shard, sample->key, "json", missing.json, err);
}

static int add_raw(struct shard *shard, const struct item *item, const struct facts *facts, struct error *err)
{
    struct image image;
    uint8_t *png;
    size_t count;
    int rc;

    if (item_decode(&image, item, 0, err) < 0)
        return -1;
    rc = image_encode_png(&image, &png, &count, err);
    image_free(&image);
    if (rc < 0)
        return -1;
    rc = add_image(shard, item->key, "png", png, count, facts, err);
    free(png);
    return rc;
}

/* A point would end the key: "good/a.b" of a folder becomes "good/a_b". */
static void tame_key(char *key)
{
    char *name = strrchr(key, '/');

    for (char *c = name != NULL ? name + 1 : key; *c != '\0'; c++)
        if (*c == '.')
            *c = '_';
}

int shard_add(struct shard *shard, const struct item *item, int class_index, struct error *err)
{
    char number[16];
    struct facts facts = { NULL, NULL };

    if (class_index < 0 && item->sample == NULL && item->class_text != NULL)
        class_index = class_number(item->class_text); /* of idx files; folders always have labels */
    if (class_index >= 0)
        facts.class_text = number;
    snprintf(number, sizeof(number), "%d", class_index);
    return shard_add_with(shard, item, &facts, err);
}

int shard_add_with(struct shard *shard, const struct item *item, const struct facts *facts, struct error *err)
{
    char *key;
    int rc;

    if (item->sample != NULL)
        return add_sample(shard, item->sample, facts, err);
    if (strcmp(item->ext, "raw") == 0)
        return add_raw(shard, item, facts, err);
    key = strdup(item->key);
    if (key == NULL)
        return error_memory(err);
    tame_key(key);
    rc = add_image(shard, key, item->ext, item->bytes, item->count, facts, err);
    free(key);
    return rc;
}

int shard_finish(struct shard *shard, struct error *err)
{
    struct tar_writer *tar = shard->tar;

    shard->tar = NULL;
    return tar_finish(tar, (uint64_t)shard->samples, err) < 0 ? -1 : output_sync(shard->output, err);
}

int shard_commit(struct shard *shard, struct error *err)
{
    struct output *output = shard->output;
    int rc = shard->tar != NULL ? shard_finish(shard, err) : 0;

    shard->output = NULL;
    if (rc == 0)
        rc = output_commit(output, err);
    else
        output_abort(output);
    shard_abort(shard);
    return rc;
}

void shard_abort(struct shard *shard)
{
    tar_abandon(shard->tar);
    output_abort(shard->output);
    free(shard->key_hash);
    *shard = (struct shard){ 0 };
}
