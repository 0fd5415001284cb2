/* 16 registers of 8 floats: 12 sums, 2 vectors of b, an element of a. */
#define VECTOR_BYTES 32
#define TRANSFORM_ROWS 6
#include "kern/transform.h"

/* clang-format off */
#define ONES_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define ONES_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define TWOS_LOW 0, 1, 8, 9, 4, 5, 12, 13
#define TWOS_HIGH 2, 3, 10, 11, 6, 7, 14, 15
#define HALVES_LOW 0, 1, 2, 3, 8, 9, 10, 11
#define HALVES_HIGH 4, 5, 6, 7, 12, 13, 14, 15
/* clang-format on */

#define MIX(a, b, kind) __builtin_shufflevector(a, b, kind)

static void transpose_eight(float *y, size_t ldy, const float *x, size_t ldx)
{
    vector a[8], b[8];

    for (size_t i = 0; i < 8; i++)
        a[i] = load(x + i * ldx);
    for (size_t i = 0; i < 8; i += 2) {
        b[i] = MIX(a[i], a[i + 1], ONES_LOW);
        b[i + 1] = MIX(a[i], a[i + 1], ONES_HIGH);
    }
    for (size_t i = 0; i < 8; i += 4) {
        a[i] = MIX(b[i], b[i + 2], TWOS_LOW);
        a[i + 1] = MIX(b[i], b[i + 2], TWOS_HIGH);
        a[i + 2] = MIX(b[i + 1], b[i + 3], TWOS_LOW);
        a[i + 3] = MIX(b[i + 1], b[i + 3], TWOS_HIGH);
    }
    for (size_t i = 0; i < 4; i++) {
        store(y + i * ldy, MIX(a[i], a[i + 4], HALVES_LOW));
        store(y + (i + 4) * ldy, MIX(a[i], a[i + 4], HALVES_HIGH));
    }
}

static void transpose_f32(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    size_t whole_rows = rows / 8 * 8, whole = columns / 8 * 8;

    for (size_t i = 0; i < whole_rows; i += 8) {
        for (size_t j = 0; j < whole; j += 8)
            transpose_eight(y + j * ldy + i, ldy, x + i * ldx + j, ldx);
        for (size_t j = whole; j < columns; j++)
            for (size_t r = i; r < i + 8; r++)
                y[j * ldy + r] = x[r * ldx + j];
    }
    for (size_t i = whole_rows; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            y[j * ldy + i] = x[i * ldx + j];
}

void kern_use_avx2_transform(struct kern *kern)
{
    use_transform(kern);
    kern->transpose_f32 = transpose_f32;
}
