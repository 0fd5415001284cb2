/*
 * argument.h - what operators ask of their inputs and attributes, in one
 * wording; and arguments that older opsets pass as attributes, newer ones as
 * constant inputs. For lib/op alone. Everything fails with ERROR_INPUT.
 */
#ifndef OP_ARGUMENT_H
#define OP_ARGUMENT_H

#include "op/internal.h"

/* The input if it is there, else NULL. */
const struct tensor *argument_in(const struct op_io *io, int input);

/* in[input] is F32, or with `quantized` U8 with one scale for all and an output that has one too. */
MUST_CHECK int argument_numeric(const struct op_io *io, int input, bool quantized, struct error *err);
/* in[input] is F16, BF16, F32 or F64; an absent input passes. */
MUST_CHECK int argument_any_real(const struct op_io *io, int input, struct error *err);
/* Refuses training, which only F32 does, and only some forms of it: where in[0] is not one of those. */
MUST_CHECK int argument_untrained(const struct op_io *io, struct error *err);
/* The bytes of in[0] are only moved: any dtype; quantized means one scale for all in in[0] and in every output. */
MUST_CHECK int argument_moves(const struct op_io *io, struct error *err);
/* True when in[0] is U8 with a scale: the operator runs on integers. */
bool argument_is_quantized(const struct op_io *io);
/* Both stand for the same reals. NULL equals NULL. */
bool argument_same_quant(const struct quant *a, const struct quant *b);
MUST_CHECK int argument_rank(const struct tensor *x, int min, int max, struct error *err);
/* A name out of the NULL-terminated list to its index. */
MUST_CHECK int argument_choice(const struct op_io *io, const char *name, const char *const *choices, int fallback,
                               int *out, struct error *err);

struct argument_list {
    bool given;
    int count;
    int64_t value[64];
};

/* From in[input] (a constant I64 or I32 list) or the attribute; input -1: the attribute only. */
MUST_CHECK int argument_ints(const struct op_io *io, int input, const char *name, struct argument_list *list,
                             struct error *err);
/* From in[input] (a constant real of one element) or the attribute. */
MUST_CHECK int argument_real(const struct op_io *io, int input, const char *name, double fallback, double *out,
                             struct error *err);
/* From in[input] (a constant list of reals) or the attribute; at most SHAPE_MAX_RANK of them. *count 0: absent or empty. */
MUST_CHECK int argument_reals(const struct op_io *io, int input, const char *name, float out[SHAPE_MAX_RANK],
                              int *count, struct error *err);
/* One axis attribute, counted from the end when negative; lands in 0..rank-1. */
MUST_CHECK int argument_axis(const struct op_io *io, const char *name, int64_t fallback, int rank, int *axis,
                             struct error *err);
/* A list of axes to one flag each; a repeated axis is refused. */
MUST_CHECK int argument_axes(const struct argument_list *list, int rank, bool axes[SHAPE_MAX_RANK], struct error *err);

#endif
