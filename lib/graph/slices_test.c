#include "base/pool.h"
#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { BATCH = 12, SIDE = 96 };

/* A node reads and writes 4.7 MB of a sample, so that not all of the batch run together. */
static void draw(struct sketch *s, int64_t softmax_axis)
{
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = softmax_axis };
    struct attributes attributes = { &axis, 1 };
    int x, wide, mean;

    sketch_begin(s, 3);
    x = sketch_input(s, 3, SIDE);
    wide = sketch_unary(s, "Relu", sketch_conv(s, x, 3, 64, 1, 1, 1, true));
    mean = sketch_unary(s, "GlobalAveragePool", sketch_conv(s, wide, 64, 8, 3, 2, 1, false));
    sketch_must(s, graph_add_output(&s->graph, sketch_node(s, "Softmax", &mean, 1, &attributes), &s->err));
    sketch_must(s, graph_add_output(&s->graph, sketch_unary(s, "Neg", x), &s->err));
}

static void a_large_batch_gives_what_its_samples_give(void **state)
{
    struct pool *pool = pool_new(2, NULL);
    struct sketch s;
    struct exec *all, *one;

    (void)state;
    draw(&s, 1);
    all = sketch_exec(&s, &s.graph, BATCH, EXEC_INFER, pool);
    one = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    assert_int_equal(all->slices, 6);
    assert_int_equal(one->slices, 1);
    assert_int_equal(exec_input(all, 0)->shape.dim[0], BATCH);
    assert_ptr_equal(exec_value(all, "x"), exec_input(all, 0));
    sketch_fill(all, &s.graph, 5);
    exec_forward(all);
    for (int64_t sample = 0; sample < BATCH; sample++) {
        size_t bytes = tensor_bytes(exec_input(one, 0));
        memcpy(exec_input(one, 0)->data, (const char *)exec_input(all, 0)->data + (size_t)sample * bytes, bytes);
        exec_forward(one);
        for (int i = 0; i < 2; i++) {
            const struct tensor *y = exec_output(one, i);
            assert_int_equal(exec_output(all, i)->shape.dim[0], BATCH);
            assert_memory_equal((const char *)exec_output(all, i)->data + (size_t)sample * tensor_bytes(y), y->data,
                                tensor_bytes(y));
        }
    }
    exec_free(all);
    exec_free(one);
    sketch_end(&s);
    pool_free(pool);
}

static void samples_that_see_each_other_run_together(void **state)
{
    struct sketch s;
    struct exec *exec;

    (void)state;
    draw(&s, 0);
    exec = sketch_exec(&s, &s.graph, BATCH, EXEC_INFER, NULL);
    assert_int_equal(exec->slices, 1);
    exec_free(exec);
    exec = sketch_exec(&s, &s.graph, BATCH, EXEC_TRACE, NULL);
    assert_int_equal(exec->slices, 1);
    exec_free(exec);
    sketch_end(&s);
}

/* Thirteen samples have no smaller slices that leave a sample to each of two threads. */
static void every_thread_has_a_sample(void **state)
{
    struct pool *pool = pool_new(2, NULL);
    struct sketch s;
    struct exec *exec;

    (void)state;
    draw(&s, 1);
    exec = sketch_exec(&s, &s.graph, 13, EXEC_INFER, pool);
    assert_int_equal(exec->slices, 1);
    exec_free(exec);
    sketch_end(&s);
    pool_free(pool);
}

/* A border that is cut and one that is padded move each sample into the place of its neighbour. */
static void samples_that_are_shifted_run_together(void **state)
{
    struct attribute pads = {
        .name = "pads", .kind = ATTRIBUTE_INTS, .ints = (int64_t[]){ 1, 0, 0, 0, -1, 0, 0, 0 }, .count = 8
    };
    struct attributes attributes = { &pads, 1 };
    const int64_t wanted[] = { 1, 12 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sketch s;
        struct exec *exec;
        int x;
        pads.ints = i == 0 ? (int64_t[]){ 1, 0, 0, 0, -1, 0, 0, 0 } : (int64_t[]){ 0, 0, 0, 1, 0, 0, 0, -1 };
        sketch_begin(&s, 3);
        x = sketch_unary(&s, "Relu", sketch_conv(&s, sketch_input(&s, 3, SIDE), 3, 192, 1, 1, 1, true));
        sketch_must(&s, graph_add_output(&s.graph, sketch_node(&s, "Pad", &x, 1, &attributes), &s.err));
        exec = sketch_exec(&s, &s.graph, BATCH, EXEC_INFER, NULL);
        assert_int_equal(exec->slices, wanted[i]);
        exec_free(exec);
        sketch_end(&s);
    }
}

/* The indices of a pool's second output go on from sample to sample. */
static void samples_counted_through_run_together(void **state)
{
    struct attribute item[] = {
        { .name = "kernel_shape", .kind = ATTRIBUTE_INTS, .ints = (int64_t[]){ 2, 2 }, .count = 2 }
    };
    struct attributes attributes = { item, COUNT(item) };
    const int wanted[] = { 12, 1 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sketch s;
        struct exec *exec;
        int x, pooled;
        sketch_begin(&s, 3);
        x = sketch_unary(&s, "Relu", sketch_conv(&s, sketch_input(&s, 3, SIDE), 3, 192, 1, 1, 1, true));
        pooled = sketch_must(&s, graph_add_node(&s.graph, "pool", "MaxPool", &x, 1, 1 + i, NULL, &attributes, &s.err));
        sketch_must(&s, graph_add_output(&s.graph, pooled, &s.err));
        exec = sketch_exec(&s, &s.graph, BATCH, EXEC_INFER, NULL);
        assert_int_equal(exec->slices, wanted[i]);
        exec_free(exec);
        sketch_end(&s);
    }
}

/* Of the whole batch's inputs and outputs, though a slice alone is small. */
static void a_batch_beyond_the_limit_is_refused(void **state)
{
    struct sketch s;
    struct kern kern;

    (void)state;
    draw(&s, 1);
    sketch_must(&s, kern_init(&kern, NULL, &s.err));
    setenv("COEDGE_LIMIT_ACTIVATION_BYTES", "67108864", 1);
    assert_null(exec_new(&s.graph, 1000, EXEC_INFER, &(struct job){ .kern = &kern }, &s.err));
    assert_int_equal(s.err.kind, ERROR_LIMIT);
    unsetenv("COEDGE_LIMIT_ACTIVATION_BYTES");
    sketch_end(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_batch_gives_what_its_samples_give),
        cmocka_unit_test(every_thread_has_a_sample),
        cmocka_unit_test(samples_that_are_shifted_run_together),
        cmocka_unit_test(samples_counted_through_run_together),
        cmocka_unit_test(samples_that_see_each_other_run_together),
        cmocka_unit_test(a_batch_beyond_the_limit_is_refused),
    };

    return SKETCH_RUN(tests);
}
