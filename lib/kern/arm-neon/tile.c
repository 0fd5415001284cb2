/* 32 registers of 4 floats: 10 rows of 2 accumulators, 2 vectors of pixels, weights; gcc 12 keeps no 11 rows there. */
#define VECTOR_BYTES 16
#define TILE_ROWS 10
#define DOT_ROWS 6
#define DOT_COLUMNS 4
#include "kern/tile.h"

void kern_use_neon_tiles(struct kern *kern)
{
    use_tiles(kern);
}
