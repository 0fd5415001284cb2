/* prune_test.c - what is removed, what stays, and that the rest still says the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/exec.h"
#include "prune/internal.h"

static void must(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->message);
}

/* Statistics, scales and biases away from 0 and 1, so that BatchNormalization shifts what passes. */
static void stir(struct model *model)
{
    for (int i = 0; i < model->graph.value_count; i++) {
        const struct value *value = &model->graph.value[i];
        struct rng rng = rng_make(7, rng_stream(value->name, 0, 0));
        float *data = value->tensor.data;

        if (value->kind != VALUE_WEIGHT || value->tensor.shape.rank != 1)
            continue;
        for (int64_t k = 0; k < value->tensor.shape.dim[0]; k++)
            data[k] = strstr(value->name, "running_var") != NULL || strstr(value->name, "bn") != NULL
                          ? 0.5F + rng_uniform(&rng)
                          : 0.4F * rng_uniform(&rng) - 0.2F;
    }
}

static void make(struct model *model, const char *arch, int side, double width)
{
    const struct arch_options options = {
        .channels = 3, .height = side, .width = side, .classes = 6, .width_factor = width, .seed = 11
    };
    struct error err = { 0 };

    must(model_new(model, arch, &options, &err), &err);
    stir(model);
}

/* Outputs for one input drawn from a fixed stream, malloc'ed. */
static float *answers(const struct model *model, int64_t *count)
{
    struct kern kern;
    struct job job = { .kern = &kern };
    struct error err = { 0 };
    struct rng rng = rng_make(3, 1);
    struct exec *exec;
    struct tensor *in;
    float *out;

    must(kern_init(&kern, "portable", &err), &err);
    exec = exec_new(&model->graph, 1, EXEC_INFER, &job, &err);
    if (exec == NULL)
        fail_msg("%s", err.message);
    in = exec_input(exec, 0);
    for (int64_t i = 0; i < shape_count(&in->shape); i++)
        ((float *)in->data)[i] = rng_normal(&rng);
    exec_forward(exec);
    *count = shape_count(&exec_output(exec, 0)->shape);
    out = malloc((size_t)*count * sizeof(float));
    assert_non_null(out);
    memcpy(out, exec_output(exec, 0)->data, (size_t)*count * sizeof(float));
    exec_free(exec);
    return out;
}

static void assert_close(const float *a, const float *b, int64_t count)
{
    double scale = 1e-6;

    for (int64_t i = 0; i < count; i++)
        scale = fmax(scale, fabs((double)a[i]));
    for (int64_t i = 0; i < count; i++)
        if (fabs((double)a[i] - (double)b[i]) > 1e-5 * scale)
            fail_msg("output %d: %g and %g", (int)i, (double)a[i], (double)b[i]);
}

/* Removed channels no longer reach anybody: what reads them reads them times zero. */
static void mask_readers(const struct coupling *c, const bool *remove)
{
    for (int i = 0; i < c->slot_count; i++) {
        const struct slot *slot = &c->slot[i];
        const struct shape *shape = &c->graph->value[slot->value].tensor.shape;
        const int64_t before = shape_span(shape, 0, slot->axis), after = shape_span(shape, slot->axis + 1, shape->rank);
        float *w = c->graph->value[slot->value].tensor.data;

        if (slot->role != SLOT_READS)
            continue;
        for (int64_t outer = 0; outer < before; outer++)
            for (int64_t k = 0; k < slot->count; k++, w += after)
                for (int64_t j = 0; remove[couple_unit(c, slot->unit[k])] && j < after; j++)
                    w[j] = 0;
    }
}

/* Removes `share` of each layer from a copy, and masks the same channels in the original. */
static void prune_and_mask(struct model *masked, struct model *pruned, double share)
{
    const struct prune_options options = { .sparsity = share };
    struct prune_report report;
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct coupling c;
    double *score;
    bool *remove;

    must(model_copy(pruned, masked, &err), &err);
    must(graph_infer_shapes(&masked->graph, 1, &err), &err);
    must(couple_graph(&c, &arena, &masked->graph, NULL, &err), &err);
    score = arena_array(&arena, (size_t)c.unit_count + 1, sizeof(*score));
    remove = arena_array(&arena, (size_t)c.unit_count + 1, sizeof(*remove));
    assert_true(score != NULL && remove != NULL);
    must(score_units(&c, options.method, score), &err);
    must(select_units(&c, &options, score, remove, &report), &err);
    mask_readers(&c, remove);
    arena_free(&arena);
    must(prune_channels(pruned, &options, NULL, &report, &err), &err);
    assert_true(report.removed > 0);
}

/* Residual adds, concatenations, depthwise filters, squeeze and excitation, Flatten before Gemm. */
static const struct {
    const char *arch;
    int side;
    double width;
} networks[] = {
    { "mlp:30-20", 8, 1 },     { "lenet5", 16, 1 },         { "solder-cnn", 32, 1 },
    { "resnet20", 16, 1 },     { "resnet18", 32, 0.25 },    { "resnet50", 32, 0.25 },
    { "squeezenet", 48, 0.5 }, { "mobilenet-v2", 32, 0.5 }, { "mobilenet-v3-small", 32, 1 },
};

static void a_pruned_network_equals_one_whose_channels_are_masked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(networks); i++) {
        struct model masked, pruned;
        int64_t count, same;
        float *a, *b;

        make(&masked, networks[i].arch, networks[i].side, networks[i].width);
        prune_and_mask(&masked, &pruned, 0.5);
        a = answers(&masked, &count);
        b = answers(&pruned, &same);
        assert_int_equal(count, same);
        assert_close(a, b, count);
        free(a);
        free(b);
        model_free(&masked);
        model_free(&pruned);
    }
}

/* ---- small graphs by hand ---- */

static int64_t dim(const struct model *model, const char *weight, int axis)
{
    int value = graph_find_value(&model->graph, weight);

    assert_true(value >= 0);
    return model->graph.value[value].tensor.shape.dim[axis];
}

static int weigh(struct model *model, const char *name, struct shape shape)
{
    struct rng rng = rng_make(5, rng_stream(name, 0, 0));
    float *data = arena_array(&model->arena, (size_t)shape_count(&shape), sizeof(float));
    struct error err = { 0 };
    int value = graph_add_weight(&model->graph, name, DTYPE_F32, &shape, data, true, &err);

    must(value, &err);
    for (int64_t i = 0; i < shape_count(&shape); i++)
        data[i] = rng_normal(&rng);
    return value;
}

static int apply(struct model *model, const char *name, const char *op, int x, int w, int64_t groups)
{
    struct attribute item = { .name = "group", .kind = ATTRIBUTE_INT, .i = groups };
    const struct attributes attributes = { &item, groups > 1 ? 1 : 0 };
    const int in[2] = { x, w };
    struct error err = { 0 };
    int y = graph_add_node(&model->graph, name, op, in, w < 0 ? 1 : 2, 1, NULL, &attributes, &err);

    must(y, &err);
    return y;
}

/* Convolution in two groups: both lose as many. Then one filter read by two nodes whose outputs are added. */
static void groups_stay_equal_and_shared_filters_agree(void **state)
{
    const struct shape image = shape_of(4, (int64_t)-1, (int64_t)3, (int64_t)4, (int64_t)4);
    struct model masked, pruned;
    struct error err = { 0 };
    int64_t count, groups;
    float *a, *b;
    int x, shared;

    (void)state;
    model_init(&masked);
    x = graph_add_input(&masked.graph, "input", DTYPE_F32, &image, &err);
    must(x, &err);
    x = apply(&masked, "stem", "Conv", x, weigh(&masked, "w1", shape_of(4, 8L, 3L, 1L, 1L)), 1);
    x = apply(&masked, "grouped", "Conv", x, weigh(&masked, "w2", shape_of(4, 12L, 4L, 3L, 3L)), 2);
    x = apply(&masked, "relu", "Relu", x, -1, 1);
    shared = weigh(&masked, "w3", shape_of(4, 10L, 12L, 1L, 1L));
    x = apply(&masked, "sum", "Add", apply(&masked, "left", "Conv", x, shared, 1),
              apply(&masked, "right", "Conv", x, shared, 1), 1);
    x = apply(&masked, "flatten", "Flatten", x, -1, 1);
    x = apply(&masked, "fc", "Gemm", x, weigh(&masked, "w4", shape_of(2, 40L, 5L)), 1);
    must(graph_add_output(&masked.graph, x, &err), &err);
    prune_and_mask(&masked, &pruned, 0.5);
    assert_int_equal(dim(&pruned, "w1", 0), 4);
    assert_int_equal(dim(&pruned, "w2", 0), 6);
    assert_int_equal(dim(&pruned, "w2", 1), 2);
    assert_int_equal(dim(&pruned, "w3", 0), 5);
    assert_int_equal(dim(&pruned, "w4", 0), 20);
    must(attribute_int(&pruned.graph.node[1].attributes, "group", 1, &groups, &err), &err);
    assert_int_equal(groups, 2);
    a = answers(&masked, &count);
    b = answers(&pruned, &count);
    assert_close(a, b, count);
    free(a);
    free(b);
    model_free(&masked);
    model_free(&pruned);
}

static void a_weight_that_is_also_an_output_stays(void **state)
{
    const struct prune_options options = { .sparsity = 0.5 };
    struct prune_report report;
    struct error err = { 0 };
    struct model model;

    (void)state;
    make(&model, "lenet5", 16, 1);
    must(graph_add_output(&model.graph, graph_find_value(&model.graph, "conv2.bias"), &err), &err);
    must(prune_channels(&model, &options, NULL, &report, &err), &err);
    assert_int_equal(dim(&model, "conv2.weight", 0), 50);
    assert_int_equal(dim(&model, "conv2.weight", 1), 10);
    model_free(&model);
}

static void prune(struct model *model, struct prune_options options, struct prune_report *report)
{
    struct error err = { 0 };

    must(prune_channels(model, &options, NULL, report, &err), &err);
}

static void half_of_the_channels_is_a_quarter_of_the_work(void **state)
{
    struct prune_report report;
    struct model model;

    (void)state;
    make(&model, "resnet18", 32, 0.5);
    prune(&model, (struct prune_options){ .sparsity = 0.5 }, &report);
    assert_true(report.macs_after < 0.27 * report.macs_before);
    assert_true(report.parameters_after < 0.27 * (double)report.parameters_before);
    assert_int_equal(dim(&model, "conv1.weight", 0), 16);
    assert_int_equal(dim(&model, "conv1.weight", 1), 3);
    assert_int_equal(dim(&model, "layer4.1.conv2.weight", 0), 128);
    assert_int_equal(dim(&model, "fc.weight", 0), 6);
    assert_int_equal(dim(&model, "fc.weight", 1), 128);
    model_free(&model);
}

static void both_sides_of_an_add_lose_the_same_channels(void **state)
{
    struct prune_report report;
    struct model model;

    (void)state;
    make(&model, "resnet20", 16, 1);
    prune(&model, (struct prune_options){ .sparsity = 0.25 }, &report);
    assert_int_equal(dim(&model, "conv1.weight", 0), 12);
    assert_int_equal(dim(&model, "layer1.2.conv2.weight", 0), 12);
    assert_int_equal(dim(&model, "layer1.2.bn2.running_var", 0), 12);
    assert_int_equal(dim(&model, "layer2.0.downsample.0.weight", 1), 12);
    assert_int_equal(dim(&model, "layer2.0.downsample.0.weight", 0), dim(&model, "layer2.2.conv2.weight", 0));
    model_free(&model);
}

static void depthwise_groups_follow_their_channels(void **state)
{
    struct prune_report report;
    struct model model;
    int64_t groups;
    int node;

    (void)state;
    make(&model, "mobilenet-v2", 32, 1);
    prune(&model, (struct prune_options){ .sparsity = 0.5 }, &report);
    node = graph_find_node(&model.graph, "features.2.conv.1.0");
    assert_true(node >= 0);
    assert_int_equal(attribute_int(&model.graph.node[node].attributes, "group", 1, &groups, NULL), 0);
    assert_int_equal(groups, 48);
    assert_int_equal(dim(&model, "features.2.conv.1.0.weight", 0), 48);
    assert_int_equal(dim(&model, "features.2.conv.1.0.weight", 1), 1);
    assert_int_equal(dim(&model, "features.2.conv.2.weight", 1), 48);
    model_free(&model);
}

/* Channel 2 of conv1 weighs nothing, all of conv2 weighs the same. */
static void the_channel_that_weighs_least_goes(void **state)
{
    struct prune_report report;
    struct model model;
    float *w, first;

    (void)state;
    for (int method = PRUNE_MAGNITUDE; method <= PRUNE_L1; method++) {
        make(&model, "lenet5", 16, 0.2);
        assert_int_equal(dim(&model, "conv1.weight", 0), 4);
        w = model.graph.value[graph_find_value(&model.graph, "conv1.weight")].tensor.data;
        for (int i = 0; i < 75; i++)
            w[2 * 75 + i] *= 1e-3F;
        first = w[3 * 75];
        prune(&model, (struct prune_options){ .sparsity = 0.25, .method = (enum prune_method)method }, &report);
        assert_int_equal(dim(&model, "conv1.weight", 0), 3);
        w = model.graph.value[graph_find_value(&model.graph, "conv1.weight")].tensor.data;
        assert_true(w[2 * 75] == first);
        model_free(&model);
    }
}

/* A filter a thousand times as large gives the same channel once normalized. */
static void filters_before_batchnorm_do_not_count_by_size(void **state)
{
    struct prune_report report[2];
    struct model model[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        float *w;

        make(&model[i], "solder-cnn", 32, 1);
        w = model[i].graph.value[graph_find_value(&model[i].graph, "conv2.weight")].tensor.data;
        for (int k = 0; i == 1 && k < 12 * 16 * 9; k++)
            w[k] *= 1000;
        prune(&model[i], (struct prune_options){ .sparsity = 0.5 }, &report[i]);
    }
    for (int k = 0; k < model[0].graph.value_count; k++) {
        const struct value *a = &model[0].graph.value[k], *b = &model[1].graph.value[k];

        if (a->kind == VALUE_WEIGHT && strncmp(a->name, "bn", 2) == 0)
            assert_memory_equal(a->tensor.data, b->tensor.data, tensor_bytes(&a->tensor));
    }
    model_free(&model[0]);
    model_free(&model[1]);
}

static void batchnorm_scales_decide_when_asked(void **state)
{
    struct prune_report report;
    struct model model;
    float *scale, kept;

    (void)state;
    make(&model, "solder-cnn", 32, 1);
    scale = model.graph.value[graph_find_value(&model.graph, "bn1.weight")].tensor.data;
    kept = scale[15];
    for (int i = 0; i < 8; i++)
        scale[i] = -1e-3F; /* the sign says nothing */
    prune(&model, (struct prune_options){ .sparsity = 0.5, .method = PRUNE_BATCHNORM }, &report);
    scale = model.graph.value[graph_find_value(&model.graph, "bn1.weight")].tensor.data;
    assert_int_equal(dim(&model, "bn1.weight", 0), 8);
    for (int i = 0; i < 8; i++)
        assert_true(scale[i] >= 0.5F);
    assert_true(scale[7] == kept);
    model_free(&model);
}

static void global_scope_takes_from_where_it_matters_least(void **state)
{
    struct prune_report report;
    struct model model;
    int64_t remaining;

    (void)state;
    make(&model, "lenet5", 16, 1);
    prune(&model, (struct prune_options){ .sparsity = 0.3, .scope = PRUNE_GLOBAL }, &report);
    remaining = dim(&model, "conv1.weight", 0) + dim(&model, "conv2.weight", 0) + dim(&model, "ip1.weight", 0);
    assert_int_equal(report.total, 570);
    assert_int_equal(report.removed, 171);
    assert_int_equal(remaining, 570 - 171);
    assert_int_equal(dim(&model, "ip2.weight", 0), 6);
    model_free(&model);
}

static void a_layer_without_channels_is_refused_and_named(void **state)
{
    const struct prune_options options = { .sparsity = 0.99 };
    struct prune_report report;
    struct model model;
    struct error err = { 0 };

    (void)state;
    make(&model, "lenet5", 16, 0.4);
    assert_int_equal(prune_channels(&model, &options, NULL, &report, &err), -1);
    assert_int_equal(err.kind, ERROR_INPUT);
    assert_string_equal(err.message, "conv1: 0 of 8 channels would remain");
    assert_int_equal(dim(&model, "conv1.weight", 0), 8);
    model_free(&model);
}

static int notes;

static void count_note(struct progress *progress, const char *line)
{
    (void)progress;
    notes++;
    assert_non_null(strstr(line, "shuffle"));
}

/* conv (8) -> Transpose -> output: nothing may go. */
static void channels_that_are_rearranged_stay_with_a_note(void **state)
{
    struct progress sink = { .note = count_note };
    const struct job job = { .progress = &sink };
    const struct prune_options options = { .sparsity = 0.5 };
    struct attribute perm = { .name = "perm", .kind = ATTRIBUTE_INTS, .ints = (int64_t[]){ 0, 2, 3, 1 }, .count = 4 };
    const struct attributes attributes = { &perm, 1 };
    struct shape image = shape_of(4, (int64_t)-1, (int64_t)3, (int64_t)4, (int64_t)4);
    struct shape filters = shape_of(4, (int64_t)8, (int64_t)3, (int64_t)1, (int64_t)1);
    float w[24] = { 1 };
    struct prune_report report;
    struct error err = { 0 };
    struct model model;
    int in[2], y;

    (void)state;
    notes = 0;
    model_init(&model);
    in[0] = graph_add_input(&model.graph, "input", DTYPE_F32, &image, &err);
    in[1] = graph_add_weight(&model.graph, "w", DTYPE_F32, &filters, w, true, &err);
    y = graph_add_node(&model.graph, "conv", "Conv", in, 2, 1, NULL, NULL, &err);
    y = graph_add_node(&model.graph, "shuffle", "Transpose", &y, 1, 1, NULL, &attributes, &err);
    must(y, &err);
    must(graph_add_output(&model.graph, y, &err), &err);
    must(prune_channels(&model, &options, &job, &report, &err), &err);
    assert_int_equal(notes, 1);
    assert_int_equal(report.total, 0);
    assert_int_equal(dim(&model, "w", 0), 8);
    model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pruned_network_equals_one_whose_channels_are_masked),
        cmocka_unit_test(groups_stay_equal_and_shared_filters_agree),
        cmocka_unit_test(a_weight_that_is_also_an_output_stays),
        cmocka_unit_test(half_of_the_channels_is_a_quarter_of_the_work),
        cmocka_unit_test(both_sides_of_an_add_lose_the_same_channels),
        cmocka_unit_test(depthwise_groups_follow_their_channels),
        cmocka_unit_test(the_channel_that_weighs_least_goes),
        cmocka_unit_test(filters_before_batchnorm_do_not_count_by_size),
        cmocka_unit_test(batchnorm_scales_decide_when_asked),
        cmocka_unit_test(global_scope_takes_from_where_it_matters_least),
        cmocka_unit_test(a_layer_without_channels_is_refused_and_named),
        cmocka_unit_test(channels_that_are_rearranged_stay_with_a_note),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
