/* 32 registers of 16 floats; transposing stays as AVX2 has it. */
#define VECTOR_BYTES 64
#define TRANSFORM_ROWS 12
#include "kern/transform.h"

void kern_use_avx512_transform(struct kern *kern)
{
    use_transform(kern);
}
