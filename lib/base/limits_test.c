#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

static void every_limit_has_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < LIMIT_COUNT; i++) {
        assert_non_null(limit_rows[i].name);
        assert_non_null(limit_rows[i].help);
        assert_true(limit_rows[i].initial > 0);
        assert_true(limit_get((enum limit)i) == limit_rows[i].initial);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(limit_rows[i].name, limit_rows[j].name);
    }
}

static void environment_changes_a_limit(void **state)
{
    (void)state;
    setenv("COEDGE_LIMIT_YAML_DEPTH", "5", 1);
    assert_int_equal(limit_get(LIMIT_YAML_DEPTH), 5);
    assert_true(limit_get(LIMIT_YAML_BYTES) == limit_rows[LIMIT_YAML_BYTES].initial);
    unsetenv("COEDGE_LIMIT_YAML_DEPTH");
    assert_int_equal(limit_get(LIMIT_YAML_DEPTH), 64);
}

static void nonsense_leaves_the_limit(void **state)
{
    static const char *const bad[] = { "", "lots", "-1", "64k" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        setenv("COEDGE_LIMIT_NODES", bad[i], 1);
        assert_int_equal(limit_get(LIMIT_NODES), 100000);
    }
    unsetenv("COEDGE_LIMIT_NODES");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_has_a_row),
        cmocka_unit_test(environment_changes_a_limit),
        cmocka_unit_test(nonsense_leaves_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
