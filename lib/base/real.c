/* real.c - see real.h */
#include "base/real.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 17, ROOM = 40 };

/* value is 0.D1D2D3... x 10^(exponent + 1) */
struct decimal {
    char digit[DIGITS + 1];
    int count, exponent;
};

/* The `count` leading digits of a positive number, correctly rounded. Only printf's
 * digits are used, so that its locale's decimal point does not matter. */
static void decimal_of(struct decimal *d, double value, int count)
{
    char buf[64];
    const char *from = buf;

    snprintf(buf, sizeof(buf), "%.*e", count - 1, value);
    for (d->count = 0; *from && *from != 'e'; from++)
        if (*from >= '0' && *from <= '9')
            d->digit[d->count++] = *from;
    d->exponent = *from ? (int)strtol(from + 1, NULL, 10) : 0;
    while (d->count > 1 && d->digit[d->count - 1] == '0')
        d->count--;
}

/* One more in the last place. */
static void decimal_raise(struct decimal *d)
{
    int at = d->count - 1;

    while (at > 0 && d->digit[at] == '9')
        at--;
    d->count = at + 1;
    if (d->digit[at]++ == '9') {
        d->digit[at] = '1';
        d->exponent++;
    }
}

static void decimal_write(const struct decimal *d, char out[ROOM])
{
    int point = d->exponent >= -5 && d->exponent < 16 ? d->exponent + 1 : 1;
    int at = 0, length = d->count > point ? d->count : point + 1;

    if (point <= 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int i = point; i < 0; i++)
            out[at++] = '0';
        length = d->count;
    }
    for (int i = 0; i < length; i++) {
        if (i == point && point > 0)
            out[at++] = '.';
        out[at++] = i < d->count ? d->digit[i] : '0';
    }
    out[at] = 0;
    if (point != d->exponent + 1)
        snprintf(out + at, (size_t)(ROOM - at), "e%+d", d->exponent);
}

static int reads_back(const struct decimal *d, double value, char out[ROOM])
{
    double back;

    decimal_write(d, out);
    return text_to_real(out, &back) == 0 && back == value;
}

void text_add_real(struct text *out, double value)
{
    struct decimal d = { .count = 0 };
    char buf[ROOM];
    double size = fabs(value);

    if (!isfinite(value)) {
        text_add(out, "null");
        return;
    }
    if (signbit(value))
        text_add(out, "-");
    if (size == 0) {
        text_add(out, "0.0");
        return;
    }
    /* Fifteen digits always survive a trip through a normal double, so what is
     * shorter is found there too, less its zeros. Just above a power of two the
     * nearest sixteen digits may lie outside, and their upper neighbour inside. */
    for (int count = size < DBL_MIN ? 1 : DBL_DIG; count <= DIGITS; count++) {
        decimal_of(&d, size, count);
        if (reads_back(&d, size, buf))
            break;
        if (count == DIGITS - 1) {
            decimal_raise(&d);
            if (reads_back(&d, size, buf))
                break;
        }
    }
    text_add(out, buf);
}

double real_of_float(float value)
{
    for (double scale = 1; scale <= 1e15; scale *= 10) {
        const double rounded = round(value * scale) / scale;

        if ((float)rounded == value)
            return rounded;
    }
    return value;
}
