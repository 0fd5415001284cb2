/* bytes.c - u8 element by element, for any CPU. */
#include "kern/internal.h"

#define BYTES kern_use_bytes
#include "kern/bytes.h"
