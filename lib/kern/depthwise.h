/*
 * depthwise.h - convolutions of one filter a channel, KERN_SLACK channels side
 * by side in each pixel, so that any size and stride is vectors from end to
 * end. One source, compiled by each instruction set's folder; VECTOR_BYTES before including.
 */
#include "kern/vector.h"

enum { PIXEL = KERN_SLACK };

#define INLINE static inline __attribute__((always_inline))

/* clang-format off */
#define EACH(i, n) _Pragma("GCC unroll 9") for (size_t i = 0; i < (n); i++)
/* clang-format on */

/* Pixels of y side by side: their sums hide the time that one takes. */
enum { TOGETHER = 4 };

INLINE void forward_pixels(const struct kern_depthwise *d, const float *x, const float *w, const float *bias, float *y,
                           size_t taps, size_t count)
{
    const size_t row = d->wide * PIXEL, step = d->step * PIXEL;
    vector sum[TOGETHER];

    for (size_t i = 0; i < count; i++)
        sum[i] = bias ? load(bias) : (vector){ 0 };
    for (size_t r = 0; r < taps; r++) {
        EACH(s, taps)
        {
            vector weight = load(w + (r * taps + s) * PIXEL);
            EACH(i, count)
            sum[i] += load(x + r * row + s * PIXEL + i * step) * weight;
        }
    }
    for (size_t i = 0; i < count; i++)
        store(y + i * PIXEL, sum[i]);
}

INLINE void forward_taps(const struct kern_depthwise *d, const float *x, const float *w, const float *bias, float *y,
                         size_t taps)
{
    for (size_t v = 0; v < PIXEL; v += LANES) {
        for (size_t i = 0; i < d->rows; i++) {
            const float *from = x + i * d->step * d->wide * PIXEL + v;
            float *to = y + i * d->columns * PIXEL + v;
            size_t j = 0;
            for (; j + TOGETHER <= d->columns; j += TOGETHER)
                forward_pixels(d, from + j * d->step * PIXEL, w + v, bias ? bias + v : NULL, to + j * PIXEL, taps,
                               TOGETHER);
            for (; j < d->columns; j++)
                forward_pixels(d, from + j * d->step * PIXEL, w + v, bias ? bias + v : NULL, to + j * PIXEL, taps, 1);
        }
    }
}

static void depthwise_f32(const struct kern_depthwise *d, const float *x, const float *w, const float *bias, float *y)
{
    if (d->taps == 3)
        forward_taps(d, x, w, bias, y, 3);
    else
        forward_taps(d, x, w, bias, y, 5);
}

INLINE void spread_taps(const struct kern_depthwise *d, float *dx, const float *w, const float *dy, size_t taps)
{
    const size_t row = d->wide * PIXEL;

    for (size_t i = 0; i < d->rows; i++) {
        for (size_t j = 0; j < d->columns; j++) {
            float *to = dx + (i * d->wide + j) * d->step * PIXEL;
            const float *from = dy + (i * d->columns + j) * PIXEL;
            for (size_t v = 0; v < PIXEL; v += LANES) {
                vector slope = load(from + v);
                EACH(r, taps)
                EACH(s, taps)
                store(to + r * row + s * PIXEL + v,
                      load(to + r * row + s * PIXEL + v) + slope * load(w + (r * taps + s) * PIXEL + v));
            }
        }
    }
}

static void depthwise_spread_f32(const struct kern_depthwise *d, float *dx, const float *w, const float *dy)
{
    if (d->taps == 3)
        spread_taps(d, dx, w, dy, 3);
    else
        spread_taps(d, dx, w, dy, 5);
}

/* A row of taps: their sums stay in registers while all pixels go by. */
INLINE void weigh_row(const struct kern_depthwise *d, const float *x, const float *dy, float *dw)
{
    vector sum[5];

    EACH(s, 5)
    sum[s] = load(dw + s * PIXEL);
    for (size_t i = 0; i < d->rows; i++) {
        for (size_t j = 0; j < d->columns; j++) {
            const float *from = x + (i * d->wide + j) * d->step * PIXEL;
            vector slope = load(dy + (i * d->columns + j) * PIXEL);
            EACH(s, 5)
            sum[s] += slope * load(from + s * PIXEL);
        }
    }
    EACH(s, 5)
    store(dw + s * PIXEL, sum[s]);
}

/* Three rows of three fit the registers of any vectors: one pass instead of three. */
INLINE void weigh_nine(const struct kern_depthwise *d, const float *x, const float *dy, float *dw)
{
    const size_t row = d->wide * PIXEL;
    vector sum[9];

    EACH(t, 9)
    sum[t] = load(dw + t * PIXEL);
    for (size_t i = 0; i < d->rows; i++) {
        for (size_t j = 0; j < d->columns; j++) {
            const float *from = x + (i * d->wide + j) * d->step * PIXEL;
            vector slope = load(dy + (i * d->columns + j) * PIXEL);
            EACH(t, 9)
            sum[t] += slope * load(from + t / 3 * row + t % 3 * PIXEL);
        }
    }
    EACH(t, 9)
    store(dw + t * PIXEL, sum[t]);
}

static void depthwise_weigh_f32(const struct kern_depthwise *d, const float *x, const float *dy, float *dw)
{
    for (size_t v = 0; v < PIXEL; v += LANES) {
        if (d->taps == 3) {
            weigh_nine(d, x + v, dy + v, dw + v);
            continue;
        }
        for (size_t r = 0; r < 5; r++)
            weigh_row(d, x + r * d->wide * PIXEL + v, dy + v, dw + r * 5 * PIXEL + v);
    }
}

static void use_depthwise(struct kern *kern)
{
    kern->depthwise_f32 = depthwise_f32;
    kern->depthwise_spread_f32 = depthwise_spread_f32;
    kern->depthwise_weigh_f32 = depthwise_weigh_f32;
}
