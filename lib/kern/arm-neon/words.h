/*
 * words.h - block_integer.h's words on 32 registers of four. ARM multiplies by one lane of
 * a vector, so a pixel's word need not be copied to all. Before including: what kern/words.h
 * wants.
 */
#include <arm_neon.h>

#include "kern/kern.h"

typedef int32_t word_anywhere __attribute__((aligned(1), may_alias));

/* In the first lane. */
static inline int32x4_t load_word(const char *x)
{
    int32x4_t v;

    __asm__("ldr %s0, %1" : "=w"(v) : "m"(*(const word_anywhere *)(const void *)x));
    return v;
}

#define STRIP_PIXELS(blocks) ((blocks) == 1 ? 12 : 24 / (blocks))
#define BLOCK_REGISTERS 32
#define WORD_AT load_word
#include "kern/words.h"
