/* layer_normalization.c - each sample's last axes together (Ba et al., 2016). */
#include "op/argument.h"
#include "op/normalize.h"

static int shape(struct op_io *io, struct error *err)
{
    struct normalize_plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    int axis;

    if (argument_axis(io, "axis", -1, x->rank, &axis, err) < 0)
        return -1;
    plan->rows = (size_t)shape_span(x, 0, axis);
    plan->parts = (size_t)shape_span(x, axis, x->rank);
    plan->span = plan->groups = 1;
    for (int i = 1; i < io->out_count; i++) { /* mean, and 1 over the deviation, of each row */
        io->out[i]->dtype = DTYPE_F32;
        io->out[i]->shape = *x;
        for (int a = axis; a < x->rank; a++)
            io->out[i]->shape.dim[a] = 1;
    }
    return normalize_shape(io, err);
}

const struct op op_layer_normalization = {
    .name = "LayerNormalization",
    .formula = "y = (x - mean) / sqrt(variance + epsilon) * scale + bias, over the axes from axis on",
    .min_inputs = 2,
    .max_inputs = 3,
    .outputs = 3,
    .attributes = "axis epsilon stash_type",
    .flags = OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct normalize_plan),
    .shape = shape,
    .forward = normalize_forward,
    .backward = normalize_backward,
};
