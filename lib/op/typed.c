/* typed.c - see typed.h. */
#include "op/typed.h"

#include "tensor/element.h"

int64_t typed_divide(int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

int typed_check(const struct typed *typed, enum dtype dtype, struct error *err)
{
    const bool fits = dtype_is_float(dtype) ? typed->real != NULL
                      : dtype == DTYPE_BOOL ? typed->truth
                                            : typed->whole != NULL;

    return fits ? 0
                : error_set(err, ERROR_INPUT, "input 0 is %s, which this operator does not take", dtype_name(dtype));
}

static void apply_real(const struct typed *typed, const struct tensor *y, const struct tensor *a,
                       const struct tensor *b, const struct odometer *o, int64_t i)
{
    const double v = typed->real(element_real(a->dtype, a->data, o->at[0]), element_real(b->dtype, b->data, o->at[1]));

    element_set_real(y->dtype, y->data, i, v);
}

static void apply_whole(const struct typed *typed, const struct tensor *y, const struct tensor *a,
                        const struct tensor *b, const struct odometer *o, int64_t i)
{
    const int64_t p = element_int(a->dtype, a->data, o->at[0]), q = element_int(b->dtype, b->data, o->at[1]);

    if (a->dtype == DTYPE_U64 && typed->natural != NULL)
        element_set_int(y->dtype, y->data, i, (int64_t)typed->natural((uint64_t)p, (uint64_t)q));
    else
        element_set_int(y->dtype, y->data, i, typed->whole(p, q));
}

void typed_apply(const struct typed *typed, const struct tensor *y, const struct tensor *a, const struct tensor *b,
                 struct odometer *o, int64_t begin, int64_t end)
{
    const bool real = dtype_is_float(a->dtype);

    odometer_seek(o, begin);
    for (int64_t i = begin; i < end; i++, odometer_next(o)) {
        if (real)
            apply_real(typed, y, a, b, o, i);
        else
            apply_whole(typed, y, a, b, o, i);
    }
}
