/* gather.c - samples read ahead of their decoding, so that the pool has work for all its threads. */
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "data/internal.h"

/* Offsets while the block may still move; pointers once it is filled. */
struct place {
    size_t key, bytes, class_text;
};

static void keep(struct gather *gather, struct place *place, const struct item *item)
{
    struct text *block = &gather->block;

    place->key = block->length;
    text_add_bytes(block, item->key, strlen(item->key) + 1);
    place->class_text = block->length;
    if (item->class_text != NULL)
        text_add_bytes(block, item->class_text, strlen(item->class_text) + 1);
    place->bytes = block->length;
    if (item->count > 0)
        text_add_bytes(block, item->bytes, item->count);
}

int gather_next(struct gather *gather, struct source *source, int most, struct error *err)
{
    struct place place[GATHER_SAMPLES];
    int n = 0, rc = 1;

    if (gather->failed) {
        *err = gather->error;
        return -1;
    }
    gather->block.length = 0;
    while (n < most && n < GATHER_SAMPLES && gather->block.length < GATHER_BYTES) {
        struct item *item = &gather->item[n];

        rc = source_next(source, item, &gather->error);
        if (rc <= 0)
            break;
        keep(gather, &place[n], item);
        item->sample = NULL; /* gone with the next one */
        n++;
    }
    gather->failed = rc < 0;
    if (gather->failed && n == 0) {
        *err = gather->error;
        return -1;
    }
    if (text_check(&gather->block, err) < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        struct item *item = &gather->item[i];
        const char *chars = gather->block.chars;

        item->key = chars + place[i].key;
        item->bytes = item->bytes != NULL ? (const unsigned char *)chars + place[i].bytes : NULL;
        item->class_text = item->class_text != NULL ? chars + place[i].class_text : NULL;
    }
    gather->item_count = n;
    return n;
}

void gather_free(struct gather *gather)
{
    text_free(&gather->block);
}

static int copy_raw(struct image *image, const struct item *item, int channels, struct error *err)
{
    size_t copies = channels == 3 && item->channels == 1 ? 3 : 1;

    *image = (struct image){ item->height, item->width, item->channels * (int)copies, sys_alloc(item->count * copies) };
    if (image->pixels == NULL)
        return error_memory(err);
    for (size_t i = 0; i < item->count; i++)
        memset(image->pixels + i * copies, item->bytes[i], copies);
    return 0;
}

int item_check(const struct item *item, struct error *err)
{
    if (item->bytes != NULL)
        return 0;
    error_set(err, ERROR_INPUT, "no image or array among its members");
    return error_hint(err, "a sample needs a .png, .jpg, .jpeg or .npy member");
}

int item_decode(struct image *image, const struct item *item, int channels, struct error *err)
{
    if (item_check(item, err) < 0)
        return -1;
    if (strcmp(item->ext, "npy") == 0)
        return error_set(err, ERROR_INPUT, "an array, expected an image");
    if (strcmp(item->ext, "raw") == 0)
        return copy_raw(image, item, channels, err);
    return image_decode(image, item->bytes, item->count, channels, err);
}
