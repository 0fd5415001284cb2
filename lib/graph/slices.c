/*
 * slices.c - a large batch runs some samples at a time. What a layer writes is then still in a cache when the next
 * one reads it, and memory is planned for those few samples.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/sys.h"
#include "graph/exec_internal.h"

enum { SLICE_BYTES = 8 * 1024 * 1024 }; /* what a node reads and writes */

/* The most that a node reads and writes, of values that are computed. */
static size_t largest_node(const struct graph *graph, const struct tensor *tensor)
{
    size_t most = 1;

    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];
        size_t bytes = 0;

        for (int i = 0; i < node->in_count; i++)
            if (node->in[i] >= 0 && graph->value[node->in[i]].kind != VALUE_WEIGHT)
                bytes += tensor_bytes(&tensor[node->in[i]]);
        for (int i = 0; i < node->out_count; i++)
            bytes += tensor_bytes(&tensor[node->out[i]]);
        most = bytes > most ? bytes : most;
    }
    return most;
}

int slices_choose(const struct graph *graph, int64_t batch, const struct job *job, int64_t *samples, struct error *err)
{
    const int64_t workers = pool_threads(job != NULL ? job->pool : NULL);
    struct arena scratch = { 0 };
    struct tensor *one = NULL; /* of a batch of one, if samples stay apart */
    int rc = 0;

    *samples = batch;
    if (batch > workers)
        rc = graph_apart(graph, &one, &scratch, err);
    if (rc == 0 && one != NULL) {
        int64_t wanted = SLICE_BYTES / (int64_t)largest_node(graph, one);

        wanted = wanted > workers ? wanted : workers;
        while (*samples > wanted || batch % *samples != 0)
            --*samples;
        while (*samples < workers || batch % *samples != 0) /* none of these fits: one for each thread at least */
            ++*samples;
    }
    arena_free(&scratch);
    return rc;
}

/* With all that the whole batch brings and takes. */
static size_t all_bytes(const struct exec *exec)
{
    size_t bytes = 0;

    for (int i = 0; i < exec->graph.input_count; i++)
        bytes += tensor_bytes(&exec->tensor[exec->graph.input[i]]);
    for (int i = 0; i < exec->result_count; i++)
        bytes += tensor_bytes(&exec->tensor[exec->result[i]]);
    return exec->plan.bytes + bytes * (size_t)exec->slices;
}

static int whole_tensor(struct exec *exec, struct tensor *whole, const struct tensor *slice, struct error *err)
{
    *whole = *slice;
    whole->shape.dim[0] *= exec->slices;
    whole->data = arena_alloc(&exec->arena, tensor_bytes(whole) + 1);
    return whole->data == NULL ? error_memory(err) : 0;
}

int slices_make(struct exec *exec, int64_t count, struct error *err)
{
    const struct graph *graph = &exec->graph;

    exec->slices = count;
    exec->whole_in = arena_array(&exec->arena, (size_t)graph->input_count + 1, sizeof(*exec->whole_in));
    exec->whole_out = arena_array(&exec->arena, (size_t)exec->result_count + 1, sizeof(*exec->whole_out));
    if (exec->whole_in == NULL || exec->whole_out == NULL)
        return error_memory(err);
    if (exec_check_bytes(all_bytes(exec), err) < 0)
        return -1;
    for (int i = 0; i < graph->input_count; i++)
        if (whole_tensor(exec, &exec->whole_in[i], &exec->tensor[graph->input[i]], err) < 0)
            return -1;
    for (int i = 0; i < exec->result_count; i++)
        if (whole_tensor(exec, &exec->whole_out[i], &exec->tensor[exec->result[i]], err) < 0)
            return -1;
    return 0;
}

void slices_enter(struct exec *exec, int64_t slice)
{
    for (int i = 0; i < exec->graph.input_count && exec->slices > 1; i++) {
        const struct tensor *to = &exec->tensor[exec->graph.input[i]];
        size_t bytes = tensor_bytes(to);

        memcpy(to->data, (const char *)exec->whole_in[i].data + (size_t)slice * bytes, bytes);
    }
}

void slices_leave(struct exec *exec, int64_t slice)
{
    for (int i = 0; i < exec->result_count && exec->slices > 1; i++) {
        const struct tensor *from = &exec->tensor[exec->result[i]];
        size_t bytes = tensor_bytes(from);

        memcpy((char *)exec->whole_out[i].data + (size_t)slice * bytes, from->data, bytes);
    }
}
