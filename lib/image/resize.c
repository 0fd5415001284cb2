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
#include "kern/kern.h"

enum { WEIGHT_BITS = KERN_TAPS_BITS };

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

/* ---- the taps as kernels want them ---- */

/* Runs of one length, a multiple of a group; one that would end beyond input `in` begins earlier, with weights of 0. */
static int taps_pack(struct kern_taps *packed, const struct taps *taps, int in, struct error *err)
{
    enum { GROUP = KERN_TAPS_GROUP, LOW = 1 << KERN_TAPS_LOW };
    int longest = 1, count = (int)packed->count, room;
    int32_t *first;
    int16_t *weight;

    for (int i = 0; i < count; i++)
        longest = taps->length[i] > longest ? taps->length[i] : longest;
    packed->groups = (size_t)(longest + GROUP - 1) / GROUP;
    room = (int)packed->groups * GROUP;
    packed->first = first = sys_alloc(packed->count * sizeof(*first));
    packed->weight = weight = sys_alloc(packed->count * packed->groups * 2 * GROUP * sizeof(*weight));
    if (first == NULL || weight == NULL)
        return error_memory(err);
    for (int i = 0; i < count; i++, weight += 2 * room) {
        int at = taps->first[i] + room > in ? in - room : taps->first[i];

        first[i] = at < 0 ? 0 : at;
        for (int j = 0; j < taps->length[i]; j++) {
            const int32_t one = taps->weight[(size_t)i * (size_t)taps->most + (size_t)j];
            const int tap = taps->first[i] - first[i] + j;
            int16_t *group = weight + tap / GROUP * 2 * GROUP + tap % GROUP;

            group[0] = (int16_t)(one / LOW);
            group[GROUP] = (int16_t)(one % LOW);
        }
    }
    return 0;
}

static void taps_drop(struct kern_taps *packed)
{
    free((void *)(uintptr_t)packed->first);
    free((void *)(uintptr_t)packed->weight);
}

/* ---- a picture on its way to another size: its rows are narrowed, then summed down ---- */

enum { SLACK = 16 };

struct resizing {
    struct kern kern;
    struct kern_taps along, down;
    struct taps runs; /* of `down`: how long each is */
    int begin, end;   /* rows that are needed */
    size_t in_stride; /* bytes of a row as it comes */
    size_t stride;    /* and of a narrow one */
    uint8_t *narrow;  /* [end - begin, stride] */
};

/* Kernels read a little beyond a row, and whole runs of a row that is shorter. */
size_t resizing_slack_bytes(const struct resizing *r)
{
    return r->along.groups * KERN_TAPS_GROUP * r->along.channels + SLACK;
}

void resizing_take(struct resizing *r, const uint8_t *rows, int first, int count)
{
    const int from = first > r->begin ? first : r->begin;
    const int to = first + count < r->end ? first + count : r->end;

    if (from < to)
        r->kern.resize_along_u8(r->narrow + (size_t)(from - r->begin) * r->stride, r->stride,
                                rows + (size_t)(from - first) * r->in_stride, r->in_stride, (size_t)(to - from),
                                &r->along);
}

/* All of a picture, whose memory may end with its last row: the last few come from a copy with room behind it. */
static int take_all(struct resizing *r, const struct image *from, struct error *err)
{
    const size_t slack = resizing_slack_bytes(r), most = slack / r->in_stride + 1;
    const int apart = most < (size_t)from->height ? (int)most : from->height, safe = from->height - apart;
    uint8_t *copy = sys_alloc((size_t)apart * r->in_stride + slack);

    if (copy == NULL)
        return error_memory(err);
    memcpy(copy, from->pixels + (size_t)safe * r->in_stride, (size_t)apart * r->in_stride);
    resizing_take(r, from->pixels, 0, safe);
    resizing_take(r, copy, safe, apart);
    free(copy);
    return 0;
}

static void sum_down(const struct resizing *r, const struct image *to)
{
    for (int y = 0; y < to->height; y++)
        r->kern.resize_down_u8(to->pixels + (size_t)y * r->stride,
                               r->narrow + (size_t)(r->down.first[y] - r->begin) * r->stride, r->stride,
                               (size_t)r->runs.length[y],
                               r->down.weight + (size_t)y * r->down.groups * 2 * KERN_TAPS_GROUP, r->stride);
}

static void copy_window(struct image *to, const struct image *from, const struct resize_window *window)
{
    size_t channels = (size_t)from->channels;

    for (int y = 0; y < to->height; y++)
        memcpy(to->pixels + (size_t)y * (size_t)to->width * channels,
               from->pixels + ((size_t)(window->top + y) * (size_t)from->width + (size_t)window->left) * channels,
               (size_t)to->width * channels);
}

static int begin(struct resizing *r, const struct image *to, const struct image *from,
                 const struct resize_window *window, enum resize_method method, struct error *err)
{
    const struct axis rows = { from->height, window->full_height, window->top, to->height };
    const struct axis columns = { from->width, window->full_width, window->left, to->width };
    struct taps along = { 0 };
    int rc;

    r->along = (struct kern_taps){ .count = (size_t)to->width, .channels = (size_t)from->channels };
    r->down = (struct kern_taps){ .count = (size_t)to->height };
    if (taps_make(&along, &columns, method, err) < 0)
        return -1;
    rc = taps_pack(&r->along, &along, from->width, err);
    taps_free(&along);
    /* down a column nothing is read but the run itself: its rows may end where they do */
    if (rc < 0 || taps_make(&r->runs, &rows, method, err) < 0 || taps_pack(&r->down, &r->runs, INT32_MAX, err) < 0)
        return -1;
    r->begin = r->runs.first[0];
    r->end = r->runs.first[to->height - 1] + r->runs.length[to->height - 1];
    r->in_stride = (size_t)from->width * (size_t)from->channels;
    r->stride = (size_t)to->width * (size_t)to->channels;
    /* not zeroed: all of it is written before it is read */
    r->narrow = sys_realloc(NULL, (size_t)(r->end - r->begin) * r->stride);
    return r->narrow != NULL ? kern_init(&r->kern, NULL, err) : error_memory(err);
}

struct resizing *resizing_begin(const struct image *to, const struct image *from, const struct resize_window *window,
                                enum resize_method method, struct error *err)
{
    struct resizing *r = sys_alloc(sizeof(*r));

    if (r == NULL)
        (void)error_memory(err);
    else if (begin(r, to, from, window, method, err) == 0)
        return r;
    else
        resizing_end(r, NULL);
    return NULL;
}

void resizing_end(struct resizing *r, struct image *to)
{
    if (to != NULL)
        sum_down(r, to);
    taps_drop(&r->along);
    taps_drop(&r->down);
    taps_free(&r->runs);
    free(r->narrow);
    free(r);
}

int image_resize(struct image *to, const struct image *from, const struct resize_window *window,
                 enum resize_method method, struct error *err)
{
    struct resizing *r;
    int rc;

    if (from->height == window->full_height && from->width == window->full_width) {
        copy_window(to, from, window);
        return 0;
    }
    r = resizing_begin(to, from, window, method, err);
    if (r == NULL)
        return -1;
    rc = take_all(r, from, err);
    resizing_end(r, rc == 0 ? to : NULL);
    return rc;
}
