/*
 * op_fuzz.c - any bytes as a call: an operator, its inputs, its attributes. What shape() accepts must run, forward and
 * back, within the memory that it asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "op/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS = 9, OUTPUTS = 3, ATTRIBUTES = 4, INTS = 8, LARGEST = 1 << 14, BLOCKS = 64 };

static const char *const names[] = {
    "axis",
    "axes",
    "perm",
    "pads",
    "mode",
    "value",
    "starts",
    "ends",
    "steps",
    "split",
    "keepdims",
    "shape",
    "allowzero",
    "blocksize",
    "epsilon",
    "num_groups",
    "alpha",
    "beta",
    "min",
    "max",
    "approximate",
    "scales",
    "sizes",
    "antialias",
    "ratio",
    "noop_with_empty_axes",
    "coordinate_transformation_mode",
    "nearest_mode",
    "kernel_shape",
    "strides",
    "dilations",
    "group",
    "auto_pad",
    "ceil_mode",
    "transA",
    "transB",
    "momentum",
    "count_include_pad",
    "output_padding",
    "output_shape",
    "to",
    "dtype",
    "fmod",
    "direction",
    "reduction",
    "batch_dims",
    "k",
    "largest",
    "select_last_index",
    "exclusive",
    "reverse",
    "size",
    "p",
    "start",
    "end",
    "exclude_outside",
    "cubic_coeff_a",
    "center_point_box",
    "upper",
    "time_axis",
    "batch_axis",
    "storage_order",
    "bias",
    "lambd",
    "num_outputs",
    "align_corners",
    "padding_mode",
    "output_height",
    "output_width",
    "sampling_ratio",
    "spatial_scale",
    "extrapolation_value",
    "keep_aspect_ratio_policy",
    "activation_alpha",
    "activation_beta",
    "activations",
    "clip",
    "hidden_size",
    "input_forget",
    "layout",
    "linear_before_reset",
};

static const char *const texts[] = {
    "constant",
    "reflect",
    "edge",
    "nearest",
    "linear",
    "DCR",
    "CRD",
    "tanh",
    "floor",
    "ceil",
    "SAME_UPPER",
    "SAME_LOWER",
    "VALID",
    "asymmetric",
    "align_corners",
    "pytorch_half_pixel",
    "cubic",
    "tf_crop_and_resize",
    "half_pixel_symmetric",
    "not_larger",
    "LEFT",
    "RIGHT",
    "add",
    "mul",
    "max",
    "min",
    "border",
    "reflection",
    "not_smaller",
    "bicubic",
    "bidirectional",
    "Affine",
    "Relu Elu Sigmoid",
    "LeakyRelu HardSigmoid",
    "wrap",
};

static const int64_t extremes[] = { INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, 1 << 20, (int64_t)1 << 40, 100, -100 };

struct call {
    const uint8_t *at, *end;
    struct tensor in[INPUTS], out[OUTPUTS];
    const struct tensor *ins[INPUTS];
    struct tensor *outs[OUTPUTS];
    struct quant quant[INPUTS + OUTPUTS];
    float scale[INPUTS + OUTPUTS];
    int32_t zero[INPUTS + OUTPUTS];
    bool constant[INPUTS];
    struct attribute attribute[ATTRIBUTES];
    int64_t ints[ATTRIBUTES][INTS];
    float floats[ATTRIBUTES][INTS];
    void *block[BLOCKS];
    int blocks;
};

static unsigned byte(struct call *c)
{
    return c->at < c->end ? *c->at++ : 0;
}

static int64_t integer(struct call *c)
{
    unsigned b = byte(c);

    return b >= 248 ? extremes[b - 248] : (int64_t)b % 16 - 4;
}

static void *memory(struct call *c, size_t bytes)
{
    void *block = NULL;

    if (c->blocks == BLOCKS || posix_memalign(&block, 64, bytes > 0 ? bytes : 1) != 0)
        abort();
    memset(block, 0xa5, bytes);
    return c->block[c->blocks++] = block;
}

static bool is_small(const struct tensor *t)
{
    int64_t count = 1;

    for (int i = 0; i < t->shape.rank; i++) {
        if (t->shape.dim[i] > LARGEST)
            return false;
        count *= t->shape.dim[i];
        if (count > LARGEST)
            return false;
    }
    return true;
}

static void fill(struct call *c, struct tensor *t)
{
    t->data = memory(c, tensor_bytes(t));
    for (int64_t i = 0; i < shape_count(&t->shape); i++) {
        switch (t->dtype) {
        case DTYPE_F32: ((float *)t->data)[i] = (float)integer(c) / 4; break;
        case DTYPE_I64: ((int64_t *)t->data)[i] = integer(c); break;
        case DTYPE_I32: ((int32_t *)t->data)[i] = (int32_t)(integer(c) % INT32_MAX); break;
        default: ((uint8_t *)t->data)[i] = (uint8_t)byte(c); break;
        }
    }
}

static void make_quant(struct call *c, struct tensor *t, int slot)
{
    c->scale[slot] = (float)(byte(c) + 1) / 64;
    c->zero[slot] = (int32_t)byte(c);
    c->quant[slot] = (struct quant){ -1, 1, &c->scale[slot], &c->zero[slot] };
    t->quant = &c->quant[slot];
}

/* Each axis a small multiple of one that is there already: gates of a state, states of a batch. */
static void make_related_shape(struct call *c, int i)
{
    struct shape *shape = &c->in[i].shape;

    shape->rank = (int)(byte(c) % 5);
    for (int d = 0; d < shape->rank; d++) {
        const unsigned which = byte(c);
        const struct shape *from = &c->in[which % 16 % (unsigned)i].shape;
        const int64_t dim = from->rank > 0 ? from->dim[which / 16 % (unsigned)from->rank] : 1;

        shape->dim[d] = dim > LARGEST ? dim : dim * (int64_t)(which / 64 + 1);
    }
}

/* Any shape; or one that an operator with weights might expect beside its first input. */
static void make_shape(struct call *c, struct shape *shape, unsigned kind)
{
    const struct shape *first = &c->in[0].shape;

    if (kind % 4 == 1) {
        *shape = *first;
        return;
    }
    shape->rank = kind % 4 == 2 ? 1 : kind % 4 == 3 ? first->rank : (int)(byte(c) % 6);
    for (int d = 0; d < shape->rank; d++) {
        int64_t dim = integer(c);

        shape->dim[d] = dim < 0 ? (dim == INT64_MIN ? 0 : -dim) : dim;
    }
    if (kind % 4 >= 2 && shape->rank > 0)
        shape->dim[kind % 4 == 3 && shape->rank > 1] = first->rank > 1 ? first->dim[1] : 1;
}

static bool make_input(struct call *c, int i)
{
    static const enum dtype dtypes[] = { DTYPE_F32, DTYPE_F32, DTYPE_F32, DTYPE_U8,  DTYPE_U8,   DTYPE_I64,
                                         DTYPE_I8,  DTYPE_I32, DTYPE_F64, DTYPE_F16, DTYPE_BF16, DTYPE_I16,
                                         DTYPE_U16, DTYPE_U32, DTYPE_U64, DTYPE_BOOL };
    struct tensor *t = &c->in[i];
    unsigned kind = byte(c), form;

    if (i > 0 && kind % 8 == 7)
        return true; /* absent */
    t->dtype = dtypes[byte(c) % COUNT(dtypes)];
    form = i == 0 ? 0 : byte(c);
    if (form >= 192)
        make_related_shape(c, i);
    else
        make_shape(c, &t->shape, form);
    if (t->dtype == DTYPE_U8 && kind % 8 < 5)
        make_quant(c, t, i);
    c->constant[i] = kind % 2 == 0;
    c->ins[i] = t;
    if (shape_check(&t->shape, (int64_t)1 << 32, NULL) < 0)
        return false;
    if (is_small(t))
        fill(c, t);
    return true;
}

static void make_attribute(struct call *c, int i)
{
    struct attribute *a = &c->attribute[i];

    *a = (struct attribute){ .name = names[byte(c) % COUNT(names)], .kind = (enum attribute_kind)(byte(c) % 5) };
    a->i = integer(c);
    a->f = (double)integer(c) / 8;
    a->s = texts[byte(c) % COUNT(texts)];
    a->ints = c->ints[i];
    a->floats = c->floats[i];
    a->count = (int)(byte(c) % (INTS + 1));
    for (int j = 0; j < a->count; j++) {
        c->ints[i][j] = integer(c);
        c->floats[i][j] = (float)c->ints[i][j] / 4;
    }
}

/* False when the call is too large to make. */
static bool place(struct call *c, struct op_io *io, bool training)
{
    for (int i = 0; i < io->in_count; i++) {
        if (c->ins[i] == NULL)
            continue;
        if (!is_small(&c->in[i]))
            return false;
        if (training && c->in[i].dtype == DTYPE_F32)
            c->in[i].grad = memory(c, tensor_bytes(&c->in[i]));
    }
    for (int i = 0; i < io->out_count; i++) {
        if (!is_small(&c->out[i]))
            return false;
        c->out[i].data = memory(c, tensor_bytes(&c->out[i]));
        if (training)
            c->out[i].grad = memory(c, (size_t)shape_count(&c->out[i].shape) * sizeof(float));
    }
    if (io->work_bytes > (size_t)1 << 26 || io->saved_bytes > (size_t)1 << 26)
        return false;
    io->work = memory(c, io->work_bytes);
    io->saved = memory(c, io->saved_bytes);
    return true;
}

/* The graph gives nothing empty to an operator that does not say it takes it. */
static bool takes(const struct op *op, const struct op_io *io)
{
    for (int i = 0; i < io->in_count && !(op->flags & OP_EMPTY); i++)
        if (io->in[i] != NULL && !(op->arguments & 1U << i) && shape_count(&io->in[i]->shape) == 0)
            return false;
    return true;
}

static bool gives_elements(const struct op_io *io)
{
    for (int i = 0; i < io->out_count; i++)
        if (shape_count(&io->out[i]->shape) > 0)
            return true;
    return false;
}

static void call(struct call *c, const struct op *op, bool training)
{
    struct attributes attributes = { c->attribute, (int)(byte(c) % (ATTRIBUTES + 1)) };
    struct op_io io = { .attributes = &attributes, .in = c->ins, .out = c->outs, .workers = 1, .training = training };
    void *values[INPUTS] = { NULL };
    struct kern kern;
    struct op_run run = { .kern = &kern, .seed = 1 };
    int most = op->max_inputs < 0 || op->max_inputs > INPUTS ? INPUTS : op->max_inputs;

    io.in_count = op->min_inputs + (int)(byte(c) % (unsigned)(most - op->min_inputs + 1));
    io.out_count = op->outputs < 0 ? 1 + (int)(byte(c) % OUTPUTS) : op->outputs;
    for (int i = 0; i < attributes.count; i++)
        make_attribute(c, i);
    for (int i = 0; i < io.in_count; i++)
        if (!make_input(c, i) || (i < op->min_inputs && c->ins[i] == NULL))
            return;
    for (int i = 0; i < io.out_count; i++) {
        c->outs[i] = &c->out[i];
        if (c->in[0].quant != NULL)
            make_quant(c, &c->out[i], INPUTS + i);
    }
    for (int i = 0; i < io.in_count; i++) { /* what is computed has no data yet */
        values[i] = c->in[i].data;
        if (!c->constant[i])
            c->in[i].data = NULL;
    }
    if (!takes(op, &io))
        return;
    io.plan = memory(c, op->plan_bytes);
    memset(io.plan, 0, op->plan_bytes);
    if (op->shape(&io, NULL) < 0)
        return;
    for (int i = 0; i < io.in_count; i++)
        c->in[i].data = values[i];
    if (!place(c, &io, training) || kern_init(&kern, NULL, NULL) < 0)
        return;
    if (!gives_elements(&io))
        return;
    op->forward(&io, &run);
    if (training && op->backward != NULL && c->in[0].grad != NULL && c->out[0].dtype == DTYPE_F32)
        op->backward(&io, &run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call c = { .at = data, .end = data + size };
    unsigned which = byte(&c), count = 1;
    bool training = byte(&c) % 2 == 1;

    while (op_table[count] != NULL)
        count++;
    call(&c, op_table[which % count], training);
    for (int i = 0; i < c.blocks; i++)
        free(c.block[i]);
    return 0;
}
