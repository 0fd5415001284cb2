#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/job.h"

struct heard {
    struct progress progress; /* first: the sink is given this */
    uint64_t done, total;
    char what[32], line[64];
};

static void hear_step(struct progress *progress, const char *what, uint64_t done, uint64_t total)
{
    struct heard *heard = (struct heard *)progress;

    strncpy(heard->what, what, sizeof(heard->what) - 1);
    heard->done = done;
    heard->total = total;
}

static void hear_note(struct progress *progress, const char *line)
{
    strncpy(((struct heard *)progress)->line, line, sizeof(((struct heard *)progress)->line) - 1);
}

static void steps_and_notes_reach_the_sink(void **state)
{
    struct heard heard = { .progress = { hear_step, hear_note } };
    const struct job job = { .progress = &heard.progress };

    (void)state;
    job_step(&job, "training", 3, 10);
    job_note(&job, "%d samples have no class", 2);
    assert_string_equal(heard.what, "training");
    assert_int_equal(heard.done, 3);
    assert_int_equal(heard.total, 10);
    assert_string_equal(heard.line, "2 samples have no class");
}

static void no_one_to_tell_is_fine(void **state)
{
    struct progress deaf = { 0 };
    const struct job silent = { 0 }, half = { .progress = &deaf };

    (void)state;
    job_step(NULL, "x", 0, 0);
    job_note(NULL, "x");
    job_step(&silent, "x", 0, 0);
    job_note(&silent, "x");
    job_step(&half, "x", 0, 0);
    job_note(&half, "x");
    assert_false(job_stopped(NULL));
    assert_false(job_stopped(&silent));
}

static void the_flag_stops_the_job(void **state)
{
    volatile sig_atomic_t stop = 0;
    const struct job job = { .stop = &stop };

    (void)state;
    assert_false(job_stopped(&job));
    stop = 1;
    assert_true(job_stopped(&job));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_and_notes_reach_the_sink),
        cmocka_unit_test(no_one_to_tell_is_fine),
        cmocka_unit_test(the_flag_stops_the_job),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
