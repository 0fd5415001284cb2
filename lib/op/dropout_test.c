#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "op/spec.h"

enum { MANY = 100000 };

static void begin(struct spec *s, bool training, int threads)
{
    const struct op_io io = { .workers = threads, .training = training };

    assert_int_equal(spec_shape_with(s, &io, "Dropout", "F32[100000] F32[]{0.3}", "- -", "", NULL), 0);
    s->tensor[0][0].data = spec_memory(s, MANY * sizeof(float));
    s->tensor[0][0].grad = spec_memory(s, MANY * sizeof(float));
    s->tensor[1][0].data = spec_memory(s, MANY * sizeof(float));
    s->tensor[1][0].grad = spec_memory(s, MANY * sizeof(float));
    s->tensor[1][1].data = spec_memory(s, MANY);
    for (int i = 0; i < MANY; i++)
        ((float *)s->tensor[0][0].data)[i] = s->tensor[1][0].grad[i] = 1;
}

static void run(struct spec *s, uint64_t seed, uint64_t step, uint64_t node, struct pool *pool)
{
    struct kern kern;
    struct op_run run = { .kern = &kern, .pool = pool, .seed = seed, .step = step, .node = node };

    assert_int_equal(kern_init(&kern, NULL, NULL), 0);
    s->op->forward(&s->io, &run);
    s->op->backward(&s->io, &run);
}

static void training_keeps_a_share_and_the_mean(void **state)
{
    static struct spec s;
    const float *y;
    const uint8_t *mask;
    int kept = 0;

    (void)state;
    begin(&s, true, 1);
    run(&s, 1, 2, 3, NULL);
    y = s.tensor[1][0].data;
    mask = s.tensor[1][1].data;
    for (int i = 0; i < MANY; i++) {
        assert_true(y[i] == 0 || fabsf(y[i] - 1 / 0.7F) < 1e-6F);
        assert_int_equal(mask[i], y[i] != 0);
        assert_true(s.tensor[0][0].grad[i] == y[i]); /* backward draws the same mask */
        kept += y[i] != 0;
    }
    assert_true(abs(kept - 70000) < 600); /* four standard deviations */
    spec_end(&s);
}

static void inference_passes_everything(void **state)
{
    static struct spec s;

    (void)state;
    begin(&s, false, 1);
    s.op->forward(&s.io, &(struct op_run){ .seed = 1 });
    assert_memory_equal(s.tensor[1][0].data, s.tensor[0][0].data, MANY * sizeof(float));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(((uint8_t *)s.tensor[1][1].data)[i], 1);
    spec_end(&s);
}

static void each_seed_step_and_node_draws_another_mask(void **state)
{
    static const uint64_t other[][3] = { { 2, 2, 3 }, { 1, 3, 3 }, { 1, 2, 4 }, { 1, 3, 2 } };
    static struct spec first, next;

    (void)state;
    begin(&first, true, 1);
    run(&first, 1, 2, 3, NULL);
    for (size_t i = 0; i < COUNT(other); i++) {
        begin(&next, true, 1);
        run(&next, other[i][0], other[i][1], other[i][2], NULL);
        assert_true(memcmp(first.tensor[1][1].data, next.tensor[1][1].data, MANY) != 0);
        spec_end(&next);
    }
    spec_end(&first);
}

static void the_mask_does_not_depend_on_threads(void **state)
{
    static struct spec one, three;
    struct pool *pool = pool_new(3, NULL);

    (void)state;
    begin(&one, true, 1);
    begin(&three, true, 3);
    run(&one, 1, 2, 3, NULL);
    run(&three, 1, 2, 3, pool);
    assert_memory_equal(one.tensor[1][1].data, three.tensor[1][1].data, MANY);
    assert_memory_equal(one.tensor[0][0].grad, three.tensor[0][0].grad, MANY * sizeof(float));
    pool_free(pool);
    spec_end(&one);
    spec_end(&three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_keeps_a_share_and_the_mean),
        cmocka_unit_test(inference_passes_everything),
        cmocka_unit_test(each_seed_step_and_node_draws_another_mask),
        cmocka_unit_test(the_mask_does_not_depend_on_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
