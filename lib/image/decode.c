/* decode.c - a file's bytes to pixels, whichever of the two formats it is. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/sys.h"
#include "image/internal.h"

/* JPEG's own largest side; PNG could say 2^31 - 1. Keeps every product within int64. */
enum { MAX_SIDE = 65535 };

int image_check_size(uint64_t height, uint64_t width, struct error *err)
{
    uint64_t limit = limit_get(LIMIT_IMAGE_PIXELS);

    if (height == 0 || width == 0)
        return error_set(err, ERROR_INPUT, "image of %" PRIu64 "x%" PRIu64 " pixels has none", width, height);
    if (height > MAX_SIDE || width > MAX_SIDE || height * width > limit) {
        error_set(err, ERROR_LIMIT, "image of %" PRIu64 "x%" PRIu64 " pixels, at most %" PRIu64 " are read", width,
                  height, limit);
        return error_hint(err, "raise the limit with COEDGE_LIMIT_IMAGE_PIXELS");
    }
    return 0;
}

int image_alloc(struct image *image, uint64_t height, uint64_t width, int channels, struct error *err)
{
    if (image_check_size(height, width, err) < 0)
        return -1;
    image->height = (int)height;
    image->width = (int)width;
    image->channels = channels;
    image->pixels = sys_alloc((size_t)(height * width) * (size_t)channels);
    return image->pixels == NULL ? error_memory(err) : 0;
}

void image_free(struct image *image)
{
    free(image->pixels);
    image->pixels = NULL;
}

bool image_is_known(const void *bytes, size_t count)
{
    return jpeg_is_known(bytes, count) || png_is_known(bytes, count);
}

/* Integer luma of ITU-R 601 with 16 bits, as Pillow's convert("L"). In place: gray is narrower. */
static void to_gray(struct image *image)
{
    size_t count = (size_t)image->height * (size_t)image->width;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *rgb = image->pixels + 3 * i;

        image->pixels[i] = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
    }
    image->channels = 1;
}

/* Each gray pixel becomes three of the same. */
static void widen(uint8_t *rgb, const struct image *gray)
{
    const size_t count = (size_t)gray->height * (size_t)gray->width;

    for (size_t i = 0; i < count; i++)
        memset(rgb + 3 * i, gray->pixels[i], 3);
}

static int to_rgb(struct image *image, struct error *err)
{
    struct image wide;

    if (image_alloc(&wide, (uint64_t)image->height, (uint64_t)image->width, 3, err) < 0)
        return -1;
    widen(wide.pixels, image);
    image_free(image);
    *image = wide;
    return 0;
}

static int decode(struct image *image, const void *bytes, size_t count, int channels, const struct jpeg_use *use,
                  struct error *err)
{
    struct image decoded = { 0 };
    int orientation = 1, rc;

    if (jpeg_is_known(bytes, count))
        rc = jpeg_decode(&decoded, &orientation, bytes, count, use, err);
    else if (png_is_known(bytes, count))
        rc = png_decode(&decoded, &orientation, bytes, count, err);
    else if (count == 0)
        return error_set(err, ERROR_INPUT, "empty, expected a JPEG or PNG image");
    else
        return error_set(err, ERROR_INPUT, "neither a JPEG nor a PNG image");
    if (rc < 0)
        return -1;
    if (decoded.pixels == NULL) { /* its rows were taken */
        *image = decoded;
        return 0;
    }
    if (channels == 1 && decoded.channels == 3)
        to_gray(&decoded);
    rc = image_orient(&decoded, orientation, err);
    if (rc == 0 && channels == 3 && decoded.channels == 1)
        rc = to_rgb(&decoded, err);
    if (rc < 0) {
        image_free(&decoded);
        return -1;
    }
    *image = decoded;
    return 0;
}

int image_decode(struct image *image, const void *bytes, size_t count, int channels, struct error *err)
{
    const struct jpeg_use whole = { 0 };

    return decode(image, bytes, count, channels, &whole, err);
}

/* ---- straight to an input's pixels ---- */

struct loading {
    const struct preprocess *preprocess;
    struct image
        to; /* of the picture's channels: its pixels are the input's, or gray ones that become them at the end */
    struct resizing *resizing; /* once rows are taken */
};

/* Rows are taken from pictures that stand upright and change their size. Gray ones are resized as such, then widened: each
   channel is resized by itself. */
static int begin_rows(void *context, const struct image *size, int orientation, struct error *err)
{
    struct loading *loading = context;
    const struct preprocess *wanted = loading->preprocess;
    const struct resize_window window = preprocess_window(wanted, size);

    if (orientation != 1 || size->channels > wanted->channels ||
        (size->height == window.full_height && size->width == window.full_width))
        return ROWS_WHOLE;
    if (size->channels < wanted->channels &&
        image_alloc(&loading->to, (uint64_t)wanted->height, (uint64_t)wanted->width, size->channels, err) < 0)
        return -1;
    loading->resizing = resizing_begin(&loading->to, size, &window, wanted->resize, err);
    return loading->resizing != NULL ? (int)resizing_slack_bytes(loading->resizing) : -1;
}

static void take_rows(void *context, const uint8_t *rows, int first, int count)
{
    const struct loading *loading = context;

    resizing_take(loading->resizing, rows, first, count);
}

int image_load(uint8_t *out, const void *bytes, size_t count, const struct preprocess *preprocess, struct error *err)
{
    struct image decoded, fitted = { preprocess->height, preprocess->width, preprocess->channels, out };
    struct loading loading = { preprocess, fitted, NULL };
    const struct jpeg_use use = { preprocess->decode == DECODE_SCALED ? preprocess : NULL, begin_rows, take_rows,
                                  &loading };
    int rc = decode(&decoded, bytes, count, preprocess->channels, &use, err);

    if (loading.resizing != NULL) {
        resizing_end(loading.resizing, rc == 0 ? &loading.to : NULL);
        if (rc == 0 && loading.to.pixels != out)
            widen(out, &loading.to);
    } else if (rc == 0) {
        rc = image_fit(&fitted, &decoded, preprocess, err);
        image_free(&decoded);
    }
    if (loading.to.pixels != out)
        image_free(&loading.to);
    return rc;
}
