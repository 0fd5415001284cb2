/*
 * element.h - any element of any type, one by one: for arguments, for tests
 * and for operators on types that need not be fast.
 */
#ifndef TENSOR_ELEMENT_H
#define TENSOR_ELEMENT_H

#include "tensor/tensor.h"

/* F16 and BF16 to F32, exactly; and back, to the nearest, half to even, beyond the largest to infinity, NaN to NaN. */
float half_to_float(uint16_t half);
uint16_t half_of_float(float real);
float bfloat_to_float(uint16_t bfloat);
uint16_t bfloat_of_float(float real);

bool dtype_is_float(enum dtype dtype); /* F16, BF16, F32, F64 */

/* data[i] as a real: exact but for integers beyond 2^53. BOOL gives 0 or 1. */
double element_real(enum dtype dtype, const void *data, int64_t i);
/* data[i] as an integer; U64 by its bits, floats cut towards zero and held within I64's range, NaN 0. */
int64_t element_int(enum dtype dtype, const void *data, int64_t i);
/* Rounds to the float type once, from double; integers are cut towards zero and wrap (NaN and what no I64 holds: 0); BOOL is v != 0. */
void element_set_real(enum dtype dtype, void *data, int64_t i, double v);
/* Integers wrap; BOOL is v != 0; U64 takes the bits; reals are rounded once. */
void element_set_int(enum dtype dtype, void *data, int64_t i, int64_t v);
/* to[i] = from[k], the same number in another type: as the functions above, and each rounding done once. */
void element_convert(enum dtype to, void *data, int64_t i, enum dtype from, const void *source, int64_t k);

#endif
