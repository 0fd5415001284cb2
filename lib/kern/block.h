/*
 * block.h - convolutions of pictures in blocks: [C / LANES, H, W, LANES], so that
 * a pixel's channels are whole vectors. One source, compiled by each instruction
 * set's folder.
 *
 * A strip is P neighbouring output pixels of B output blocks. Its sums stay in
 * registers while the whole depth runs through: B vectors of weights and a
 * number of each pixel are loaded for P * B multiply-adds. Every element is one
 * chain of multiply-adds in the order of the depth, whatever strip it lies in.
 *
 * Before including: VECTOR_BYTES; VECTOR_MAX and VECTOR_MIN, which give their
 * second operand where one is NaN or both are equal; VECTOR_PERMUTE, the lanes
 * of a vector that integers name, their other bits ignored; BLOCK_REGISTERS. Where
 * others are better: PLANE_SEGMENTS, all of a strip of single numbers; PLANE_STRIPS,
 * of which sizes they are, and PLANE_PIXELS, the widest of so many blocks; DEPTH_REGISTERS, as BLOCK_REGISTERS, for
 * convolutions of each channel by itself.
 *
 * Source: Zhang, Franchetti, Low, "High Performance Zero-Memory Overhead Direct
 * Convolutions", ICML 2018, for the layout.
 */
#include "kern/vector.h"

/* clang-format off */
#define EACH_PIXEL(P) _Pragma("GCC unroll 16") for (int p = 0; p < (P); p++)
#define EACH_BLOCK(B) _Pragma("GCC unroll 4") for (int b = 0; b < (B); b++)

/* What a strip fetches for later: a place, and bytes on for each step of the depth. */
struct ahead {
    const char *at;
    size_t step;
};

typedef void strip_f32(const struct kern_block_conv *c, const float *x, const float *w, const float *bias,
                       const float *add, float *y, struct ahead ahead);

/* Read once: for all that a compiler knows, a store may change the number. */
static inline vector all_lanes(float number)
{
    return (vector){ 0 } + number;
}

/* Literal sizes of the accumulators, or gcc keeps them in memory. */
#define STRIP_START(P, B)                                                                                       \
    vector acc[P][B];                                                                                           \
    EACH_BLOCK(B) {                                                                                             \
        vector first = bias ? load(bias + b * LANES) : (vector){ 0 };                                           \
        EACH_PIXEL(P)                                                                                           \
            acc[p][b] = first;                                                                                  \
    }

#define STRIP_STEP(P, B, FROM, STEP)                                                                            \
    {                                                                                                           \
        vector v[B];                                                                                            \
        EACH_BLOCK(B)                                                                                           \
            v[b] = load(w + b * LANES);                                                                         \
        EACH_PIXEL(P)                                                                                           \
            EACH_BLOCK(B)                                                                                       \
                acc[p][b] += v[b] * (FROM)[p * (STEP)];                                                         \
        w += (B) * LANES;                                                                                       \
    }

#define STRIP_END(P, B)                                                                                         \
    vector low = all_lanes(c->low), high = all_lanes(c->high);                                                  \
    EACH_BLOCK(B) {                                                                                             \
        float *to = y + (size_t)b * c->y_block;                                                                 \
        if (add) {                                                                                              \
            const float *more = add + (size_t)b * c->y_block;                                                   \
            EACH_PIXEL(P)                                                                                       \
                acc[p][b] += load(more + p * LANES);                                                            \
        }                                                                                                       \
        EACH_PIXEL(P)                                                                                           \
            store(to + p * LANES, VECTOR_MIN(high, VECTOR_MAX(low, acc[p][b])));                                \
    }

/* Pixels are blocks themselves: runs of a block's channels. */
#define STRIP(P, B)                                                                                             \
    static void strip_##P##x##B(const struct kern_block_conv *c, const float *x, const float *w,                \
                                const float *bias, const float *add, float *y, struct ahead ahead)              \
    {                                                                                                           \
        STRIP_START(P, B)                                                                                       \
        size_t s = 0;                                                                                           \
        for (; s < c->whole; s++) {                                                                             \
            const float *from = x + c->offset[s];                                                               \
            _Pragma("GCC unroll 8") for (int f = 0; f < (P) * LANES; f += 16)                                   \
                __builtin_prefetch(from + (P) * LANES + f); /* the next strip's */                              \
            _Pragma("GCC unroll 4") for (int k = 0; k < LANES; k++) {                                           \
                __builtin_prefetch(ahead.at);                                                                   \
                ahead.at += ahead.step;                                                                         \
                STRIP_STEP(P, B, from + k, LANES)                                                               \
            }                                                                                                   \
        }                                                                                                       \
        for (; s < c->segments; s++) {                                                                          \
            const float *from = x + c->offset[s];                                                               \
            for (size_t k = 0; k < c->rest; k++)                                                                \
                STRIP_STEP(P, B, from + k, LANES)                                                               \
        }                                                                                                       \
        STRIP_END(P, B)                                                                                         \
    }

#ifndef PLANE_SEGMENTS
#define PLANE_SEGMENTS(P, B)                                                                                    \
    for (size_t s = 0; s < c->segments; s++)                                                                    \
        STRIP_STEP(P, B, x + c->offset[s], 1)
#endif
/* Pixels are single numbers of a plane. */
#define PLANE_STRIP(P, B)                                                                                       \
    static void plane_strip_##P##x##B(const struct kern_block_conv *c, const float *x, const float *w,          \
                                      const float *bias, const float *add, float *y, struct ahead ahead)        \
    {                                                                                                           \
        (void)ahead;                                                                                            \
        STRIP_START(P, B)                                                                                       \
        PLANE_SEGMENTS(P, B)                                                                                    \
        STRIP_END(P, B)                                                                                         \
    }

#define STRIPS_1(S) S(1, 1) S(2, 1) S(3, 1) S(4, 1) S(5, 1) S(6, 1) S(7, 1) S(8, 1) S(9, 1) S(10, 1) S(11, 1) S(12, 1)
#define STRIPS_2(S) S(1, 2) S(2, 2) S(3, 2) S(4, 2) S(5, 2) S(6, 2)
#define STRIPS_3(S) S(1, 3) S(2, 3) S(3, 3) S(4, 3)
#define MORE_STRIPS(S) S(7, 2) S(8, 2) S(9, 2) S(10, 2) S(11, 2) S(12, 2) S(13, 2) S(14, 2) \
    S(5, 3) S(6, 3) S(7, 3) S(8, 3) S(9, 3) S(1, 4) S(2, 4) S(3, 4) S(4, 4) S(5, 4) S(6, 4)
#if BLOCK_REGISTERS >= 32
#define STRIPS(S) STRIPS_1(S) STRIPS_2(S) STRIPS_3(S) MORE_STRIPS(S)
#else
#define STRIPS(S) STRIPS_1(S) STRIPS_2(S) STRIPS_3(S)
#endif
#ifndef PLANE_STRIPS
#define PLANE_STRIPS STRIPS
#define PLANE_PIXELS(blocks) kern_block_pixels(BLOCK_REGISTERS, blocks)
#endif
STRIPS(STRIP)
PLANE_STRIPS(PLANE_STRIP)

#define STRIP_NAME(P, B) [B][P] = strip_##P##x##B,
#define PLANE_NAME(P, B) [B][P] = plane_strip_##P##x##B,
static strip_f32 *const strips[KERN_BLOCKS + 1][KERN_PIXELS + 1] = { STRIPS(STRIP_NAME) };
static strip_f32 *const plane_strips[KERN_BLOCKS + 1][KERN_PIXELS + 1] = { PLANE_STRIPS(PLANE_NAME) };
/* clang-format on */

/* n pixels in strips that differ by one pixel at most: 14 are 5, 5 and 4. */
static inline size_t strip_end(size_t n, size_t most, size_t start)
{
    size_t count = (n + most - 1) / most, i = (start * count + n - 1) / n;

    return n * (i + 1) / count;
}

/* Strip by strip its share of what comes next. */
static void block_conv_f32(const struct kern_block_conv *c, size_t n, size_t blocks, const float *x, const float *w,
                           const float *bias, const float *add, float *y)
{
    size_t most = kern_block_pixels(BLOCK_REGISTERS, blocks), count = (n + most - 1) / most;
    size_t depth = c->whole * LANES + (c->segments - c->whole) * c->rest, share = c->next_floats * sizeof *w / count;
    struct ahead ahead = { (const char *)(c->next_floats ? c->next : w), depth > 0 ? share / depth : 0 };

    for (size_t j = 0, end; j < n; j = end, ahead.at += share) {
        end = strip_end(n, most, j);
        strips[blocks][end - j](c, x + j * LANES, w, bias, add ? add + j * LANES : NULL, y + j * LANES, ahead);
    }
}

static void block_planes_f32(const struct kern_block_conv *c, size_t n, size_t blocks, const float *x, const float *w,
                             const float *bias, const float *add, float *y)
{
    size_t most = PLANE_PIXELS(blocks);

    for (size_t j = 0, end; j < n; j = end) {
        end = strip_end(n, most, j);
        plane_strips[blocks][end - j](c, x + j, w, bias, add ? add + j * LANES : NULL, y + j * LANES,
                                      (struct ahead){ 0 });
    }
}

#include "kern/block_depth.h"
#include "kern/block_planes.h"

static void use_block(struct kern *kern)
{
    kern->lanes = LANES;
    kern->registers = BLOCK_REGISTERS;
    kern->block_conv_f32 = block_conv_f32;
    kern->block_planes_f32 = block_planes_f32;
    use_block_depth(kern);
    use_block_planes(kern);
}
