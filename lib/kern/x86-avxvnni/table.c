#include "kern/internal.h"

/* What AVX-VNNI, the 256-bit VNNI of processors without AVX-512, improves beyond AVX2. */
void kern_use_avxvnni(struct kern *kern)
{
    kern_use_avxvnni_block_integer(kern);
    kern_use_avxvnni_bytes(kern);
}
