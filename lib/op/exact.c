/* exact.c - see exact.h. */
#include "op/exact.h"

#include <inttypes.h>
#include <string.h>

#include "tensor/element.h"

enum { PART_ROWS = 128 };

struct exact_bytes exact_bytes(const struct tensor *t, const struct tensor *zero)
{
    return (struct exact_bytes){ t->data, zero, t->dtype == DTYPE_I8 };
}

int exact_need_bytes(const struct op_io *io, int i, struct error *err)
{
    const struct tensor *t = io->in[i];

    if (t->quant == NULL && (t->dtype == DTYPE_U8 || t->dtype == DTYPE_I8))
        return 0;
    return error_set(err, ERROR_INPUT, "input %d is %s, expected U8 or I8", i,
                     t->quant ? "quantized" : dtype_name(t->dtype));
}

static int need_count(const struct op_io *io, int i, int64_t some, int64_t all, const char *what, struct error *err)
{
    const int64_t count = shape_count(&io->in[i]->shape);

    if (count == 1 || (count > 0 && (count == some || count == all)))
        return 0;
    return error_set(err, ERROR_INPUT, "input %d has %" PRId64 " %s, expected 1 or %" PRId64, i, count, what, some);
}

int exact_need_zeros(const struct op_io *io, int i, int of, int64_t some, int64_t all, struct error *err)
{
    if (op_input(io, i) == NULL)
        return 0;
    return op_expect_dtype(io, i, io->in[of]->dtype, err) < 0 ? -1 : need_count(io, i, some, all, "zero points", err);
}

int exact_need_scales(const struct op_io *io, int i, int64_t some, int64_t all, struct error *err)
{
    return op_expect_dtype(io, i, DTYPE_F32, err) < 0 ? -1 : need_count(io, i, some, all, "scales", err);
}

int32_t exact_zero(const struct tensor *zero, int64_t i)
{
    return zero == NULL ? 0 : (int32_t)element_int(zero->dtype, zero->data, i % shape_count(&zero->shape));
}

float exact_scale(const struct tensor *scale, int64_t i)
{
    return ((const float *)scale->data)[i % shape_count(&scale->shape)];
}

int64_t exact_parts(int64_t rows)
{
    return (rows + PART_ROWS - 1) / PART_ROWS;
}

int64_t exact_part(int64_t rows, int64_t part)
{
    return rows * part / exact_parts(rows);
}

size_t exact_packed(int64_t rows, int64_t depth)
{
    return (size_t)rows * (size_t)((depth + 1) / 2);
}

/* U8 is packed as if it were I8; what is to be there is 128 less than the byte. */
void exact_pack(const struct kern *kern, int32_t *packed, const struct exact_bytes *bytes, int64_t first, int64_t rows,
                int64_t depth)
{
    int16_t *half = (int16_t *)(void *)packed;

    kern->conv_pack_i8(packed, (size_t)rows, (size_t)depth, 1, (const int8_t *)bytes->data + first);
    for (size_t i = 0; !bytes->is_signed && i < 2 * exact_packed(rows, depth); i++)
        half[i] = (int16_t)((half[i] & 0xff) - 128);
}

/* I8 as U8: 128 more. */
static const uint8_t *flipped(uint64_t to[EXACT_COLUMNS / 8], const uint8_t *from, int64_t count)
{
    memcpy(to, from, (size_t)count);
    for (int64_t i = 0; i < (count + 7) / 8; i++)
        to[i] ^= 0x8080808080808080U;
    return (const uint8_t *)to;
}

void exact_widen(const struct kern *kern, int32_t *pairs, const struct exact_bytes *bytes, const uint8_t *a,
                 const uint8_t *b, int32_t zero, int64_t count)
{
    uint64_t word[2][EXACT_COLUMNS / 8] = { 0 };

    if (bytes->is_signed) {
        a = flipped(word[0], a, count);
        b = b ? flipped(word[1], b, count) : NULL;
        zero += 128;
    }
    kern->widen_pair_u8((int16_t *)(void *)pairs, a, b, 1, zero, (size_t)count);
}

static void add_columns(uint32_t sum[EXACT_COLUMNS], const int32_t *pairs, int64_t depth, int64_t count)
{
    const int16_t *halves = (const int16_t *)pairs;

    for (int64_t j = 0; j < count; j++)
        sum[j] = 0;
    for (int64_t i = 0; i < (depth + 1) / 2; i++, halves += (ptrdiff_t)2 * EXACT_COLUMNS)
        for (int64_t j = 0; j < count; j++)
            sum[j] += (uint32_t)(halves[2 * j] + halves[2 * j + 1]);
}

/* x * (w - zero) is x * w - x * zero: the packed rows keep their zero points, which columns' sums take off. */
void exact_multiply(const struct kern *kern, const int32_t *packed, const struct exact_bytes *bytes, int64_t zero_index,
                    int64_t rows, int64_t depth, const int32_t *pairs, int64_t count, int32_t *sums)
{
    static const int32_t tap = 0;
    uint32_t column[EXACT_COLUMNS];
    bool summed = false;

    kern->conv_i8((size_t)rows, (size_t)count, (size_t)(depth + 1) / 2, 1, &tap, EXACT_COLUMNS, packed, pairs, NULL,
                  sums, EXACT_COLUMNS);
    for (int64_t r = 0; r < rows; r++, sums += EXACT_COLUMNS) {
        const int32_t zero = exact_zero(bytes->zero, zero_index + r) - (bytes->is_signed ? 0 : 128);

        if (zero == 0)
            continue;
        if (!summed)
            add_columns(column, pairs, depth, count);
        summed = true;
        for (int64_t j = 0; j < count; j++)
            sums[j] = (int32_t)((uint32_t)sums[j] - (uint32_t)zero * column[j]);
    }
}

/* I8 is U8 with the first bit turned over: 128 more, then 128 less. */
void exact_store(const struct kern *kern, const struct tensor *y, int64_t at, const int32_t *sum, float factor,
                 const struct tensor *zero, int64_t count)
{
    const bool is_signed = y->dtype == DTYPE_I8;
    uint8_t *to = (uint8_t *)y->data + at;

    kern->requantize_u8(to, sum, factor, exact_zero(zero, 0) + (is_signed ? 128 : 0), 0, 255, (size_t)count);
    for (int64_t i = 0; is_signed && i < count; i++)
        to[i] ^= 0x80;
}
