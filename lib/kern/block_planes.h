/*
 * block_planes.h - what stands around convolutions of pictures in blocks (kern/block.h): pools, scales, gathers.
 * Included by block.h.
 */
#ifndef KERN_BLOCK_PLANES_H
#define KERN_BLOCK_PLANES_H

#include <math.h>

#include "kern/block_depth.h"

typedef int32_t lanes_mask __attribute__((vector_size(VECTOR_BYTES)));
typedef double wide __attribute__((vector_size(VECTOR_BYTES)));
typedef float loose_half __attribute__((vector_size(VECTOR_BYTES / 2), aligned(4), may_alias));
typedef int32_t loose_mask __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));

static void block_lay_f32(float *to, const float *from, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store(to + i * LANES, load(from + i * step * LANES));
}

/* NaN wins, and stays: VECTOR_MAX gives x where x is NaN. */
static inline vector larger(vector most, vector x)
{
    lanes_mask real = (lanes_mask)(most <= INFINITY); /* false for NaN alone */

    return (vector)(((lanes_mask)VECTOR_MAX(most, x) & real) | ((lanes_mask)most & ~real));
}

/* clang-format off */
#define MAX_STRIP(K, S, P, EDGE)                                                                                \
    static void max_##K##_##S##_##P##_##EDGE(const struct depth_at *t, const float *x, float *y)                \
    {                                                                                                           \
        for (size_t n = t->count; n > 0; n--, x += (P) * (S) * LANES, y += (P) * LANES) {                       \
            vector acc[P];                                                                                      \
            EACH_OF(p, P)                                                                                       \
                acc[p] = (vector){ 0 } - INFINITY;                                                              \
            for (int i = t->from; i < t->to; i++)                                                               \
                DEPTH_ROW(K, S, P, EDGE, acc[p] = larger(acc[p], v);)                                           \
            EACH_OF(p, P)                                                                                       \
                store(y + p * LANES, acc[p]);                                                                   \
        }                                                                                                       \
    }
#define MAX_EDGE(K, S, P) MAX_STRIP(K, S, P, 1)
#define MAX_INSIDE(K, S, P) MAX_STRIP(K, S, P, 0)
#define MAX_NAMES(K, S, P) [P] = max_##K##_##S##_##P##_1,
#define MAX_INSIDE_NAME(K, S, P) [0] = max_##K##_##S##_##P##_0,
typedef void max_strip(const struct depth_at *t, const float *x, float *y);
typedef max_strip *max_table[DEPTH_PIXELS + 1]; /* as depth_table, one row */
#define MAX_TABLE(K, S)                                                                                         \
    DEPTH_EACH(MAX_EDGE, K, S)                                                                                  \
    DEPTH_WIDEST(MAX_INSIDE, K, S)                                                                              \
    static const max_table max_##K##_##S = { DEPTH_WIDEST(MAX_INSIDE_NAME, K, S) DEPTH_EACH(MAX_NAMES, K, S) };
MAX_TABLE(3, 1)
MAX_TABLE(3, 2)
MAX_TABLE(2, 2)
/* clang-format on */

static void max_rows(const struct kern_depth *d, const max_table table, size_t first, size_t last, const float *x,
                     float *y)
{
    struct depth_at t = depth_begin(d);

    for (size_t p = first; p < last; p++) {
        depth_down(d, &t, p, 1);
        for (size_t q = 0, n; q<d->out[1]; q += n> 0 ? n : t.count * DEPTH_PIXELS) {
            n = depth_along(d, &t, q);
            table[n](&t, x + q * d->stride[1] * LANES, y + (p * d->out[1] + q) * LANES);
        }
    }
}

static void max_any(const struct kern_depth *d, size_t p, const float *x, float *y)
{
    for (size_t q = 0; q < d->out[1]; q++, y += LANES) {
        ptrdiff_t at = (ptrdiff_t)(q * d->stride[1]) - (ptrdiff_t)d->begin[1];
        ptrdiff_t top = (ptrdiff_t)(p * d->stride[0]) - (ptrdiff_t)d->begin[0];
        vector most = (vector){ 0 } - INFINITY;
        int from, to, left, right;
        depth_reach(top, d->in[0], d->kernel[0], d->dilation[0], &from, &to);
        depth_reach(at, d->in[1], d->kernel[1], d->dilation[1], &left, &right);
        for (int i = from; i < to; i++)
            for (int s = left; s < right; s++) {
                ptrdiff_t row = top + i * (ptrdiff_t)d->dilation[0], pixel = at + s * (ptrdiff_t)d->dilation[1];
                most = larger(most, load(x + (row * (ptrdiff_t)d->in[1] + pixel) * LANES));
            }
        store(y, most);
    }
}

static void block_max_f32(const struct kern_depth *d, size_t first, size_t last, const float *x, float *y)
{
    const size_t kernel = depth_square(d);

    if (kernel == 3 && d->stride[0] == 1)
        max_rows(d, max_3_1, first, last, x, y);
    else if (kernel == 3 && d->stride[0] == 2)
        max_rows(d, max_3_2, first, last, x, y);
    else if (kernel == 2 && d->stride[0] == 2)
        max_rows(d, max_2_2, first, last, x, y);
    else
        for (size_t p = first; p < last; p++)
            max_any(d, p, x, y + p * d->out[1] * LANES);
}

static void block_add_f32(float *y, const float *x, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++, y += LANES, x += step * LANES)
        store(y, load(y) + load(x));
}

static void block_scale_f32(float *y, const float *x, const float *scale, size_t n)
{
    vector by = load(scale);

    for (size_t i = 0; i < n; i++)
        store(y + i * LANES, load(x + i * LANES) * by);
}

static inline wide load_wide(const float *x)
{
    return __builtin_convertvector(*(const loose_half *)x, wide);
}

/* The order of sum_f32: pixel i goes to the (i % 8)-th of eight sums in double. Half the lanes at a time. */
static void block_sum_f32(double *sum, const float *x, size_t n)
{
    enum { HALF = LANES / 2, SUMS = 8 };

    for (size_t l = 0; l < LANES; l += HALF) {
        wide s[SUMS] = { { 0 } };
        size_t i = 0;
        for (; i + SUMS <= n; i += SUMS) {
            _Pragma("GCC unroll 8") for (size_t j = 0; j < SUMS; j++) s[j] += load_wide(x + (i + j) * LANES + l);
        }
        for (size_t j = 0; i < n; i++, j++)
            s[j] += load_wide(x + i * LANES + l);
        wide all = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
        memcpy(sum + l, &all, sizeof(all));
    }
}

/* ---- channels picked ---- */

/* A literal number of sources, so that what is picked stays in registers. */
#define GATHER(S)                                                                                                      \
    static void gather_##S(float *y, size_t n, const float *const *x, const int32_t *lane)                             \
    {                                                                                                                  \
        lanes_mask from[S], own[S];                                                                                    \
        const float *at[S];                                                                                            \
        EACH_OF(s, S)                                                                                                  \
        {                                                                                                              \
            from[s] = *(const loose_mask *)(lane + s * LANES);                                                         \
            own[s] = from[s] >= 0;                                                                                     \
            at[s] = x[s];                                                                                              \
        }                                                                                                              \
        for (size_t i = 0; i < n * LANES; i += LANES) {                                                                \
            lanes_mask sum = { 0 };                                                                                    \
            EACH_OF(s, S)                                                                                              \
            sum |= (lanes_mask)VECTOR_PERMUTE(load(at[s] + i), from[s]) & own[s];                                      \
            store(y + i, (vector)sum);                                                                                 \
        }                                                                                                              \
    }
GATHER(1)
GATHER(2)
GATHER(3)
GATHER(4)

static void gather_any(float *y, size_t n, size_t sources, const float *const *x, const int32_t *lane)
{
    for (size_t i = 0; i < n; i++) {
        lanes_mask sum = { 0 };
        for (size_t s = 0; s < sources; s++) {
            lanes_mask from = *(const loose_mask *)(lane + s * LANES);
            sum |= (lanes_mask)VECTOR_PERMUTE(load(x[s] + i * LANES), from) & (from >= 0);
        }
        store(y + i * LANES, (vector)sum);
    }
}

static void block_gather_f32(float *y, size_t n, size_t sources, const float *const *x, const int32_t *lane)
{
    switch (sources) {
    case 1: gather_1(y, n, x, lane); break;
    case 2: gather_2(y, n, x, lane); break;
    case 3: gather_3(y, n, x, lane); break;
    case 4: gather_4(y, n, x, lane); break;
    default: gather_any(y, n, sources, x, lane);
    }
}

static void use_block_planes(struct kern *kern)
{
    kern->block_lay_f32 = block_lay_f32;
    kern->block_max_f32 = block_max_f32;
    kern->block_add_f32 = block_add_f32;
    kern->block_scale_f32 = block_scale_f32;
    kern->block_sum_f32 = block_sum_f32;
    kern->block_gather_f32 = block_gather_f32;
}

#endif
