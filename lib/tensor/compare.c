#include <float.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

static float float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16; subnormals are fraction * 2^-24. */
static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                       : exponent == 0 ? ldexp(fraction, -24)
                                       : ldexp(1024 + fraction, exponent - 25);

    return bits & 0x8000 ? -magnitude : magnitude;
}

static double element(const struct tensor *tensor, int64_t i)
{
    const void *data = tensor->data;

    switch (tensor->dtype) {
    case DTYPE_F32: return ((const float *)data)[i];
    case DTYPE_F64: return ((const double *)data)[i];
    case DTYPE_F16: return half_value(((const uint16_t *)data)[i]);
    case DTYPE_BF16: return float_of_bits((uint32_t)((const uint16_t *)data)[i] << 16);
    case DTYPE_I8: return ((const int8_t *)data)[i];
    case DTYPE_U8:
    case DTYPE_BOOL: return ((const uint8_t *)data)[i];
    case DTYPE_I16: return ((const int16_t *)data)[i];
    case DTYPE_U16: return ((const uint16_t *)data)[i];
    case DTYPE_I32: return ((const int32_t *)data)[i];
    case DTYPE_U32: return ((const uint32_t *)data)[i];
    case DTYPE_I64: return (double)((const int64_t *)data)[i];
    case DTYPE_U64: return (double)((const uint64_t *)data)[i];
    case DTYPE_COUNT: break;
    }
    return 0;
}

static double distance(double x, double y)
{
    if (isnan(x) || isnan(y))
        return INFINITY; /* one of them only, else they would have been equal */
    return x == y ? 0 : fabs(x - y);
}

int tensor_compare(struct tensor_difference *difference, const struct tensor *a, const struct tensor *b,
                   struct error *err)
{
    struct tensor_difference found = { 0 };
    char text_a[160], text_b[160];

    if (a->dtype != b->dtype || !shape_equal(&a->shape, &b->shape))
        return error_set(err, ERROR_INPUT, "cannot compare %s %s with %s %s", dtype_name(a->dtype),
                         shape_text(&a->shape, text_a), dtype_name(b->dtype), shape_text(&b->shape, text_b));
    size_t bytes = dtype_bytes(a->dtype);
    int64_t count = shape_count(&a->shape);
    for (int64_t i = 0; i < count; i++) {
        if (memcmp((const char *)a->data + (size_t)i * bytes, (const char *)b->data + (size_t)i * bytes, bytes) == 0)
            continue;
        double x = element(a, i), y = element(b, i);
        if (isnan(x) && isnan(y))
            continue;
        double apart = distance(x, y), size = fmax(fabs(x), fabs(y));
        found.differing++;
        if (found.differing == 1 || apart > found.max_abs) {
            found.max_abs = apart;
            found.worst = i;
        }
        /* infinity against anything is as different as can be */
        double relative = isinf(apart) ? INFINITY : size > 0 ? apart / size : 0;
        if (relative > found.max_rel)
            found.max_rel = relative;
    }
    *difference = found;
    return 0;
}

static bool floats_finite(const float *x, int64_t count)
{
    enum { RUN = 64 };
    static const uint32_t exponent = 0x7f800000;
    uint32_t bits[RUN], bad = 0;
    int64_t i = 0;

    /* Without a branch and in runs of one length, so that it runs at the speed of memory. */
    for (; i + RUN <= count; i += RUN) {
        memcpy(bits, x + i, sizeof(bits));
        for (int j = 0; j < RUN; j++)
            bad |= (bits[j] & exponent) + (1U << 23); /* the sign bit: only from an exponent of ones */
    }
    for (; i < count; i++)
        bad |= (uint32_t) !(fabsf(x[i]) <= FLT_MAX) << 31;
    return bad >> 31 == 0;
}

bool tensor_finite(const struct tensor *tensor)
{
    int64_t count = shape_count(&tensor->shape);

    if (tensor->dtype == DTYPE_F32)
        return floats_finite(tensor->data, count);
    if (tensor->dtype != DTYPE_F64 && tensor->dtype != DTYPE_F16 && tensor->dtype != DTYPE_BF16)
        return true;
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(element(tensor, i)))
            return false;
    }
    return true;
}
