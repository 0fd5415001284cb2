/*
 * layout.h - pictures into planes with borders and back, a vector at a time.
 * Before including: VECTOR_BYTES; MASKED_LOAD(address, from, to): lanes
 * from..to - 1 of a vector, zeros in the others, nothing else read.
 */
#include "kern/vector.h"

/* Vectors run over the end of a row; the next row, or the slack behind the last, covers it. */
static void lay_rows_f32(float *plane, size_t rows, size_t wide, const float *from, size_t from_row, size_t first,
                         size_t last)
{
    for (size_t i = 0; i < rows; i++, plane += wide, from += from_row) {
        for (size_t j = 0; j < wide; j += LANES) {
            if (j >= first && j + LANES <= last) {
                store(plane + j, load(from + (j - first)));
                continue;
            }
            size_t begin = first > j ? smaller(first - j, LANES) : 0, end = last > j ? smaller(last - j, LANES) : 0;
            if (begin < end)
                store(plane + j, MASKED_LOAD((uintptr_t)from + (j - first) * sizeof(float), begin, end));
            else
                store(plane + j, (vector){ 0 });
        }
    }
}

static void pick_rows_f32(float *y, size_t rows, size_t columns, const float *from, size_t wide)
{
    size_t left = rows * columns;

    for (size_t i = 0; i < rows; i++, y += columns, from += wide, left -= columns) {
        size_t j = 0;
        for (; j + LANES <= columns || (j < columns && j + LANES <= left); j += LANES)
            store(y + j, load(from + j));
        for (; j < columns; j++)
            y[j] = from[j];
    }
}

static void use_layout(struct kern *kern)
{
    kern->lay_rows_f32 = lay_rows_f32;
    kern->pick_rows_f32 = pick_rows_f32;
}
