/* weights_write.c - weights alone, out: as safetensors or npz. */
#include <stdint.h>

#include "package/internal.h"
#include "package/weights_file.h"
#include "package/weights_name.h"

/* ---- what is written ---- */

static int add(struct tensor_list *list, const char *name, const struct tensor *tensor, struct error *err)
{
    if (name == NULL)
        return error_memory(err);
    if (tensor->data == NULL && tensor_bytes(tensor) > 0)
        return error_set(err, ERROR_INTERNAL, "weight '%s' has no data", name);
    list->name[list->count] = name;
    list->tensor[list->count++] = tensor;
    return 0;
}

/* NAME.scale and NAME.zero_point: one number, or one for each index of the axis. */
static int add_quant(struct tensor_list *list, struct arena *arena, const struct value *value, struct error *err)
{
    const struct quant *quant = value->tensor.quant;
    struct tensor *pair = arena_array(arena, 2, sizeof(*pair));

    if (pair == NULL)
        return error_memory(err);
    pair[0].dtype = DTYPE_F32;
    pair[0].data = (void *)(uintptr_t)quant->scale; /* only read */
    pair[1].dtype = DTYPE_I32;
    pair[1].data = (void *)(uintptr_t)quant->zero_point;
    pair[0].shape = pair[1].shape = quant->axis < 0 ? shape_of(0) : shape_of(1, (int64_t)quant->count);
    if (add(list, graph_scale_name(arena, value->name), &pair[0], err) < 0)
        return -1;
    return add(list, arena_printf(arena, "%s.zero_point", value->name), &pair[1], err);
}

static int collect(struct tensor_list *list, struct arena *arena, const struct graph *graph, struct error *err)
{
    size_t most = 3 * (size_t)graph->value_count + 1;

    *list = (struct tensor_list){ .tensor = arena_array(arena, most, sizeof(*list->tensor)),
                                  .name = arena_array(arena, most, sizeof(*list->name)) };
    if (list->tensor == NULL || list->name == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        if (value->kind != VALUE_WEIGHT || weights_only_ours(value))
            continue;
        if (add(list, value->name, &value->tensor, err) < 0 ||
            (value->tensor.quant != NULL && add_quant(list, arena, value, err) < 0))
            return -1;
    }
    return weights_distinct(list, arena, err);
}

/* ---- how ---- */

static int put_safetensors(struct output *out, const struct tensor_list *list, struct error *err)
{
    struct arena arena = { 0 };
    struct text header = { 0 };
    int *order, rc;

    rc = safetensors_header(&header, &arena, list->tensor, list->name, list->count, &order, err);
    if (rc == 0)
        rc = output_write(out, header.chars, header.length, err);
    for (int i = 0; rc == 0 && i < list->count; i++) {
        const struct tensor *tensor = list->tensor[order[i]];

        if (tensor_bytes(tensor) > 0)
            rc = output_write(out, tensor->data, tensor_bytes(tensor), err);
    }
    text_free(&header);
    arena_free(&arena);
    return rc;
}

static int write_file(const struct model *model, const char *path,
                      int (*put)(struct output *out, const struct tensor_list *list, struct error *err),
                      struct error *err)
{
    struct arena arena = { 0 };
    struct output *out = NULL;
    struct tensor_list list;
    int rc = collect(&list, &arena, &model->graph, err);

    if (rc == 0)
        out = output_open(path, err);
    if (out == NULL)
        rc = -1;
    if (rc == 0 && put(out, &list, err) < 0) {
        output_abort(out);
        rc = -1;
    } else if (rc == 0) {
        rc = output_commit(out, err);
    }
    arena_free(&arena);
    return rc;
}

int weights_write_safetensors(struct model *model, const char *path, struct error *err)
{
    return write_file(model, path, put_safetensors, err);
}

int weights_write_npz(struct model *model, const char *path, struct error *err)
{
    return write_file(model, path, npz_write, err);
}
