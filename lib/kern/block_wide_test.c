/* The shapes of 32 registers of 16 floats, which wider CPUs run, in plain C: their logic is tested on any machine. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define VECTOR_BYTES 64
#define BLOCK_REGISTERS 32
#define VECTOR_MAX(a, b) vector_choose((a) > (b), (a), (b))
#define VECTOR_MIN(a, b) vector_choose((a) < (b), (a), (b))
#define VECTOR_PERMUTE(v, lane) vector_permute(v, lane)
#include "kern/vector.h"

typedef int32_t mask __attribute__((vector_size(VECTOR_BYTES)));

static inline vector vector_choose(mask which, vector a, vector b)
{
    return (vector)((which & (mask)a) | (~which & (mask)b));
}

static inline vector vector_permute(vector v, mask lane)
{
    vector to;

    for (int i = 0; i < LANES; i++)
        to[i] = v[lane[i] & (LANES - 1)];
    return to;
}

#include "kern/block.h"
#include "kern/winograd.h"
#include "kern/winograd_cases.h"

static int start(void **state)
{
    (void)state;
    if (kern_init(&kern, "portable", NULL) < 0)
        return -1;
    use_block(&kern);
    use_winograd(&kern);
    assert_int_equal(kern.lanes, 16);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { BLOCK_CASES, WINOGRAD_CASES };

    return cmocka_run_group_tests(tests, start, NULL);
}
