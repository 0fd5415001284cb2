/* Kernels on pictures in blocks, on every path of this machine. */
#include "kern/each_path.h"
#include "kern/winograd_cases.h"

static int start(void **state)
{
    return kern_init(&kern, *state, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { BLOCK_CASES, WINOGRAD_CASES };

    return EACH_PATH_RUN(tests, start);
}
