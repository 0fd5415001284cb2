#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kern/kern.h"

static void each_path_of_this_machine_can_be_named(void **state)
{
    const char *path, *best = NULL;
    struct kern kern;

    (void)state;
    assert_string_equal(kern_path(0), "portable");
    for (size_t i = 0; (path = kern_path(i)) != NULL; i++) {
        assert_int_equal(kern_init(&kern, path, NULL), 0);
        assert_string_equal(kern.cpu, path);
        best = path;
    }
    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    assert_string_equal(kern.cpu, best);
    assert_int_equal(kern_init(&kern, "auto", NULL), 0);
    assert_string_equal(kern.cpu, best);
}

/* Instruction sets build on the products of OpenBLAS only until they have their own. */
static void only_openblas_products_depend_on_their_size(void **state)
{
    const char *path;
    struct kern kern;

    (void)state;
    for (size_t i = 0; (path = kern_path(i)) != NULL; i++) {
        assert_int_equal(kern_init(&kern, path, NULL), 0);
        assert_int_equal(kern.gemm_stable, strcmp(path, "openblas") != 0);
    }
}

static void an_unknown_path_is_refused_with_the_known_ones(void **state)
{
    struct kern kern;
    struct error err = { 0 };
    const char *path;

    (void)state;
    assert_int_equal(kern_init(&kern, "z80", &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.message, "unknown processor path 'z80'");
    assert_non_null(strstr(err.hint, "auto, portable"));
    for (size_t i = 0; (path = kern_path(i)) != NULL; i++)
        assert_non_null(strstr(err.hint, path));
}

/* Here it is OpenBLAS that may be absent: a build's matter, which a test can know. */
static void openblas_is_there_or_said_to_be_absent(void **state)
{
    struct kern kern;
    struct error err = { 0 };

    (void)state;
#ifdef COEDGE_OPENBLAS
    assert_int_equal(kern_init(&kern, "openblas", &err), 0);
#else
    assert_int_equal(kern_init(&kern, "openblas", &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_string_equal(err.message, "no 'openblas' kernels: this build has no OpenBLAS");
    assert_null(strstr(err.hint, "openblas"));
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_path_of_this_machine_can_be_named),
        cmocka_unit_test(only_openblas_products_depend_on_their_size),
        cmocka_unit_test(an_unknown_path_is_refused_with_the_known_ones),
        cmocka_unit_test(openblas_is_there_or_said_to_be_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
