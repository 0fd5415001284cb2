/* export_test.c - what onnx_write() writes, as onnx_parse() sees it, and what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/exec.h"
#include "kern/kern.h"
#include "onnx/onnx.h"
#include "onnx/read_model.h"
#include "tensor/element.h"

enum { CHANNELS = 4, SIDE = 8 };

struct written {
    struct model model;
    char path[64];
    struct error err;
    int rc;
};

static void begin(struct written *w)
{
    *w = (struct written){ .path = "/tmp/coedge-export-XXXXXX" };
    model_init(&w->model);
    graph_init(&w->model.graph, &w->model.arena);
    w->model.name = "drawn";
    close(mkstemp(w->path));
}

static void end(struct written *w)
{
    unlink(w->path);
    model_free(&w->model);
}

static int must(struct written *w, int rc)
{
    if (rc < 0)
        fail_msg("%s", w->err.message);
    return rc;
}

/* One operator on x [batch, 4, 8, 8] and constants of four numbers. */
static void draw(struct written *w, const char *op, enum dtype dtype, int constants, int outputs,
                 const struct attribute *attribute, int count)
{
    static float four[2][CHANNELS] = { { 1, 2, -0.5F, 3 }, { 0, -1, 0.25F, 2 } };
    const struct shape shape = shape_of(4, (int64_t)-1, (int64_t)CHANNELS, (int64_t)SIDE, (int64_t)SIDE);
    const struct shape list = shape_of(1, (int64_t)CHANNELS);
    struct attribute own[4];
    struct attributes attributes = { own, count };
    int in[3], first;

    begin(w);
    memcpy(own, attribute, (size_t)count * sizeof(*own));
    in[0] = must(w, graph_add_input(&w->model.graph, "x", dtype, &shape, &w->err));
    for (int i = 0; i < constants; i++)
        in[1 + i] = must(
            w, graph_add_weight(&w->model.graph, i == 0 ? "scale" : "bias", DTYPE_F32, &list, four[i], false, &w->err));
    first = must(w, graph_add_node(&w->model.graph, "y", op, in, 1 + constants, outputs, NULL, &attributes, &w->err));
    for (int i = 0; i < outputs; i++)
        must(w, graph_add_output(&w->model.graph, first + i, &w->err));
    w->rc = onnx_write(&w->model, w->path, &w->err);
}

/* ---- nodes as text: Clip(x,0,6), constants by their numbers ---- */

static const char *say_constant(struct read *read, char *to, size_t room, const char *name)
{
    struct tensor t;
    size_t used = 0;

    for (int i = 0; i < read->model.initializer_count; i++) {
        if (strcmp(read->model.initializer[i].name, name) != 0)
            continue;
        assert_int_equal(onnx_load(&t, &read->model.initializer[i], &read->arena, NULL, &read->err), 0);
        used = (size_t)snprintf(to, room, "%s%s", dtype_name(t.dtype), t.shape.rank > 0 ? "[" : " ");
        for (int64_t k = 0; k < shape_count(&t.shape); k++)
            used += (size_t)snprintf(to + used, room - used, "%s%g", k > 0 ? " " : "",
                                     element_real(t.dtype, t.data, k));
        snprintf(to + used, room - used, "%s", t.shape.rank > 0 ? "]" : "");
        return to;
    }
    return name;
}

static void say_node(struct read *read, struct text *to, const struct onnx_node *node)
{
    char room[256];

    text_printf(to, "%s(", node->op_type);
    for (int i = 0; i < node->input_count; i++)
        text_printf(to, "%s%s", i > 0 ? "," : "", say_constant(read, room, sizeof(room), node->input[i]));
    text_add(to, ")");
    for (int i = 0; i < node->attribute_count; i++) {
        const struct onnx_attribute *a = &node->attribute[i];

        text_printf(to, " %s=", a->name);
        if (a->type == ONNX_STRING)
            text_printf(to, "%s", a->s);
        else if (a->type == ONNX_FLOAT)
            text_printf(to, "%gf", (double)a->f);
        else if (a->type == ONNX_INT)
            text_printf(to, "%d", (int)a->i);
        for (int k = 0; a->type == ONNX_INTS && k < a->count; k++)
            text_printf(to, "%s%d", k > 0 ? "," : "", (int)a->ints[k]);
    }
}

#define LIST(label, ...)                                                                                               \
    {                                                                                                                  \
        .name = (label), .kind = ATTRIBUTE_INTS, .ints = (const int64_t[]){ __VA_ARGS__ },                             \
        .count = sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)                                            \
    }
#define INT(label, number)                                                                                             \
    {                                                                                                                  \
        .name = (label), .kind = ATTRIBUTE_INT, .i = (number)                                                          \
    }
#define REAL(label, number)                                                                                            \
    {                                                                                                                  \
        .name = (label), .kind = ATTRIBUTE_FLOAT, .f = (number)                                                        \
    }
#define WORD(label, text)                                                                                              \
    {                                                                                                                  \
        .name = (label), .kind = ATTRIBUTE_TEXT, .s = (text)                                                           \
    }

static const float doubled[] = { 1, 1, 2, 1.5F };

static const struct {
    const char *op;
    enum dtype dtype;
    int outputs;
    struct attribute attribute[4];
    int count;
    const char *expected;
} moved[] = {
    { "Clip", DTYPE_F32, 1, { INT("min", 0), REAL("max", 6.5) }, 2, "Clip(x,F32 0,F32 6.5)" },
    { "Clip", DTYPE_F32, 1, { REAL("max", 6.5) }, 1, "Clip(x,,F32 6.5)" },
    { "Pad",
      DTYPE_I32,
      1,
      { LIST("pads", 0, 0, 1, 2, 0, 0, 3, 4), INT("value", 2) },
      2,
      "Pad(x,I64[0 0 1 2 0 0 3 4],I32 2)" },
    { "ReduceSum", DTYPE_F32, 1, { LIST("axes", 2, 3), INT("keepdims", 0) }, 2, "ReduceSum(x,I64[2 3]) keepdims=0" },
    { "ReduceMean", DTYPE_F32, 1, { LIST("axes", 2, 3) }, 1, "ReduceMean(x) axes=2,3" },
    { "Unsqueeze", DTYPE_F32, 1, { LIST("axes", 1) }, 1, "Unsqueeze(x,I64[1])" },
    { "Reshape", DTYPE_F32, 1, { LIST("shape", 0, -1) }, 1, "Reshape(x,I64[0 -1])" },
    { "Slice",
      DTYPE_F32,
      1,
      { LIST("axes", 1), LIST("ends", 3), LIST("starts", 1) },
      3,
      "Slice(x,I64[1],I64[3],I64[1])" },
    { "Pad",
      DTYPE_F32,
      1,
      { LIST("pads", 0, 0, 1, 2, 0, 0, 3, 4), REAL("value", 2) },
      2,
      "Pad(x,I64[0 0 1 2 0 0 3 4],F32 2)" },
    { "Pad",
      DTYPE_F32,
      1,
      { LIST("axes", -1, 2), WORD("mode", "edge"), LIST("pads", 1, 2, 3, 4) },
      3,
      "Pad(x,I64[0 0 2 1 0 0 4 3]) mode=edge" },
    { "TopK", DTYPE_F32, 2, { INT("axis", 1), INT("k", 3) }, 2, "TopK(x,I64[3]) axis=1" },
    { "Split", DTYPE_F32, 3, { INT("axis", 2), INT("num_outputs", 3) }, 2, "Split(x,I64[3 3 2]) axis=2" },
    { "Split", DTYPE_F32, 2, { INT("axis", 2), INT("num_outputs", 2) }, 2, "Split(x) axis=2" },
    { "Resize",
      DTYPE_F32,
      1,
      { WORD("mode", "nearest"), { .name = "scales", .kind = ATTRIBUTE_FLOATS, .floats = doubled, .count = 4 } },
      2,
      "Resize(x,,F32[1 1 2 1.5]) mode=nearest" },
    { "Resize",
      DTYPE_F32,
      1,
      { LIST("axes", 3, 2), WORD("keep_aspect_ratio_policy", "stretch"), LIST("sizes", 12, 16) },
      3,
      "Resize(x,,F32[1 1 2 1.5])" },
    { "LeakyRelu", DTYPE_F32, 1, { INT("alpha", 1) }, 1, "LeakyRelu(x) alpha=1f" },
    { "Cast", DTYPE_F32, 1, { INT("saturate", 1), INT("to", 6) }, 2, "Cast(x) to=6" },
};

static void attributes_become_the_inputs_of_opset_17(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(moved); i++) {
        struct text text = { 0 };
        struct written w;
        struct read read;

        draw(&w, moved[i].op, moved[i].dtype, 0, moved[i].outputs, moved[i].attribute, moved[i].count);
        must(&w, w.rc);
        read_file(&read, w.path);
        assert_int_equal(read.rc, 0);
        assert_int_equal(read.model.opset[0].version, 17);
        assert_int_equal(read.model.node_count, 1);
        say_node(&read, &text, &read.model.node[0]);
        assert_string_equal(text.chars, moved[i].expected);
        text_free(&text);
        read_end(&read);
        end(&w);
    }
}

static void what_opset_17_cannot_say_is_refused_and_nothing_written(void **state)
{
    const struct {
        const char *op;
        enum dtype dtype;
        struct attribute attribute[2];
        int count;
        const char *message;
    } rows[] = {
        { "BitwiseNot", DTYPE_I32, { { 0 } }, 0, "node 'y' (BitwiseNot): is newer than opset 17" },
        { "Resize",
          DTYPE_F32,
          { WORD("coordinate_transformation_mode", "half_pixel_symmetric"), LIST("sizes", 1, 4, 4, 4) },
          2,
          "node 'y' (Resize): coordinate_transformation_mode 'half_pixel_symmetric' is newer than opset 17" },
        { "Resize",
          DTYPE_F32,
          { INT("antialias", 1), LIST("sizes", 1, 4, 4, 4) },
          2,
          "node 'y' (Resize): attribute 'antialias' is newer than opset 17" },
        { "AveragePool",
          DTYPE_F32,
          { LIST("dilations", 2, 2), LIST("kernel_shape", 2, 2) },
          2,
          "node 'y' (AveragePool): attribute 'dilations' is newer than opset 17" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct written w;
        struct input in;

        draw(&w, rows[i].op, rows[i].dtype, 0, 1, rows[i].attribute, rows[i].count);
        assert_int_equal(w.rc, -1);
        assert_int_equal(w.err.kind, ERROR_INPUT);
        assert_string_equal(w.err.message, rows[i].message);
        must(&w, input_open(&in, w.path, 0, &w.err)); /* mkstemp()'s, still empty */
        assert_int_equal(in.count, 0);
        input_close(&in);
        end(&w);
    }
}

/* ---- answers ---- */

static void answer(const struct graph *graph, float *y, size_t count)
{
    struct error err = { 0 };
    struct kern kern;
    struct job job = { .kern = &kern };
    struct exec *exec;
    struct tensor *x;

    assert_int_equal(kern_init(&kern, NULL, &err), 0);
    exec = exec_new(graph, 1, EXEC_INFER, &job, &err);
    if (exec == NULL)
        fail_msg("%s", err.message);
    x = exec_input(exec, 0);
    for (int64_t i = 0; i < shape_count(&x->shape); i++)
        ((float *)x->data)[i] = (float)(i * 37 % 201) / 25 - 4;
    assert_int_equal(exec_run(exec, &err), 0);
    assert_int_equal(shape_count(&exec_output(exec, 0)->shape), count);
    memcpy(y, exec_output(exec, 0)->data, count * sizeof(*y));
    exec_free(exec);
}

static void read_back(struct model *model, const char *path)
{
    struct error err = { 0 };
    struct input in;

    assert_int_equal(input_open(&in, path, 0, &err), 0);
    if (onnx_read(model, &in, path, &err) < 0)
        fail_msg("%s", err.message);
}

/* The definitions of ONNX's newest opset are lib/op's; what is written has only older operators. */
static void newer_operators_are_spelled_out(void **state)
{
    static const struct {
        const char *op;
        int constants;
        struct attribute attribute[2];
        int count;
    } rows[] = {
        { "Gelu", 0, { { 0 } }, 0 },
        { "Gelu", 0, { WORD("approximate", "tanh") }, 1 },
        { "Mish", 0, { { 0 } }, 0 },
        { "Swish", 0, { { 0 } }, 0 },
        { "Swish", 0, { REAL("alpha", 1.5) }, 1 },
        { "GroupNormalization", 2, { REAL("epsilon", 0.01), INT("num_groups", 2) }, 2 },
    };
    enum { ELEMENTS = CHANNELS * SIDE * SIDE };
    static float before[ELEMENTS], after[ELEMENTS];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct model back;
        struct written w;
        struct read read;

        draw(&w, rows[i].op, DTYPE_F32, rows[i].constants, 1, rows[i].attribute, rows[i].count);
        must(&w, w.rc);
        read_file(&read, w.path);
        assert_true(read.model.node_count > 1);
        for (int n = 0; n < read.model.node_count; n++)
            assert_string_not_equal(read.model.node[n].op_type, rows[i].op);
        read_end(&read);
        read_back(&back, w.path);
        answer(&w.model.graph, before, ELEMENTS);
        answer(&back.graph, after, ELEMENTS);
        for (int k = 0; k < ELEMENTS; k++)
            assert_true(fabsf(after[k] - before[k]) <= 2e-6F * (1 + fabsf(before[k])));
        model_free(&back);
        end(&w);
    }
}

static void outputs_have_the_type_and_the_open_sizes_that_they_will_have(void **state)
{
    const struct {
        const char *op;
        struct attribute attribute[2];
        int count;
        bool open; /* height and width of x, too */
        int64_t elem_type;
        struct shape shape;
    } rows[] = {
        { "Relu", { { 0 } }, 0, false, 1, { .rank = 4, .dim = { -1, 4, 8, 8 } } },
        { "Relu", { { 0 } }, 0, true, 1, { .rank = 4, .dim = { -1, 4, -1, -1 } } },
        { "ReduceMax", { LIST("axes", 0), INT("keepdims", 1) }, 2, false, 1, { .rank = 4, .dim = { 1, 4, 8, 8 } } },
        { "Flatten", { { 0 } }, 0, false, 1, { .rank = 2, .dim = { -1, 256 } } },
        { "Shape", { { 0 } }, 0, true, 7, { .rank = 1, .dim = { 4 } } },
        { "ArgMax", { INT("axis", 1), INT("keepdims", 0) }, 2, true, 7, { .rank = 3, .dim = { -1, -1, -1 } } },
        { "NonZero", { { 0 } }, 0, false, 7, { .rank = 2, .dim = { -1, -1 } } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct written w;
        struct read read;

        draw(&w, rows[i].op, DTYPE_F32, 0, 1, rows[i].attribute, rows[i].count);
        must(&w, w.rc);
        for (int k = 2; k < 4 && rows[i].open; k++)
            w.model.graph.value[0].tensor.shape.dim[k] = -1;
        must(&w, onnx_write(&w.model, w.path, &w.err));
        read_file(&read, w.path);
        assert_int_equal(read.rc, 0);
        assert_int_equal(read.model.output[0].elem_type, rows[i].elem_type);
        assert_true(read.model.output[0].has_shape);
        assert_true(shape_equal(&read.model.output[0].shape, &rows[i].shape));
        assert_int_equal(read.model.input[0].shape.dim[2], rows[i].open ? -1 : SIDE);
        read_end(&read);
        end(&w);
    }
}

/* ---- metadata ---- */

static void say_meaning(struct model *model)
{
    static const char *labels[] = { "good", "too \"much\"", "" };
    struct error err = { 0 };

    model->name = "eyes";
    model->task = "classify";
    model->softmax = true;
    model->privacy = PRIVACY_EDGE;
    model->content = CONTENT_PARAMETERS_DP;
    preprocess_init(&model->preprocess, 3, SIDE, SIDE);
    model->preprocess.mean[1] = 0.456F;
    model->has_preprocess = true;
    labels[2] = "no\xc3\xafse";
    assert_int_equal(model_set_labels(model, labels, 3, &err), 0);
}

/* x [batch, 3, 8, 8] to three means. */
static void draw_classifier(struct written *w)
{
    const struct shape shape = shape_of(4, (int64_t)-1, (int64_t)3, (int64_t)SIDE, (int64_t)SIDE);
    int v;

    begin(w);
    v = must(w, graph_add_input(&w->model.graph, "x", DTYPE_F32, &shape, &w->err));
    v = must(w, graph_add_node(&w->model.graph, "pool", "GlobalAveragePool", &v, 1, 1, NULL, NULL, &w->err));
    v = must(w, graph_add_node(&w->model.graph, "y", "Flatten", &v, 1, 1, NULL, NULL, &w->err));
    must(w, graph_add_output(&w->model.graph, v, &w->err));
}

static void what_a_model_means_comes_back(void **state)
{
    struct written w;
    struct model back;

    (void)state;
    draw_classifier(&w);
    say_meaning(&w.model);
    must(&w, onnx_write(&w.model, w.path, &w.err));
    read_back(&back, w.path);
    assert_string_equal(back.name, "eyes");
    assert_string_equal(back.task, "classify");
    assert_true(back.softmax);
    assert_int_equal(back.privacy, PRIVACY_EDGE);
    assert_int_equal(back.content, CONTENT_PARAMETERS_DP);
    assert_true(back.has_preprocess);
    assert_true(preprocess_equal(&back.preprocess, &w.model.preprocess));
    assert_int_equal(back.label_count, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(back.label[i], w.model.label[i]);
    model_free(&back);
    end(&w);
}

/* An entry before all others, so that it is the one found. */
static void put_before(struct written *w, const char *key, const char *value)
{
    struct text all = { 0 };
    struct input in;
    FILE *file;
    size_t entry = wire_open(&all, 14);

    wire_put_text(&all, 1, key);
    wire_put_text(&all, 2, value);
    wire_close(&all, entry);
    must(w, input_open(&in, w->path, 0, &w->err));
    text_add_bytes(&all, (const char *)in.bytes, in.count);
    input_close(&in);
    file = fopen(w->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(all.chars, 1, all.length, file), all.length);
    fclose(file);
    text_free(&all);
}

static void metadata_that_are_wrong_are_named(void **state)
{
    static const struct {
        const char *key, *value;
    } rows[] = {
        { "coedge.labels", "[1, 2, 3]" }, { "coedge.labels", "{" },       { "coedge.labels", "[\"one\", \"one\"]" },
        { "coedge.preprocess", "[]" },    { "coedge.privacy", "secret" }, { "coedge.content", "nothing" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct written w;
        struct model back;
        struct input in;

        draw_classifier(&w);
        must(&w, onnx_write(&w.model, w.path, &w.err));
        put_before(&w, rows[i].key, rows[i].value);
        must(&w, input_open(&in, w.path, 0, &w.err));
        assert_int_equal(onnx_read(&back, &in, w.path, &w.err), -1);
        assert_int_equal(w.err.kind, ERROR_INPUT);
        assert_non_null(strstr(w.err.message, rows[i].key));
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_become_the_inputs_of_opset_17),
        cmocka_unit_test(what_opset_17_cannot_say_is_refused_and_nothing_written),
        cmocka_unit_test(newer_operators_are_spelled_out),
        cmocka_unit_test(outputs_have_the_type_and_the_open_sizes_that_they_will_have),
        cmocka_unit_test(what_a_model_means_comes_back),
        cmocka_unit_test(metadata_that_are_wrong_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
