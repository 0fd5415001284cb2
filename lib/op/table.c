#include <string.h>

#include "op/internal.h"

/* clang-format off: one a line, so that two who add a row do not meet */
const struct op *const op_table[] = {
    &op_abs,
    &op_add,
    &op_average_pool,
    &op_batch_normalization,
    &op_clip,
    &op_concat,
    &op_conv,
    &op_conv_transpose,
    &op_depth_to_space,
    &op_dequantize_linear,
    &op_div,
    &op_dropout,
    &op_elu,
    &op_exp,
    &op_flatten,
    &op_gelu,
    &op_gemm,
    &op_global_average_pool,
    &op_global_max_pool,
    &op_group_normalization,
    &op_hard_sigmoid,
    &op_hard_swish,
    &op_identity,
    &op_instance_normalization,
    &op_layer_normalization,
    &op_leaky_relu,
    &op_log,
    &op_log_softmax,
    &op_matmul,
    &op_max_pool,
    &op_mul,
    &op_neg,
    &op_pad,
    &op_quantize_linear,
    &op_reduce_max,
    &op_reduce_mean,
    &op_reduce_sum,
    &op_relu,
    &op_reshape,
    &op_resize,
    &op_sigmoid,
    &op_slice,
    &op_softmax,
    &op_softplus,
    &op_split,
    &op_sqrt,
    &op_squeeze,
    &op_sub,
    &op_tanh,
    &op_transpose,
    &op_unsqueeze,
    NULL,
};
/* clang-format on */

const struct op *op_find(const char *name)
{
    for (const struct op *const *op = op_table; *op; op++) {
        if (strcmp((*op)->name, name) == 0)
            return *op;
    }
    return NULL;
}

void op_cost_of(const struct op *op, const struct op_io *io, struct op_cost *cost)
{
    *cost = (struct op_cost){ 0 };
    for (int i = 0; i < io->in_count; i++) {
        if (io->in[i])
            cost->read_bytes += (double)tensor_bytes(io->in[i]);
    }
    for (int i = 0; i < io->out_count; i++)
        cost->write_bytes += (double)tensor_bytes(io->out[i]);
    if (op->flags & OP_VIEW)
        cost->read_bytes = cost->write_bytes = 0;
    if (op->cost)
        op->cost(io, cost);
}
