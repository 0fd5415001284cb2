#include <string.h>

#include "op/internal.h"

/* clang-format off: one a line, so that two who add a row do not meet */
const struct op *const op_table[] = {
    &op_abs,
    &op_acos,
    &op_acosh,
    &op_add,
    &op_and,
    &op_arg_max,
    &op_arg_min,
    &op_asin,
    &op_asinh,
    &op_atan,
    &op_atanh,
    &op_average_pool,
    &op_batch_normalization,
    &op_bit_shift,
    &op_bitwise_and,
    &op_bitwise_not,
    &op_bitwise_or,
    &op_bitwise_xor,
    &op_cast,
    &op_cast_like,
    &op_ceil,
    &op_celu,
    &op_clip,
    &op_compress,
    &op_concat,
    &op_constant_of_shape,
    &op_conv,
    &op_conv_transpose,
    &op_cos,
    &op_cosh,
    &op_cum_sum,
    &op_depth_to_space,
    &op_dequantize_linear,
    &op_div,
    &op_dropout,
    &op_elu,
    &op_equal,
    &op_erf,
    &op_exp,
    &op_expand,
    &op_eye_like,
    &op_flatten,
    &op_floor,
    &op_gather,
    &op_gather_elements,
    &op_gather_nd,
    &op_gelu,
    &op_gemm,
    &op_global_average_pool,
    &op_global_max_pool,
    &op_greater,
    &op_greater_or_equal,
    &op_group_normalization,
    &op_hard_sigmoid,
    &op_hard_swish,
    &op_hardmax,
    &op_identity,
    &op_instance_normalization,
    &op_is_inf,
    &op_is_nan,
    &op_layer_normalization,
    &op_leaky_relu,
    &op_less,
    &op_less_or_equal,
    &op_log,
    &op_log_softmax,
    &op_matmul,
    &op_max,
    &op_max_pool,
    &op_mean,
    &op_min,
    &op_mish,
    &op_mod,
    &op_mul,
    &op_neg,
    &op_non_max_suppression,
    &op_non_zero,
    &op_not,
    &op_one_hot,
    &op_or,
    &op_prelu,
    &op_pad,
    &op_pow,
    &op_quantize_linear,
    &op_range,
    &op_reciprocal,
    &op_reduce_l1,
    &op_reduce_l2,
    &op_reduce_log_sum,
    &op_reduce_log_sum_exp,
    &op_reduce_max,
    &op_reduce_mean,
    &op_reduce_min,
    &op_reduce_prod,
    &op_reduce_sum,
    &op_reduce_sum_square,
    &op_relu,
    &op_reshape,
    &op_resize,
    &op_reverse_sequence,
    &op_round,
    &op_scatter_elements,
    &op_scatter_nd,
    &op_selu,
    &op_shape,
    &op_shrink,
    &op_sigmoid,
    &op_sign,
    &op_sin,
    &op_sinh,
    &op_size,
    &op_slice,
    &op_softmax,
    &op_softplus,
    &op_softsign,
    &op_space_to_depth,
    &op_split,
    &op_sqrt,
    &op_squeeze,
    &op_sub,
    &op_sum,
    &op_tan,
    &op_tanh,
    &op_thresholded_relu,
    &op_tile,
    &op_top_k,
    &op_transpose,
    &op_trilu,
    &op_unsqueeze,
    &op_where,
    &op_xor,
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
