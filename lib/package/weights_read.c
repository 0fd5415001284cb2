/* weights_read.c - weights alone, in: every weight of a known model from safetensors or npz. */
#include <stdlib.h>
#include <string.h>

#include "package/internal.h"
#include "package/weights_file.h"
#include "package/weights_name.h"
#include "stream/zip.h"
#include "tensor/element.h"

bool weights_is(const void *bytes, size_t count)
{
    const unsigned char *b = bytes;

    return zip_is(bytes, count) ||
           (count > SAFETENSORS_LENGTH && b[SAFETENSORS_LENGTH] == '{' && memcmp(b + 4, "\0\0\0\0", 4) == 0);
}

/* ---- the file ---- */

static int list_safetensors(struct tensor_list *list, struct arena *arena, const unsigned char *bytes, size_t count,
                            struct error *err)
{
    struct safetensors st;
    struct tensor *tensor;

    if (safetensors_parse(&st, arena, bytes, count, err) < 0)
        return -1;
    tensor = arena_array(arena, (size_t)st.count + 1, sizeof(*tensor));
    *list = (struct tensor_list){ arena_array(arena, (size_t)st.count + 1, sizeof(*list->tensor)),
                                  arena_array(arena, (size_t)st.count + 1, sizeof(*list->name)), st.count };
    if (tensor == NULL || list->tensor == NULL || list->name == NULL)
        return error_memory(err);
    for (int i = 0; i < st.count; i++) {
        const struct safetensors_entry *entry = &st.entry[i];

        tensor[i] = (struct tensor){ .dtype = entry->dtype, .shape = entry->shape };
        tensor[i].data = (void *)(uintptr_t)(bytes + st.data_offset + entry->begin); /* only read */
        list->tensor[i] = &tensor[i];
        list->name[i] = entry->name;
    }
    return 0;
}

/* ---- names: each weight of ours, and the tensor that is it ---- */

struct theirs {
    const char *name;
    const struct tensor *tensor;
    bool used;
};

struct match {
    struct model *model;
    struct theirs *theirs; /* by name */
    int count;
    const struct tensor **found; /* for each value of the graph; NULL: none */
    int missing, differing, unknown;
};

static int by_name(const void *a, const void *b)
{
    const struct theirs *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static bool is_weight(const void *context, const char *name)
{
    const struct graph *graph = context;
    const int value = graph_find_value(graph, name);

    return value >= 0 && graph->value[value].kind == VALUE_WEIGHT;
}

static int sort_theirs(struct match *match, struct arena *arena, struct tensor_list *list, struct error *err)
{
    const struct graph *graph = &match->model->graph;

    weights_strip(list, is_weight, graph);
    match->theirs = arena_array(arena, (size_t)list->count + 1, sizeof(*match->theirs));
    match->found = arena_array(arena, (size_t)graph->value_count + 1, sizeof(*match->found));
    if (match->theirs == NULL || match->found == NULL)
        return error_memory(err);
    for (int i = 0; i < list->count; i++)
        if (is_weight(graph, list->name[i]) || !weights_only_theirs(list->name[i]))
            match->theirs[match->count++] = (struct theirs){ list->name[i], list->tensor[i], false };
    qsort(match->theirs, (size_t)match->count, sizeof(*match->theirs), by_name);
    return 0;
}

static bool fits(const struct tensor *ours, const struct tensor *theirs)
{
    return shape_equal(&ours->shape, &theirs->shape) &&
           (ours->dtype == theirs->dtype || (dtype_is_float(ours->dtype) && dtype_is_float(theirs->dtype)));
}

/* Fills found and the counts. Returns the first value that has no tensor that fits, or -1. */
static int find_all(struct match *match)
{
    const struct graph *graph = &match->model->graph;
    int first = -1;

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];
        const struct theirs key = { .name = value->name };
        struct theirs *theirs;

        if (value->kind != VALUE_WEIGHT)
            continue;
        theirs = bsearch(&key, match->theirs, (size_t)match->count, sizeof(key), by_name);
        if (theirs == NULL && weights_only_ours(value))
            continue;
        if (theirs != NULL) {
            theirs->used = true;
            match->found[i] = theirs->tensor;
        }
        match->missing += theirs == NULL;
        match->differing += theirs != NULL && !fits(&value->tensor, theirs->tensor);
        if (first < 0 && match->missing + match->differing > 0)
            first = i;
    }
    for (int i = 0; i < match->count; i++)
        match->unknown += !match->theirs[i].used;
    return first;
}

/* ---- what is wrong ---- */

static bool is_heads(const struct model *model, int value)
{
    const int head = model_head(model);
    const struct node *node = head >= 0 ? &model->graph.node[head] : NULL;

    for (int i = 0; node != NULL && i < node->in_count; i++)
        if (node->in[i] == value)
            return true;
    return false;
}

static int complain_differing(const struct match *match, int value, struct error *err)
{
    const struct tensor *ours = &match->model->graph.value[value].tensor, *theirs = match->found[value];
    const char *name = match->model->graph.value[value].name;
    char expected[160], found[160];

    error_set(err, ERROR_INPUT,
              "tensor '%.200s' is %s %s, %s expects %s %s (%d missing, %d differ, %d are none of its)", name,
              dtype_name(theirs->dtype), shape_text(&theirs->shape, found), match->model->name, dtype_name(ours->dtype),
              shape_text(&ours->shape, expected), match->missing, match->differing, match->unknown);
    if (is_heads(match->model, value) && theirs->shape.rank > 0)
        error_hint(err, "--classes %lld makes a network of so many", (long long)theirs->shape.dim[0]);
    return -1;
}

static int complain(const struct match *match, int first, struct error *err)
{
    const struct theirs *unknown = match->theirs;
    char expected[160];

    if (first >= 0 && match->found[first] != NULL)
        return complain_differing(match, first, err);
    if (first >= 0)
        return error_set(
            err, ERROR_INPUT, "tensor '%.200s' %s of %s is missing (%d missing, %d differ, %d are none of its)",
            match->model->graph.value[first].name, shape_text(&match->model->graph.value[first].tensor.shape, expected),
            match->model->name, match->missing, match->differing, match->unknown);
    while (unknown->used)
        unknown++;
    return error_set(err, ERROR_INPUT, "tensor '%.200s' %s is none of %s (%d are none of its)", unknown->name,
                     shape_text(&unknown->tensor->shape, expected), match->model->name, match->unknown);
}

/* ---- all of it ---- */

static void fill(struct tensor *to, const struct tensor *from)
{
    const size_t bytes = dtype_bytes(from->dtype);
    const unsigned char *at = from->data;
    uint64_t element = 0;

    if (to->dtype == from->dtype && tensor_bytes(to) > 0)
        memcpy(to->data, from->data, tensor_bytes(to));
    if (to->dtype == from->dtype)
        return;
    for (int64_t i = 0; i < shape_count(&to->shape); i++, at += bytes) { /* which may lie unaligned */
        memcpy(&element, at, bytes);
        element_set_real(to->dtype, to->data, i, element_real(from->dtype, &element, 0));
    }
}

static int read_bytes(struct model *model, struct arena *arena, const struct input *in, struct error *err)
{
    struct match match = { .model = model };
    struct tensor_list list;
    int first;

    if ((zip_is(in->bytes, in->count) ? npz_read(&list, arena, in->bytes, in->count, err)
                                      : list_safetensors(&list, arena, in->bytes, in->count, err)) < 0 ||
        sort_theirs(&match, arena, &list, err) < 0)
        return -1;
    first = find_all(&match);
    if (match.missing + match.differing + match.unknown > 0)
        return complain(&match, first, err);
    for (int i = 0; i < model->graph.value_count; i++)
        if (match.found[i] != NULL)
            fill(&model->graph.value[i].tensor, match.found[i]);
    return model_check_finite(model, err);
}

int weights_read(struct model *model, const char *path, struct error *err)
{
    struct arena arena = { 0 };
    struct input in;
    int rc;

    if (input_open(&in, path, 0, err) < 0)
        return -1;
    rc = read_bytes(model, &arena, &in, err);
    arena_free(&arena);
    input_close(&in);
    return rc < 0 ? error_in(err, "%s", strcmp(path, "-") == 0 ? "standard input" : path) : 0;
}
