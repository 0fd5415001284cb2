/*
 * resize.c - one picture at another size, in integers.
 *
 * Every output row (and column) is a weighted sum of a short run of input rows:
 * its taps. Which taps, is the method; the summing is the same for all, along
 * rows first and then along columns, rounded to 8 bits in between. Weights have
 * 22 bits: 8 for the pixel, 2 for headroom and sign are left of 32.
 *
 * Source: RESIZE_ANTIALIAS is the algorithm of Pillow's Image.resize(BILINEAR),
 * bit for bit (scripts/make-image-vectors). Its weights are computed in double
 * with +, -, *, / alone, which IEEE 754 makes the same everywhere.
 */
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "image/internal.h"

enum { WEIGHT_BITS = 22 };

struct taps {
    int most;        /* room per output: the longest run */
    int *first;      /* [count], index of a run's first input */
    int *length;     /* [count] */
    int32_t *weight; /* [count, most], each run sums to about 1 << WEIGHT_BITS */
};

/* The `count` outputs from `begin` on, of `out` outputs over `in` inputs. */
struct axis {
    int in, out, begin, count;
};

static void taps_free(struct taps *taps)
{
    free(taps->first);
    free(taps->length);
    free(taps->weight);
}

static int taps_alloc(struct taps *taps, int count, int most, struct error *err)
{
    taps->most = most;
    taps->first = sys_alloc((size_t)count * sizeof(*taps->first));
    taps->length = sys_alloc((size_t)count * sizeof(*taps->length));
    taps->weight = sys_alloc((size_t)count * (size_t)most * sizeof(*taps->weight));
    if (taps->first != NULL && taps->length != NULL && taps->weight != NULL)
        return 0;
    taps_free(taps);
    return error_memory(err);
}

/* A triangle one input wide when enlarging, one output wide when shrinking. */
static int taps_antialias(struct taps *taps, const struct axis *axis, struct error *err)
{
    double scale = (double)axis->in / axis->out;
    double support = scale < 1 ? 1 : scale;
    double narrow = 1 / support; /* multiplied, not divided by, as Pillow does */
    int whole = (int)support, most = 2 * (whole < support ? whole + 1 : whole) + 1;
    double *triangle = sys_alloc((size_t)most * sizeof(*triangle));

    if (triangle == NULL)
        return error_memory(err);
    if (taps_alloc(taps, axis->count, most, err) < 0) {
        free(triangle);
        return -1;
    }
    for (int i = 0; i < axis->count; i++) {
        double centre = (axis->begin + i + 0.5) * scale, sum = 0;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);

        if (first < 0)
            first = 0;
        if (end > axis->in)
            end = axis->in;
        for (int j = 0; j < end - first; j++) {
            double far = (j + first - centre + 0.5) * narrow;

            if (far < 0)
                far = -far;
            triangle[j] = far < 1 ? 1 - far : 0;
            sum += triangle[j];
        }
        taps->first[i] = first;
        taps->length[i] = end - first;
        for (int j = 0; j < end - first; j++)
            taps->weight[(size_t)i * (size_t)most + (size_t)j] = (int32_t)(triangle[j] / sum * (1 << WEIGHT_BITS) +
                                                                           0.5);
    }
    free(triangle);
    return 0;
}

/* The two inputs beside an output's centre, ((2i + 1) in / out - 1) / 2, kept inside. */
static int taps_bilinear(struct taps *taps, const struct axis *axis, struct error *err)
{
    if (taps_alloc(taps, axis->count, 2, err) < 0)
        return -1;
    for (int i = 0; i < axis->count; i++) {
        int64_t twice_out = 2 * (int64_t)axis->out;
        int64_t at = (2 * (int64_t)(axis->begin + i) + 1) * axis->in - axis->out; /* in units of 1 / twice_out */
        int64_t first = at < 0 ? 0 : at / twice_out;
        int64_t rest = at < 0 ? 0 : at % twice_out;
        bool last = first >= axis->in - 1;
        int32_t second = last ? 0 : (int32_t)(((rest << WEIGHT_BITS) + axis->out) / twice_out);

        taps->first[i] = (int)(last ? axis->in - 1 : first);
        taps->length[i] = last ? 1 : 2;
        taps->weight[2 * i] = (1 << WEIGHT_BITS) - second;
        taps->weight[2 * i + 1] = second;
    }
    return 0;
}

static int taps_nearest(struct taps *taps, const struct axis *axis, struct error *err)
{
    if (taps_alloc(taps, axis->count, 1, err) < 0)
        return -1;
    for (int i = 0; i < axis->count; i++) {
        taps->first[i] = (int)((2 * (int64_t)(axis->begin + i) + 1) * axis->in / (2 * (int64_t)axis->out));
        taps->length[i] = 1;
        taps->weight[i] = 1 << WEIGHT_BITS;
    }
    return 0;
}

static int taps_make(struct taps *taps, const struct axis *axis, enum resize_method method, struct error *err)
{
    switch (method) {
    case RESIZE_BILINEAR: return taps_bilinear(taps, axis, err);
    case RESIZE_NEAREST: return taps_nearest(taps, axis, err);
    case RESIZE_ANTIALIAS: break;
    }
    return taps_antialias(taps, axis, err);
}

/* Weights are not negative and sum to 1 within rounding, so the sum stays inside int32; 255.5 may come out. */
static uint8_t to_pixel(int32_t sum)
{
    int32_t level = sum >> WEIGHT_BITS;

    return (uint8_t)(level > 255 ? 255 : level);
}

/* Along a row: out [count, C] from in [W, C]. */
static void resize_row(uint8_t *out, const uint8_t *in, const struct taps *taps, int count, int channels)
{
    for (int x = 0; x < count; x++, out += channels) {
        const uint8_t *at = in + (size_t)taps->first[x] * (size_t)channels;
        const int32_t *weight = taps->weight + (size_t)x * (size_t)taps->most;
        int32_t sum[3] = { 1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1), 1 << (WEIGHT_BITS - 1) };

        if (channels == 3) {
            for (int j = 0; j < taps->length[x]; j++, at += 3) {
                sum[0] += at[0] * weight[j];
                sum[1] += at[1] * weight[j];
                sum[2] += at[2] * weight[j];
            }
            out[1] = to_pixel(sum[1]);
            out[2] = to_pixel(sum[2]);
        } else {
            for (int j = 0; j < taps->length[x]; j++)
                sum[0] += at[j] * weight[j];
        }
        out[0] = to_pixel(sum[0]);
    }
}

/* Down a column of rows: out [stride] from length rows of stride values; sum [stride] is scratch. */
static void resize_columns(uint8_t *out, const uint8_t *in, const int32_t *weight, int length, size_t stride,
                           int32_t *sum)
{
    for (size_t x = 0; x < stride; x++)
        sum[x] = 1 << (WEIGHT_BITS - 1);
    for (int j = 0; j < length; j++, in += stride) {
        for (size_t x = 0; x < stride; x++)
            sum[x] += in[x] * weight[j];
    }
    for (size_t x = 0; x < stride; x++)
        out[x] = to_pixel(sum[x]);
}

/* Both passes over the rows that are needed; `narrow` holds them after the first. */
static int resize_both(struct image *to, const struct image *from, const struct taps *down, const struct taps *along,
                       struct error *err)
{
    size_t in_stride = (size_t)from->width * (size_t)from->channels;
    size_t stride = (size_t)to->width * (size_t)to->channels;
    int begin = down->first[0], end = down->first[to->height - 1] + down->length[to->height - 1];
    uint8_t *narrow = sys_alloc((size_t)(end - begin) * stride);
    int32_t *sum = sys_alloc(stride * sizeof(*sum));
    int rc = -1;

    if (narrow == NULL || sum == NULL) {
        (void)error_memory(err);
    } else {
        for (int y = begin; y < end; y++)
            resize_row(narrow + (size_t)(y - begin) * stride, from->pixels + (size_t)y * in_stride, along, to->width,
                       to->channels);
        for (int y = 0; y < to->height; y++)
            resize_columns(to->pixels + (size_t)y * stride, narrow + (size_t)(down->first[y] - begin) * stride,
                           down->weight + (size_t)y * (size_t)down->most, down->length[y], stride, sum);
        rc = 0;
    }
    free(sum);
    free(narrow);
    return rc;
}

static void copy_window(struct image *to, const struct image *from, const struct resize_window *window)
{
    size_t channels = (size_t)from->channels;

    for (int y = 0; y < to->height; y++)
        memcpy(to->pixels + (size_t)y * (size_t)to->width * channels,
               from->pixels + ((size_t)(window->top + y) * (size_t)from->width + (size_t)window->left) * channels,
               (size_t)to->width * channels);
}

int image_resize(struct image *to, const struct image *from, const struct resize_window *window,
                 enum resize_method method, struct error *err)
{
    struct axis rows = { from->height, window->full_height, window->top, to->height };
    struct axis columns = { from->width, window->full_width, window->left, to->width };
    struct taps down, along;
    int rc;

    if (rows.in == rows.out && columns.in == columns.out) {
        copy_window(to, from, window);
        return 0;
    }
    if (taps_make(&down, &rows, method, err) < 0)
        return -1;
    rc = taps_make(&along, &columns, method, err);
    if (rc == 0) {
        rc = resize_both(to, from, &down, &along, err);
        taps_free(&along);
    }
    taps_free(&down);
    return rc;
}
