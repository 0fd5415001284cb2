/* mod.c - what is left of a division (of integers with the divisor's sign, of fmod with the dividend's), and work on bits. */
#include <math.h>

#include "op/argument.h"
#include "op/binary.h"

static double fmod_real(double a, double b)
{
    return fmod(a, b);
}

static int64_t fmod_whole(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? 0 : a % b;
}

static int64_t mod_whole(int64_t a, int64_t b)
{
    int64_t rest = fmod_whole(a, b);

    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static uint64_t mod_natural(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : a % b;
}

static int64_t left_whole(int64_t a, int64_t b)
{
    return b < 0 || b > 63 ? 0 : (int64_t)((uint64_t)a << b);
}

static uint64_t right_natural(uint64_t a, uint64_t b)
{
    return b > 63 ? 0 : a >> b;
}

static int64_t right_whole(int64_t a, int64_t b)
{
    return (int64_t)right_natural((uint64_t)a, (uint64_t)b);
}

static int64_t and_whole(int64_t a, int64_t b)
{
    return a & b;
}

static int64_t or_whole(int64_t a, int64_t b)
{
    return a | b;
}

static int64_t xor_whole(int64_t a, int64_t b)
{
    return a ^ b;
}

static const struct typed fmod_typed = { fmod_real, fmod_whole, mod_natural, false };
static const struct typed mod_typed = { NULL, mod_whole, mod_natural, false };
static const struct typed left_typed = { NULL, left_whole, NULL, false };
static const struct typed right_typed = { NULL, right_whole, right_natural, false };
static const struct typed and_typed = { NULL, and_whole, NULL, false };
static const struct typed or_typed = { NULL, or_whole, NULL, false };
static const struct typed xor_typed = { NULL, xor_whole, NULL, false };

static void fmod_rows(const struct kern *k, float *y, const float *a, size_t step_a, const float *b, size_t step_b,
                      size_t n)
{
    (void)k;
    for (size_t i = 0; i < n; i++)
        y[i] = fmodf(a[i * step_a], b[i * step_b]);
}

/* Reals have fmod alone. */
static const struct binary fmod_binary = { fmod_rows, { NULL, NULL }, NULL, NULL, &fmod_typed };
static const struct binary mod_binary = { NULL, { NULL, NULL }, NULL, NULL, &mod_typed };
static const struct binary left_binary = { NULL, { NULL, NULL }, NULL, NULL, &left_typed };
static const struct binary right_binary = { NULL, { NULL, NULL }, NULL, NULL, &right_typed };
static const struct binary and_binary = { NULL, { NULL, NULL }, NULL, NULL, &and_typed };
static const struct binary or_binary = { NULL, { NULL, NULL }, NULL, NULL, &or_typed };
static const struct binary xor_binary = { NULL, { NULL, NULL }, NULL, NULL, &xor_typed };

static int integers(struct op_io *io, const struct binary *binary, struct error *err)
{
    return typed_check(binary->typed, io->in[0]->dtype, err) < 0 ? -1 : binary_shape(io, binary, err);
}

static int shape_mod(struct op_io *io, struct error *err)
{
    int64_t real;

    if (attribute_int(io->attributes, "fmod", 0, &real, err) < 0)
        return -1;
    return real != 0 ? binary_shape(io, &fmod_binary, err) : integers(io, &mod_binary, err);
}

static bool is_natural(enum dtype dtype)
{
    return dtype == DTYPE_U8 || dtype == DTYPE_U16 || dtype == DTYPE_U32 || dtype == DTYPE_U64;
}

static int shape_shift(struct op_io *io, struct error *err)
{
    static const char *const directions[] = { "LEFT", "RIGHT", NULL };
    int right;

    if (argument_choice(io, "direction", directions, 0, &right, err) < 0)
        return -1;
    if (!is_natural(io->in[0]->dtype))
        return error_set(err, ERROR_INPUT, "input 0 is %s, expected U8, U16, U32 or U64", dtype_name(io->in[0]->dtype));
    return integers(io, right ? &right_binary : &left_binary, err);
}

static int shape_and(struct op_io *io, struct error *err)
{
    return integers(io, &and_binary, err);
}

static int shape_or(struct op_io *io, struct error *err)
{
    return integers(io, &or_binary, err);
}

static int shape_xor(struct op_io *io, struct error *err)
{
    return integers(io, &xor_binary, err);
}

const struct op op_bit_shift = {
    .name = "BitShift",
    .formula = "y = a shifted by b bits",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "direction",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape_shift,
    .forward = binary_forward,
};

const struct op op_bitwise_and = {
    .name = "BitwiseAnd",
    .formula = "y = a & b, bit by bit",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape_and,
    .forward = binary_forward,
};

const struct op op_bitwise_or = {
    .name = "BitwiseOr",
    .formula = "y = a | b, bit by bit",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape_or,
    .forward = binary_forward,
};

const struct op op_bitwise_xor = {
    .name = "BitwiseXor",
    .formula = "y = a ^ b, bit by bit",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape_xor,
    .forward = binary_forward,
};

const struct op op_mod = {
    .name = "Mod",
    .formula = "y = what is left of a / b",
    .min_inputs = 2,
    .max_inputs = 2,
    .outputs = 1,
    .attributes = "fmod",
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct binary_plan),
    .shape = shape_mod,
    .forward = binary_forward,
};
