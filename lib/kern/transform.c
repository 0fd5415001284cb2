/* transform.c - Winograd's convolution and transposed rows, for any CPU: vectors as small as any has them. */
#define VECTOR_BYTES 16
#define TRANSFORM_ROWS 2
#include "kern/transform.h"

static void transpose_f32(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            y[j * ldy + i] = x[i * ldx + j];
}

void kern_use_transform(struct kern *kern)
{
    use_transform(kern);
    kern->transpose_f32 = transpose_f32;
}
