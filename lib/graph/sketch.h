/*
 * sketch.h - graphs for this room's tests: made by hand in few words, or drawn
 * at random with residuals, concatenations, depthwise convolutions and several
 * readers of one value. For tests alone.
 */
#ifndef GRAPH_SKETCH_H
#define GRAPH_SKETCH_H

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "graph/exec.h"
#include "kern/each_path.h"

enum { SKETCH_VALUES = 64 };

struct sketch {
    struct arena arena;
    struct graph graph;
    struct rng rng;
    struct error err;
    int value[SKETCH_VALUES]; /* [N, C, H, W] values made so far */
    int64_t channels[SKETCH_VALUES], side[SKETCH_VALUES];
    int count, names;
};

/* Ends the test with the error's line. */
static inline int sketch_must(struct sketch *s, int rc)
{
    if (rc < 0)
        fail_msg("%s", s->err.message);
    return rc;
}

static inline void sketch_begin(struct sketch *s, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    graph_init(&s->graph, &s->arena);
    s->rng = rng_make(seed, rng_stream("sketch", 0, 0));
}

static inline void sketch_end(struct sketch *s)
{
    arena_free(&s->arena);
}

static inline int sketch_input(struct sketch *s, int64_t channels, int64_t side)
{
    struct shape shape = shape_of(4, (int64_t)-1, channels, side, side);

    return sketch_must(s, graph_add_input(&s->graph, "x", DTYPE_F32, &shape, &s->err));
}

/* Normal numbers of the given spread around the centre. */
static inline int sketch_weight(struct sketch *s, struct shape shape, float centre, float spread, bool trainable)
{
    int64_t count = shape_count(&shape);
    float *data = arena_array(&s->arena, (size_t)count + 1, sizeof(float));
    char name[32];

    assert_non_null(data);
    for (int64_t i = 0; i < count; i++)
        data[i] = centre + spread * rng_normal(&s->rng);
    snprintf(name, sizeof(name), "w%d", s->names++);
    return sketch_must(s, graph_add_weight(&s->graph, name, DTYPE_F32, &shape, data, trainable, &s->err));
}

static inline int sketch_node(struct sketch *s, const char *op, const int *in, int in_count,
                              const struct attributes *attributes)
{
    char name[32];

    snprintf(name, sizeof(name), "%s%d", op, s->names++);
    return sketch_must(s, graph_add_node(&s->graph, name, op, in, in_count, 1, NULL, attributes, &s->err));
}

static inline int sketch_unary(struct sketch *s, const char *op, int x)
{
    return sketch_node(s, op, &x, 1, NULL);
}

static inline int sketch_binary(struct sketch *s, const char *op, int a, int b)
{
    int in[2] = { a, b };

    return sketch_node(s, op, in, 2, NULL);
}

/* Filters [out, in / group, kernel, kernel] with "same" padding. */
static inline int sketch_conv(struct sketch *s, int x, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                              int64_t group, bool bias)
{
    int64_t pad = kernel / 2, pads[4] = { pad, pad, pad, pad }, strides[2] = { stride, stride };
    struct attribute items[] = {
        { .name = "pads", .kind = ATTRIBUTE_INTS, .ints = pads, .count = 4 },
        { .name = "strides", .kind = ATTRIBUTE_INTS, .ints = strides, .count = 2 },
        { .name = "group", .kind = ATTRIBUTE_INT, .i = group },
    };
    struct attributes attributes = { items, 3 };
    int args[3] = { x };

    args[1] = sketch_weight(s, shape_of(4, out, in / group, kernel, kernel), 0,
                            1.0f / (float)(kernel * (int64_t)(in / group > 4 ? 2 : 1)), true);
    args[2] = bias ? sketch_weight(s, shape_of(1, out), 0, 0.1f, true) : -1;
    return sketch_node(s, "Conv", args, bias ? 3 : 2, &attributes);
}

static inline int sketch_norm(struct sketch *s, int x, int64_t channels)
{
    struct shape shape = shape_of(1, channels);
    int in[5] = { x };

    in[1] = sketch_weight(s, shape, 1, 0.1f, true);
    in[2] = sketch_weight(s, shape, 0, 0.1f, true);
    in[3] = sketch_weight(s, shape, 0, 0.1f, false);
    in[4] = sketch_weight(s, shape, 1, 0.02f, false);
    return sketch_node(s, "BatchNormalization", in, 5, NULL);
}

static inline int sketch_pool(struct sketch *s, const char *op, int x)
{
    int64_t two[2] = { 2, 2 };
    struct attribute items[] = {
        { .name = "kernel_shape", .kind = ATTRIBUTE_INTS, .ints = two, .count = 2 },
        { .name = "strides", .kind = ATTRIBUTE_INTS, .ints = two, .count = 2 },
    };
    struct attributes attributes = { items, 2 };

    return sketch_node(s, op, &x, 1, &attributes);
}

static inline int sketch_concat(struct sketch *s, int a, int b)
{
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = 1 };
    struct attributes attributes = { &axis, 1 };
    int in[2] = { a, b };

    return sketch_node(s, "Concat", in, 2, &attributes);
}

static inline int sketch_gemm(struct sketch *s, int x, int64_t in, int64_t out, bool bias)
{
    struct attribute trans = { .name = "transB", .kind = ATTRIBUTE_INT, .i = 1 };
    struct attributes attributes = { &trans, 1 };
    int args[3] = { x };

    args[1] = sketch_weight(s, shape_of(2, out, in), 0, 0.3f, true);
    args[2] = bias ? sketch_weight(s, shape_of(1, out), 0, 0.1f, true) : -1;
    return sketch_node(s, "Gemm", args, bias ? 3 : 2, &attributes);
}

static inline int sketch_note(struct sketch *s, int value, int64_t channels, int64_t side)
{
    assert_in_range(s->count, 0, SKETCH_VALUES - 1);
    s->value[s->count] = value;
    s->channels[s->count] = channels;
    s->side[s->count] = side;
    return s->count++;
}

/* A value made earlier, mostly a recent one. */
static inline int sketch_pick(struct sketch *s)
{
    uint32_t back = rng_below(&s->rng, 3) == 0 ? rng_below(&s->rng, (uint32_t)s->count) : rng_below(&s->rng, 2);

    return s->count - 1 - (int)(back < (uint32_t)s->count ? back : 0);
}

/* Two values joined where their shapes let them; `a` convolved where they do not. */
static inline void sketch_join(struct sketch *s, int a, int b)
{
    static const char *const both[] = { "Add", "Add", "Add", "Mul" };

    if (s->side[a] == s->side[b] && s->channels[a] == s->channels[b] && rng_below(&s->rng, 4) > 0)
        sketch_note(s, sketch_binary(s, both[rng_below(&s->rng, 4)], s->value[a], s->value[b]), s->channels[a],
                    s->side[a]);
    else if (s->side[a] == s->side[b] && s->channels[a] + s->channels[b] <= 24)
        sketch_note(s, sketch_concat(s, s->value[a], s->value[b]), s->channels[a] + s->channels[b], s->side[a]);
    else
        sketch_note(s, sketch_conv(s, s->value[a], s->channels[a], 8, 1, 1, 1, true), 8, s->side[a]);
}

static inline void sketch_draw_conv(struct sketch *s, int a)
{
    int64_t in = s->channels[a], side = s->side[a];
    int64_t stride = side >= 8 && rng_below(&s->rng, 4) == 0 ? 2 : 1;
    bool depthwise = rng_below(&s->rng, 3) == 0;
    int64_t out = depthwise ? in : rng_below(&s->rng, 2) == 0 ? 8 : 4 + rng_below(&s->rng, 7);
    int value = sketch_conv(s, s->value[a], in, out, rng_below(&s->rng, 2) == 0 ? 1 : 3, stride, depthwise ? in : 1,
                            rng_below(&s->rng, 2) == 0);

    sketch_note(s, value, out, (side + stride - 1) / stride);
}

static inline void sketch_draw_one(struct sketch *s, bool random_numbers)
{
    static const char *const curves[] = { "Relu", "Relu", "LeakyRelu", "HardSwish", "Sigmoid", "Clip" };
    static const char *const passes[] = { "Identity", "Dropout" };
    int a = sketch_pick(s);
    int64_t channels = s->channels[a], side = s->side[a];

    switch (rng_below(&s->rng, 8)) {
    case 0:
    case 1: sketch_draw_conv(s, a); break;
    case 2: sketch_note(s, sketch_norm(s, s->value[a], channels), channels, side); break;
    case 3:
    case 4: sketch_note(s, sketch_unary(s, curves[rng_below(&s->rng, 6)], s->value[a]), channels, side); break;
    case 5:
    case 6: sketch_join(s, a, sketch_pick(s)); break;
    default:
        if (side >= 8)
            sketch_note(s, sketch_pool(s, "MaxPool", s->value[a]), channels, side / 2);
        else
            sketch_note(s, sketch_unary(s, passes[random_numbers ? rng_below(&s->rng, 2) : 0], s->value[a]), channels,
                        side);
    }
}

/* `nodes` nodes drawn by the seed, then a dense layer of 5 classes; now and then a second output. */
static inline void sketch_draw(struct sketch *s, uint64_t seed, int nodes, bool random_numbers)
{
    int a, pooled, flat;

    sketch_begin(s, seed);
    sketch_note(s, sketch_input(s, 4, 12), 4, 12);
    for (int i = 0; i < nodes; i++)
        sketch_draw_one(s, random_numbers);
    a = s->count - 1;
    pooled = sketch_unary(s, "GlobalAveragePool", s->value[a]);
    flat = sketch_unary(s, "Flatten", pooled);
    sketch_must(s, graph_add_output(&s->graph, sketch_gemm(s, flat, s->channels[a], 5, true), &s->err));
    if (seed % 3 == 0)
        sketch_must(s, graph_add_output(&s->graph, s->value[sketch_pick(s)], &s->err));
    sketch_must(s, graph_check(&s->graph, &s->err));
}

/* Along an axis: weights, scales of 1/64 and a few of its multiples. Else activations from -8 to 8. */
static inline const struct quant *sketch_quant(struct sketch *s, int axis, int count)
{
    struct quant *quant = arena_alloc(&s->arena, sizeof(*quant));
    float *scale = arena_array(&s->arena, (size_t)count, sizeof(*scale));
    int32_t *zero = arena_array(&s->arena, (size_t)count, sizeof(*zero));

    assert_non_null(quant);
    assert_non_null(scale);
    assert_non_null(zero);
    *quant = (struct quant){ .axis = axis, .count = count, .scale = scale, .zero_point = zero };
    for (int i = 0; i < count; i++) {
        scale[i] = axis < 0 ? 1.0f / 16 : (float)(1 + i % 3) / 64;
        zero[i] = axis < 0 ? 128 : 0;
    }
    return quant;
}

/* A weight of [K, ...] drawn anew as I8 with a scale for each of K; its bias as I32. */
static inline void sketch_quantize_weights(struct sketch *s, const struct node *node)
{
    struct tensor *w = &s->graph.value[node->in[1]].tensor;
    int64_t count = shape_count(&w->shape);
    int8_t *bytes = arena_alloc(&s->arena, (size_t)count + 1);

    if (w->quant != NULL)
        return;
    assert_non_null(bytes);
    for (int64_t i = 0; i < count; i++)
        bytes[i] = (int8_t)((int)rng_below(&s->rng, 41) - 20);
    w->data = bytes;
    w->dtype = DTYPE_I8;
    w->quant = sketch_quant(s, 0, (int)w->shape.dim[0]);
    if (node->in_count > 2 && node->in[2] >= 0) {
        struct tensor *b = &s->graph.value[node->in[2]].tensor;

        b->dtype = DTYPE_I32;
        for (int64_t i = 0; i < shape_count(&b->shape); i++)
            ((int32_t *)b->data)[i] = (int32_t)rng_below(&s->rng, 801) - 400;
        b->quant = sketch_quant(s, 0, (int)b->shape.dim[0]);
    }
}

/* Input and values between in U8, weights of Conv and Gemm in I8; outputs stay real. */
static inline void sketch_quantize(struct sketch *s)
{
    struct graph *graph = &s->graph;
    const struct quant *bytes = sketch_quant(s, -1, 1);

    for (int v = 0; v < graph->value_count; v++)
        if (graph->value[v].kind != VALUE_WEIGHT)
            graph->value[v].tensor.quant = bytes;
    for (int i = 0; i < graph->output_count; i++)
        graph->value[graph->output[i]].tensor.quant = NULL;
    for (int n = 0; n < graph->node_count; n++)
        if (strcmp(graph->node[n].op->name, "Conv") == 0 || strcmp(graph->node[n].op->name, "Gemm") == 0)
            sketch_quantize_weights(s, &graph->node[n]);
    sketch_must(s, graph_check(graph, &s->err));
}

/* The same numbers into every input of the run. */
static inline void sketch_fill(struct exec *exec, const struct graph *graph, uint64_t seed)
{
    for (int i = 0; i < graph->input_count; i++) {
        struct tensor *x = exec_input(exec, i);
        struct rng rng = rng_make(seed, rng_stream("input", (uint64_t)i, 0));

        for (int64_t k = 0; k < shape_count(&x->shape); k++)
            ((float *)x->data)[k] = rng_normal(&rng);
    }
}

/* Kernels of the path under test, where tests run by SKETCH_RUN; else the best. */
static struct kern sketch_kern, sketch_plain_kern;

static inline int sketch_choose_path(void **state)
{
    return kern_init(&sketch_kern, *state, NULL);
}

#define SKETCH_RUN(tests) EACH_PATH_RUN(tests, sketch_choose_path)

static inline struct exec *sketch_exec_on(struct sketch *s, const struct graph *graph, int64_t batch,
                                          enum exec_mode mode, struct pool *pool, const struct kern *kern)
{
    const struct job job = { .pool = pool, .kern = kern, .seed = 11 };
    struct exec *exec = exec_new(graph, batch, mode, &job, &s->err);

    if (exec == NULL)
        fail_msg("%s", s->err.message);
    return exec;
}

static inline struct exec *sketch_exec(struct sketch *s, const struct graph *graph, int64_t batch, enum exec_mode mode,
                                       struct pool *pool)
{
    return sketch_exec_on(s, graph, batch, mode, pool, sketch_kern.cpu != NULL ? &sketch_kern : NULL);
}

static inline struct exec *sketch_training(struct sketch *s, const struct graph *graph, int64_t batch,
                                           const struct exec_training *how)
{
    const struct job job = { .kern = sketch_kern.cpu != NULL ? &sketch_kern : NULL, .seed = 11 };
    struct exec *exec = exec_new_training(graph, batch, how, &job, &s->err);

    if (exec == NULL)
        fail_msg("%s", s->err.message);
    return exec;
}

static inline struct exec *sketch_frozen(struct sketch *s, const struct graph *graph, int64_t batch, const bool *frozen)
{
    return sketch_training(s, graph, batch, &(struct exec_training){ .frozen = frozen });
}

/* The least that a step can do with: what the refusal of a limit of one byte says. */
static inline size_t sketch_least(struct sketch *s, const struct graph *graph, int64_t batch, bool takes)
{
    const struct exec_training how = { .takes = takes, .memory_bytes = 1 };
    const struct job job = { .kern = sketch_kern.cpu != NULL ? &sketch_kern : NULL };
    size_t least = 0;

    assert_null(exec_new_training(graph, batch, &how, &job, &s->err));
    assert_int_equal(s->err.kind, ERROR_LIMIT);
    assert_int_equal(sscanf(s->err.message, "a step of training needs %zu bytes at least, the limit is 1", &least), 1);
    return least;
}

/* The same on kernels that know no pictures in blocks. */
static inline struct exec *sketch_exec_plain(struct sketch *s, const struct graph *graph, int64_t batch,
                                             enum exec_mode mode, struct pool *pool)
{
    if (sketch_kern.cpu != NULL)
        sketch_plain_kern = sketch_kern;
    else
        sketch_must(s, kern_init(&sketch_plain_kern, NULL, &s->err));
    sketch_plain_kern.lanes = 0;
    return sketch_exec_on(s, graph, batch, mode, pool, &sketch_plain_kern);
}

#endif
