/* score.c - how much each group of coupled channels is needed. */
#include "prune/internal.h"

#include <math.h>

/* Adds what every index of the slot's axis weighs to its unit: squares for L2, absolute values for L1. */
static void add_weights(const struct coupling *c, const struct slot *slot, bool squares, double *sum)
{
    const struct tensor *w = &c->graph->value[slot->value].tensor;
    const int64_t before = shape_span(&w->shape, 0, slot->axis);
    const int64_t after = shape_span(&w->shape, slot->axis + 1, w->shape.rank);
    const float *at = w->data;

    for (int64_t outer = 0; outer < before; outer++)
        for (int64_t k = 0; k < slot->count; k++) {
            double total = 0;

            for (int64_t i = 0; i < after; i++, at++)
                total += squares ? (double)*at * (double)*at : fabs((double)*at);
            sum[couple_unit(c, slot->unit[k])] += total;
        }
}

/* One slot's say: its units' norms over their mean. `seen` counts who had a say. */
static void add_slot(const struct coupling *c, const struct slot *slot, bool squares, double *norm, double *score,
                     int *seen)
{
    double total = 0;
    int64_t units = 0;

    for (int64_t k = 0; k < slot->count; k++)
        norm[couple_unit(c, slot->unit[k])] = 0;
    add_weights(c, slot, squares, norm);
    for (int64_t k = 0; k < slot->count; k++) {
        const int unit = couple_unit(c, slot->unit[k]);

        if (norm[unit] < 0)
            continue; /* counted: several indices may belong to one unit */
        norm[unit] = squares ? sqrt(norm[unit]) : norm[unit];
        total += norm[unit];
        units++;
        norm[unit] = -1 - norm[unit];
    }
    for (int64_t k = 0; k < slot->count; k++) {
        const int unit = couple_unit(c, slot->unit[k]);

        if (norm[unit] >= 0)
            continue;
        norm[unit] = -1 - norm[unit];
        score[unit] += total > 0 ? norm[unit] * (double)units / total : 0;
        seen[unit]++;
    }
}

/* Filters before a BatchNormalization say nothing by their size: it is divided away. */
static bool has_say(const struct coupling *c, const struct slot *slot, enum prune_method method, const bool *normalized)
{
    bool after_norm;

    if (slot->role == SLOT_FOLLOWS || slot->count == 0 || c->graph->value[slot->value].tensor.dtype != DTYPE_F32)
        return false;
    after_norm = normalized[couple_unit(c, slot->unit[0])];
    if (method == PRUNE_BATCHNORM && after_norm)
        return slot->role == SLOT_SCALES;
    return slot->role != SLOT_MAKES || !after_norm;
}

int score_units(const struct coupling *c, enum prune_method method, double *score)
{
    const size_t count = (size_t)c->unit_count + 1;
    double *norm = arena_array(c->arena, count, sizeof(*norm));
    int *seen = arena_array(c->arena, count, sizeof(*seen));
    bool *normalized = arena_array(c->arena, count, sizeof(*normalized));

    if (norm == NULL || seen == NULL || normalized == NULL)
        return error_memory(c->err);
    for (int i = 0; i < c->slot_count; i++)
        for (int64_t k = 0; k < c->slot[i].count; k++)
            if (c->slot[i].role == SLOT_SCALES)
                normalized[couple_unit(c, c->slot[i].unit[k])] = true;
    for (int i = 0; i < c->slot_count; i++)
        if (has_say(c, &c->slot[i], method, normalized))
            add_slot(c, &c->slot[i], method != PRUNE_L1, norm, score, seen);
    for (int i = 0; i < c->unit_count; i++)
        if (seen[i] > 0)
            score[i] /= seen[i];
    return 0;
}
