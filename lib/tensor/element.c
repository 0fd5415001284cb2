/* element.c - see element.h. */
#include "tensor/element.h"

#include <math.h>
#include <string.h>

static uint32_t bits_of(float real)
{
    uint32_t bits;

    memcpy(&bits, &real, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float real;

    memcpy(&real, &bits, sizeof(real));
    return real;
}

/* Subnormal halves are whole multiples of 2^-24. */
float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000U) << 16, exponent = half >> 10 & 0x1fU, fraction = half & 0x3ffU;

    if (exponent == 0)
        return sign ? -(float)fraction * 0x1p-24F : (float)fraction * 0x1p-24F;
    if (exponent == 31)
        return float_of(sign | 0x7f800000U | fraction << 13);
    return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Below 2^-14 the step between halves is 2^-24; above, the low 13 bits are rounded away, and a carry rises into the exponent by itself. */
uint16_t half_of_float(float real)
{
    uint32_t bits = bits_of(real), sign = bits >> 16 & 0x8000U, magnitude = bits & 0x7fffffffU, rounded;

    if (magnitude > 0x7f800000U)
        return (uint16_t)(sign | 0x7e00U);
    if (magnitude < 0x38800000U)
        return (uint16_t)(sign | (uint32_t)rintf(float_of(magnitude) * 0x1p24F));
    rounded = magnitude + 0xfffU + (magnitude >> 13 & 1U);
    if (rounded >= 0x47800000U)
        return (uint16_t)(sign | 0x7c00U);
    return (uint16_t)(sign | (rounded - 0x38000000U) >> 13);
}

float bfloat_to_float(uint16_t bfloat)
{
    return float_of((uint32_t)bfloat << 16);
}

uint16_t bfloat_of_float(float real)
{
    uint32_t bits = bits_of(real);

    if ((bits & 0x7fffffffU) > 0x7f800000U)
        return (uint16_t)(bits >> 16 | 0x40U);
    return (uint16_t)((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}

bool dtype_is_float(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_F64 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

static int64_t cut(double v)
{
    if (isnan(v))
        return 0;
    return v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

double element_real(enum dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case DTYPE_F32: return (double)((const float *)data)[i];
    case DTYPE_F64: return ((const double *)data)[i];
    case DTYPE_F16: return (double)half_to_float(((const uint16_t *)data)[i]);
    case DTYPE_BF16: return (double)bfloat_to_float(((const uint16_t *)data)[i]);
    case DTYPE_U64: return (double)((const uint64_t *)data)[i];
    default: return (double)element_int(dtype, data, i);
    }
}

int64_t element_int(enum dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case DTYPE_I8: return ((const int8_t *)data)[i];
    case DTYPE_U8: return ((const uint8_t *)data)[i];
    case DTYPE_BOOL: return ((const uint8_t *)data)[i] != 0;
    case DTYPE_I16: return ((const int16_t *)data)[i];
    case DTYPE_U16: return ((const uint16_t *)data)[i];
    case DTYPE_I32: return ((const int32_t *)data)[i];
    case DTYPE_U32: return ((const uint32_t *)data)[i];
    case DTYPE_I64:
    case DTYPE_U64: return ((const int64_t *)data)[i];
    default: return cut(element_real(dtype, data, i));
    }
}

/* Through an odd-rounded float no double rounding: F16 and BF16 have fewer than half of F32's bits. */
static float narrowed(double v)
{
    float f = (float)v;

    if (!isfinite(f) || (double)f == v || (bits_of(f) & 1U))
        return f;
    return float_of((v > (double)f) == (v > 0) ? bits_of(f) + 1 : bits_of(f) - 1);
}

void element_set_real(enum dtype dtype, void *data, int64_t i, double v)
{
    switch (dtype) {
    case DTYPE_F32: ((float *)data)[i] = (float)v; break;
    case DTYPE_F64: ((double *)data)[i] = v; break;
    case DTYPE_F16: ((uint16_t *)data)[i] = half_of_float(narrowed(v)); break;
    case DTYPE_BF16: ((uint16_t *)data)[i] = bfloat_of_float(narrowed(v)); break;
    case DTYPE_BOOL: ((uint8_t *)data)[i] = v != 0; break;
    case DTYPE_U64: ((uint64_t *)data)[i] = v >= 0x1p63 && v < 0x1p64 ? (uint64_t)v : (uint64_t)cut(v); break;
    default: element_set_int(dtype, data, i, v >= -0x1p63 && v < 0x1p63 ? (int64_t)v : 0);
    }
}

/*
 * A double that rounds to narrower floats as v does: what lies below its last
 * bits is kept as one bit that is set when any was (rounding to odd).
 */
static double sticky(bool negative, uint64_t magnitude)
{
    double v;

    if (magnitude >> 53 != 0)
        magnitude = (magnitude & ~(uint64_t)0x7ff) | (magnitude & 0x7ff ? 0x800 : 0);
    v = (double)magnitude;
    return negative ? -v : v;
}

void element_set_int(enum dtype dtype, void *data, int64_t i, int64_t v)
{
    switch (dtype) {
    case DTYPE_I8: ((int8_t *)data)[i] = (int8_t)(uint8_t)v; break;
    case DTYPE_U8: ((uint8_t *)data)[i] = (uint8_t)v; break;
    case DTYPE_BOOL: ((uint8_t *)data)[i] = v != 0; break;
    case DTYPE_I16: ((int16_t *)data)[i] = (int16_t)(uint16_t)v; break;
    case DTYPE_U16: ((uint16_t *)data)[i] = (uint16_t)v; break;
    case DTYPE_I32: ((int32_t *)data)[i] = (int32_t)(uint32_t)v; break;
    case DTYPE_U32: ((uint32_t *)data)[i] = (uint32_t)v; break;
    case DTYPE_I64:
    case DTYPE_U64: ((int64_t *)data)[i] = v; break;
    case DTYPE_F64: ((double *)data)[i] = (double)v; break;
    default: element_set_real(dtype, data, i, sticky(v < 0, v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
    }
}

void element_convert(enum dtype to, void *data, int64_t i, enum dtype from, const void *source, int64_t k)
{
    if (dtype_is_float(from))
        element_set_real(to, data, i, element_real(from, source, k));
    else if (from == DTYPE_U64 && to == DTYPE_F64)
        ((double *)data)[i] = element_real(from, source, k);
    else if (from == DTYPE_U64 && dtype_is_float(to))
        element_set_real(to, data, i, sticky(false, ((const uint64_t *)source)[k]));
    else
        element_set_int(to, data, i, element_int(from, source, k));
}
