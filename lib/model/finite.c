/* finite.c - NaN and infinity stay out of packages. */
#include "model/model.h"

#include <math.h>

static bool quant_finite(const struct quant *quant)
{
    for (int i = 0; quant != NULL && i < quant->count; i++)
        if (!isfinite(quant->scale[i]))
            return false;
    return true;
}

int model_check_finite(const struct model *model, struct error *err)
{
    for (int i = 0; i < model->graph.value_count; i++) {
        const struct value *value = &model->graph.value[i];

        if (!quant_finite(value->tensor.quant))
            return error_set(err, ERROR_INPUT, "scale of '%s' is not finite", value->name);
        if (value->kind == VALUE_WEIGHT && value->tensor.data != NULL && !tensor_finite(&value->tensor))
            return error_set(err, ERROR_INPUT, "weight '%s' holds NaN or infinity", value->name);
    }
    return 0;
}
