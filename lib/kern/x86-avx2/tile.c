/* 16 registers of 8 floats. */
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#define DOT_ROWS 4
#define DOT_COLUMNS 3
#include "kern/tile.h"

void kern_use_avx2_tiles(struct kern *kern)
{
    use_tiles(kern);
}
