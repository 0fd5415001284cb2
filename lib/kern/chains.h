/*
 * chains.h - multiply_add_f32: chains of multiply-adds in registers, as many side
 * by side as hide their latency, so that nothing but the arithmetic takes time.
 * One source, compiled by each instruction set's folder.
 *
 * Before including: VECTOR_BYTES; CHAINS, the function that fills the table.
 */
#include "kern/vector.h"

enum { SIDE_BY_SIDE = 12 };

static void multiply_add(float *sum, float factor, float term, size_t rounds)
{
    const vector f = factor - (vector){ 0 }, t = term - (vector){ 0 };

    for (int at = 0; at < KERN_CHAINS; at += SIDE_BY_SIDE * LANES) {
        vector acc[SIDE_BY_SIDE];

        _Pragma("GCC unroll 12") for (int i = 0; i < SIDE_BY_SIDE; i++) acc[i] = load(sum + at + i * LANES);
        for (size_t r = 0; r < rounds; r++)
            _Pragma("GCC unroll 12") for (int i = 0; i < SIDE_BY_SIDE; i++) acc[i] = acc[i] * f + t;
        _Pragma("GCC unroll 12") for (int i = 0; i < SIDE_BY_SIDE; i++) store(sum + at + i * LANES, acc[i]);
    }
}

_Static_assert(KERN_CHAINS % (SIDE_BY_SIDE * LANES) == 0, "no chain is left over");

void CHAINS(struct kern *kern)
{
    kern->multiply_add_f32 = multiply_add;
}
