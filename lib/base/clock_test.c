#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void clock_never_goes_back(void **state)
{
    double last = clock_seconds();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        const double now = clock_seconds();

        assert_true(now >= last);
        last = now;
    }
}

static void peak_memory_counts_bytes_touched(void **state)
{
    const size_t bytes = 32u << 20;
    const long before = clock_peak_memory_bytes();
    volatile char *memory = malloc(bytes);

    (void)state;
    assert_non_null(memory);
    for (size_t i = 0; i < bytes; i += 4096)
        memory[i] = 1;
    assert_true(clock_peak_memory_bytes() >= before + (long)(bytes / 2));
    free((void *)(uintptr_t)memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_never_goes_back),
        cmocka_unit_test(peak_memory_counts_bytes_touched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
