/*
 * identity.c - one name for what gives the same answers.
 *
 * The digest runs over a form that has one way to be written: every text and
 * block of bytes with its length in front, numbers as 8 bytes little endian,
 * values by name (the order in which a reader happens to meet them says
 * nothing), attributes sorted by name, nodes in the order they run.
 */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

static void add_number(struct digest_stream *d, uint64_t number)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    digest_add(d, bytes, sizeof(bytes));
}

static void add_float(struct digest_stream *d, float real)
{
    uint32_t bits;

    memcpy(&bits, &real, sizeof(bits));
    add_number(d, bits);
}

static void add_bytes(struct digest_stream *d, const void *bytes, size_t count)
{
    add_number(d, count);
    if (count > 0)
        digest_add(d, bytes, count);
}

/* NULL differs from "". */
static void add_text(struct digest_stream *d, const char *text)
{
    if (text == NULL)
        add_number(d, UINT64_MAX);
    else
        add_bytes(d, text, strlen(text));
}

static void add_shape(struct digest_stream *d, const struct shape *shape)
{
    add_number(d, (uint64_t)shape->rank);
    for (int i = 0; i < shape->rank; i++)
        add_number(d, (uint64_t)shape->dim[i]);
}

static void add_quant(struct digest_stream *d, const struct quant *quant)
{
    add_number(d, quant != NULL);
    if (quant == NULL)
        return;
    add_number(d, (uint64_t)quant->axis);
    add_number(d, (uint64_t)quant->count);
    for (int i = 0; i < quant->count; i++) {
        add_float(d, quant->scale[i]);
        add_number(d, (uint64_t)quant->zero_point[i]);
    }
}

/* YAML has one kind of whole number: a float attribute that is one counts as an integer, in memory as in a file. */
static bool is_whole(double real)
{
    return real >= -0x1p53 && real <= 0x1p53 && real == (double)(int64_t)real;
}

static enum attribute_kind written_kind(const struct attribute *a)
{
    bool whole = a->kind != ATTRIBUTE_FLOAT || is_whole(a->f);

    for (int i = 0; a->kind == ATTRIBUTE_FLOATS && i < a->count; i++)
        whole = whole && is_whole((double)a->floats[i]);
    if (!whole)
        return a->kind;
    return a->kind == ATTRIBUTE_FLOAT ? ATTRIBUTE_INT : a->kind == ATTRIBUTE_FLOATS ? ATTRIBUTE_INTS : a->kind;
}

static void add_attribute(struct digest_stream *d, const struct attribute *a)
{
    const bool real = a->kind == ATTRIBUTE_FLOAT || a->kind == ATTRIBUTE_FLOATS;

    add_text(d, a->name);
    add_number(d, (uint64_t)written_kind(a));
    switch (written_kind(a)) {
    case ATTRIBUTE_INT: add_number(d, (uint64_t)(real ? (int64_t)a->f : a->i)); break;
    case ATTRIBUTE_FLOAT:
        add_float(d, (float)a->f); /* ONNX's attributes are single precision */
        break;
    case ATTRIBUTE_TEXT: add_text(d, a->s); break;
    case ATTRIBUTE_INTS:
        add_number(d, (uint64_t)a->count);
        for (int i = 0; i < a->count; i++)
            add_number(d, (uint64_t)(real ? (int64_t)a->floats[i] : a->ints[i]));
        break;
    case ATTRIBUTE_FLOATS:
        add_number(d, (uint64_t)a->count);
        for (int i = 0; i < a->count; i++)
            add_float(d, a->floats[i]);
        break;
    }
}

static int compare_attributes(const void *a, const void *b)
{
    return strcmp((*(const struct attribute *const *)a)->name, (*(const struct attribute *const *)b)->name);
}

static int compare_values(const void *a, const void *b)
{
    return strcmp((*(const struct value *const *)a)->name, (*(const struct value *const *)b)->name);
}

static int add_attributes(struct digest_stream *d, const struct attributes *attributes)
{
    const struct attribute **sorted = malloc(((size_t)attributes->count + 1) * sizeof(*sorted));

    if (sorted == NULL)
        return -1;
    for (int i = 0; i < attributes->count; i++)
        sorted[i] = &attributes->item[i];
    qsort(sorted, (size_t)attributes->count, sizeof(*sorted), compare_attributes);
    add_number(d, (uint64_t)attributes->count);
    for (int i = 0; i < attributes->count; i++)
        add_attribute(d, sorted[i]);
    free(sorted);
    return 0;
}

static void add_names(struct digest_stream *d, const struct graph *graph, const int *values, int count)
{
    add_number(d, (uint64_t)count);
    for (int i = 0; i < count; i++)
        add_text(d, values[i] < 0 ? NULL : graph->value[values[i]].name);
}

static int add_nodes(struct digest_stream *d, const struct graph *graph)
{
    add_number(d, (uint64_t)graph->node_count);
    for (int i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->node[i];

        add_text(d, node->name);
        add_text(d, node->op->name);
        add_names(d, graph, node->in, node->in_count);
        add_names(d, graph, node->out, node->out_count);
        if (add_attributes(d, &node->attributes) < 0)
            return -1;
    }
    return 0;
}

/* Shapes of computed values follow from the rest, and depend on who inferred them last. */
static void add_value(struct digest_stream *d, const struct value *value)
{
    const struct tensor *tensor = &value->tensor;

    add_text(d, value->name);
    add_number(d, (uint64_t)value->kind);
    add_quant(d, tensor->quant);
    if (value->kind == VALUE_COMPUTED)
        return;
    add_text(d, dtype_name(tensor->dtype));
    add_shape(d, &tensor->shape);
    if (value->kind == VALUE_WEIGHT)
        add_bytes(d, tensor->data, tensor->data != NULL ? tensor_bytes(tensor) : 0);
}

static int add_values(struct digest_stream *d, const struct graph *graph)
{
    const struct value **sorted = malloc(((size_t)graph->value_count + 1) * sizeof(*sorted));

    if (sorted == NULL)
        return -1;
    for (int i = 0; i < graph->value_count; i++)
        sorted[i] = &graph->value[i];
    qsort(sorted, (size_t)graph->value_count, sizeof(*sorted), compare_values);
    add_number(d, (uint64_t)graph->value_count);
    for (int i = 0; i < graph->value_count; i++)
        add_value(d, sorted[i]);
    free(sorted);
    return 0;
}

static void add_preprocess(struct digest_stream *d, const struct preprocess *p)
{
    add_number(d, (uint64_t)p->channels);
    add_number(d, (uint64_t)p->height);
    add_number(d, (uint64_t)p->width);
    add_number(d, (uint64_t)p->resize);
    add_number(d, (uint64_t)p->fit + 256 * (uint64_t)p->decode); /* 0 for what there was before */
    for (int i = 0; i < p->channels && i < 3; i++) {
        add_float(d, p->mean[i]);
        add_float(d, p->std[i]);
    }
}

static void add_meaning(struct digest_stream *d, const struct model *model)
{
    add_text(d, model->task);
    add_number(d, model->softmax);
    add_number(d, model->has_preprocess);
    if (model->has_preprocess)
        add_preprocess(d, &model->preprocess);
    add_number(d, (uint64_t)model->label_count);
    for (int i = 0; i < model->label_count; i++)
        add_text(d, model->label[i]);
    add_number(d, model->threshold != NULL);
    for (int i = 0; model->threshold != NULL && i < model->label_count; i++)
        add_float(d, model->threshold[i]);
}

int model_identity(const struct model *model, struct digest *digest, struct error *err)
{
    const struct graph *graph = &model->graph;
    struct digest_stream *d = digest_begin(err);
    bool failed;

    if (d == NULL)
        return -1;
    add_text(d, "coedge model identity 1");
    add_names(d, graph, graph->input, graph->input_count);
    add_names(d, graph, graph->output, graph->output_count);
    failed = add_nodes(d, graph) < 0 || add_values(d, graph) < 0;
    add_meaning(d, model);
    *digest = digest_end(d);
    return failed ? error_memory(err) : 0;
}
