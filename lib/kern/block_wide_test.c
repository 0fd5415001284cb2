/* The shapes of 32 registers of 16 floats, which wider CPUs run, in plain C: their logic is tested on any machine. */
#define VECTOR_BYTES 64
#define BLOCK_REGISTERS 32
#include "kern/vector_plain.h"

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
