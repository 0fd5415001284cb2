/* Kernels on pictures in blocks, on every path of this machine. */
#include "kern/each_path.h"
#include "kern/winograd_cases.h"

static int start(void **state)
{
    return kern_init(&kern, *state, NULL);
}

/* The sums of a strip, a vector of weights for each block and a pixel: more would go by way of the stack. */
static void strips_fit_the_registers(void **state)
{
    (void)state;
    for (size_t registers = 16; registers <= 32; registers += 16)
        for (size_t blocks = 1; blocks <= KERN_BLOCKS; blocks++)
            assert_true(kern_block_pixels(registers, blocks) == 0 ||
                        kern_block_pixels(registers, blocks) * blocks + blocks + 1 <= registers);
}

int main(void)
{
    const struct CMUnitTest tests[] = { BLOCK_CASES, WINOGRAD_CASES, cmocka_unit_test(strips_fit_the_registers) };

    return EACH_PATH_RUN(tests, start);
}
