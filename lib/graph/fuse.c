/*
 * fuse.c - residual adds and activations into the epilogue of the node before them. In training, activations alone, and
 * there and back: what did them stays as a view.
 */
#include "graph/exec_internal.h"

#include <math.h>
#include <string.h>

/* A bound of Clip: an input by ONNX 11 and later, an attribute before. False when it is not known now. */
static bool clip_bound(const struct exec *exec, const struct node *node, int input, const char *name, double fallback,
                       float *bound)
{
    const struct tensor *tensor;
    struct error ignored;
    double number;

    if (input < node->in_count && node->in[input] >= 0) {
        tensor = &exec->tensor[node->in[input]];
        if (exec->graph.value[node->in[input]].kind != VALUE_WEIGHT || tensor->dtype != DTYPE_F32 ||
            shape_count(&tensor->shape) != 1)
            return false;
        *bound = *(const float *)tensor->data;
        return true;
    }
    if (attribute_float(&node->attributes, name, fallback, &number, &ignored) < 0)
        return false;
    *bound = (float)number;
    return true;
}

bool fuse_read_activation(const struct exec *exec, const struct node *node, struct epilogue *epilogue)
{
    const char *name = node->op->name;
    struct error ignored;
    double alpha, beta;

    if (strcmp(name, "Relu") == 0) {
        epilogue->activation = ACTIVATION_RELU;
    } else if (strcmp(name, "Sigmoid") == 0) {
        epilogue->activation = ACTIVATION_SIGMOID;
    } else if (strcmp(name, "Swish") == 0) {
        if (attribute_float(&node->attributes, "alpha", 1, &alpha, &ignored) < 0)
            return false;
        epilogue->alpha = (float)alpha;
        epilogue->activation = ACTIVATION_SWISH;
    } else if (strcmp(name, "HardSigmoid") == 0) {
        if (attribute_float(&node->attributes, "alpha", 0.2, &alpha, &ignored) < 0 ||
            attribute_float(&node->attributes, "beta", 0.5, &beta, &ignored) < 0)
            return false;
        epilogue->alpha = (float)alpha;
        epilogue->beta = (float)beta;
        epilogue->activation = ACTIVATION_HARD_SIGMOID;
    } else if (strcmp(name, "HardSwish") == 0) {
        epilogue->activation = ACTIVATION_HARD_SWISH;
    } else if (strcmp(name, "LeakyRelu") == 0) {
        if (attribute_float(&node->attributes, "alpha", 0.01, &alpha, &ignored) < 0)
            return false;
        epilogue->alpha = (float)alpha;
        epilogue->activation = ACTIVATION_LEAKY_RELU;
    } else if (strcmp(name, "Clip") == 0) {
        if (!clip_bound(exec, node, 1, "min", -(double)INFINITY, &epilogue->low) ||
            !clip_bound(exec, node, 2, "max", (double)INFINITY, &epilogue->high))
            return false;
        epilogue->activation = ACTIVATION_CLIP;
    } else {
        return false;
    }
    return true;
}

/* The value that a residual Add brings to `value`; -1 when the node is none or the other comes too late. */
static int residual_of(const struct exec *exec, const struct uses *uses, const struct node *node, int value, int before)
{
    int other;

    if (strcmp(node->op->name, "Add") != 0 || node->in_count != 2)
        return -1;
    other = node->in[0] == value ? node->in[1] : node->in[0];
    if (other < 0 || other == value || uses->maker[other] >= before)
        return -1;
    if (exec->tensor[other].dtype != DTYPE_F32 || exec->tensor[other].quant != NULL ||
        !shape_equal(&exec->tensor[other].shape, &exec->tensor[value].shape))
        return -1;
    return other;
}

static bool is_real(const struct exec *exec, int value)
{
    return exec->tensor[value].dtype == DTYPE_F32 && exec->tensor[value].quant == NULL;
}

static bool is_bytes(const struct exec *exec, int value)
{
    return exec->tensor[value].dtype == DTYPE_U8 && exec->tensor[value].quant != NULL;
}

static void absorb(struct exec *exec, struct step *step, int node)
{
    exec->step[node].absorbed = true;
    step->result = exec->graph.node[node].out[0];
}

static void fuse_step(struct exec *exec, const struct uses *uses, int n)
{
    struct step *step = &exec->step[n];
    int next = uses_only_reader(uses, step->result);
    int other;

    if (next < 0)
        return;
    other = residual_of(exec, uses, &exec->graph.node[next], step->result, n);
    if (other >= 0) {
        step->add = other;
        absorb(exec, step, next);
        next = uses_only_reader(uses, step->result);
    }
    if (next >= 0 && exec->graph.node[next].in[0] == step->result && is_real(exec, exec->graph.node[next].out[0]) &&
        fuse_read_activation(exec, &exec->graph.node[next], &step->epilogue))
        absorb(exec, step, next);
}

/* Bytes clamp as they are made: Relu and Clip of the same scale. */
static void fuse_bytes(struct exec *exec, const struct uses *uses, int n)
{
    struct step *step = &exec->step[n];
    int next = uses_only_reader(uses, step->result);
    struct epilogue clamp = { 0 };
    const struct node *node = next < 0 ? NULL : &exec->graph.node[next];

    if (node == NULL || node->in[0] != step->result ||
        !quant_equal(exec->tensor[step->result].quant, exec->tensor[node->out[0]].quant) ||
        !fuse_read_activation(exec, node, &clamp) ||
        (clamp.activation != ACTIVATION_RELU && clamp.activation != ACTIVATION_CLIP))
        return;
    step->epilogue = clamp;
    absorb(exec, step, next);
}

/* Those that operators with OP_EPILOGUE_BACK take. */
static bool has_way_back(enum activation activation)
{
    return activation == ACTIVATION_RELU || activation == ACTIVATION_CLIP;
}

int steps_fuse_back(struct exec *exec, struct error *err)
{
    struct arena scratch = { 0 };
    struct uses uses;
    int rc = uses_find(&uses, &exec->graph, 0, &scratch, err);

    for (int n = 0; n < exec->graph.node_count && rc == 0; n++) {
        const struct node *node = &exec->graph.node[n];
        const int next = node->op->flags & OP_EPILOGUE_BACK ? uses_only_reader(&uses, node->out[0]) : -1;
        struct epilogue curve = { 0 };

        if (next < 0 || exec->graph.node[next].in[0] != node->out[0] || !is_real(exec, node->out[0]) ||
            !fuse_read_activation(exec, &exec->graph.node[next], &curve) || !has_way_back(curve.activation))
            continue;
        exec->step[n].epilogue = curve;
        exec->graph.node[next].op = op_find("Identity");
    }
    arena_free(&scratch);
    return rc;
}

int steps_fuse(struct exec *exec, struct error *err)
{
    struct arena scratch = { 0 };
    struct uses uses;
    int rc = uses_find(&uses, &exec->graph, 0, &scratch, err);

    for (int n = 0; n < exec->graph.node_count && rc == 0; n++) {
        const struct node *node = &exec->graph.node[n];

        if (!(node->op->flags & OP_EPILOGUE) || exec->step[n].absorbed || node->out_count != 1)
            continue;
        if (is_real(exec, node->out[0]) && is_real(exec, node->in[0]))
            fuse_step(exec, &uses, n);
        else if (is_bytes(exec, node->out[0]) && is_bytes(exec, node->in[0]))
            fuse_bytes(exec, &uses, n);
    }
    arena_free(&scratch);
    return rc;
}
