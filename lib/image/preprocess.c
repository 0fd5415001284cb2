/* preprocess.c - what a package says about its input, and a file's bytes made into it. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/real.h"
#include "base/sys.h"
#include "image/internal.h"

const char *const preprocess_methods[] = {
    [RESIZE_ANTIALIAS] = "antialias",
    [RESIZE_BILINEAR] = "bilinear",
    [RESIZE_NEAREST] = "nearest",
    NULL,
};
const char *const preprocess_decodes[] = { [DECODE_EXACT] = "exact", [DECODE_SCALED] = "scaled", NULL };
const char *const preprocess_fits[] = { [FIT_STRETCH] = "stretch", [FIT_CROP] = "crop", NULL };

void preprocess_init(struct preprocess *preprocess, int channels, int height, int width)
{
    *preprocess = (struct preprocess){ .channels = channels, .height = height, .width = width };
    for (int c = 0; c < 3; c++)
        preprocess->mean[c] = preprocess->std[c] = 0.5F;
}

bool preprocess_equal(const struct preprocess *a, const struct preprocess *b)
{
    for (int c = 0; c < 3; c++)
        if (a->mean[c] != b->mean[c] || a->std[c] != b->std[c])
            return false;
    return a->channels == b->channels && a->height == b->height && a->width == b->width && a->resize == b->resize &&
           a->fit == b->fit && a->decode == b->decode;
}

static void add_reals(struct arena *arena, struct tree *map, const char *key, const float *values, int count)
{
    struct tree *list = tree_add_list(arena, map, key);

    if (list == NULL)
        return;
    list->flow = true;
    for (int i = 0; i < count; i++)
        tree_add_real(arena, list, NULL, real_of_float(values[i]));
}

struct tree *preprocess_to_tree(struct arena *arena, const struct preprocess *preprocess)
{
    struct tree *map = tree_map(arena);

    tree_add_int(arena, map, "channels", preprocess->channels);
    tree_add_int(arena, map, "height", preprocess->height);
    tree_add_int(arena, map, "width", preprocess->width);
    if (preprocess->decode != DECODE_EXACT) /* what is not said is exact: packages from before say nothing */
        tree_add_text(arena, map, "decode", preprocess_decodes[preprocess->decode]);
    tree_add_text(arena, map, "resize", preprocess_methods[preprocess->resize]);
    tree_add_text(arena, map, "fit", preprocess_fits[preprocess->fit]);
    add_reals(arena, map, "mean", preprocess->mean, preprocess->channels);
    add_reals(arena, map, "std", preprocess->std, preprocess->channels);
    return map;
}

static int take_name(const struct tree *map, const char *key, const char *const *names, int *index, struct error *err)
{
    const char *name = names[0];

    if (tree_take_text(map, key, &name, err) < 0)
        return -1;
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(name, names[i]) == 0) {
            *index = i;
            return 0;
        }
    }
    tree_error(tree_get(map, key), err, "%s is '%s', expected %s, %s%s%s", key, name, names[0], names[1],
               names[2] != NULL ? " or " : "", names[2] != NULL ? names[2] : "");
    return -1;
}

static int take_reals(const struct tree *map, const char *key, float *values, int count, bool positive,
                      struct error *err)
{
    const struct tree *list = tree_get(map, key);
    int i = 0;

    if (list == NULL)
        return 0;
    if (list->kind != TREE_LIST || list->count != (size_t)count)
        return tree_error(list, err, "%s is not a list of %d numbers, one per channel", key, count);
    for (const struct tree *item = list->first; item != NULL; item = item->next, i++) {
        float value = (float)item->real;

        if ((item->kind != TREE_REAL && item->kind != TREE_INT) || !isfinite(value) || (positive && !(value > 0)))
            return tree_error(item, err, "%s has an entry that is not a %snumber", key, positive ? "positive " : "");
        values[i] = value;
    }
    return 0;
}

int preprocess_from_tree(struct preprocess *preprocess, const struct tree *map, struct error *err)
{
    static const char *const known[] = {
        "channels", "height", "width", "decode", "resize", "fit", "mean", "std", NULL
    };
    int64_t channels, height, width;
    int decode, resize, fit;

    if (tree_only(map, known, err) < 0 || tree_need_int(map, "channels", 1, 3, &channels, err) < 0 ||
        tree_need_int(map, "height", 1, PREPROCESS_MAX_SIDE, &height, err) < 0 ||
        tree_need_int(map, "width", 1, PREPROCESS_MAX_SIDE, &width, err) < 0)
        return -1;
    if (channels == 2)
        return tree_error(tree_get(map, "channels"), err, "channels is 2, expected 1 or 3");
    preprocess_init(preprocess, (int)channels, (int)height, (int)width);
    if (take_name(map, "decode", preprocess_decodes, &decode, err) < 0 ||
        take_name(map, "resize", preprocess_methods, &resize, err) < 0 ||
        take_name(map, "fit", preprocess_fits, &fit, err) < 0 ||
        take_reals(map, "mean", preprocess->mean, (int)channels, false, err) < 0 ||
        take_reals(map, "std", preprocess->std, (int)channels, true, err) < 0)
        return -1;
    preprocess->decode = (enum decode_how)decode;
    preprocess->resize = (enum resize_method)resize;
    preprocess->fit = (enum resize_fit)fit;
    return 0;
}

/* Where the middle part begins; halves go to the even side, as Python's round() in torchvision's CenterCrop. */
static int centre(int full, int part)
{
    int spare = full - part, half = spare / 2;

    return spare % 2 == 1 && half % 2 == 1 ? half + 1 : half;
}

/* FIT_CROP: the size at which both sides just cover the input's, aspect kept (the longer side rounded down). */
struct resize_window preprocess_window(const struct preprocess *preprocess, const struct image *from)
{
    const int height = preprocess->height, width = preprocess->width;
    struct resize_window window = { height, width, 0, 0 };

    if (preprocess->fit == FIT_STRETCH)
        return window;
    if ((int64_t)from->height * width > (int64_t)from->width * height)
        window.full_height = (int)((int64_t)from->height * width / from->width);
    else
        window.full_width = (int)((int64_t)from->width * height / from->height);
    window.top = centre(window.full_height, height);
    window.left = centre(window.full_width, width);
    return window;
}

int image_fit(struct image *to, const struct image *from, const struct preprocess *preprocess, struct error *err)
{
    int height = preprocess->height, width = preprocess->width, rc;
    const struct resize_window window = preprocess_window(preprocess, from);
    bool mine = to->pixels == NULL;

    if (from->channels != preprocess->channels)
        return error_set(err, ERROR_INPUT, "image has %d channels, the model expects %d", from->channels,
                         preprocess->channels);
    if (mine) {
        if (image_alloc(to, (uint64_t)height, (uint64_t)width, from->channels, err) < 0)
            return -1;
    } else if (to->height != height || to->width != width || to->channels != from->channels) {
        return error_set(err, ERROR_INTERNAL, "room for [%d, %d, %d], expected [%d, %d, %d]", to->height, to->width,
                         to->channels, height, width, from->channels);
    }
    rc = image_resize(to, from, &window, preprocess->resize, err);
    if (rc < 0 && mine)
        image_free(to);
    return rc;
}

/* What each of the 256 levels of channel c becomes. */
static void make_levels(float level[256], const struct preprocess *preprocess, int c)
{
    for (int v = 0; v < 256; v++)
        level[v] = (float)((v / 255.0 - preprocess->mean[c]) / preprocess->std[c]);
}

void image_normalize(float *out, const uint8_t *pixels, const struct preprocess *preprocess)
{
    size_t count = (size_t)preprocess->height * (size_t)preprocess->width;
    size_t channels = (size_t)preprocess->channels;
    float level[256];

    for (size_t c = 0; c < channels; c++) {
        make_levels(level, preprocess, (int)c);
        /* real c * count + i ends at byte 4 (c count + i) + 3, never past pixel (3 channels count + channels i + c):
         * where both share memory, what is overwritten was read before */
        for (size_t i = 0; i < count; i++)
            out[c * count + i] = level[pixels[i * channels + c]];
    }
}

void image_quantize(uint8_t *out, const uint8_t *pixels, const struct preprocess *preprocess, const struct quant *quant)
{
    size_t count = (size_t)preprocess->height * (size_t)preprocess->width;
    size_t channels = (size_t)preprocess->channels;
    float level[256];
    uint8_t code[256];

    for (size_t c = 0; c < channels; c++) {
        size_t pair = quant->count > 1 ? c : 0;

        make_levels(level, preprocess, (int)c);
        for (int v = 0; v < 256; v++) {
            /* as QuantizeLinear: halves to even, then the zero point, then the range */
            float q = nearbyintf(level[v] / quant->scale[pair]) + (float)quant->zero_point[pair];

            code[v] = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
        }
        for (size_t i = 0; i < count; i++)
            out[c * count + i] = code[pixels[i * channels + c]];
    }
}
