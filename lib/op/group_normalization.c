/* group_normalization.c - GroupNormalization: channels in groups (Wu & He, 2018); InstanceNormalization: each alone. */
#include <inttypes.h>

#include "op/argument.h"
#include "op/normalize.h"

static int shape_of_groups(struct op_io *io, int64_t groups, struct error *err)
{
    struct normalize_plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;

    if (argument_rank(io->in[0], 3, SHAPE_MAX_RANK, err) < 0)
        return -1;
    if (groups == 0)
        groups = x->dim[1];
    if (groups < 1 || x->dim[1] % groups != 0)
        return error_set(err, ERROR_INPUT, "num_groups is %" PRId64 ", expected a divisor of %" PRId64 " channels",
                         groups, x->dim[1]);
    plan->rows = (size_t)(x->dim[0] * groups);
    plan->parts = (size_t)(x->dim[1] / groups);
    plan->span = (size_t)shape_span(x, 2, x->rank);
    plan->groups = (size_t)groups;
    return normalize_shape(io, err);
}

static int shape_group(struct op_io *io, struct error *err)
{
    int64_t groups;

    if (attribute_int(io->attributes, "num_groups", -1, &groups, err) < 0)
        return -1;
    return shape_of_groups(io, groups == 0 ? -1 : groups, err);
}

static int shape_instance(struct op_io *io, struct error *err)
{
    return shape_of_groups(io, 0, err);
}

const struct op op_group_normalization = {
    .name = "GroupNormalization",
    .formula = "y = (x - mean) / sqrt(variance + epsilon) * scale + bias, over groups of channels",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "epsilon num_groups stash_type",
    .flags = OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct normalize_plan),
    .shape = shape_group,
    .forward = normalize_forward,
    .backward = normalize_backward,
};

const struct op op_instance_normalization = {
    .name = "InstanceNormalization",
    .formula = "y = (x - mean) / sqrt(variance + epsilon) * scale + bias, over each channel",
    .min_inputs = 3,
    .max_inputs = 3,
    .outputs = 1,
    .attributes = "epsilon",
    .flags = OP_BACKWARD_IN,
    .plan_bytes = sizeof(struct normalize_plan),
    .shape = shape_instance,
    .forward = normalize_forward,
    .backward = normalize_backward,
};
