#include "graph/exec_internal.h"
#include "graph/sketch.h"

enum { CHANNELS = 64, SIDE = 28, CLASSES = 2400 };

/* Two 1x1 convolutions, and more weights after them than the second can fetch. */
static void draw(struct sketch *s)
{
    int x;

    sketch_begin(s, 9);
    x = sketch_conv(s, sketch_input(s, CHANNELS, SIDE), CHANNELS, CHANNELS, 1, 1, 1, true);
    x = sketch_conv(s, x, CHANNELS, CHANNELS, 1, 1, 1, true);
    x = sketch_unary(s, "Flatten", sketch_unary(s, "GlobalAveragePool", x));
    sketch_must(s, graph_add_output(&s->graph, sketch_gemm(s, x, CHANNELS, CLASSES, true), &s->err));
}

static void convolutions_fetch_what_a_product_streams(void **state)
{
    struct sketch s;
    struct exec *exec;
    const struct op_io *product = NULL, *conv[2] = { NULL, NULL };
    size_t bytes = CHANNELS * CLASSES * sizeof(float);

    (void)state;
    draw(&s);
    exec = sketch_exec(&s, &s.graph, 1, EXEC_INFER, NULL);
    for (int n = 0, seen = 0; n < exec->graph.node_count; n++) {
        if (strcmp(exec->graph.node[n].op->name, "Gemm") == 0)
            product = &exec->step[n].io;
        if (strcmp(exec->graph.node[n].op->name, "BlockedConv") == 0 && seen < 2)
            conv[seen++] = &exec->step[n].io;
    }
    assert_non_null(product);
    assert_non_null(conv[1]);
    assert_int_equal(product->streams, bytes);
    assert_true(conv[1]->fetches < bytes);
    assert_int_equal(conv[1]->ahead_bytes, conv[1]->fetches);
    assert_int_equal(conv[0]->ahead_bytes, bytes - conv[1]->fetches);
    assert_ptr_equal(conv[0]->ahead, product->in[1]->data);
    assert_ptr_equal(conv[1]->ahead, (const char *)conv[0]->ahead + conv[0]->ahead_bytes);
    sketch_fill(exec, &s.graph, 1);
    exec_forward(exec);
    exec_free(exec);
    sketch_end(&s);
}

static void a_large_batch_streams_nothing(void **state)
{
    struct sketch s;
    struct exec *exec;

    (void)state;
    draw(&s);
    exec = sketch_exec(&s, &s.graph, 8, EXEC_INFER, NULL);
    for (int n = 0; n < exec->graph.node_count; n++)
        assert_null(exec->step[n].io.ahead);
    exec_free(exec);
    sketch_end(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_fetch_what_a_product_streams),
        cmocka_unit_test(a_large_batch_streams_nothing),
    };

    return SKETCH_RUN(tests);
}
