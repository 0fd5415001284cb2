/*
 * tensor.h - element types, shapes and the tensor that everything passes on.
 *
 * Axes are named in comments as [N, C, H, W]. Data is dense and row-major,
 * aligned to 64 bytes unless it lies in a mapped package (then to its element
 * at least).
 */
#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum dtype {
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_I8,
    DTYPE_U8,
    DTYPE_I16,
    DTYPE_U16,
    DTYPE_I32,
    DTYPE_U32,
    DTYPE_I64,
    DTYPE_U64,
    DTYPE_BOOL,
    DTYPE_COUNT,
};

size_t dtype_bytes(enum dtype dtype);
/* safetensors names: "F32", "I8", "U8", ... */
const char *dtype_name(enum dtype dtype);
/* ONNX's number for it (TensorProto.DataType), and back; false for a type that is not here. */
int dtype_onnx(enum dtype dtype);
bool dtype_of_onnx(enum dtype *dtype, int64_t number);
MUST_CHECK int dtype_parse(enum dtype *dtype, const char *name, struct error *err);

enum { SHAPE_MAX_RANK = 8, SHAPE_UNKNOWN = -1 };

/*
 * dim[0..rank-1], each >= 0; rank 0 is a scalar (count 1). -1 in dim[0] of a graph's input is the batch, not yet bound,
 * elsewhere a size that only the data tell. SHAPE_UNKNOWN as rank: known when the graph runs, and not before.
 */
struct shape {
    int rank;
    int64_t dim[SHAPE_MAX_RANK];
};

struct shape shape_of(int rank, ...); /* int64_t each */
int64_t shape_count(const struct shape *shape);
/* Product from axis `from` up to but not including `to`. */
int64_t shape_span(const struct shape *shape, int from, int to);
bool shape_equal(const struct shape *a, const struct shape *b);
/* "[1, 3, 64, 64]" into buf; returns buf. */
const char *shape_text(const struct shape *shape, char buf[160]);
/* Rank and products checked against overflow and max_elements. ERROR_INPUT. */
MUST_CHECK int shape_check(const struct shape *shape, int64_t max_elements, struct error *err);
/* NumPy broadcasting of two shapes. ERROR_INPUT when they do not fit. */
MUST_CHECK int shape_broadcast(struct shape *out, const struct shape *a, const struct shape *b, struct error *err);

/*
 * How integers stand for reals: real = scale[c] * (q - zero_point[c]).
 * axis -1: one pair for the whole tensor (count 1); else one per index of that axis.
 * Activations are U8 per tensor; weights I8 with zero_point 0, per output channel; biases I32.
 */
struct quant {
    int axis;
    int count;
    const float *scale;
    const int32_t *zero_point;
};

struct tensor {
    enum dtype dtype;
    struct shape shape;
    void *data;                /* NULL until planned or loaded */
    float *grad;               /* same shape; NULL where no gradient is wanted */
    bool grad_add;             /* backward adds to grad instead of overwriting it */
    const struct quant *quant; /* NULL: not quantized */
};

size_t tensor_bytes(const struct tensor *tensor);

/* ---- comparison, for tests, verify and split ---- */
struct tensor_difference {
    int64_t differing; /* elements not equal bit for bit (NaN equals NaN) */
    double max_abs, max_rel;
    int64_t worst; /* index of max_abs */
};
/* Same dtype and shape required. */
MUST_CHECK int tensor_compare(struct tensor_difference *difference, const struct tensor *a, const struct tensor *b,
                              struct error *err);
/* True when every element is finite (integers always are). */
bool tensor_finite(const struct tensor *tensor);

#endif
