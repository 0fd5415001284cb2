/*
 * settle.c - weights made for one run alone (folded, dequantized) lie in an arena
 * of their own while the graph is compiled. Those that the kernels have in an order
 * of their own are not kept twice; the others move in with the run.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/exec_internal.h"

static int by_address(const void *a, const void *b)
{
    const char *x = *(void *const *)a, *y = *(void *const *)b;

    return x < y ? -1 : x > y;
}

/* The weights of the caller's graph by address, so that what is not among them is known to be made here. */
static void **sorted_weights(const struct graph *source, struct arena *arena, size_t *count)
{
    void **data = arena_array(arena, (size_t)source->value_count + 1, sizeof(*data));

    *count = 0;
    for (int v = 0; v < source->value_count && data != NULL; v++)
        if (source->value[v].kind == VALUE_WEIGHT && source->value[v].tensor.data != NULL)
            data[(*count)++] = source->value[v].tensor.data;
    if (data != NULL)
        qsort(data, *count, sizeof(*data), by_address);
    return data;
}

/* True when some node reads the weight itself: nothing packed, or another input than the packed one. */
static void mark_read(const struct exec *exec, bool *read)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct node *node = &exec->graph.node[n];

        for (int i = 0; i < node->in_count; i++)
            if (node->in[i] >= 0 && (exec->step[n].io.packed_bytes == 0 || i >= 32 || !(node->op->packs & 1U << i)))
                read[node->in[i]] = true;
    }
    for (int n = 0; n < exec->late_count; n++)
        for (int i = 0; i < exec->late[n].in_count; i++)
            if (exec->late[n].in[i] >= 0)
                read[exec->late[n].in[i]] = true;
    for (int i = 0; i < exec->graph.output_count; i++)
        read[exec->graph.output[i]] = true;
}

static int move_in(struct exec *exec, int v, bool read, struct error *err)
{
    struct tensor *tensor = &exec->graph.value[v].tensor;
    void *kept = NULL;

    if (read || exec->mode != EXEC_INFER) {
        kept = arena_alloc(&exec->arena, tensor_bytes(tensor) + 1);
        if (kept == NULL)
            return error_memory(err);
        memcpy(kept, tensor->data, tensor_bytes(tensor));
    }
    tensor->data = exec->tensor[v].data = kept;
    return 0;
}

static int move_all(struct exec *exec, const struct graph *source, struct arena *scratch, struct error *err)
{
    size_t count;
    void **theirs = sorted_weights(source, scratch, &count);
    bool *read = arena_array(scratch, (size_t)exec->graph.value_count + 1, sizeof(*read));

    if (theirs == NULL || read == NULL)
        return error_memory(err);
    mark_read(exec, read);
    for (int v = 0; v < exec->graph.value_count; v++) {
        const struct value *value = &exec->graph.value[v];
        void *data = value->tensor.data;

        if (value->kind != VALUE_WEIGHT || data == NULL ||
            bsearch(&data, theirs, count, sizeof(*theirs), by_address) != NULL)
            continue;
        if (move_in(exec, v, read[v], err) < 0)
            return -1;
    }
    return 0;
}

int settle_weights(struct exec *exec, const struct graph *source, struct error *err)
{
    struct arena scratch = { 0 };
    int rc = move_all(exec, source, &scratch, err);

    arena_free(&scratch);
    return rc;
}
