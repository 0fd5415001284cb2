#include <string.h>

#include "merge/merge.h"

static int subtract(struct value *value, const struct graph *base, struct error *err)
{
    const int other = graph_find_value(base, value->name);
    const int64_t count = shape_count(&value->tensor.shape);
    float *now = value->tensor.data;
    const float *before;

    if (other < 0 || base->value[other].kind != VALUE_WEIGHT ||
        !shape_equal(&base->value[other].tensor.shape, &value->tensor.shape))
        return error_set(err, ERROR_INPUT, "the base has no weight '%s' of that shape: an update cannot be made",
                         value->name);
    before = base->value[other].tensor.data;
    for (int64_t i = 0; i < count; i++)
        now[i] -= before[i];
    return 0;
}

int merge_difference(struct model *model, const struct model *base, const struct update *update, struct error *err)
{
    struct update *copy = arena_alloc(&model->arena, sizeof(*copy));

    if (copy == NULL)
        return error_memory(err);
    *copy = *update;
    copy->site = arena_strdup(&model->arena, update->site);
    if (copy->site == NULL)
        return error_memory(err);
    if (model_identity(base, &copy->base, err) < 0)
        return -1;
    for (int i = 0; i < model->graph.value_count; i++) {
        struct value *value = &model->graph.value[i];

        if (value->kind == VALUE_WEIGHT && value->tensor.dtype == DTYPE_F32 && subtract(value, &base->graph, err) < 0)
            return -1;
    }
    model->update = copy;
    return 0;
}
