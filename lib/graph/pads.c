/* pads.c - a Pad of zeros around the spatial axes becomes the pads of the one convolution that reads it. */
#include "graph/internal.h"

#include <string.h>

static struct attribute *find(struct node *node, const char *name)
{
    for (int i = 0; i < node->attributes.count; i++)
        if (strcmp(node->attributes.item[i].name, name) == 0)
            return &node->attributes.item[i];
    return NULL;
}

static bool is_zero(const struct graph *graph, int value)
{
    const struct value *v = value < 0 ? NULL : &graph->value[value];

    if (v == NULL)
        return true;
    return v->kind == VALUE_WEIGHT && v->tensor.dtype == DTYPE_F32 && shape_count(&v->tensor.shape) == 1 &&
           *(const float *)v->tensor.data == 0;
}

static bool is_text(const struct attribute *attribute, const char *text)
{
    return attribute->kind == ATTRIBUTE_TEXT && strcmp(attribute->s, text) == 0;
}

/* All befores, then all afters; NULL where it is no plain zero padding. */
static const int64_t *read_pads(const struct graph *graph, struct node *pad, int *rank)
{
    const struct attribute *mode = find(pad, "mode"), *pads = find(pad, "pads"), *value = find(pad, "value");
    const struct tensor *list;

    if (strcmp(pad->op->name, "Pad") != 0 || pad->in_count > 3 || (mode != NULL && !is_text(mode, "constant")) ||
        find(pad, "axes") != NULL || (value != NULL && (value->kind != ATTRIBUTE_FLOAT || value->f != 0)) ||
        (pad->in_count > 2 && !is_zero(graph, pad->in[2])))
        return NULL;
    if (pads != NULL && pads->kind == ATTRIBUTE_INTS) {
        *rank = pads->count / 2;
        return pads->ints;
    }
    list = pad->in_count < 2 || pad->in[1] < 0 ? NULL : &graph->value[pad->in[1]].tensor;
    if (list == NULL || graph->value[pad->in[1]].kind != VALUE_WEIGHT || list->dtype != DTYPE_I64 ||
        list->shape.rank != 1)
        return NULL;
    *rank = (int)(list->shape.dim[0] / 2);
    return list->data;
}

enum { MOST_PADS = 1 << 20 }; /* what sums up without overflow, and far more than anybody needs */

static bool only_spatial(const int64_t *pads, int rank)
{
    for (int i = 0; i < 2 * rank; i++)
        if (pads[i] < 0 || pads[i] > MOST_PADS || (i % rank < 2 && pads[i] != 0))
            return false;
    return rank >= 3 && rank <= SHAPE_MAX_RANK;
}

static int add_pads(struct graph *graph, struct node *conv, const int64_t *pads, int rank, struct error *err)
{
    struct attribute *own = find(conv, "pads");
    const int axes = rank - 2, count = conv->attributes.count;
    int64_t *sum = arena_array(graph->arena, (size_t)(2 * axes) + 1, sizeof(*sum));

    if (sum == NULL)
        return error_memory(err);
    for (int i = 0; i < axes; i++) {
        sum[i] = pads[2 + i] + (own != NULL ? own->ints[i] : 0);
        sum[axes + i] = pads[rank + 2 + i] + (own != NULL ? own->ints[axes + i] : 0);
    }
    if (own == NULL) {
        own = arena_grow(graph->arena, conv->attributes.item, (size_t)count, (size_t)count + 1, sizeof(*own));
        if (own == NULL)
            return error_memory(err);
        conv->attributes = (struct attributes){ own, count + 1 };
        own += count;
    }
    *own = (struct attribute){ .name = "pads", .kind = ATTRIBUTE_INTS, .ints = sum, .count = 2 * axes };
    return 0;
}

static bool takes_pads(struct node *conv, int rank)
{
    const struct attribute *mode = find(conv, "auto_pad"), *own = find(conv, "pads");

    if (strcmp(conv->op->name, "Conv") != 0 || (mode != NULL && !is_text(mode, "NOTSET") && !is_text(mode, "VALID")))
        return false;
    if (own != NULL && (own->kind != ATTRIBUTE_INTS || own->count != 2 * (rank - 2)))
        return false;
    for (int i = 0; own != NULL && i < own->count; i++)
        if (own->ints[i] < 0 || own->ints[i] > MOST_PADS)
            return false;
    return true;
}

static void drop(struct node *node, const char *name)
{
    struct attribute *found = find(node, name);

    if (found != NULL)
        *found = node->attributes.item[--node->attributes.count];
}

/* VALID says no pads, whatever they are: the same in numbers, so that pads can be added. */
static void spell_out_valid(struct node *conv)
{
    const struct attribute *mode = find(conv, "auto_pad");

    if (mode == NULL || !is_text(mode, "VALID"))
        return;
    drop(conv, "auto_pad");
    drop(conv, "pads");
}

/* Pad, then Transpose: the other way round, so that the Pad stands before the convolution. */
static int turn_pad(struct graph *graph, const struct uses *uses, struct node *pad, const int64_t *pads, int rank,
                    struct error *err)
{
    const int reader = uses_only_reader(uses, pad->out[0]);
    struct node *turn = reader < 0 ? NULL : &graph->node[reader];
    const struct attribute *perm = turn == NULL ? NULL : attribute_find(&turn->attributes, "perm");
    const struct shape shape = shape_of(1, (int64_t)2 * rank);
    const char *name;
    struct node swap;
    int64_t *turned;
    int list;

    if (perm == NULL || strcmp(turn->op->name, "Transpose") != 0 || perm->kind != ATTRIBUTE_INTS ||
        perm->count != rank || find(pad, "pads") != NULL)
        return 0;
    name = arena_printf(graph->arena, "%s.turned", pad->name);
    name = name == NULL ? NULL : graph_fresh_name(graph, name);
    turned = arena_array(graph->arena, (size_t)rank * 2, sizeof(*turned));
    if (name == NULL || turned == NULL)
        return error_memory(err);
    for (int i = 0; i < rank; i++) {
        if (perm->ints[i] < 0 || perm->ints[i] >= rank)
            return 0;
        turned[i] = pads[perm->ints[i]];
        turned[rank + i] = pads[rank + perm->ints[i]];
    }
    list = graph_add_weight(graph, name, DTYPE_I64, &shape, turned, false, err);
    if (list < 0)
        return -1;
    pad->in[1] = list;
    /* in place: the two nodes change places in the order, the values between them stay */
    swap = *pad;
    *pad = *turn;
    *turn = swap;
    graph->node_names.moved = true;
    pad->in[0] = turn->in[0];
    turn->in[0] = turn->out[0];
    list = pad->out[0];
    pad->out[0] = turn->out[0];
    turn->out[0] = list;
    graph->value[pad->out[0]].tensor.shape = (struct shape){ 0 };
    return 0;
}

/* Two nodes that change places read and give the same values as before: who reads what does not change. */
static int turn_pads(struct graph *graph, const struct uses *uses, struct error *err)
{
    for (int n = 0; n < graph->node_count; n++) {
        int rank = 0;
        const int64_t *pads = read_pads(graph, &graph->node[n], &rank);

        if (pads != NULL && rank > 0 && rank <= SHAPE_MAX_RANK &&
            turn_pad(graph, uses, &graph->node[n], pads, rank, err) < 0)
            return -1;
    }
    return 0;
}

static int merge_pads(struct graph *graph, const struct uses *uses, struct error *err)
{
    for (int n = 0; n < graph->node_count; n++) {
        struct node *pad = &graph->node[n], *conv;
        int rank = 0, reader;
        const int64_t *pads = read_pads(graph, pad, &rank);

        if (pads == NULL || !only_spatial(pads, rank))
            continue;
        reader = uses_only_reader(uses, pad->out[0]);
        conv = reader < 0 ? NULL : &graph->node[reader];
        if (conv == NULL || conv->in[0] != pad->out[0] || !takes_pads(conv, rank) ||
            !quant_equal(graph->value[pad->in[0]].tensor.quant, graph->value[pad->out[0]].tensor.quant))
            continue;
        spell_out_valid(conv);
        if (add_pads(graph, conv, pads, rank, err) < 0)
            return -1;
        conv->in[0] = pad->in[0];
    }
    return 0;
}

int graph_merge_pads(struct graph *graph, struct error *err)
{
    struct arena scratch = { 0 };
    struct uses uses;
    int rc = uses_find(&uses, graph, 0, &scratch, err);

    if (rc == 0)
        rc = turn_pads(graph, &uses, err) < 0 ? -1 : merge_pads(graph, &uses, err);
    arena_free(&scratch);
    return rc < 0 ? -1 : graph_remove_dead(graph, err);
}
