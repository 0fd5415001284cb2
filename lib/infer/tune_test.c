#include "infer/tune.h"

#include <sys/mman.h>

#include "infer/tiny.h"

struct bench {
    struct model model;
    struct kern kern;
    struct job job;
    struct arena arena;
    struct tune tune;
    struct error err;
};

static int must(struct bench *b, int rc)
{
    if (rc < 0)
        fail_msg("%s", b->err.message);
    return rc;
}

static void begin(struct bench *b)
{
    const struct arch_options options = { .channels = 3, .height = 32, .width = 32, .classes = 3, .width_factor = 1 };

    *b = (struct bench){ 0 };
    assert_int_equal(kern_init(&b->kern, NULL, NULL), 0);
    b->job.kern = &b->kern;
    must(b, model_new(&b->model, "solder-cnn", &options, &b->err));
}

static void end(struct bench *b)
{
    arena_free(&b->arena);
    model_free(&b->model);
}

static int tune(struct bench *b, const struct profile_options *o)
{
    return tune_model(&b->model, o, &b->job, &b->arena, &b->tune, &b->err);
}

/* conv1 has three channels and one way only; conv2 to conv4 see 16 to 4 pixels, conv5 two. */
static void ways_are_those_that_fit_and_the_chosen_ones_won(void **state)
{
    struct bench b;
    int chosen = 0;

    (void)state;
    begin(&b);
    must(&b, tune(&b, &(struct profile_options){ .batch = 1 }));
    assert_int_equal(b.tune.count, b.kern.lanes > 0 ? 3 : 0);
    for (int n = 0; n < b.tune.count; n++) {
        const struct tune_node *node = &b.tune.node[n];
        char name[16];
        int tried = 0;

        snprintf(name, sizeof(name), "conv%d", n + 2);
        assert_string_equal(node->name, name);
        assert_ptr_equal(strstr(node->usual, "winograd"), node->usual);
        assert_true(node->ms > 0);
        for (int way = 0; way < OP_WAYS; way++)
            tried += node->ratio[way] > 0;
        assert_int_equal(tried, 2); /* direct, and the other tiles */
        assert_true(node->ratio[OP_WAY_DIRECT] > 0);
        chosen += node->way != OP_WAY_ANY;
        assert_true(node->way == OP_WAY_ANY || (node->ratio[node->way] > 0 && node->ratio[node->way] <= 0.97));
    }
    assert_int_equal(b.tune.chosen, chosen);
    assert_true(chosen > 0 ? b.tune.ratio > 0 && b.tune.ratio < 1 : b.tune.ratio == 1);
    end(&b);
}

static void the_model_stays_as_it_was(void **state)
{
    struct digest before, after;
    struct bench b;

    (void)state;
    begin(&b);
    must(&b, model_identity(&b.model, &before, &b.err));
    must(&b, tune(&b, &(struct profile_options){ .batch = 2, .runs = 1 }));
    must(&b, model_identity(&b.model, &after, &b.err));
    assert_true(digest_equal(&before, &after));
    for (int n = 0; n < b.model.graph.node_count; n++)
        assert_int_equal(b.model.graph.node[n].way, OP_WAY_ANY);
    end(&b);
}

static void a_model_of_one_way_has_no_nodes_to_choose_for(void **state)
{
    struct arena arena = { 0 };
    struct tune found;
    struct bench b;
    struct tiny t;

    (void)state;
    begin(&b);
    tiny_begin(&t);
    tiny_must(&t, tune_model(&t.model, &(struct profile_options){ .batch = 1 }, &b.job, &arena, &found, &t.err));
    assert_int_equal(found.count, 0);
    assert_true(found.ratio == 1);
    arena_free(&arena);
    tiny_end(&t);
    end(&b);
}

/* Whoever looks at the pool faults. */
static void the_jobs_threads_are_not_asked(void **state)
{
    const size_t bytes = 1 << 16;
    struct bench b;

    (void)state;
    begin(&b);
    b.job.pool = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)b.job.pool != MAP_FAILED);
    must(&b, tune(&b, &(struct profile_options){ .batch = 1 }));
    munmap(b.job.pool, bytes);
    end(&b);
}

/* Of 16 pairs so many at this ratio, the others slower than usual. */
static bool is_worth(int fast, double ratio)
{
    double all[16], median;
    bool worth;

    for (int i = 0; i < 16; i++)
        all[i] = i < fast ? ratio : 1.05;
    worth = tune_is_worth(all, 16, &median);
    assert_true(fast == 8 || median == (fast > 8 ? ratio : 1.05));
    return worth;
}

static void a_way_wins_by_three_percent_and_in_three_of_four_pairs(void **state)
{
    (void)state;
    assert_true(is_worth(16, 0.97));
    assert_false(is_worth(16, 0.98));
    assert_true(is_worth(13, 0.5));
    assert_false(is_worth(11, 0.5));
    assert_false(is_worth(4, 0.5));
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
    static const char *const sizes[] = { "3x9x9" };
    struct bench b;

    (void)state;
    begin(&b);
    assert_int_equal(tune(&b, &(struct profile_options){ .batch = 1, .sizes = sizes, .size_count = 1 }), -1);
    assert_int_equal(b.err.kind, ERROR_USAGE);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_are_those_that_fit_and_the_chosen_ones_won),
        cmocka_unit_test(the_model_stays_as_it_was),
        cmocka_unit_test(a_model_of_one_way_has_no_nodes_to_choose_for),
        cmocka_unit_test(the_jobs_threads_are_not_asked),
        cmocka_unit_test(a_way_wins_by_three_percent_and_in_three_of_four_pairs),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
