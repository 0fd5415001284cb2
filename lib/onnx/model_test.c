#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "onnx/read_model.h"

static void a_small_network_is_read(void **state)
{
    const struct onnx_model *model;
    struct read read;

    (void)state;
    read_file(&read, "testdata/fuzz/onnx/digits.onnx");
    model = &read.model;
    assert_int_equal(read.rc, 0);
    assert_int_equal(model->ir_version, 8);
    assert_string_equal(model->producer_name, "vectors");
    assert_string_equal(model->graph_name, "g");
    assert_int_equal(model->opset_count, 1);
    assert_string_equal(model->opset[0].domain, "");
    assert_int_equal(model->opset[0].version, 13);
    assert_int_equal(model->node_count, 3);
    assert_string_equal(model->node[0].op_type, "Conv");
    assert_string_equal(model->node[0].name, "conv");
    assert_int_equal(model->node[0].input_count, 3);
    assert_string_equal(model->node[0].input[2], "b");
    assert_string_equal(model->node[2].output[0], "y");
    assert_int_equal(model->node[0].attribute_count, 2);
    assert_string_equal(model->node[0].attribute[1].name, "pads");
    assert_int_equal(model->node[0].attribute[1].type, ONNX_INTS);
    assert_int_equal(model->node[0].attribute[1].count, 4);
    assert_int_equal(model->node[0].attribute[1].ints[3], 1);
    assert_int_equal(model->initializer_count, 3);
    assert_string_equal(model->initializer[0].name, "w");
    assert_int_equal(model->initializer[0].shape.rank, 4);
    assert_int_equal(model->initializer[0].shape.dim[3], 3);
    assert_true(model->initializer[0].raw);
    assert_int_equal(model->initializer[0].data.bytes, 72);
    assert_int_equal(model->input_count, 1);
    assert_string_equal(model->input[0].name, "x");
    assert_int_equal(model->input[0].elem_type, 1);
    assert_true(model->input[0].has_shape);
    assert_int_equal(model->input[0].shape.rank, 4);
    assert_int_equal(model->input[0].shape.dim[0], -1);
    assert_int_equal(model->input[0].shape.dim[1], 1);
    assert_int_equal(model->output[0].shape.dim[1], 32);
    read_end(&read);
}

static void what_else_a_model_has_is_counted_or_told(void **state)
{
    const struct onnx_model *model;
    struct read read;

    (void)state;
    read_file(&read, "testdata/fuzz/onnx/attributes.onnx");
    model = &read.model;
    assert_int_equal(model->function_count, 1);
    assert_int_equal(model->sparse_initializer_count, 1);
    assert_int_equal(model->opset_count, 2);
    assert_string_equal(model->opset[1].domain, "some.where");
    assert_int_equal(model->opset[1].version, 2);
    assert_int_equal(model->metadata_count, 2);
    assert_string_equal(model->metadata[0].key, "author");
    assert_string_equal(model->metadata[1].value, "empty");
    assert_int_equal(model->input_count, 3);
    assert_int_equal(model->input[0].shape.rank, 4);
    assert_int_equal(model->input[0].shape.dim[0], 2);
    assert_int_equal(model->input[0].shape.dim[1], -1);
    assert_int_equal(model->input[0].shape.dim[2], -1);
    assert_int_equal(model->input[1].elem_type, -1);
    assert_int_equal(model->input[2].shape.rank, 0);
    assert_true(model->input[2].has_shape);
    assert_int_equal(model->output[0].elem_type, 3);
    assert_false(model->output[0].has_shape);
    read_end(&read);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void two_million_nodes_cost_little_to_refuse(void **state)
{
    enum { NODES = 2000000 };
    struct text nodes = { 0 }, model = { 0 };
    struct read read;
    double began;
    size_t graph;

    (void)state;
    for (int i = 0; i < NODES; i++)
        text_add_bytes(&nodes, "\x0a\x00", 2);
    wire_put_int(&model, IR_VERSION, 8);
    graph = wire_open(&model, GRAPH);
    text_add_bytes(&model, nodes.chars, nodes.length);
    wire_close(&model, graph);
    text_free(&nodes);
    began = cpu_seconds();
    read_text(&read, &model);
    assert_true(cpu_seconds() - began < 1);
    assert_int_equal(read.rc, -1);
    assert_int_equal(read.err.kind, ERROR_INPUT);
    assert_string_equal(read.err.message, "node 0: has no op_type, expected an operator's name");
    assert_true(read.arena.used_bytes < 1 << 16);
    read_end(&read);
}

static void the_limit_of_nodes_can_be_set(void **state)
{
    static const char model[] = "\x08\x08\x3a\x0f\x0a\x03\x22\x01x\x0a\x03\x22\x01x\x0a\x03\x22\x01x";
    struct read read;

    (void)state;
    setenv("COEDGE_LIMIT_NODES", "2", 1);
    read_bytes(&read, BYTES(model));
    assert_int_equal(read.rc, -1);
    assert_string_equal(read.err.message, "more than 2 nodes, the limit");
    read_end(&read);
    setenv("COEDGE_LIMIT_NODES", "3", 1);
    read_bytes(&read, BYTES(model));
    unsetenv("COEDGE_LIMIT_NODES");
    assert_int_equal(read.rc, 0);
    assert_int_equal(read.model.node_count, 3);
    read_end(&read);
}

static void a_model_has_one_graph(void **state)
{
    struct read read;

    (void)state;
    read_bytes(&read, BYTES("\x08\x08"));
    assert_string_equal(read.err.message, "a model without a graph");
    read_end(&read);
    read_bytes(&read, "", 0);
    assert_string_equal(read.err.message, "a model without a graph");
    read_end(&read);
    read_bytes(&read, BYTES("\x3a\x00\x3a\x00"));
    assert_string_equal(read.err.message, "a model of two graphs, expected one");
    read_end(&read);
    read_bytes(&read, BYTES("\x08\x07\x3a\x00\x08\x09"));
    assert_int_equal(read.rc, 0);
    assert_int_equal(read.model.ir_version, 9); /* the last one counts */
    read_end(&read);
}

/* A graph's input 'x' of this TypeProto. */
static void read_type(struct read *read, const char *type, size_t count)
{
    struct text value = { 0 }, model = { 0 };

    wire_put_text(&value, 1, "x");
    wire_put_bytes(&value, 2, type, count);
    wrap(&model, INPUT, &value);
    text_free(&value);
    read_text(read, &model);
}

static void shapes_of_values_are_checked(void **state)
{
#define DIM_2_40 "\x0a\x07\x08\x80\x80\x80\x80\x80\x20"
#define DIM_1 "\x0a\x02\x08\x01"
    static const struct {
        const char *type;
        size_t count;
        const char *message;
    } cases[] = {
        { BYTES("\x0a\x11\x08\x01\x12\x0d\x0a\x0b\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
          "shape [-2] has a negative axis" },
        { BYTES("\x0a\x16\x08\x01\x12\x12" DIM_2_40 DIM_2_40), /* 2^80 */
          "shape [1099511627776, 1099511627776] has more than 1152921504606846975 elements" },
        { BYTES("\x0a\x28\x08\x01\x12\x24" DIM_1 DIM_1 DIM_1 DIM_1 DIM_1 DIM_1 DIM_1 DIM_1 DIM_1), "more than 8 axes" },
        { BYTES("\x0a\x02\x08\x80"), "byte 14: elem_type is cut off" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char message[160];
        struct read read;

        read_type(&read, cases[i].type, cases[i].count);
        assert_int_equal(read.rc, -1);
        snprintf(message, sizeof(message), "input 0 'x': %s", cases[i].message);
        assert_string_equal(read.err.message, message);
        read_end(&read);
    }
}

static void a_size_of_minus_one_is_unknown(void **state)
{
    struct read read;

    (void)state;
    read_type(&read, BYTES("\x0a\x11\x08\x01\x12\x0d\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_int_equal(read.rc, 0);
    assert_int_equal(read.model.input[0].shape.rank, 1);
    assert_int_equal(read.model.input[0].shape.dim[0], -1);
    read_end(&read);
}

static void models_are_told_from_other_files(void **state)
{
    static const struct {
        const char *bytes;
        size_t count;
        bool model;
    } cases[] = {
        { BYTES("\x08\x07"), true },
        { BYTES("\x08\x07\x12\x07pytorch\x3a\xff\xff\xff\x7f\x0a"), true }, /* a graph, the rest not at hand */
        { BYTES("\x3a\x02\x0a\x00\x08\x07"), true },                        /* in another order */
        { BYTES("\x08\x07\x12\x07pyto"), true },
        { BYTES("\x08\x07\x28\x01\x0b"), true }, /* broken, but who else's would it be */
        { BYTES("\x08\x07\x0b"), false },
        { BYTES(""), false },
        { BYTES("\x08"), false },
        { BYTES("\x08\x00"), false },                          /* no version 0 */
        { BYTES("\x3a\xff\xff\xff\x7f\x0a"), false },          /* "(" would do as well */
        { BYTES("\x08\x01\x00\x00\x00\x00\x00\x00{"), false }, /* safetensors with a header of 264 bytes */
        { BYTES("\x10\x00\x00\x00\x00\x00\x00\x00{"), false },
        { BYTES("\x93NUMPY\x01\x00"), false },
        { BYTES("\x1f\x8b\x08\x00"), false },
        { BYTES("\xff\xd8\xff\xe0"), false },
        { BYTES("\x89PNG\r\n\x1a\n"), false },
        { BYTES("model.yaml\0\0"), false },
        { BYTES("format: 1\n"), false },
        { BYTES("{\"a\": 1}\n"), false },
        { BYTES("\x0a\x00\x0a\x00"), false }, /* nodes, but no model */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned char *copy = malloc(cases[i].count + 1);

        memcpy(copy, cases[i].bytes, cases[i].count);
        copy = realloc(copy, cases[i].count + (cases[i].count == 0));
        assert_int_equal(onnx_sniff(copy, cases[i].count), cases[i].model);
        free(copy);
    }
}

static void every_cut_of_a_model_is_refused_or_read(void **state)
{
    struct error err = { 0 };
    struct input in;

    (void)state;
    assert_int_equal(input_open(&in, "testdata/fuzz/onnx/attributes.onnx", 0, &err), 0);
    for (size_t count = 0; count < in.count; count++) {
        struct read read;

        read_bytes(&read, in.bytes, count);
        if (read.rc < 0)
            assert_true(read.err.kind == ERROR_INPUT && read.err.message[0] != '\0');
        read_end(&read);
    }
    input_close(&in);
}

#ifdef COEDGE_FAULTS
static void every_allocation_may_fail(void **state)
{
    struct error err = { 0 };
    struct input in;
    char spec[32];
    int failures = 0;

    (void)state;
    assert_int_equal(input_open(&in, "testdata/fuzz/onnx/attributes.onnx", 0, &err), 0);
    for (int nth = 1; failures == nth - 1; nth++) {
        struct read read;

        snprintf(spec, sizeof(spec), "alloc:%d:ENOMEM", nth);
        setenv("COEDGE_FAULT", spec, 1);
        read_bytes(&read, in.bytes, in.count);
        unsetenv("COEDGE_FAULT");
        failures += read.rc < 0;
        if (read.rc < 0)
            assert_int_equal(read.err.kind, ERROR_LIMIT);
        read_end(&read);
    }
    assert_true(failures > 5);
    input_close(&in);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_network_is_read),
        cmocka_unit_test(what_else_a_model_has_is_counted_or_told),
        cmocka_unit_test(two_million_nodes_cost_little_to_refuse),
        cmocka_unit_test(the_limit_of_nodes_can_be_set),
        cmocka_unit_test(a_model_has_one_graph),
        cmocka_unit_test(shapes_of_values_are_checked),
        cmocka_unit_test(a_size_of_minus_one_is_unknown),
        cmocka_unit_test(models_are_told_from_other_files),
        cmocka_unit_test(every_cut_of_a_model_is_refused_or_read),
#ifdef COEDGE_FAULTS
        cmocka_unit_test(every_allocation_may_fail),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
