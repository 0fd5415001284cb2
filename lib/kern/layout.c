/* layout.c - pictures into planes with borders and back, for any CPU. */
#include <string.h>

#include "kern/internal.h"

static void lay_rows_f32(float *plane, size_t rows, size_t wide, const float *from, size_t from_row, size_t first,
                         size_t last)
{
    for (size_t i = 0; i < rows; i++, plane += wide, from += from_row) {
        memset(plane, 0, first * sizeof *plane);
        memcpy(plane + first, from, (last - first) * sizeof *plane);
        memset(plane + last, 0, (wide - last) * sizeof *plane);
    }
}

static void pick_rows_f32(float *y, size_t rows, size_t columns, const float *from, size_t wide)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(y + i * columns, from + i * wide, columns * sizeof *y);
}

void kern_use_layout(struct kern *kern)
{
    kern->lay_rows_f32 = lay_rows_f32;
    kern->pick_rows_f32 = pick_rows_f32;
}
