#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

static void count_is_elements_not_bytes(void **state)
{
    const double three[3] = { 0 };

    (void)state;
    assert_int_equal(COUNT(three), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(count_is_elements_not_bytes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
