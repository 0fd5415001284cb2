/*
 * internal.h - the operators by name, and the checks that many of them share.
 * One line an operator; table.c has the same rows in ONNX's order of names.
 */
#ifndef OP_INTERNAL_H
#define OP_INTERNAL_H

#include "op/op.h"

extern const struct op op_abs;
extern const struct op op_acos;
extern const struct op op_acosh;
extern const struct op op_add;
extern const struct op op_and;
extern const struct op op_arg_max;
extern const struct op op_arg_min;
extern const struct op op_asin;
extern const struct op op_asinh;
extern const struct op op_atan;
extern const struct op op_atanh;
extern const struct op op_average_pool;
extern const struct op op_batch_normalization;
extern const struct op op_bit_shift;
extern const struct op op_bitwise_and;
extern const struct op op_bitwise_not;
extern const struct op op_bitwise_or;
extern const struct op op_bitwise_xor;
extern const struct op op_cast;
extern const struct op op_cast_like;
extern const struct op op_ceil;
extern const struct op op_celu;
extern const struct op op_clip;
extern const struct op op_compress;
extern const struct op op_concat;
extern const struct op op_constant_of_shape;
extern const struct op op_conv;
extern const struct op op_conv_integer;
extern const struct op op_conv_transpose;
extern const struct op op_cos;
extern const struct op op_cosh;
extern const struct op op_cum_sum;
extern const struct op op_depth_to_space;
extern const struct op op_dequantize_linear;
extern const struct op op_div;
extern const struct op op_dropout;
extern const struct op op_dynamic_quantize_linear;
extern const struct op op_elu;
extern const struct op op_equal;
extern const struct op op_erf;
extern const struct op op_exp;
extern const struct op op_expand;
extern const struct op op_eye_like;
extern const struct op op_flatten;
extern const struct op op_floor;
extern const struct op op_gru;
extern const struct op op_gather;
extern const struct op op_gather_elements;
extern const struct op op_gather_nd;
extern const struct op op_gelu;
extern const struct op op_gemm;
extern const struct op op_global_average_pool;
extern const struct op op_global_lp_pool;
extern const struct op op_global_max_pool;
extern const struct op op_greater;
extern const struct op op_greater_or_equal;
extern const struct op op_grid_sample;
extern const struct op op_group_normalization;
extern const struct op op_hard_sigmoid;
extern const struct op op_hard_swish;
extern const struct op op_hardmax;
extern const struct op op_identity;
extern const struct op op_instance_normalization;
extern const struct op op_is_inf;
extern const struct op op_is_nan;
extern const struct op op_lrn;
extern const struct op op_lstm;
extern const struct op op_layer_normalization;
extern const struct op op_leaky_relu;
extern const struct op op_less;
extern const struct op op_less_or_equal;
extern const struct op op_log;
extern const struct op op_log_softmax;
extern const struct op op_lp_normalization;
extern const struct op op_lp_pool;
extern const struct op op_matmul;
extern const struct op op_matmul_integer;
extern const struct op op_max;
extern const struct op op_max_pool;
extern const struct op op_max_unpool;
extern const struct op op_mean;
extern const struct op op_mean_variance_normalization;
extern const struct op op_min;
extern const struct op op_mish;
extern const struct op op_mod;
extern const struct op op_mul;
extern const struct op op_neg;
extern const struct op op_non_max_suppression;
extern const struct op op_non_zero;
extern const struct op op_not;
extern const struct op op_one_hot;
extern const struct op op_or;
extern const struct op op_prelu;
extern const struct op op_pad;
extern const struct op op_pow;
extern const struct op op_qlinear_conv;
extern const struct op op_qlinear_matmul;
extern const struct op op_quantize_linear;
extern const struct op op_rnn;
extern const struct op op_range;
extern const struct op op_reciprocal;
extern const struct op op_reduce_l1;
extern const struct op op_reduce_l2;
extern const struct op op_reduce_log_sum;
extern const struct op op_reduce_log_sum_exp;
extern const struct op op_reduce_max;
extern const struct op op_reduce_mean;
extern const struct op op_reduce_min;
extern const struct op op_reduce_prod;
extern const struct op op_reduce_sum;
extern const struct op op_reduce_sum_square;
extern const struct op op_relu;
extern const struct op op_reshape;
extern const struct op op_resize;
extern const struct op op_reverse_sequence;
extern const struct op op_roi_align;
extern const struct op op_round;
extern const struct op op_scatter_elements;
extern const struct op op_scatter_nd;
extern const struct op op_selu;
extern const struct op op_shape;
extern const struct op op_shrink;
extern const struct op op_sigmoid;
extern const struct op op_sign;
extern const struct op op_sin;
extern const struct op op_sinh;
extern const struct op op_size;
extern const struct op op_slice;
extern const struct op op_softmax;
extern const struct op op_softplus;
extern const struct op op_softsign;
extern const struct op op_space_to_depth;
extern const struct op op_split;
extern const struct op op_sqrt;
extern const struct op op_squeeze;
extern const struct op op_sub;
extern const struct op op_sum;
extern const struct op op_swish;
extern const struct op op_tan;
extern const struct op op_tanh;
extern const struct op op_thresholded_relu;
extern const struct op op_tile;
extern const struct op op_top_k;
extern const struct op op_transpose;
extern const struct op op_trilu;
extern const struct op op_unsqueeze;
extern const struct op op_where;
extern const struct op op_xor;

/* ERROR_INPUT naming input i when its dtype is another. An absent input passes. */
MUST_CHECK int op_expect_dtype(const struct op_io *io, int i, enum dtype dtype, struct error *err);
/* ERROR_INPUT naming input i when its rank is another. An absent input passes. */
MUST_CHECK int op_expect_rank(const struct op_io *io, int i, int rank, struct error *err);
/* ERROR_INPUT naming input i when its shape is another. An absent input passes. */
MUST_CHECK int op_expect_shape(const struct op_io *io, int i, const struct shape *shape, struct error *err);
/* in[i], or NULL when it is absent or beyond in_count. */
const struct tensor *op_input(const struct op_io *io, int i);
/* True when backward wants the gradient of input i. */
bool op_wants_grad(const struct op_io *io, int i);

#endif
