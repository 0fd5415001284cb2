/* argument.c - see argument.h. */
#include "op/argument.h"

#include <inttypes.h>
#include <string.h>

#include "tensor/element.h"

const struct tensor *argument_in(const struct op_io *io, int input)
{
    return input >= 0 && input < io->in_count ? io->in[input] : NULL;
}

bool argument_is_quantized(const struct op_io *io)
{
    return io->in[0]->dtype == DTYPE_U8 && io->in[0]->quant != NULL;
}

bool argument_same_quant(const struct quant *a, const struct quant *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->axis != b->axis || a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (a->scale[i] != b->scale[i] || a->zero_point[i] != b->zero_point[i])
            return false;
    return true;
}

static bool one_scale(const struct quant *quant)
{
    return quant != NULL && quant->count == 1 && quant->scale[0] > 0 && quant->scale[0] < 1e30F &&
           quant->zero_point[0] >= 0 && quant->zero_point[0] <= 255;
}

int argument_numeric(const struct op_io *io, int input, bool quantized, struct error *err)
{
    const struct tensor *x = io->in[input];

    if (x->dtype == DTYPE_F32)
        return 0;
    if (!quantized || x->dtype != DTYPE_U8)
        return error_set(err, ERROR_INPUT, "input %d is %s, expected F32%s", input, dtype_name(x->dtype),
                         quantized ? " or quantized U8" : "");
    if (!one_scale(x->quant))
        return error_set(err, ERROR_INPUT, "input %d is U8, expected one positive scale and a zero point in 0..255",
                         input);
    if (!one_scale(io->out[0]->quant))
        return error_set(err, ERROR_INPUT,
                         "input %d is quantized, expected an output with one positive scale and a zero point in 0..255",
                         input);
    return 0;
}

int argument_any_real(const struct op_io *io, int input, struct error *err)
{
    const struct tensor *x = op_input(io, input);

    if (x == NULL || dtype_is_float(x->dtype))
        return 0;
    return error_set(err, ERROR_INPUT, "input %d is %s, expected reals", input, dtype_name(x->dtype));
}

int argument_untrained(const struct op_io *io, struct error *err)
{
    char text[160];

    if (!io->training)
        return 0;
    return error_set(err, ERROR_INPUT, "input 0 is %s of shape %s, which this operator does not train on",
                     dtype_name(io->in[0]->dtype), shape_text(&io->in[0]->shape, text));
}

int argument_moves(const struct op_io *io, struct error *err)
{
    bool quantized = io->in[0]->quant != NULL;

    for (int i = 0; i < io->out_count; i++)
        if ((io->out[i]->quant != NULL) != quantized || (quantized && !one_scale(io->out[i]->quant)))
            return error_set(err, ERROR_INPUT, "output %d is %squantized, expected it as the input", i,
                             io->out[i]->quant != NULL ? "" : "not ");
    return quantized ? argument_numeric(io, 0, true, err) : 0;
}

int argument_rank(const struct tensor *x, int min, int max, struct error *err)
{
    char text[160];

    if (x->shape.rank >= min && x->shape.rank <= max)
        return 0;
    if (min == max)
        return error_set(err, ERROR_INPUT, "input has shape %s, expected rank %d", shape_text(&x->shape, text), min);
    return error_set(err, ERROR_INPUT, "input has shape %s, expected rank %d to %d", shape_text(&x->shape, text), min,
                     max);
}

int argument_choice(const struct op_io *io, const char *name, const char *const *choices, int fallback, int *out,
                    struct error *err)
{
    const char *text;

    if (attribute_text(io->attributes, name, choices[fallback], &text, err) < 0)
        return -1;
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *out = i;
            return 0;
        }
    }
    return error_set(err, ERROR_INPUT, "%s is '%s', expected one such as '%s'", name, text, choices[fallback]);
}

static int check_constant(const struct tensor *t, const char *name, struct error *err)
{
    char text[160];

    if (t->data == NULL)
        return error_set(err, ERROR_INPUT, "%s is computed, expected a constant", name);
    if (t->shape.rank > 1)
        return error_set(err, ERROR_INPUT, "%s has shape %s, expected a list", name, shape_text(&t->shape, text));
    return 0;
}

static int list_room(const char *name, int64_t count, struct argument_list *list, struct error *err)
{
    if (count > (int64_t)COUNT(list->value))
        return error_set(err, ERROR_INPUT, "%s has %" PRId64 " entries, expected at most %zu", name, count,
                         COUNT(list->value));
    list->given = true;
    list->count = (int)count;
    return 0;
}

static int ints_of_tensor(const struct tensor *t, const char *name, struct argument_list *list, struct error *err)
{
    if (t->dtype != DTYPE_I64 && t->dtype != DTYPE_I32)
        return error_set(err, ERROR_INPUT, "%s is %s, expected I64", name, dtype_name(t->dtype));
    if (list_room(name, shape_count(&t->shape), list, err) < 0)
        return -1;
    if (list->count > 0 && check_constant(t, name, err) < 0)
        return -1;
    for (int i = 0; i < list->count; i++) {
        if (t->dtype == DTYPE_I64)
            list->value[i] = ((const int64_t *)t->data)[i];
        else
            list->value[i] = ((const int32_t *)t->data)[i];
    }
    return 0;
}

int argument_ints(const struct op_io *io, int input, const char *name, struct argument_list *list, struct error *err)
{
    const struct tensor *t = input < 0 ? NULL : op_input(io, input);
    const struct attribute *a = attribute_find(io->attributes, name);

    list->given = false;
    list->count = 0;
    if (t != NULL)
        return ints_of_tensor(t, name, list, err);
    if (a == NULL)
        return 0;
    if (a->kind == ATTRIBUTE_INT) {
        list->given = true;
        list->count = 1;
        list->value[0] = a->i;
        return 0;
    }
    if (a->kind != ATTRIBUTE_INTS)
        return error_set(err, ERROR_INPUT, "%s is of another kind, expected a list of integers", name);
    if (list_room(name, a->count, list, err) < 0)
        return -1;
    for (int i = 0; i < a->count; i++)
        list->value[i] = a->ints[i];
    return 0;
}

int argument_real(const struct op_io *io, int input, const char *name, double fallback, double *out, struct error *err)
{
    const struct tensor *t = input < 0 ? NULL : op_input(io, input);

    if (t == NULL)
        return attribute_float(io->attributes, name, fallback, out, err);
    if (!dtype_is_float(t->dtype) || shape_count(&t->shape) != 1)
        return error_set(err, ERROR_INPUT, "%s is %s of %" PRId64 " elements, expected one real", name,
                         dtype_name(t->dtype), shape_count(&t->shape));
    if (check_constant(t, name, err) < 0)
        return -1;
    *out = element_real(t->dtype, t->data, 0);
    return 0;
}

int argument_reals(const struct op_io *io, int input, const char *name, float out[SHAPE_MAX_RANK], int *count,
                   struct error *err)
{
    const struct tensor *t = input < 0 ? NULL : op_input(io, input);
    const struct attribute *a = attribute_find(io->attributes, name);
    int64_t n = t != NULL ? shape_count(&t->shape) : a != NULL ? a->count : 0;

    *count = 0;
    if (t != NULL && !dtype_is_float(t->dtype))
        return error_set(err, ERROR_INPUT, "%s is %s, expected reals", name, dtype_name(t->dtype));
    if (t != NULL && n > 0 && check_constant(t, name, err) < 0)
        return -1;
    if (t == NULL && a != NULL && a->kind != ATTRIBUTE_FLOATS && a->kind != ATTRIBUTE_INTS)
        return error_set(err, ERROR_INPUT, "%s is of another kind, expected a list of numbers", name);
    if (n > SHAPE_MAX_RANK)
        return error_set(err, ERROR_INPUT, "%s has %" PRId64 " entries, expected at most %d", name, n, SHAPE_MAX_RANK);
    for (int64_t i = 0; i < n; i++)
        out[i] = t != NULL                     ? (float)element_real(t->dtype, t->data, i)
                 : a->kind == ATTRIBUTE_FLOATS ? a->floats[i]
                                               : (float)a->ints[i];
    *count = (int)n;
    return 0;
}

static int check_axis(int64_t value, const char *name, int rank, int *axis, struct error *err)
{
    if (value < -rank || value >= rank)
        return error_set(err, ERROR_INPUT, "%s is %" PRId64 ", expected %d to %d for rank %d", name, value, -rank,
                         rank - 1, rank);
    *axis = (int)(value < 0 ? value + rank : value);
    return 0;
}

int argument_axis(const struct op_io *io, const char *name, int64_t fallback, int rank, int *axis, struct error *err)
{
    int64_t value;

    if (attribute_int(io->attributes, name, fallback, &value, err) < 0)
        return -1;
    return check_axis(value, name, rank, axis, err);
}

int argument_axes(const struct argument_list *list, int rank, bool axes[SHAPE_MAX_RANK], struct error *err)
{
    memset(axes, 0, SHAPE_MAX_RANK * sizeof(axes[0]));
    for (int i = 0; i < list->count; i++) {
        int axis = 0;

        if (check_axis(list->value[i], "axes", rank, &axis, err) < 0)
            return -1;
        if (axes[axis])
            return error_set(err, ERROR_INPUT, "axes name axis %d twice, expected once", axis);
        axes[axis] = true;
    }
    return 0;
}
