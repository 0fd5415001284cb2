/* twin.c - a compiled graph run several times at once: weights and plan are there once, activations for each. */
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "graph/exec_internal.h"

/* The tensor of the twin that is the other's. */
static struct tensor *own_of(const struct exec *twin, const struct exec *exec, const struct tensor *tensor)
{
    return tensor == NULL ? NULL : &twin->tensor[tensor - exec->tensor];
}

static int copy_step(struct exec *twin, const struct exec *exec, int n, struct error *err)
{
    const struct step *from = &exec->step[n];
    struct step *step = &twin->step[n];
    const int ins = from->io.in_count, outs = from->io.out_count;

    *step = *from;
    step->in = arena_array(&twin->arena, (size_t)ins + 1, sizeof(*step->in));
    step->out = arena_array(&twin->arena, (size_t)outs + 1, sizeof(*step->out));
    if (step->in == NULL || step->out == NULL)
        return error_memory(err);
    for (int i = 0; i < ins; i++)
        step->in[i] = own_of(twin, exec, from->in[i]);
    for (int i = 0; i < outs; i++)
        step->out[i] = own_of(twin, exec, from->out[i]);
    step->io.in = step->in;
    step->io.out = step->out;
    step->epilogue.add = own_of(twin, exec, from->epilogue.add);
    if (from->io.epilogue != NULL)
        step->io.epilogue = &step->epilogue;
    return 0;
}

static int copy_steps(struct exec *twin, const struct exec *exec, struct error *err)
{
    const size_t values = (size_t)exec->graph.value_count, nodes = (size_t)exec->graph.node_count;

    twin->tensor = arena_array(&twin->arena, values + 1, sizeof(*twin->tensor));
    twin->step = arena_array(&twin->arena, nodes + 1, sizeof(*twin->step));
    if (twin->tensor == NULL || twin->step == NULL)
        return error_memory(err);
    memcpy(twin->tensor, exec->tensor, values * sizeof(*twin->tensor));
    for (int n = 0; n < exec->graph.node_count; n++)
        if (copy_step(twin, exec, n, err) < 0)
            return -1;
    return 0;
}

struct exec *exec_twin(const struct exec *exec, struct pool *pool, struct error *err)
{
    struct exec *twin = sys_alloc(sizeof(*twin));

    if (twin == NULL) {
        error_memory(err);
        return NULL;
    }
    *twin = *exec;
    twin->arena = twin->late_arena = (struct arena){ 0 };
    twin->unaligned = twin->packed = NULL; /* steps point to the other's */
    twin->packed_bytes = 0;
    twin->run.pool = pool;
    if (copy_steps(twin, exec, err) < 0 || exec_allocate(twin, err) < 0 ||
        (twin->slices > 1 && slices_make(twin, twin->slices, err) < 0)) {
        exec_free(twin);
        return NULL;
    }
    place_bind(twin);
    return twin;
}
