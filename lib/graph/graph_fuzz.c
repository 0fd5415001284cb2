/*
 * graph_fuzz.c - any bytes, read as a recipe for a graph: it is refused with one line, or it runs in every mode
 * within its memory, fused as traced, its parts as the whole, and made plain as before.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/exec.h"
#include "graph/simplify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WEIGHTS = 6, NODES = 12, ARGUMENTS = 6, ATTRIBUTES = 4, NUMBERS = 6 };

struct recipe {
    const uint8_t *at;
    size_t left;
    struct arena arena;
    struct graph graph;
    struct error err;
};

/* 0 when the bytes are used up: the shortest recipe is the simplest graph. */
static int next(struct recipe *r, int below)
{
    if (r->left == 0 || below < 1)
        return 0;
    r->left--;
    return *r->at++ % below;
}

/* What cannot happen, or is refused without saying what is wrong, is a find. */
static void expect(bool holds)
{
    if (!holds)
        abort();
}

static int refused(const struct recipe *r)
{
    expect((r->err.kind == ERROR_INPUT || r->err.kind == ERROR_LIMIT) && r->err.message[0] != '\0');
    return -1;
}

static struct shape read_shape(struct recipe *r, int least)
{
    static const int ranks[] = { 4, 4, 2, 1, 0, 3 };
    struct shape shape = { .rank = ranks[next(r, 6)] };

    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = least + next(r, 7);
    return shape;
}

static int add_input(struct recipe *r, const char *name)
{
    struct shape shape = read_shape(r, 1);

    if (shape.rank > 0 && next(r, 2) == 0)
        shape.dim[0] = -1;
    return graph_add_input(&r->graph, name, DTYPE_F32, &shape, &r->err) < 0 ? refused(r) : 0;
}

static int add_weight(struct recipe *r, int index)
{
    static const enum dtype dtypes[] = { DTYPE_F32, DTYPE_F32, DTYPE_F32, DTYPE_I64, DTYPE_U8, DTYPE_I8 };
    const char name[] = { 'w', (char)('0' + index), '\0' };
    struct shape shape = read_shape(r, 0);
    enum dtype dtype = dtypes[next(r, 6)];
    int64_t count = shape_count(&shape);
    void *data = arena_array(&r->arena, (size_t)count + 1, dtype_bytes(dtype));

    expect(data != NULL);
    for (int64_t i = 0; i < count; i++) {
        int number = next(r, 256) - 128;

        if (dtype == DTYPE_F32)
            ((float *)data)[i] = (float)number / 16;
        else if (dtype == DTYPE_I64)
            ((int64_t *)data)[i] = number;
        else
            ((uint8_t *)data)[i] = (uint8_t)number;
    }
    return graph_add_weight(&r->graph, name, dtype, &shape, data, next(r, 3) > 0, &r->err) < 0 ? refused(r) : 0;
}

/* A weight that fits what the node reads: [filters, channels / group, height, width], [columns, rows] or [channels]. */
static int add_fitting(struct recipe *r, const char *op, const struct shape *x, int64_t group)
{
    const char name[] = { 'f', (char)('0' + r->graph.value_count / 64), (char)('0' + r->graph.value_count % 64), '\0' };
    bool dense = strcmp(op, "Gemm") == 0 || strcmp(op, "MatMul") == 0;
    int64_t wide = 1 + next(r, 6), rows = 1 + next(r, 4), columns = 1 + next(r, 4);
    struct shape shape = shape_of(1, x->dim[1]);
    float *data;

    if (dense)
        shape = shape_of(2, x->dim[1], wide);
    else if (strcmp(op, "Conv") == 0)
        shape = shape_of(4, wide * group, x->dim[1] / group, rows, columns);
    else if (strcmp(op, "ConvTranspose") == 0)
        shape = shape_of(4, x->dim[1], wide, rows, columns);
    data = arena_array(&r->arena, (size_t)shape_count(&shape) + 1, sizeof(*data));
    expect(data != NULL);
    for (int64_t i = 0; i < shape_count(&shape); i++)
        data[i] = (float)((i * 11 + wide) % 17 + 1) / 16;
    return graph_add_weight(&r->graph, name, DTYPE_F32, &shape, data, next(r, 3) > 0, &r->err);
}

static int64_t group_of(const struct attributes *attributes, int64_t channels)
{
    int64_t group;
    struct error err;

    if (attribute_int(attributes, "group", 1, &group, &err) < 0 || group < 1 || channels % group != 0)
        return 1;
    return group;
}

/* Most recipes would be refused for shapes: weights of the operators that have some are made to measure now and then. */
static void fit_weights(struct recipe *r, const struct op *op, int *in, int in_count,
                        const struct attributes *attributes)
{
    static const char *const fitted[] = { "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization" };
    const struct shape *x = &r->graph.value[in[0]].tensor.shape;
    int from = in_count, to = 2;

    for (size_t i = 0; i < COUNT(fitted); i++)
        if (strcmp(op->name, fitted[i]) == 0)
            from = 1;
    if (strcmp(op->name, "BatchNormalization") == 0)
        to = 5;
    if (next(r, 4) == 0 || x->rank < 2 || graph_infer_shapes(&r->graph, 1, &r->err) < 0)
        return;
    for (int i = from; i < to && i < in_count; i++) {
        struct shape now = r->graph.value[in[0]].tensor.shape;
        int value = now.rank < 2 ? -1 : add_fitting(r, op->name, &now, group_of(attributes, now.dim[1]));

        if (value >= 0)
            in[i] = value;
    }
}

static struct attribute read_attribute(struct recipe *r)
{
    static const char *const names[] = { "pads",  "strides", "dilations", "group",      "kernel_shape",
                                         "axis",  "transB",  "ceil_mode", "alpha",      "beta",
                                         "min",   "epsilon", "mode",      "keepdims",   "perm",
                                         "split", "axes",    "ratio",     "num_groups", "block" };
    static const char *const texts[] = { "SAME_UPPER", "linear", "nearest", "" };
    struct attribute attribute = { .name = names[next(r, COUNT(names))], .kind = (enum attribute_kind)next(r, 4) };
    int64_t *numbers = arena_array(&r->arena, NUMBERS, sizeof(*numbers));

    expect(numbers != NULL);
    attribute.count = next(r, NUMBERS);
    for (int i = 0; i < attribute.count; i++)
        numbers[i] = next(r, 16) - 4;
    attribute.ints = numbers;
    attribute.i = next(r, 16) - 4;
    attribute.f = (next(r, 64) - 16) / 8.0;
    attribute.s = texts[next(r, 4)];
    if (attribute.kind != ATTRIBUTE_INTS)
        attribute.count = 0;
    return attribute;
}

static int add_node(struct recipe *r, int index, int operators)
{
    const char name[] = { 'n', (char)('a' + index), '\0' };
    const struct op *op = op_table[next(r, operators)];
    int in[ARGUMENTS], in_count = op->min_inputs, out_count = op->outputs < 0 ? 1 + next(r, 3) : op->outputs;
    struct attribute items[ATTRIBUTES];
    struct attributes attributes = { items, next(r, ATTRIBUTES + 1) };

    if (op->max_inputs != op->min_inputs)
        in_count += next(r, 3);
    in_count = in_count < ARGUMENTS ? in_count : ARGUMENTS;
    for (int i = 0; i < in_count; i++)
        in[i] = r->graph.value_count - 1 - next(r, r->graph.value_count);
    for (int i = 0; i < attributes.count; i++)
        items[i] = read_attribute(r);
    if (in_count > 0)
        fit_weights(r, op, in, in_count, &attributes);
    if (graph_add_node(&r->graph, name, op->name, in, in_count, out_count, NULL, &attributes, &r->err) < 0)
        return refused(r);
    return 0;
}

static int read_graph(struct recipe *r)
{
    int weights = next(r, WEIGHTS), nodes = 1 + next(r, NODES), operators = 0;

    while (op_table[operators] != NULL)
        operators++;
    graph_init(&r->graph, &r->arena);
    if (add_input(r, "x") < 0 || (next(r, 2) && add_input(r, "y") < 0))
        return -1;
    for (int i = 0; i < weights; i++)
        if (add_weight(r, i) < 0)
            return -1;
    for (int i = 0; i < nodes; i++)
        if (add_node(r, i, operators) < 0)
            return -1;
    if (graph_add_output(&r->graph, r->graph.value_count - 1, &r->err) < 0)
        return refused(r);
    if (next(r, 2) && graph_add_output(&r->graph, next(r, r->graph.value_count), &r->err) < 0)
        return refused(r);
    return graph_check(&r->graph, &r->err) < 0 ? refused(r) : 0;
}

static void fill_inputs(const struct graph *graph, struct exec *exec)
{
    for (int i = 0; i < graph->input_count; i++) {
        struct tensor *x = exec_input(exec, i);

        for (int64_t k = 0; k < shape_count(&x->shape); k++)
            ((float *)x->data)[k] = (float)((k * 7 + i) % 23 - 11) / 4;
    }
}

static void expect_same(const struct tensor *a, const struct tensor *b)
{
    struct tensor_difference difference;
    struct error err;

    expect(tensor_compare(&difference, a, b, &err) == 0 && difference.differing == 0);
}

static void train(struct recipe *r, int64_t batch)
{
    struct exec *exec = exec_new(&r->graph, batch, EXEC_TRAIN, NULL, &r->err);

    if (exec == NULL) {
        refused(r);
        return;
    }
    fill_inputs(&r->graph, exec);
    exec_forward(exec);
    for (int i = 0; i < r->graph.output_count; i++) {
        struct tensor *y = exec_output(exec, i);

        for (int64_t k = 0; k < shape_count(&y->shape); k++)
            y->grad[k] = (float)(k % 5) - 2;
    }
    exec_backward(exec, NULL, NULL);
    exec_free(exec);
}

static int hand_on(const struct graph *head, struct exec *first, struct exec *second, struct error *err)
{
    if (exec_run(first, err) < 0)
        return -1;
    for (int i = 0; i < head->output_count; i++) {
        const struct tensor *y = exec_output(first, i);

        expect(exec_input(second, i)->dtype == y->dtype);
        expect(shape_equal(&exec_input(second, i)->shape, &y->shape));
        memcpy(exec_input(second, i)->data, y->data, tensor_bytes(y));
    }
    return exec_run(second, err);
}

/* Head and tail around a node answer as the whole does. */
static void run_parts(struct recipe *r, int at, int64_t batch, struct exec *whole)
{
    struct arena arena = { 0 };
    struct graph folded, head, tail;
    struct exec *first = NULL, *second = NULL;

    expect(graph_copy(&folded, &arena, &r->graph, false, &r->err) == 0);
    if (graph_fold(&folded, &r->err) == 0 && at + 1 < folded.node_count &&
        graph_cut(&head, &arena, &folded, 0, at, &r->err) == 0 &&
        graph_cut(&tail, &arena, &folded, at + 1, folded.node_count - 1, &r->err) == 0) {
        first = exec_new(&head, batch, EXEC_INFER, NULL, &r->err);
        second = exec_new(&tail, batch, EXEC_INFER, NULL, &r->err);
    }
    if (first != NULL && second != NULL) {
        fill_inputs(&head, first);
        if (hand_on(&head, first, second, &r->err) < 0)
            refused(r); /* a size that only the data tell may be wrong */
        else
            for (int i = 0; i < r->graph.output_count; i++)
                expect_same(exec_output(second, i), exec_output(whole, i));
    }
    exec_free(first);
    exec_free(second);
    arena_free(&arena);
}

/* Sums may come in another order; what is not finite, or a difference of large numbers, proves nothing. */
static bool is_near(const struct tensor *a, const struct tensor *b)
{
    double largest = 0;

    if (a->dtype != DTYPE_F32)
        return true; /* a comparison or a rounding may tip over by a sum's last bit */
    for (int64_t i = 0; i < shape_count(&a->shape); i++) {
        if (!isfinite(((const float *)a->data)[i]))
            return true;
        largest = fmax(largest, fabs((double)((const float *)a->data)[i]));
    }
    for (int64_t i = 0; i < shape_count(&a->shape); i++)
        if (!(fabs((double)((const float *)a->data)[i] - (double)((const float *)b->data)[i]) <= 1e-2 * (1 + largest)))
            return false;
    return true;
}

/* A graph that runs also runs when it is made plain, late nodes and all, and answers alike. */
static void run_plain(struct recipe *r, int64_t batch, struct exec *whole)
{
    struct arena arena = { 0 };
    struct graph plain;
    struct exec *exec = NULL;

    expect(graph_copy(&plain, &arena, &r->graph, true, &r->err) == 0);
    if (graph_simplify(&plain, &r->err) < 0)
        refused(r);
    else if (plain.value[plain.input[0]].tensor.shape.dim[0] == r->graph.value[r->graph.input[0]].tensor.shape.dim[0])
        exec = exec_new(&plain, batch, EXEC_INFER, NULL, &r->err);
    else /* its batch of one is free now */
        exec = exec_new(&plain, 1, EXEC_INFER, NULL, &r->err);
    if (exec != NULL) {
        fill_inputs(&plain, exec);
        if (exec_run(exec, &r->err) < 0)
            refused(r);
        else
            for (int i = 0; i < r->graph.output_count; i++) {
                expect(shape_equal(&exec_output(exec, i)->shape, &exec_output(whole, i)->shape));
                expect(is_near(exec_output(whole, i), exec_output(exec, i)));
            }
    }
    exec_free(exec);
    arena_free(&arena);
}

/* Sizes that only data tell: no trace, no parts. */
static void run_late(struct recipe *r, int64_t batch, struct exec *infer)
{
    fill_inputs(&r->graph, infer);
    if (exec_run(infer, &r->err) < 0)
        refused(r);
    else
        run_plain(r, batch, infer);
}

static void run(struct recipe *r)
{
    int64_t batch = 1 + next(r, 2);
    struct exec *infer = exec_new(&r->graph, batch, EXEC_INFER, NULL, &r->err);
    struct exec *trace = infer == NULL ? NULL : exec_new(&r->graph, batch, EXEC_TRACE, NULL, &r->err);

    if (infer == NULL) {
        refused(r);
    } else if (trace == NULL) {
        refused(r);
        run_late(r, batch, infer);
    } else {
        fill_inputs(&r->graph, infer);
        fill_inputs(&r->graph, trace);
        expect(exec_run(infer, &r->err) == 0); /* where EXEC_TRACE takes it, nothing is sized late */
        exec_forward(trace);
        for (int i = 0; i < r->graph.output_count; i++)
            expect_same(exec_output(infer, i), exec_output(trace, i));
        run_parts(r, next(r, NODES), batch, infer);
        run_plain(r, batch, infer);
        train(r, batch);
    }
    exec_free(infer);
    exec_free(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct recipe r = { .at = data, .left = size };

    setenv("COEDGE_LIMIT_ACTIVATION_BYTES", "1048576", 1);
    if (read_graph(&r) == 0)
        run(&r);
    arena_free(&r.arena);
    return 0;
}
