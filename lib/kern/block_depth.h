/*
 * block_depth.h - convolutions of each channel by itself, of pictures in blocks (kern/block.h). Included by block.h.
 *
 * A strip is P neighbouring pixels of R output rows, one or two. The rows of the
 * input that they read come one after the other, and each vector is loaded once for
 * all taps that use it. Taps beside the picture are left out: rows by where the loop
 * begins and ends, columns by strips of their own (EDGE), while those that lie
 * inside follow each other in one call. Every element is one chain of multiply-adds
 * in the order of the taps, whatever strip it lies in.
 */
#ifndef KERN_BLOCK_DEPTH_H
#define KERN_BLOCK_DEPTH_H

#include "kern/vector.h"

#ifndef DEPTH_REGISTERS
#define DEPTH_REGISTERS BLOCK_REGISTERS
#endif

/* Where a strip lies. Rows and pixels are those of its first tap's place and count from there. */
struct depth_at {
    ptrdiff_t place;      /* in the input */
    size_t row, out_row;  /* floats of a row */
    int from, to;         /* rows of the input that are there */
    int left, right;      /* and pixels, at an edge */
    size_t inner[2];      /* output pixels that are not: first and last */
    size_t count;         /* strips side by side; one at an edge */
    size_t kernel, apart; /* any kernel: taps in a row, floats between them */
    size_t step, down;    /* and between pixels and rows */
    float low, high;
};

typedef void depth_strip(const struct depth_at *t, const float *x, const float *w, const float *bias, const float *add,
                         float *y);

/* clang-format off */
#define EACH_OF(i, n) _Pragma("GCC unroll 32") for (int i = 0; i < (n); i++)

/* One row of the input: TAKE what each of its vectors v gives to pixel p by tap s. */
#define DEPTH_ROW(K, S, P, EDGE, TAKE)                                                                          \
    {                                                                                                           \
        const float *in = x + (t->place + (ptrdiff_t)i * (ptrdiff_t)t->row);                                    \
        EACH_OF(j, ((P) - 1) * (S) + (K)) {                                                                     \
            if ((EDGE) && (j < t->left || j >= t->right))                                                       \
                continue;                                                                                       \
            vector v = load(in + j * LANES);                                                                    \
            EACH_OF(p, P) {                                                                                     \
                int s = j - p * (S);                                                                            \
                if (s >= 0 && s < (K)) {                                                                        \
                    TAKE                                                                                        \
                }                                                                                               \
            }                                                                                                   \
        }                                                                                                       \
    }

#define DEPTH_WEIGHTS(K, NAME, ROW)                                                                             \
    vector NAME[K];                                                                                             \
    EACH_OF(s, K)                                                                                               \
        NAME[s] = load(w + ((ROW) * (K) + s) * LANES);

#define DEPTH_START(P, R)                                                                                       \
    vector acc[R][P];                                                                                           \
    EACH_OF(r, R)                                                                                               \
        EACH_OF(p, P)                                                                                           \
            acc[r][p] = begin;

#define DEPTH_END(P, R)                                                                                         \
    EACH_OF(r, R) {                                                                                             \
        if (add)                                                                                                \
            EACH_OF(p, P)                                                                                       \
                acc[r][p] += load(add + (size_t)r * t->out_row + p * LANES);                                    \
        EACH_OF(p, P)                                                                                           \
            store(y + (size_t)r * t->out_row + p * LANES, VECTOR_MIN(high, VECTOR_MAX(low, acc[r][p])));        \
    }

#define DEPTH_STRIPS(S, P, R, STRIP)                                                                            \
    vector begin = load(bias), low = (vector){ 0 } + t->low, high = (vector){ 0 } + t->high;                    \
    for (size_t n = t->count; n > 0; n--, x += (P) * (S) * LANES, y += (P) * LANES) {                           \
        DEPTH_START(P, R)                                                                                       \
        STRIP                                                                                                   \
        DEPTH_END(P, R)                                                                                         \
        add = add ? add + (P) * LANES : NULL;                                                                   \
    }

#define DEPTH_ONE(K, S, P, EDGE)                                                                                \
    static void depth_##K##_##S##_##P##_1_##EDGE(const struct depth_at *t, const float *x, const float *w,      \
                                                 const float *bias, const float *add, float *y)                 \
    {                                                                                                           \
        DEPTH_STRIPS(S, P, 1, for (int i = t->from; i < t->to; i++) {                                           \
            DEPTH_WEIGHTS(K, only, i)                                                                           \
            DEPTH_ROW(K, S, P, EDGE, acc[0][p] += v * only[s];)                                                 \
        })                                                                                                      \
    }

/* Rows of the input are read by the upper row alone, by both, by the lower. */
#define DEPTH_TWO(K, S, P, EDGE)                                                                                \
    static void depth_##K##_##S##_##P##_2_##EDGE(const struct depth_at *t, const float *x, const float *w,      \
                                                 const float *bias, const float *add, float *y)                 \
    {                                                                                                           \
        DEPTH_STRIPS(S, P, 2, int i = t->from; for (; i < (S) && i < t->to; i++) {                              \
            DEPTH_WEIGHTS(K, upper, i)                                                                          \
            DEPTH_ROW(K, S, P, EDGE, acc[0][p] += v * upper[s];)                                                \
        } for (; i < (K) && i < t->to; i++) {                                                                   \
            DEPTH_WEIGHTS(K, upper, i)                                                                          \
            DEPTH_WEIGHTS(K, lower, i - (S))                                                                    \
            DEPTH_ROW(K, S, P, EDGE, acc[0][p] += v * upper[s]; acc[1][p] += v * lower[s];)                     \
        } for (; i < t->to; i++) {                                                                              \
            DEPTH_WEIGHTS(K, lower, i - (S))                                                                    \
            DEPTH_ROW(K, S, P, EDGE, acc[1][p] += v * lower[s];)                                                \
        })                                                                                                      \
    }

#define DEPTH_EDGES(K, S, P) DEPTH_ONE(K, S, P, 1) DEPTH_TWO(K, S, P, 1)
#define DEPTH_INSIDE(K, S, P) DEPTH_ONE(K, S, P, 0) DEPTH_TWO(K, S, P, 0)
#define DEPTH_NAMES(K, S, P) [P] = { depth_##K##_##S##_##P##_1_1, depth_##K##_##S##_##P##_2_1 },
#define DEPTH_INSIDE_NAMES(K, S, P) [0] = { depth_##K##_##S##_##P##_1_0, depth_##K##_##S##_##P##_2_0 },
#if DEPTH_REGISTERS >= 32
#define DEPTH_EACH(D, K, S) D(K, S, 1) D(K, S, 2) D(K, S, 3) D(K, S, 4) D(K, S, 5) D(K, S, 6) D(K, S, 7)
#define DEPTH_WIDEST(D, K, S) D(K, S, 7)
enum { DEPTH_PIXELS = 7 };
#else
#define DEPTH_EACH(D, K, S) D(K, S, 1) D(K, S, 2) D(K, S, 3) D(K, S, 4)
#define DEPTH_WIDEST(D, K, S) D(K, S, 4)
enum { DEPTH_PIXELS = 4 };
#endif
/* by rows: [0] the widest strips, inside the picture, [pixels] at its edge */
typedef depth_strip *depth_table[DEPTH_PIXELS + 1][2];
#define DEPTH_TABLE(K, S)                                                                                       \
    DEPTH_EACH(DEPTH_EDGES, K, S)                                                                               \
    DEPTH_WIDEST(DEPTH_INSIDE, K, S)                                                                            \
    static const depth_table depth_##K##_##S = { DEPTH_WIDEST(DEPTH_INSIDE_NAMES, K, S)                         \
                                                 DEPTH_EACH(DEPTH_NAMES, K, S) };
DEPTH_TABLE(3, 1)
DEPTH_TABLE(3, 2)
DEPTH_TABLE(5, 1)
DEPTH_TABLE(5, 2)

/* Any kernel: from..to and left..right are taps. */
#define DEPTH_ANY(P)                                                                                            \
    static void depth_any_##P(const struct depth_at *t, const float *x, const float *w, const float *bias,      \
                              const float *add, float *y)                                                       \
    {                                                                                                           \
        vector begin = load(bias), low = (vector){ 0 } + t->low, high = (vector){ 0 } + t->high;                \
        DEPTH_START(P, 1)                                                                                       \
        for (int i = t->from; i < t->to; i++)                                                                   \
            for (int s = t->left; s < t->right; s++) {                                                          \
                vector v = load(w + ((size_t)i * t->kernel + (size_t)s) * LANES);                               \
                const float *in = x + (t->place + (ptrdiff_t)((size_t)i * t->down + (size_t)s * t->apart));     \
                EACH_OF(p, P)                                                                                   \
                    acc[0][p] += load(in + (size_t)p * t->step) * v;                                            \
            }                                                                                                   \
        DEPTH_END(P, 1)                                                                                         \
    }
DEPTH_ANY(1)
DEPTH_ANY(8)
/* clang-format on */

/* Taps first..last of `kernel` that lie on an axis of `in` pixels, the first tap being at `place`. */
static void depth_reach(ptrdiff_t place, size_t in, size_t kernel, size_t dilation, int *first, int *last)
{
    ptrdiff_t by = (ptrdiff_t)dilation, left = (ptrdiff_t)in - place;
    ptrdiff_t from = place < 0 ? -place : 0, to = left > 0 ? left : 0;

    if (by > 1) {
        from = (from + by - 1) / by;
        to = (to + by - 1) / by;
    }

    *last = (int)(to < (ptrdiff_t)kernel ? to : (ptrdiff_t)kernel);
    *first = (int)(from < *last ? from : *last);
}

static void depth_any(const struct kern_depth *d, size_t first, size_t last, const float *x, const float *w,
                      const float *bias, const float *add, float *y)
{
    size_t row = d->in[1] * LANES, columns = d->out[1];
    struct depth_at t = { .row = row, .kernel = d->kernel[1], .low = d->low, .high = d->high };

    t.apart = d->dilation[1] * LANES;
    t.down = d->dilation[0] * row;
    t.step = d->stride[1] * LANES;
    for (size_t p = first; p < last; p++) {
        ptrdiff_t top = (ptrdiff_t)(p * d->stride[0]) - (ptrdiff_t)d->begin[0];
        depth_reach(top, d->in[0], d->kernel[0], d->dilation[0], &t.from, &t.to);
        for (size_t q = 0, n; q < columns; q += n) {
            ptrdiff_t at = (ptrdiff_t)(q * d->stride[1]) - (ptrdiff_t)d->begin[1];
            size_t to = (p * columns + q) * LANES;
            int same, end;
            t.place = top * (ptrdiff_t)row + at * LANES;
            depth_reach(at, d->in[1], d->kernel[1], d->dilation[1], &t.left, &t.right);
            depth_reach(at + 7 * (ptrdiff_t)d->stride[1], d->in[1], d->kernel[1], d->dilation[1], &same, &end);
            n = q + 8 <= columns && same == t.left && end == t.right ? 8 : 1;
            (n == 8 ? depth_any_8 : depth_any_1)(&t, x, w, bias, add ? add + to : NULL, y + to);
        }
    }
}

/* What all strips of a picture have in common. */
static struct depth_at depth_begin(const struct kern_depth *d)
{
    size_t stride = d->stride[1], reach = d->in[1] + d->begin[1];
    size_t last = reach < d->kernel[1] ? 0 : (reach - d->kernel[1]) / stride + 1;
    struct depth_at t = { .row = d->in[1] * LANES, .out_row = d->out[1] * LANES, .low = d->low, .high = d->high };

    t.inner[0] = (d->begin[1] + stride - 1) / stride;
    t.inner[1] = smaller(last, d->out[1]);
    return t;
}

/* Rows p.. of output, `rows` of them. */
static void depth_down(const struct kern_depth *d, struct depth_at *t, size_t p, size_t rows)
{
    ptrdiff_t top = (ptrdiff_t)(p * d->stride[0]) - (ptrdiff_t)d->begin[0];

    depth_reach(top, d->in[0], d->kernel[0] + (rows - 1) * d->stride[0], 1, &t->from, &t->to);
    t->place = top * (ptrdiff_t)t->row - (ptrdiff_t)(d->begin[1] * LANES);
}

/* Strips from pixel q on: all of the widest that lie inside, or one at the edge. Returns its pixels, 0 inside. */
static size_t depth_along(const struct kern_depth *d, struct depth_at *t, size_t q)
{
    size_t stride = d->stride[1], n = smaller(DEPTH_PIXELS, d->out[1] - q);

    t->count = 1;
    if (q >= t->inner[0] && q + DEPTH_PIXELS <= t->inner[1]) {
        t->count = (t->inner[1] - q) / DEPTH_PIXELS;
        return 0;
    }
    depth_reach((ptrdiff_t)(q * stride) - (ptrdiff_t)d->begin[1], d->in[1], (n - 1) * stride + d->kernel[1], 1,
                &t->left, &t->right);
    return n;
}

static void depth_rows(const struct kern_depth *d, const depth_table table, size_t first, size_t last, const float *x,
                       const float *w, const float *bias, const float *add, float *y)
{
    struct depth_at t = depth_begin(d);

    for (size_t p = first, rows; p < last; p += rows) {
        rows = p + 1 < last ? 2 : 1;
        depth_down(d, &t, p, rows);
        for (size_t q = 0, n; q<d->out[1]; q += n> 0 ? n : t.count * DEPTH_PIXELS) {
            size_t to = (p * d->out[1] + q) * LANES;
            n = depth_along(d, &t, q);
            table[n][rows - 1](&t, x + q * d->stride[1] * LANES, w, bias, add ? add + to : NULL, y + to);
        }
    }
}

/* The side of a square window of neighbours with one stride; 0: it is another. */
static inline size_t depth_square(const struct kern_depth *d)
{
    return d->kernel[0] == d->kernel[1] && d->stride[0] == d->stride[1] && d->dilation[0] == 1 && d->dilation[1] == 1
               ? d->kernel[0]
               : 0;
}

static void block_depthwise_f32(const struct kern_depth *d, size_t first, size_t last, const float *x, const float *w,
                                const float *bias, const float *add, float *y)
{
    const size_t kernel = depth_square(d), stride = d->stride[0];

    if (kernel == 3 && stride == 1)
        depth_rows(d, depth_3_1, first, last, x, w, bias, add, y);
    else if (kernel == 3 && stride == 2)
        depth_rows(d, depth_3_2, first, last, x, w, bias, add, y);
    else if (kernel == 5 && stride == 1)
        depth_rows(d, depth_5_1, first, last, x, w, bias, add, y);
    else if (kernel == 5 && stride == 2)
        depth_rows(d, depth_5_2, first, last, x, w, bias, add, y);
    else
        depth_any(d, first, last, x, w, bias, add, y);
}

static void use_block_depth(struct kern *kern)
{
    kern->block_depthwise_f32 = block_depthwise_f32;
}

#endif
