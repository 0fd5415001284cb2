#include "kern/internal.h"

/* What AVX-512 VNNI improves beyond AVX-512. */
void kern_use_vnni(struct kern *kern)
{
    kern_use_vnni_block_integer(kern);
    kern_use_vnni_bytes(kern);
}
