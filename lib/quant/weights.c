#include <float.h>
#include <math.h>
#include <stdint.h>

#include "quant/internal.h"

enum { MOST_BIAS = 1 << 24 }; /* steps: exact in a float, and with KERN_DEPTH_I8 products still 32 bits */

static struct quant *quant_alloc(struct arena *arena, int axis, int count)
{
    struct quant *quant = arena_alloc(arena, sizeof(*quant));
    float *scale = arena_array(arena, (size_t)count, sizeof(float));
    int32_t *zero = arena_array(arena, (size_t)count, sizeof(int32_t));

    if (quant == NULL || scale == NULL || zero == NULL)
        return NULL;
    *quant = (struct quant){ .axis = axis, .count = count, .scale = scale, .zero_point = zero };
    return quant;
}

/* A new weight that takes the name; the old one is renamed and goes when the dead are removed. */
static int replace(struct graph *graph, int old, enum dtype dtype, void *data, const struct quant *quant,
                   struct error *err)
{
    const char *name = graph->value[old].name;
    const char *aside = arena_printf(graph->arena, "%s.f32.%d", name, graph->value_count);
    const struct shape shape = graph->value[old].tensor.shape;
    int fresh;

    if (aside == NULL)
        return error_memory(err);
    graph_rename_value(graph, old, aside);
    fresh = graph_add_weight(graph, name, dtype, &shape, data, false, err);
    if (fresh >= 0)
        graph->value[fresh].tensor.quant = quant;
    return fresh;
}

/* Which channel of the axis an element belongs to. */
static int64_t channel_of(const struct shape *shape, int axis, int64_t i)
{
    return axis < 0 ? 0 : i / shape_span(shape, axis + 1, shape->rank) % shape->dim[axis];
}

/*
 * The scale each channel needs. Its bias is counted in steps of input_scale times it: where weights are next to
 * nothing, as after folding a BatchNormalization that has given a channel up, the bias decides.
 */
static void find_scales(float *scale, int count, const struct tensor *weight, int axis, const struct tensor *bias,
                        float input_scale)
{
    const float *w = weight->data, *b = bias ? bias->data : NULL;

    for (int64_t i = 0; i < shape_count(&weight->shape); i++) {
        const int64_t c = channel_of(&weight->shape, axis, i);

        scale[c] = fabsf(w[i]) > scale[c] ? fabsf(w[i]) : scale[c];
    }
    for (int c = 0; c < count; c++)
        scale[c] /= 127;
    for (int64_t i = 0; b != NULL && i < shape_count(&bias->shape); i++) {
        const float least = (float)(fabs((double)b[i]) / input_scale / MOST_BIAS);
        float *one = &scale[count > 1 ? i : 0];

        *one = least > *one ? least : *one;
    }
    for (int c = 0; c < count; c++)
        scale[c] = scale[c] >= FLT_MIN ? scale[c] : 1; /* what is smaller is 0 */
}

int quantize_weight(struct graph *graph, int *weight, int axis, const struct tensor *bias, float input_scale,
                    struct error *err)
{
    const struct tensor *tensor = &graph->value[*weight].tensor;
    const int count = axis < 0 ? 1 : (int)tensor->shape.dim[axis];
    const int64_t elements = shape_count(&tensor->shape);
    const float *data = tensor->data;
    struct quant *quant = quant_alloc(graph->arena, axis, count);
    int8_t *bytes = arena_alloc(graph->arena, (size_t)elements);
    float *scale = arena_array(graph->arena, (size_t)count, sizeof(*scale));

    if (quant == NULL || bytes == NULL || scale == NULL)
        return error_memory(err);
    find_scales(scale, count, tensor, axis, bias, input_scale);
    quant->scale = scale;
    for (int64_t i = 0; i < elements; i++)
        bytes[i] = (int8_t)nearbyint((double)data[i] / scale[channel_of(&tensor->shape, axis, i)]);
    *weight = replace(graph, *weight, DTYPE_I8, bytes, quant, err);
    return *weight < 0 ? -1 : 0;
}

int quantize_bias(struct graph *graph, int *bias, const struct quant *weight, float input_scale, struct error *err)
{
    const struct tensor *tensor = &graph->value[*bias].tensor;
    const int64_t count = shape_count(&tensor->shape);
    const float *data = tensor->data;
    const int axis = weight->count > 1 ? tensor->shape.rank - 1 : -1;
    struct quant *quant = quant_alloc(graph->arena, axis, weight->count);
    int32_t *integers = arena_array(graph->arena, (size_t)count, sizeof(*integers));
    float *scale = arena_array(graph->arena, (size_t)weight->count, sizeof(*scale));

    if (quant == NULL || integers == NULL || scale == NULL)
        return error_memory(err);
    for (int c = 0; c < weight->count; c++)
        scale[c] = input_scale * weight->scale[c];
    for (int64_t i = 0; i < count; i++) /* at most MOST_BIAS, which the scales were made for */
        integers[i] = (int32_t)nearbyint(data[i] / ((double)input_scale * weight->scale[weight->count > 1 ? i : 0]));
    quant->scale = scale;
    *bias = replace(graph, *bias, DTYPE_I32, integers, quant, err);
    return *bias < 0 ? -1 : 0;
}
