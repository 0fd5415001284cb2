/* Every allocation and every write fails in turn; asan, tsan and cover builds can do that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "package/sample_model.h"

#include "kern/kern.h"

#ifdef COEDGE_FAULTS
enum { FAULTS = 1 };
#else
enum { FAULTS = 0 };
#endif

struct fixture {
    struct kern kern;
    struct job job;
    unsigned char *bytes;
    size_t count;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct error err = { 0 };
    struct model model;

    if (f == NULL || kern_init(&f->kern, "portable", &err) < 0)
        return -1;
    f->job.kern = &f->kern;
    sample_model(&model);
    if (package_write_memory(&model, &f->bytes, &f->count, &f->job, &err) < 0)
        return -1;
    model_free(&model);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    free(f->bytes);
    free(f);
    return 0;
}

/* Runs `work` with its nth call of a kind failing, n = 1, 2, ... until nothing fails any more; how many did.
 * A failure here and there may be got over, as when a limit falls back to its default. */
static int fail_in_turn(const struct fixture *f, const char *call, const char *how, enum error_kind kind,
                        int (*work)(const struct fixture *f, struct error *err))
{
    int failures = 0, good_in_turn = 0;

    for (int n = 1; good_in_turn < 20; n++) {
        struct error err = { 0 };
        char fault[64];
        int rc;

        snprintf(fault, sizeof(fault), "%s:%d:%s", call, n, how);
        assert_int_equal(setenv("COEDGE_FAULT", fault, 1), 0);
        rc = work(f, &err);
        unsetenv("COEDGE_FAULT");
        failures += rc < 0;
        good_in_turn = rc < 0 ? 0 : good_in_turn + 1;
        if (rc < 0 && err.kind != kind)
            fail_msg("%s: kind %d: %s", fault, err.kind, err.message);
    }
    return failures;
}

static int read_it(const struct fixture *f, struct error *err)
{
    struct model model;
    int rc = package_read_memory(&model, f->bytes, f->count, "tiny.coedge", err);

    if (rc < 0)
        return -1;
    rc = package_settle(&model, err);
    model_free(&model);
    return rc;
}

static int write_it(const struct fixture *f, struct error *err)
{
    struct model model;
    unsigned char *bytes;
    size_t count;
    int rc;

    if (package_read_memory(&model, f->bytes, f->count, "tiny.coedge", err) < 0)
        return -1;
    rc = package_write_memory(&model, &bytes, &count, &f->job, err);
    if (rc == 0) {
        /* What was written although something failed would lack a part. */
        assert_int_equal(count, f->count);
        assert_memory_equal(bytes, f->bytes, count);
        free(bytes);
    }
    model_free(&model);
    return rc;
}

static int write_file(const struct fixture *f, struct error *err)
{
    struct model model;
    int rc;

    if (package_read_memory(&model, f->bytes, f->count, "tiny.coedge", err) < 0)
        return -1;
    rc = package_write(&model, "/tmp/fault_test.coedge", &f->job, NULL, err);
    model_free(&model);
    assert_int_equal(path_exists("/tmp/fault_test.coedge"), rc == 0);
    unlink("/tmp/fault_test.coedge");
    return rc;
}

static void a_read_that_runs_out_of_memory_says_so(void **state)
{
    assert_true(fail_in_turn(*state, "alloc", "ENOMEM", ERROR_LIMIT, read_it) >= 50 * FAULTS);
}

static void a_write_that_runs_out_of_memory_says_so(void **state)
{
    assert_true(fail_in_turn(*state, "alloc", "ENOMEM", ERROR_LIMIT, write_it) >= 100 * FAULTS);
}

static void a_full_disk_leaves_no_file(void **state)
{
    assert_true(fail_in_turn(*state, "write", "ENOSPC", ERROR_IO, write_file) >= 3 * FAULTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_that_runs_out_of_memory_says_so),
        cmocka_unit_test(a_write_that_runs_out_of_memory_says_so),
        cmocka_unit_test(a_full_disk_leaves_no_file),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
