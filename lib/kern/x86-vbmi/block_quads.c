/*
 * block_quads.c - words of four pixels are one permutation of their bytes. Windows of three rows, the common ones, have
 * their weights in registers for all rows of a strip.
 */
#include "kern/x86-vnni/words.h"

/* Four pixels of sixteen channels, channel by channel. */
static inline __m512i quads_at(const char *x)
{
    static const uint8_t order[64] = {
        0,  16, 32, 48, 1,  17, 33, 49, 2,  18, 34, 50, 3,  19, 35, 51, 4,  20, 36, 52, 5,  21,
        37, 53, 6,  22, 38, 54, 7,  23, 39, 55, 8,  24, 40, 56, 9,  25, 41, 57, 10, 26, 42, 58,
        11, 27, 43, 59, 12, 28, 44, 60, 13, 29, 45, 61, 14, 30, 46, 62, 15, 31, 47, 63,
    };

    return _mm512_permutexvar_epi8(_mm512_loadu_si512(order), _mm512_loadu_si512(x));
}

#define QUADS_AT quads_at
#include "kern/block_quads.h"

enum { ROWS = 3 };

/* What all strips of a call have in common. */
struct three {
    const struct kern_block_bytes *c;
    const int32_t *w, *bias;
    const float *scale;
    size_t rows, x_row, y_row; /* bytes between two rows */
};

typedef void three_strip(const struct three *t, const char *x, uint8_t *y);

/* clang-format off */
#define SCALE_HELD(b) held
/* What they are told is copied: else each store of bytes might have changed it. */
#define THREE_STRIP(NAME, P, STEP)                                                                              \
    static void NAME##_##P##x1(const struct three *t, const char *x, uint8_t *y)                                \
    {                                                                                                           \
        const struct kern_block_bytes copy = *t->c, *c = &copy;                                                 \
        const struct three three = *t;                                                                          \
        const int32_t *bias = three.bias;                                                                       \
        const FLOATS held = LOAD_FLOATS(three.scale);                                                           \
        const char *at[ROWS] = { x + c->offset[0], x + c->offset[1], x + c->offset[2] };                        \
        for (size_t row = 0; row < three.rows; row++, y += three.y_row) {                                       \
            const int32_t *w = three.w;                                                                         \
            STRIP_START(P, 1)                                                                                   \
            _Pragma("GCC unroll 3") for (int s = 0; s < ROWS; s++) {                                            \
                const char *from = at[s];                                                                       \
                STEP(P)                                                                                         \
                at[s] += three.x_row;                                                                           \
            }                                                                                                   \
            STRIP_BYTES(P, 1, SCALE_HELD)                                                                       \
        }                                                                                                       \
    }
#define THREE_NEAR(P, B) THREE_STRIP(three_strip, P, QUAD_NEAR_STEP)
#define THREE_FAR(P, B) THREE_STRIP(three_far_strip, P, QUAD_FAR_STEP)
STRIPS_1(THREE_NEAR)
STRIPS_1(THREE_FAR)
#define THREE_NEAR_NAME(P, B) [P] = three_strip_##P##x1,
#define THREE_FAR_NAME(P, B) [P] = three_far_strip_##P##x1,
static three_strip *const near_strips[] = { STRIPS_1(THREE_NEAR_NAME) };
static three_strip *const far_strips[] = { STRIPS_1(THREE_FAR_NAME) };
/* clang-format on */

static void quads_u8(const struct kern_block_bytes *c, size_t rows, size_t n, const void *x, size_t x_row,
                     const int32_t *w, const int32_t *bias, const float *scale, uint8_t *y)
{
    three_strip *const *strip = c->pixel == LANES ? near_strips : far_strips;
    const struct three t = { c, w, bias, scale, rows, x_row, n * LANES };

    if (c->segments != ROWS) {
        block_quads_u8(c, rows, n, x, x_row, w, bias, scale, y);
        return;
    }
    for (size_t j = 0, end; j < n; j = end) {
        end = quad_end(n, j);
        strip[end - j](&t, (const char *)x + j * c->pixel, y + j * LANES);
    }
}

void kern_use_vbmi_block_quads(struct kern *kern)
{
    kern->block_quads_u8 = quads_u8;
}
