/* 32 registers of 16 floats. */
#define VECTOR_BYTES 64
#define TILE_ROWS 14
#define DOT_ROWS 6
#define DOT_COLUMNS 4
#include "kern/tile.h"

void kern_use_avx512_tiles(struct kern *kern)
{
    use_tiles(kern);
}
