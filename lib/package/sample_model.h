/*
 * sample_model.h - the small models that the tests of package write and damage.
 */
#ifndef PACKAGE_SAMPLE_MODEL_H
#define PACKAGE_SAMPLE_MODEL_H

#include <string.h>

#include <cmocka.h>

#include "package/internal.h"

/* Scales an image, adds, bends, flattens: [-1, 1, 2, 2] to [-1, 4]. Also a weight quantized by axis that nothing reads. */
static inline void sample_model(struct model *model)
{
    static const float gain[4] = { 0.5f, -1, 2, 0.25f }, bias[1] = { 0.125f }, scales[2] = { 0.5f, 0.25f };
    static const int8_t bytes[6] = { 1, -2, 3, -4, 5, -6 };
    static const int32_t zeros[2] = { 0, 0 };
    static const char *const labels[] = { "good", "bridge", "void", "3" };
    const struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 };
    const struct attributes attributes = { (struct attribute *)(uintptr_t)&axis, 1 };
    struct shape image = shape_of(4, (int64_t)-1, (int64_t)1, (int64_t)2, (int64_t)2);
    struct shape one = shape_of(1, (int64_t)1), four = shape_of(2, (int64_t)2, (int64_t)2);
    struct shape six = shape_of(2, (int64_t)2, (int64_t)3);
    struct error err = { 0 };
    struct graph *graph = &model->graph;
    struct quant *quant;
    int in[2], value;

    model_init(model);
    model->name = "tiny";
    model->task = "classify";
    model->has_preprocess = true;
    preprocess_init(&model->preprocess, 1, 2, 2);
    assert_int_equal(model_set_labels(model, labels, 4, &err), 0);
    in[0] = graph_add_input(graph, "image", DTYPE_F32, &image, &err);
    in[1] = graph_add_weight(graph, "gain", DTYPE_F32, &four, NULL, true, &err);
    graph->value[in[1]].tensor.data = arena_grow(&model->arena, gain, 4, 4, sizeof(float));
    in[0] = graph_add_node(graph, "scaled", "Mul", in, 2, 1, NULL, NULL, &err);
    in[1] = graph_add_weight(graph, "bias", DTYPE_F32, &one, NULL, true, &err);
    graph->value[in[1]].tensor.data = arena_grow(&model->arena, bias, 1, 1, sizeof(float));
    in[0] = graph_add_node(graph, "added", "Add", in, 2, 1, NULL, NULL, &err);
    in[0] = graph_add_node(graph, "bent", "Relu", in, 1, 1, NULL, NULL, &err);
    in[0] = graph_add_node(graph, "scores", "Flatten", in, 1, 1, NULL, &attributes, &err);
    assert_true(in[0] >= 0);
    assert_int_equal(graph_add_output(graph, in[0], &err), 0);
    value = graph_add_weight(graph, "spare", DTYPE_I8, &six, NULL, false, &err);
    graph->value[value].tensor.data = arena_grow(&model->arena, bytes, 6, 6, 1);
    quant = arena_alloc(&model->arena, sizeof(*quant));
    assert_non_null(quant);
    *quant = (struct quant){ .axis = 0, .count = 2, .scale = scales, .zero_point = zeros };
    graph->value[value].tensor.quant = quant;
}

#endif
