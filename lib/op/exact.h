/*
 * exact.h - exact products of matrices of bytes whose zero points are taken
 * off: rows packed once, columns laid out in blocks as pairs of 16-bit
 * numbers, sums of 32 bits that wrap. What ONNX's own integer operators
 * compute with. For lib/op alone.
 */
#ifndef OP_EXACT_H
#define OP_EXACT_H

#include "op/internal.h"

enum { EXACT_COLUMNS = 64 }; /* most columns of a block */

/* Bytes as they come: U8 and I8 differ by the first bit and by 128. */
struct exact_bytes {
    const uint8_t *data;
    const struct tensor *zero;
    bool is_signed;
};

struct exact_bytes exact_bytes(const struct tensor *t, const struct tensor *zero);

/* ---- inputs: bytes; zero points of the type of in[of] and scales, one, `some` or `all` of them ---- */
MUST_CHECK int exact_need_bytes(const struct op_io *io, int i, struct error *err);
MUST_CHECK int exact_need_zeros(const struct op_io *io, int i, int of, int64_t some, int64_t all, struct error *err);
MUST_CHECK int exact_need_scales(const struct op_io *io, int i, int64_t some, int64_t all, struct error *err);
/* The one of row or column i, counted through all matrices; no zero points (NULL) are 0. */
int32_t exact_zero(const struct tensor *zero, int64_t i);
float exact_scale(const struct tensor *scale, int64_t i);

/* ---- products ---- */

/* Parts of the rows that are worked on apart; from and to of one of them. */
int64_t exact_parts(int64_t rows);
int64_t exact_part(int64_t rows, int64_t part);

/* Words of `rows` packed rows of `depth` numbers. */
size_t exact_packed(int64_t rows, int64_t depth);
void exact_pack(const struct kern *kern, int32_t *packed, const struct exact_bytes *bytes, int64_t first, int64_t rows,
                int64_t depth);
/* A row of `count` words of two numbers, less `zero` each; b NULL: 0 beside them. */
void exact_widen(const struct kern *kern, int32_t *pairs, const struct exact_bytes *bytes, const uint8_t *a,
                 const uint8_t *b, int32_t zero, int64_t count);

/*
 * sums [rows, EXACT_COLUMNS] of `count` columns: `pairs` [(depth + 1) / 2, EXACT_COLUMNS] has two numbers of a column
 * in each word, zero points off. The zero point of row r is that of index zero_index + r.
 */
void exact_multiply(const struct kern *kern, const int32_t *packed, const struct exact_bytes *bytes, int64_t zero_index,
                    int64_t rows, int64_t depth, const int32_t *pairs, int64_t count, int32_t *sums);
/* y[at + i] = saturate(round(sum[i] * factor) + zero point), half to even: ONNX Runtime's own order of roundings. */
void exact_store(const struct kern *kern, const struct tensor *y, int64_t at, const int32_t *sum, float factor,
                 const struct tensor *zero, int64_t count);

#endif
