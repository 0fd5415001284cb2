#include "merge/round_fixture.h"

#include <math.h>
#include <unistd.h>

#include "merge/vectors.h"

static double halved(int site, int k)
{
    return sent(site, k) / 2;
}

static double negative(int site, int k)
{
    return -sent(site, k);
}

static struct merge_options options_of(enum merge_server_kind kind)
{
    return (struct merge_options){ .round = -1, .server = { kind, 0, 0.9, 0.99, 1e-3 } };
}

/* One round of site a's numbers; the package is written and read again in between, as it is between two nights. */
static void round_of(struct round *r, double (*number)(int, int), const struct merge_options *options)
{
    const char *path = arena_printf(&r->arena, "%s/next.coedge", r->folder);
    const char *update = write_numbers(r, "a", number, 0, 1);
    struct merge_report report;
    struct error err = { 0 };

    if (merge_updates(&r->base, &update, 1, options, &r->job, &r->arena, &report, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(package_write(&r->base, path, &r->job, NULL, NULL), 0);
    model_free(&r->base);
    assert_int_equal(package_read(&r->base, path, NULL), 0);
    assert_int_equal(package_settle(&r->base, NULL), 0);
    assert_int_equal(package_take_state(&r->base, &err), 0);
}

static void three_rounds_end_where_numpy_ends(void **state)
{
    static const struct {
        enum merge_server_kind kind;
        const float *wanted;
    } cases[] = {
        { MERGE_SERVER_MOMENTUM, vector_momentum },
        { MERGE_SERVER_ADAM, vector_adam },
        { MERGE_SERVER_YOGI, vector_yogi },
    };
    struct round *r = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct merge_options options = options_of(cases[i].kind);

        fill(&r->base, zero, 0);
        r->base.state = NULL;
        round_of(r, sent, &options);
        assert_non_null(r->base.state);
        round_of(r, halved, &options);
        round_of(r, negative, &options);
        for (int k = 0; k < NUMBERS; k++)
            assert_float_equal(number_of(&r->base, k), cases[i].wanted[k], 1e-6);
    }
}

/* Without a server optimizer the mean is what it is, to the bit, and no state is kept. */
static void none_keeps_no_state(void **state)
{
    const struct merge_options plain = { .round = -1 }, none = options_of(MERGE_SERVER_NONE);
    struct round *r = *state;
    struct model one, two;

    assert_int_equal(combine(r, &one, r->path, SITES, &plain, NULL), 0);
    assert_int_equal(combine(r, &two, r->path, SITES, &none, NULL), 0);
    assert_null(two.state);
    for (int k = 0; k < NUMBERS; k++)
        assert_true(number_of(&one, k) == number_of(&two, k));
    model_free(&one);
    model_free(&two);
}

/* What another optimizer left is not this one's: it begins as if there were none. */
static void another_optimizer_begins_anew(void **state)
{
    const struct merge_options adam = options_of(MERGE_SERVER_ADAM), yogi = options_of(MERGE_SERVER_YOGI);
    struct round *r = *state;
    float with[NUMBERS];

    round_of(r, sent, &adam);
    fill(&r->base, zero, 0);
    round_of(r, sent, &yogi);
    for (int k = 0; k < NUMBERS; k++)
        with[k] = (float)number_of(&r->base, k);
    fill(&r->base, zero, 0);
    r->base.state = NULL;
    round_of(r, sent, &yogi);
    for (int k = 0; k < NUMBERS; k++)
        assert_true(with[k] == (float)number_of(&r->base, k));
}

/* Statistics are averaged: they go the whole way, whatever the rate. */
static void statistics_are_not_stepped(void **state)
{
    struct merge_options options = options_of(MERGE_SERVER_ADAM);
    struct round *r = *state;
    int first = 0;
    float *data;

    options.server.lr = 1e-6;
    while (!is_merged(&r->base.graph.value[first]))
        first++;
    r->base.graph.value[first].trainable = false;
    assert_int_equal(
        merge_updates(&r->base, r->path, 1, &options, &r->job, &r->arena, &(struct merge_report){ 0 }, NULL), 0);
    data = r->base.graph.value[first].tensor.data;
    for (int k = 0; k < NUMBERS; k++)
        if (k < shape_count(&r->base.graph.value[first].tensor.shape))
            assert_float_equal(data[k], sent(0, k), 1e-6);
        else
            assert_true(fabs(number_of(&r->base, k)) < 1e-4);
}

static void a_state_that_does_not_fit_is_refused(void **state)
{
    const struct merge_options options = options_of(MERGE_SERVER_ADAM);
    static const float wrong[] = { NAN, -1, INFINITY };
    struct round *r = *state;
    struct error err = { 0 };
    struct merge_report report;
    struct tensor *second;

    for (size_t i = 0; i < COUNT(wrong); i++) {
        r->base.state = NULL;
        round_of(r, sent, &options);
        second = &r->base.state->tensor[0];
        for (int k = 0; k < r->base.state->count; k++)
            if (strstr(r->base.state->name[k], ".v/"))
                second = &r->base.state->tensor[k];
        ((float *)second->data)[0] = wrong[i];
        write_numbers(r, "a", sent, 0, 1);
        assert_int_equal(merge_updates(&r->base, r->path, 1, &options, &r->job, &r->arena, &report, &err), -1);
        assert_int_equal(err.kind, ERROR_INPUT);
        assert_non_null(strstr(err.message, "which is no moment"));
    }
    r->base.state = NULL;
    round_of(r, sent, &options);
    r->base.state->count--;
    write_numbers(r, "a", sent, 0, 1);
    assert_int_equal(merge_updates(&r->base, r->path, 1, &options, &r->job, &r->arena, &report, &err), -1);
    assert_non_null(strstr(err.message, "state.safetensors: there is no 'adam."));
    r->base.state = NULL;
    round_of(r, sent, &options);
    r->base.state->tensor[0].shape = shape_of(1, (int64_t)1);
    write_numbers(r, "a", sent, 0, 1);
    assert_int_equal(merge_updates(&r->base, r->path, 1, &options, &r->job, &r->arena, &report, &err), -1);
    assert_non_null(strstr(err.message, "is not as its weight in F32"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_rounds_end_where_numpy_ends, round_begin, round_end),
        cmocka_unit_test_setup_teardown(none_keeps_no_state, round_begin, round_end),
        cmocka_unit_test_setup_teardown(another_optimizer_begins_anew, round_begin, round_end),
        cmocka_unit_test_setup_teardown(statistics_are_not_stepped, round_begin, round_end),
        cmocka_unit_test_setup_teardown(a_state_that_does_not_fit_is_refused, round_begin, round_end),
    };

    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
