/*
 * kern.h - arithmetic on pointers and counts. Kernels do not allocate and
 * cannot fail. Portable C first (kern/NAME.c, the definition); a folder per
 * instruction set overlays what it improves. Rows are added here as operators need them.
 */
#ifndef KERN_KERN_H
#define KERN_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* y = zero_point + (a * factor_a + b * factor_b + offset) >> shift; |factors| below 2^20. */
struct kern_add_u8 {
    int32_t factor_a, factor_b, offset, zero_point;
    int shift;
};

/*
 * y = zero_point + (a - zero_a) * (b - zero_b) * factor >> shift, rounded. The factor has 28 bits in two halves,
 * high * 2^14 + low, so that everything fits 32: with p the product of the differences it is
 * (p * high + (p * low >> 14) + half) >> shift, 1 <= shift <= 30.
 */
struct kern_mul_u8 {
    int32_t zero_a, zero_b, zero_point;
    int32_t high, low;
    int shift;
};

enum { KERN_SLACK = 16, KERN_DEPTH_I8 = 65536, KERN_CHAINS = 192 };

/*
 * The gradient of a convolution's filters, conv_f32's letters with a in place of its output:
 *   c [m, channel, tap] += sum over segment, j < n of
 *     a[segment * step_a + m * lda + j] * b[segment * step_b + channel * plane + tap[t] + j]
 * A segment is an image or a chunk of one.
 */
struct kern_grad {
    size_t m, n, segments, channels, taps, plane;
    const int32_t *tap;
    const float *a;
    size_t lda, step_a;
    const float *b;
    size_t step_b;
    float *c;
    size_t ldc; /* channels * taps or more */
};

/*
 * A convolution of pictures in blocks of `lanes` channels. Output pixel j of n reads, for each segment s, a run of
 * floats at x + offset[s] + j * lanes: `lanes` of them in the first `whole` segments, `rest` in the others. With the
 * weights in that order, lanes * blocks at a time, and b = block, l = lane:
 *   y[b * y_block + j * lanes + l] = clamp(bias[b * lanes + l] + sum over s, k of w[s, k, b, l] * x[...] + add[as y])
 */
struct kern_block_conv {
    size_t segments, whole, rest;
    const int32_t *offset;
    size_t y_block;
    float low, high;
    /* What will be read after this call, fetched evenly while it runs: weights come from far away. 0: nothing. */
    const float *next;
    size_t next_floats;
};

/* A window that slides over one block of a picture; rows first, then columns. */
struct kern_depth {
    size_t in[2], out[2], kernel[2], stride[2], dilation[2], begin[2];
    float low, high;
};

/* Tiles of F(m x m, 3 x 3), m 4 or 2, a row of them: (m + 2)^2 numbers a channel on their way through the products. */
struct kern_winograd {
    size_t m;
    size_t row;          /* floats between rows of the picture */
    size_t number, tile; /* floats between a tile's numbers, and between tiles */
    float low, high;
};

/*
 * A convolution of bytes in blocks, in words of word_depth channels: two 16-bit numbers, the zero point taken off, or
 * four bytes with byte_zero taken off. Output pixel j of n reads, for each segment s, words at
 * x + offset[s] + j * pixel, counted in bytes: `words` of them in the first `whole` segments, `rest` in the others.
 * Sums are exact as conv_i8's are, and
 *   y[b * y_block + j * lanes + l] = clamp(lrintf((float)(bias + sum) * scale) + zero_point, low, high)
 * with bias and scale [blocks, lanes]; scale NULL: the sums themselves, of 32 bits. Four bytes: the
 * bias has (byte_zero - zero point) * sum(w) in it.
 */
struct kern_block_bytes {
    size_t segments, whole, words, rest, pixel;
    const int32_t *offset;
    size_t y_block;
    int32_t zero_point, low, high;
    bool
        saturates; /* low and high are a byte's own, and each scale is below 0.5: no number leaves 32 bits on its way */
    /* What will be read after this call, fetched evenly while it runs. 0 bytes: nothing. */
    const void *next;
    size_t next_bytes;
};

/*
 * Windows of 3 x 3 on one block of a picture, `lanes` bytes a pixel. Of `how` zero_point, low, high and saturates count.
 * stride[1] is 1 or 2, and a row's words of four pixels, but for the first and the last, are all inside: kern_square_fits.
 */
struct kern_square_u8 {
    const struct kern_block_bytes *how;
    size_t in[2], stride[2], begin[2], out; /* down and across; pixels of an output row */
    int32_t zero_in;
    const uint8_t *border; /* in[1] pixels of the zero point, for rows that the picture has not */
};

/* So many pixels before a row's first; outputs; pixels that it has. Words lie two pixels apart. */
static inline bool kern_square_fits(size_t begin, size_t stride, size_t out, size_t in)
{
    const size_t last = stride == 1 ? (out + 1) / 2 : out; /* words */

    return stride <= 2 && begin <= 2 && 2 * last <= in + begin;
}

/*
 * Tiles of F(m x m, 3 x 3) of bytes in blocks, m 4 or 2, a row of them: (m + 2)^2 whole numbers a channel on their
 * way (winograd_integer.h says how), `number` elements apart; a tile's neighbour is `lanes` elements away.
 */
struct kern_winograd_u8 {
    size_t m;
    size_t row; /* bytes between rows of the picture */
    size_t number;
    int32_t zero_point, low, high; /* on the way in the picture's zero point alone; out as in kern_block_bytes */
};

enum { KERN_BLOCKS = 4, KERN_PIXELS = 16, KERN_SHORT = 3 };

/* The widest strip of pixels whose sums of so many blocks these registers hold; 0: none. */
static inline size_t kern_block_pixels(size_t registers, size_t blocks)
{
    static const unsigned char few[KERN_BLOCKS + 1] = { 0, 12, 6, 4, 0 }, many[KERN_BLOCKS + 1] = { 0, 12, 14, 9, 6 };

    return registers < 32 ? few[blocks] : many[blocks];
}

/* The same for sums of bytes, whose products need a register on their way. */
static inline size_t kern_block_sums(size_t registers, size_t blocks)
{
    static const unsigned char few[KERN_BLOCKS + 1] = { 0, 12, 6, 3, 0 }, many[KERN_BLOCKS + 1] = { 0, 12, 13, 8, 6 };

    return registers < 32 ? few[blocks] : many[blocks];
}

/*
 * How a row becomes one of another length: output i is the sum of groups * KERN_TAPS_GROUP inputs from first[i] on, each
 * times its weight of KERN_TAPS_BITS bits behind the point, 0 to 1, which add up to 1 within rounding. A weight is
 * high * 2^KERN_TAPS_LOW + low; a group's four high halves come first, then its low ones.
 */
enum { KERN_TAPS_GROUP = 4, KERN_TAPS_BITS = 22, KERN_TAPS_LOW = 11 };
struct kern_taps {
    size_t count, groups, channels; /* channels 1 or 3, interleaved */
    const int32_t *first;
    const int16_t *weight; /* [count, groups, 2, KERN_TAPS_GROUP] */
};

/* What Winograd's transforms of 6 by 6 are of: pixels of a tile's result and the taps of a filter, on a side. */
enum kern_transform {
    KERN_TRANSFORM_PIXELS_2,
    KERN_TRANSFORM_PIXELS_4,
    KERN_TRANSFORM_FILTER_3,
    KERN_TRANSFORM_FILTER_5,
};

/*
 * The curve behind a batch normalization, which keeps v = x * scale + shift within low..high, low first; its slope is 1
 * between them, else 0. Scale and shift are the row's, or one each element. NULL: none.
 */
struct kern_clamp {
    const float *scale, *shift;
    float low, high;
};

/*
 * A product whose second matrix lies in panels of KERN_SLACK columns:
 *   c[i * ldc + p * KERN_SLACK + j] = sum over l < depth of a[i * row + l * column] * b[p * step_b + l * ldb + j]
 * for i < m, p < panels, j < KERN_SLACK; with `add` c grows.
 */
struct kern_panels {
    size_t m, depth, panels;
    const float *a;
    size_t row, column;
    const float *b;
    size_t ldb, step_b;
    float *c;
    size_t ldc;
    bool add;
};

/*
 * A convolution of one filter a channel, on KERN_SLACK channels side by side: y [rows, columns, KERN_SLACK] out of
 * x [.., wide, KERN_SLACK], borders included; w [taps, taps, KERN_SLACK], 3 or 5 taps.
 */
struct kern_depthwise {
    size_t rows, columns, wide, step, taps;
};

struct kern {
    const char *cpu; /* the path: the last overlay applied */

    /* ---- products (gemm.c) ---- */
    /* c [m, n] = a [m, k] * b [k, n] + beta * c; ta: a is stored [k, m]; tb: b is stored [n, k]. Row-major, ld* in elements.
     * With beta 0, c is not read. */
    void (*gemm_f32)(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b,
                     size_t ldb, float beta, float *c, size_t ldc);
    bool gemm_stable; /* an element of c depends on its row of a and its column of b alone, not on m and n */

    /*
     * ---- convolution (conv.c) ----
     * The input lies in planes, one a channel, with its borders; an output pixel j of n reads plane[tap[t] + j] for each
     * tap. So a convolution is a product whose second matrix is never built:
     *   c [m, n] = bias [m] + sum over channel, tap of w [m, channel, tap] * b[channel * plane + tap[t] + j]
     * b must be readable to the next multiple of KERN_SLACK pixels; bias may be NULL. Stable as gemm_stable says, always.
     */
    void (*conv_f32)(size_t m, size_t n, size_t channels, size_t taps, const int32_t *tap, size_t plane,
                     const float *packed, const float *b, const float *bias, float *c, size_t ldc);
    /* packed: m * channels * taps floats in conv_f32's order, out of w[i * row + c * channel + tap[t]]; tap NULL: t itself. */
    void (*conv_pack_f32)(float *packed, size_t m, size_t channels, size_t taps, const float *w, size_t row,
                          size_t channel, const int32_t *tap);
    void (*conv_grad_f32)(const struct kern_grad *grad);
    /* Rows of a plane: plane[i * wide + j] = from[i * from_row + j - first] for first <= j < last, else 0. May write up to
     * KERN_SLACK - 1 floats beyond the last row. */
    void (*lay_rows_f32)(float *plane, size_t rows, size_t wide, const float *from, size_t from_row, size_t first,
                         size_t last);
    /* The same of pixels that are `step` apart; nothing beyond is written. */
    void (*lay_apart_f32)(float *plane, size_t rows, size_t wide, const float *from, size_t from_row, size_t first,
                          size_t last, size_t step);
    /* y [rows, columns] out of rows that are `wide` apart. Nothing beyond is written; from is read as planes are. */
    void (*pick_rows_f32)(float *y, size_t rows, size_t columns, const float *from, size_t wide);

    /* ---- pictures in blocks: [C / lanes, H, W, lanes] (block.h, winograd.h) ---- */
    size_t lanes, registers;
    void (*block_conv_f32)(const struct kern_block_conv *c, size_t n, size_t blocks, const float *x, const float *w,
                           const float *bias, const float *add, float *y);
    /* The same of x in planes: pixel j is at x + offset[s] + j, every run is one float. */
    void (*block_planes_f32)(const struct kern_block_conv *c, size_t n, size_t blocks, const float *x, const float *w,
                             const float *bias, const float *add, float *y);
    /* Rows first..last of one block's output, each lane by itself: y = clamp(bias [lanes] + sum over taps of
     * w [taps, lanes] * x + add, if not NULL). x, add and y are whole planes; taps beside the picture do not count. */
    void (*block_depthwise_f32)(const struct kern_depth *d, size_t first, size_t last, const float *x, const float *w,
                                const float *bias, const float *add, float *y);
    /* The largest of each window, where NaN wins; d's low and high do not count. */
    void (*block_max_f32)(const struct kern_depth *d, size_t first, size_t last, const float *x, float *y);
    void (*winograd_in_f32)(const struct kern_winograd *g, size_t tiles, const float *x, float *v);
    /* bias [lanes]; add, if not NULL, lies as y does. */
    void (*winograd_out_f32)(const struct kern_winograd *g, size_t tiles, const float *v, const float *bias,
                             const float *add, float *y);
    /* n pixels that are `step` apart. */
    void (*block_lay_f32)(float *to, const float *from, size_t step, size_t n);
    void (*block_add_f32)(float *y, const float *x, size_t step, size_t n);
    void (*block_scale_f32)(float *y, const float *x, const float *scale, size_t n); /* scale [lanes] */
    /* Lane l of y is lane[s, l] of the one source whose lane[s, l] is not negative, or 0. lane [sources, lanes] */
    void (*block_gather_f32)(float *y, size_t n, size_t sources, const float *const *x, const int32_t *lane);
    void (*block_sum_f32)(double *sum, const float *x, size_t n); /* sum [lanes], each the bits of its sum_f32 */

    /*
     * ---- convolution by Winograd's algorithm (transform.h): vectors run along n channels, a multiple of KERN_SLACK ----
     * A pixel is an address of n floats. v[t * step + c], t < 36, is the tile's transform at c. A picture y of 2 or 4
     * pixels a side out of x by a filter w of 5 or 3: y = gather(sum over channels of spread(w) * data(x)); gradients are
     * dw = gather(sum over tiles of data(x) * spread(dy)), and dx as y is, out of dy and the filter turned around.
     */
    void (*transform_data_f32)(float *v, size_t step, const float *const *pixel, size_t n); /* 36 pixels */
    void (*transform_spread_f32)(float *v, size_t step, const float *const *pixel, enum kern_transform what, size_t n);
    void (*transform_gather_f32)(float *const *pixel, const float *v, size_t step, enum kern_transform what, size_t n);
    void (*panels_f32)(const struct kern_panels *panels);
    /* y[j * ldy + i] = x[i * ldx + j] for i < rows, j < columns */
    void (*transpose_f32)(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns);

    /* ---- convolution of one filter a channel (depthwise.h); bias [KERN_SLACK] or NULL ---- */
    void (*depthwise_f32)(const struct kern_depthwise *d, const float *x, const float *w, const float *bias, float *y);
    void (*depthwise_spread_f32)(const struct kern_depthwise *d, float *dx, const float *w, const float *dy); /* adds */
    void (*depthwise_weigh_f32)(const struct kern_depthwise *d, const float *x, const float *dy, float *dw);  /* adds */

    /* ---- the same of bytes (block_integer.h) ---- */
    size_t word_depth; /* 2 or 4 */
    int32_t byte_zero; /* has been taken off each of four bytes of x: 128 where a CPU multiplies signed ones, else 0 */
    bool word_apart;   /* in w, of a vector's words of two: the first numbers of all, then the second ones */
    size_t short_blocks; /* so many go best together where there are no more than KERN_SHORT segments; 0: no matter */
    void (*block_conv_u8)(const struct kern_block_bytes *c, size_t n, size_t blocks, const void *x, const int32_t *w,
                          const int32_t *bias, const float *scale, uint8_t *y);
    /* One block, each lane by itself. Words are 16-bit pairs of taps always: x [pixel, lanes, 2], w [segments, lanes, 2]. */
    void (*block_depthwise_u8)(const struct kern_block_bytes *c, size_t n, const void *x, const int32_t *w,
                               const int32_t *bias, const float *scale, uint8_t *y);
    /* The same in words of four pixels, made out of pixels of `lanes` bytes, byte_zero taken off; or NULL. c->pixel 1 or 2 of them. A segment's
     * weights are [lanes, 4]; with pixel 1 there are two: an even output's and those of its neighbour, one byte on. y [rows,
     * n, lanes]; a row begins to read x_row bytes after the one above it. Reads up to 4 pixels beyond the last that counts. */
    void (*block_quads_u8)(const struct kern_block_bytes *c, size_t rows, size_t n, const void *x, size_t x_row,
                           const int32_t *w, const int32_t *bias, const float *scale, uint8_t *y);
    /* Rows first to last - 1 of one block, windows of 3 x 3 in words of four pixels, read where they lie; or NULL. */
    void (*block_square_u8)(const struct kern_square_u8 *d, size_t first, size_t last, const uint8_t *x,
                            const int32_t *w, const int32_t *bias, const float *scale, uint8_t *y);
    void (*winograd_in_u8)(const struct kern_winograd_u8 *g, size_t tiles, const uint8_t *x, int16_t *v);
    /* Out of sums modulo 2^32, exact while results, without their bias, are below 2^25, or 2^29 with m 2; bias
     * and scale [lanes]. */
    void (*winograd_out_u8)(const struct kern_winograd_u8 *g, size_t tiles, const int32_t *m, const int32_t *bias,
                            const float *scale, uint8_t *y);

    /*
     * ---- integers: the same numbers on every CPU (integer.c, requantize.h) ----
     * Activations are laid out like conv_f32's planes, but two channels an element: a word of two 16-bit numbers, the
     * zero point taken off (the even channel low; a last odd channel has 0 beside it). Sums are exact while the depth
     * is at most KERN_DEPTH_I8, and wrap beyond.
     */
    void (*conv_i8)(size_t m, size_t n, size_t pairs, size_t taps, const int32_t *tap, size_t plane,
                    const int32_t *packed, const int32_t *b, const int32_t *bias, int32_t *c, size_t ldc);
    /* packed: m * ceil(channels / 2) * taps words, out of w [m, channels, taps]. */
    void (*conv_pack_i8)(int32_t *packed, size_t m, size_t channels, size_t taps, const int8_t *w);
    /* pairs[2i] = a[i * step] - zero_point, pairs[2i + 1] the same of b, or 0 where b is NULL. */
    void (*widen_pair_u8)(int16_t *pairs, const uint8_t *a, const uint8_t *b, size_t step, int32_t zero_point,
                          size_t n);
    void (*widen_u8)(int16_t *y, const uint8_t *x, int32_t zero_point, size_t n);
    int32_t (*dot_i8)(const int16_t *a, const int8_t *b, size_t n);
    /* q = clamp(lrintf((float)acc * scale) + zero_point, low, high), 0 <= low <= high <= 255 */
    void (*requantize_u8)(uint8_t *q, const int32_t *acc, float scale, int32_t zero_point, int32_t low, int32_t high,
                          size_t n);
    void (*rescale_f32)(float *y, const int32_t *acc, float scale, size_t n); /* y = (float)acc * scale */

    /* ---- pools and normalization (rows.h): n elements of a row ---- */
    /* y[i] = the larger of y[i] and x[step * i]; NaN wins. With `tap`, tap[i] = mark where x won. */
    void (*max_f32)(float *y, const float *x, size_t step, size_t n);
    void (*max_tap_f32)(float *y, int32_t *tap, const float *x, size_t step, int32_t mark, size_t n);
    /* y[i] = the largest of upper[2i], upper[2i + 1], lower[2i], lower[2i + 1]; tap[i] says which, 0 to 3, or is NULL.
     * And back: dy[i] to that one of the four, 0 to the others (or nothing where it adds). */
    void (*max_2x2_f32)(float *y, uint16_t *tap, const float *upper, const float *lower, size_t n);
    /* A row of pixels: those that are tap `left` of their window, and left + 1 beside them. */
    void (*max_2x2_grad_f32)(float *dx, const float *dy, const uint16_t *tap, uint16_t left, bool add, size_t n);
    void (*max_u8)(uint8_t *y, const uint8_t *x, size_t step, size_t n);
    void (*max_2x2_u8)(uint8_t *y, const uint8_t *upper, const uint8_t *lower, size_t n);
    /* Adds the sums of (x - origin) and of its squares. */
    void (*moments_f32)(const float *x, float origin, size_t n, double *sum, double *squares);
    /* y = x * scale + shift, within the clamp's bounds; y may be x. */
    void (*affine_f32)(float *y, const float *x, float scale, float shift, const struct kern_clamp *clamp, size_t n);
    /* Adds the sums of dy and of dy * (x - mean). With a clamp, dy is 0 where that let nothing through. */
    void (*centred_sums_f32)(const float *dy, const float *x, float mean, const struct kern_clamp *clamp, size_t n,
                             double *sum, double *product);
    /* dx (+)= dy * a + (x - mean) * b + c; dx may be dy, which is 0 as above. */
    void (*centred_grad_f32)(float *dx, const float *dy, const float *x, float mean, float a, float b, float c,
                             const struct kern_clamp *clamp, bool add, size_t n);

    /* The same where rows are short: several channels' rows lie together, and each element has numbers of its own.
     * sum += x - origin, squares += the square of that; y = x * scale + shift; sum += dy, product += dy * (x - mean);
     * dx (+)= dy * a + (x - mean) * b + c. */
    void (*each_moments_f32)(float *sum, float *squares, const float *x, const float *origin, size_t n);
    void (*each_affine_f32)(float *y, const float *x, const float *scale, const float *shift,
                            const struct kern_clamp *clamp, size_t n);
    void (*each_centred_sums_f32)(float *sum, float *product, const float *dy, const float *x, const float *mean,
                                  const struct kern_clamp *clamp, size_t n);
    void (*each_centred_grad_f32)(float *dx, const float *dy, const float *x, const float *mean, const float *a,
                                  const float *b, const float *c, const struct kern_clamp *clamp, bool add, size_t n);

    /* ---- elementwise: y may be x; gx overwrites; `n` elements ---- */
    void (*relu_f32)(float *y, const float *x, size_t n); /* NaN stays NaN */
    void (*leaky_relu_f32)(float *y, const float *x, float alpha, size_t n);
    void (*clip_f32)(float *y, const float *x, float low, float high, size_t n);
    void (*hard_swish_f32)(float *y, const float *x, size_t n); /* x * (clip(x + 3, 0, 6) * (1/6)) */
    void (*hard_sigmoid_f32)(float *y, const float *x, float alpha, float beta, size_t n);
    void (*exp_f32)(float *y, const float *x, size_t n);
    void (*sigmoid_f32)(float *y, const float *x, size_t n);
    /* x / (1 + e^(-alpha * x)), to 1e-6 of it; 0 where that is below 2^-120 */
    void (*swish_f32)(float *y, const float *x, float alpha, size_t n);
    void (*relu_grad_f32)(float *gx, const float *gy, const float *y, size_t n);
    void (*clip_grad_f32)(float *gx, const float *gy, const float *y, float low, float high, size_t n);
    void (*hard_swish_grad_f32)(float *gx, const float *gy, const float *x, size_t n);
    void (*sigmoid_grad_f32)(float *gx, const float *gy, const float *y, size_t n);
    /* y[i] = a[i * step_a] + b[i * step_b]; steps are 1, or 0 for one of them: a single number. */
    void (*add_f32)(float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n);
    void (*sub_f32)(float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n);
    void (*mul_f32)(float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n);
    void (*div_f32)(float *y, const float *a, size_t step_a, const float *b, size_t step_b, size_t n);
    /* Summed in double over eight lanes in a fixed order. */
    double (*sum_f32)(const float *x, size_t n);
    double (*dot_f32)(const float *x, const float *y, size_t n);

    /* ---- pictures: the same bytes on every CPU (pixels.c) ---- */
    /* y [rows, count, channels] from x, rows y_step and x_step bytes apart; x is readable 4 bytes beyond what is used. */
    void (*resize_along_u8)(uint8_t *y, size_t y_step, const uint8_t *x, size_t x_step, size_t rows,
                            const struct kern_taps *taps);
    /* y [n] from `length` rows of x; weights as one output's of a kern_taps, 0 beyond `length`. */
    void (*resize_down_u8)(uint8_t *y, const uint8_t *x, size_t x_step, size_t length, const int16_t *weight, size_t n);

    /* ---- quantized elements: the same bytes on every CPU ---- */
    void (*map_u8)(uint8_t *y, const uint8_t *x, const uint8_t table[256], size_t n);
    void (*clamp_u8)(uint8_t *y, const uint8_t *x, uint8_t low, uint8_t high, size_t n);
    /* Steps as in add_f32. Half rounds up. */
    void (*add_u8)(uint8_t *y, const uint8_t *a, size_t step_a, const uint8_t *b, size_t step_b,
                   const struct kern_add_u8 *how, size_t n);
    void (*mul_u8)(uint8_t *y, const uint8_t *a, size_t step_a, const uint8_t *b, size_t step_b,
                   const struct kern_mul_u8 *how, size_t n);
    /* y = a[0], b[0], c[0], a[1], ...: 3 n bytes, apart from the others. */
    void (*interleave_u8)(uint8_t *y, const uint8_t *a, const uint8_t *b, const uint8_t *c, size_t n);
    /* y = saturate(round(x / scale) + zero_point), half to even; NaN gives 0. */
    void (*quantize_u8_f32)(uint8_t *y, const float *x, float scale, int32_t zero_point, size_t n);
    void (*dequantize_f32_u8)(float *y, const uint8_t *x, float scale, int32_t zero_point, size_t n);

    /* ---- measuring (chains.h) ---- */
    /* KERN_CHAINS sums: sum[i] = sum[i] * factor + term, `rounds` times, as fast as the path's instructions go. */
    void (*multiply_add_f32)(float *sum, float factor, float term, size_t rounds);
};

/*
 * A path is a row of overlays: "portable", the definition itself, plain C; "openblas", its products; then the
 * instruction sets of this CPU. Each builds on those before it. kern_path is the i-th that this build has and
 * this CPU can run, NULL after the last; the best that is tested is chosen.
 */
const char *kern_path(size_t i);
void kern_add_paths(struct text *text); /* "portable, openblas, ..." */

/*
 * kern_init - the table for a path; `cpu` NULL or "auto": the best. ERROR_USAGE
 * for an unknown name, or one that this build or CPU lacks.
 */
MUST_CHECK int kern_init(struct kern *kern, const char *cpu, struct error *err);

#endif
