/*
 * real.h - a real number as text that reads back as the same number.
 *
 * The shortest such text, the same in every locale, with a point and (where
 * there is an exponent) a sign, so that JSON, YAML 1.1 and YAML 1.2 readers
 * all see a real: 0.1, 3.0, 1.0e-7. NaN and infinities, which none of them
 * share, become null.
 */
#ifndef BASE_REAL_H
#define BASE_REAL_H

#include "base/text.h"

void text_add_real(struct text *out, double value);

/* The shortest decimal fraction that reads back as this float: 0.485, not 0.48500001430511475. */
double real_of_float(float value);

#endif
