/*
 * upgrade.c - what older opsets wrote otherwise, in the newest form. A row an
 * operator and a range of opsets. Arguments that moved from attributes to
 * inputs are no rows: lib/op takes both. Source: ONNX's Changelog.md.
 */
#include <inttypes.h>
#include <string.h>

#include "graph/graph.h"
#include "onnx/internal.h"

static int constant_ints(struct import *import, const char *name, int count, const int64_t *ints, struct error *err)
{
    const struct shape shape = shape_of(1, (int64_t)count);

    return import_constant(import, name, DTYPE_I64, &shape, ints, err);
}

static int constant_reals(struct import *import, const char *name, int count, const float *reals, struct error *err)
{
    const struct shape shape = shape_of(1, (int64_t)count);

    return import_constant(import, name, DTYPE_F32, &shape, reals, err);
}

static int set_text(struct import *import, struct draft *draft, const char *name, const char *s, struct error *err)
{
    const struct attribute attribute = { .name = name, .kind = ATTRIBUTE_TEXT, .s = s };

    return draft_set(import, draft, &attribute, err);
}

/*
 * Softmax, LogSoftmax, Hardmax before 13: the axes from `axis` (1) on are one. As nodes: Flatten, the same over
 * the last axis, and back to the input's shape.
 */
static int flatten_around(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    const struct attribute *given = draft_attribute(draft, "axis");
    struct attribute axis = { .name = "axis", .kind = ATTRIBUTE_INT, .i = given == NULL ? 1 : given->i };
    struct attribute last = { .name = "axis", .kind = ATTRIBUTE_INT, .i = -1 };
    const struct attributes flat = { &axis, 1 }, over_last = { &last, 1 };
    const int x = draft->in[0];
    int in[2];

    if (given != NULL && given->kind != ATTRIBUTE_INT)
        return error_set(err, ERROR_INPUT, "attribute 'axis' is not an integer");
    if (draft->in_count != 1 || draft->out_count != 1)
        return error_set(err, ERROR_INPUT, "%d inputs and %d outputs, expected one of each", draft->in_count,
                         draft->out_count);
    *done = true;
    in[0] = import_between(import, draft->name, "Flatten", &x, 1, &flat, err);
    if (in[0] < 0)
        return -1;
    in[0] = import_between(import, draft->name, draft->op, in, 1, &over_last, err);
    if (in[0] < 0)
        return -1;
    in[1] = import_between(import, draft->name, "Shape", &x, 1, NULL, err);
    if (in[1] < 0)
        return -1;
    draft->op = "Reshape";
    draft->in[0] = in[0];
    draft->in[1] = in[1];
    draft->in_count = 2;
    draft->attributes.count = 0;
    return import_add(import, draft, err) < 0 ? -1 : 0;
}

/* Upsample (7: scales an attribute; 9: an input) and Resize 10 (scales the second input): nearest means the pixel below. */
static int upgrade_resize(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    const struct attribute *scales = draft_attribute(draft, "scales"), *mode = draft_attribute(draft, "mode");

    (void)done;
    if (mode != NULL && mode->kind == ATTRIBUTE_TEXT && strcmp(mode->s, "bilinear") == 0 &&
        set_text(import, draft, "mode", "linear", err) < 0)
        return -1;
    if (scales != NULL && scales->kind == ATTRIBUTE_FLOATS) {
        draft->in[1] = constant_reals(import, arena_printf(import->scratch, "%s.scales", draft->name), scales->count,
                                      scales->floats, err);
        if (draft->in[1] < 0)
            return -1;
        draft->in_count = 2;
        draft_remove(draft, "scales");
    }
    if (draft->in_count != 2)
        return error_set(err, ERROR_INPUT, "%d inputs, expected data and scales", draft->in_count);
    draft->op = "Resize";
    draft->in[2] = draft->in[1];
    draft->in[1] = -1;
    draft->in_count = 3;
    if (set_text(import, draft, "coordinate_transformation_mode", "asymmetric", err) < 0)
        return -1;
    return set_text(import, draft, "nearest_mode", "floor", err);
}

static int upgrade_batch_normalization(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    const struct attribute *spatial = draft_attribute(draft, "spatial");

    (void)import;
    (void)done;
    if (spatial != NULL && (spatial->kind != ATTRIBUTE_INT || spatial->i != 1))
        return error_set(err, ERROR_INPUT, "spatial 0 is not run here");
    draft_remove(draft, "spatial");
    return 0;
}

/* A scale and a bias a group; from 21 on, a channel: each repeated over its group's channels. */
static int spread_over_group(struct import *import, const struct draft *draft, int value, int64_t channels,
                             int64_t groups, struct error *err)
{
    const int64_t column[2] = { -1, 1 }, repeat[2] = { 1, channels / groups }, flat[1] = { -1 };
    int in[2] = { value, 0 };

    in[1] = constant_ints(import, arena_printf(import->scratch, "%s.column", draft->name), 2, column, err);
    if (in[1] < 0 || (in[0] = import_between(import, draft->name, "Reshape", in, 2, NULL, err)) < 0)
        return -1;
    in[1] = constant_ints(import, arena_printf(import->scratch, "%s.repeats", draft->name), 2, repeat, err);
    if (in[1] < 0 || (in[0] = import_between(import, draft->name, "Tile", in, 2, NULL, err)) < 0)
        return -1;
    in[1] = constant_ints(import, arena_printf(import->scratch, "%s.flat", draft->name), 1, flat, err);
    return in[1] < 0 ? -1 : import_between(import, draft->name, "Reshape", in, 2, NULL, err);
}

/* Channels of the normalised input must be known to spread: they follow from the shapes that are there by now. */
static int64_t channels_of(struct import *import, int value)
{
    const struct shape *shape = &import->graph->value[value].tensor.shape;
    struct error ignored;

    if (import->graph->value[value].kind == VALUE_COMPUTED && graph_infer_shapes(import->graph, 1, &ignored) < 0)
        return 0;
    return shape->rank >= 2 ? shape->dim[1] : 0;
}

static int upgrade_group_normalization(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    const struct attribute *groups = draft_attribute(draft, "num_groups");
    int64_t channels = draft->in_count == 3 && draft->in[0] >= 0 ? channels_of(import, draft->in[0]) : 0;

    (void)done;
    if (groups == NULL || groups->kind != ATTRIBUTE_INT || groups->i < 1 || channels < groups->i ||
        channels % groups->i != 0 || draft->in[1] < 0 || draft->in[2] < 0)
        return error_set(err, ERROR_INPUT, "%" PRId64 " channels are not known to be groups", channels);
    for (int i = 1; i < 3; i++) {
        draft->in[i] = spread_over_group(import, draft, draft->in[i], channels, groups->i, err);
        if (draft->in[i] < 0)
            return -1;
    }
    return 0;
}

static int upgrade_scatter(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    (void)import;
    (void)done;
    (void)err;
    draft->op = "ScatterElements";
    return 0;
}

/* A sum of two is an Add, which is fast and fused. */
static int upgrade_sum(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    (void)import;
    (void)done;
    (void)err;
    if (draft->in_count == 2 && draft->in[0] >= 0 && draft->in[1] >= 0)
        draft->op = "Add";
    return 0;
}

/* Statistics of a batch are for training; only the first output is of inference. */
static int upgrade_training_mode(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    const struct attribute *mode = draft_attribute(draft, "training_mode");

    (void)import;
    (void)done;
    if (mode != NULL && (mode->kind != ATTRIBUTE_INT || mode->i != 0))
        return error_set(err, ERROR_INPUT, "training_mode 1 is not run here");
    draft_remove(draft, "training_mode");
    return 0;
}

/* Before 16 regions were not moved by half a pixel. */
static int upgrade_roi_align(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    (void)done;
    return set_text(import, draft, "coordinate_transformation_mode", "output_half_pixel", err);
}

static const struct {
    const char *op;
    int64_t first, last; /* opsets */
    int (*upgrade)(struct import *import, struct draft *draft, bool *done, struct error *err);
} rows[] = {
    { "BatchNormalization", 7, 8, upgrade_batch_normalization },
    { "BatchNormalization", 14, ONNX_NEWEST, upgrade_training_mode },
    { "GroupNormalization", 18, 20, upgrade_group_normalization },
    { "Hardmax", ONNX_OLDEST, 12, flatten_around },
    { "LogSoftmax", ONNX_OLDEST, 12, flatten_around },
    { "Resize", 10, 10, upgrade_resize },
    { "RoiAlign", 10, 15, upgrade_roi_align },
    { "Scatter", 9, 10, upgrade_scatter },
    { "Softmax", ONNX_OLDEST, 12, flatten_around },
    { "Sum", ONNX_OLDEST, ONNX_NEWEST, upgrade_sum },
    { "Upsample", 7, 9, upgrade_resize },
};

int import_upgrade(struct import *import, struct draft *draft, bool *done, struct error *err)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (strcmp(rows[i].op, draft->op) == 0 && draft->domain[0] == '\0' && import->opset >= rows[i].first &&
            import->opset <= rows[i].last)
            return rows[i].upgrade(import, draft, done, err);
    return 0;
}
