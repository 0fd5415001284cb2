/* sums.h - sums of rows of bytes in 512 bits. Before including: PAIR_DOT. */
#define VECTOR __m512i
#define OF(name) _mm512_##name
#define LOAD _mm512_loadu_si512
#define STORE _mm512_storeu_si512
#include "kern/x86-avx2/sums.h"
