/* exec.c - compiling a graph and running it forward. */
#include "graph/exec.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/sys.h"
#include "graph/exec_internal.h"

/* What folding and the kernels read without asking. */
static int check_weights(const struct graph *graph, struct error *err)
{
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->value[v];

        if (value->kind != VALUE_WEIGHT)
            continue;
        if (shape_check(&value->tensor.shape, INT64_MAX / 8, err) < 0)
            return error_in(err, "'%s'", value->name);
        if (value->tensor.data == NULL && shape_count(&value->tensor.shape) > 0)
            return error_set(err, ERROR_INPUT, "'%s' has no data", value->name);
    }
    return 0;
}

/* The graph to run; weights made for it lie in `made`. */
static int compile(struct exec *exec, const struct graph *graph, int64_t batch, struct arena *made, struct error *err)
{
    const struct shaping how = { .batch = batch, .trains = exec->mode == EXEC_TRAIN, .known_bytes = KNOWN_BYTES };
    struct graph folded;

    if (graph_check(graph, err) < 0 || check_weights(graph, err) < 0)
        return -1;
    if (exec->mode == EXEC_TRAIN) {
        if (graph_copy(&exec->graph, &exec->arena, graph, false, err) < 0 || graph_bake(&exec->graph, &how, err) < 0)
            return -1;
        graph_pool_first(&exec->graph);
        return late_split(exec, batch, err);
    }
    if (graph_copy(&folded, made, graph, false, err) < 0 || graph_fold(&folded, err) < 0 ||
        graph_lower(&folded, err) < 0 || graph_bake(&folded, &how, err) < 0 ||
        (exec->mode == EXEC_INFER && graph_join_curves(&folded, &how, err) < 0) ||
        graph_remove_dead(&folded, err) < 0 || graph_copy(&exec->graph, &exec->arena, &folded, false, err) < 0)
        return -1;
    return late_split(exec, batch, err);
}

static int check_trainable(const struct graph *graph, struct error *err)
{
    for (int v = 0; v < graph->value_count; v++)
        if (graph->value[v].tensor.quant != NULL)
            return error_set(err, ERROR_INPUT, "'%s' is quantized, training needs F32", graph->value[v].name);
    return 0;
}

static int prepare_run(struct exec *exec, const struct job *job, struct error *err)
{
    exec->run = (struct op_run){ .kern = job != NULL ? job->kern : NULL };
    if (job != NULL) {
        exec->run.pool = job->pool;
        exec->run.seed = job->seed;
    }
    if (exec->run.kern != NULL)
        return 0;
    exec->run.kern = &exec->own_kern;
    return kern_init(&exec->own_kern, NULL, err);
}

/* Every node that must run backward can. */
static int check_backward(const struct exec *exec, struct error *err)
{
    for (int n = 0; n < exec->graph.node_count; n++) {
        const struct node *node = &exec->graph.node[n];

        if (exec->step[n].trains && node->op->backward == NULL)
            return error_set(err, ERROR_INPUT, "node '%s' (%s): no gradient passes through it", node->name,
                             node->op->name);
    }
    return 0;
}

int exec_check_bytes(size_t bytes, struct error *err)
{
    uint64_t limit = limit_get(LIMIT_ACTIVATION_BYTES);

    if (bytes > limit)
        return error_set(err, ERROR_LIMIT, "one run needs %zu bytes of activations, the limit is %" PRIu64, bytes,
                         limit);
    return 0;
}

int exec_allocate(struct exec *exec, struct error *err)
{
    unsigned char *block;

    if (exec_check_bytes(exec->plan.bytes, err) < 0)
        return -1;
    exec->unaligned = sys_alloc(exec->plan.bytes + PLAN_ALIGNMENT);
    if (exec->unaligned == NULL)
        return error_memory(err);
    block = exec->unaligned;
    exec->block = block + (PLAN_ALIGNMENT - (uintptr_t)block % PLAN_ALIGNMENT) % PLAN_ALIGNMENT;
    exec->block_bytes = exec->plan.bytes;
    return 0;
}

static int make(struct exec *exec, const struct graph *graph, int64_t batch, const struct exec_training *how,
                const struct job *job, struct arena *made, struct error *err)
{
    if (batch < 1)
        return error_set(err, ERROR_INPUT, "batch is %" PRId64 ", expected at least 1", batch);
    if (exec->mode == EXEC_TRAIN && check_trainable(graph, err) < 0)
        return -1;
    if (prepare_run(exec, job, err) < 0 || compile(exec, graph, batch, made, err) < 0)
        return -1;
    if (exec->mode == EXEC_INFER && graph_lay_blocks(&exec->graph, batch, exec->run.kern, err) < 0)
        return -1;
    if (steps_make(exec, batch, job, err) < 0)
        return -1;
    if (place_init(exec, err) < 0 || again_init(exec, err) < 0 || train_init(exec, err) < 0)
        return -1;
    exec->takes = how->takes;
    train_mark(exec, how->frozen);
    if (check_backward(exec, err) < 0)
        return -1;
    again_forget_cheap(exec);
    if (lessen_to_fit(exec, how, err) < 0 || exec_allocate(exec, err) < 0)
        return -1;
    if (steps_pack(exec, err) < 0 || (exec->mode != EXEC_TRAIN && settle_weights(exec, graph, err) < 0))
        return -1;
    place_bind(exec);
    if (exec->mode == EXEC_INFER)
        ahead_make(exec);
    return 0;
}

static struct exec *new_exec(const struct graph *graph, int64_t batch, enum exec_mode mode,
                             const struct exec_training *how, const struct job *job, struct error *err)
{
    struct exec *exec = sys_alloc(sizeof(*exec));
    struct arena made = { 0 };
    int64_t samples = batch;
    int rc = 0;

    if (exec == NULL) {
        error_memory(err);
        return NULL;
    }
    *exec = (struct exec){ .mode = mode, .slices = 1 };
    if (mode == EXEC_INFER)
        rc = slices_choose(graph, batch, job, &samples, err);
    if (rc == 0)
        rc = make(exec, graph, samples, how, job, &made, err);
    if (rc == 0 && samples < batch)
        rc = slices_make(exec, batch / samples, err);
    arena_free(&made);
    if (rc == 0)
        return exec;
    exec_free(exec);
    return NULL;
}

struct exec *exec_new(const struct graph *graph, int64_t batch, enum exec_mode mode, const struct job *job,
                      struct error *err)
{
    return new_exec(graph, batch, mode, &(struct exec_training){ 0 }, job, err);
}

struct exec *exec_new_training(const struct graph *graph, int64_t batch, const struct exec_training *how,
                               const struct job *job, struct error *err)
{
    return new_exec(graph, batch, EXEC_TRAIN, how, job, err);
}

void exec_free(struct exec *exec)
{
    if (exec == NULL)
        return;
    free(exec->unaligned);
    free(exec->packed);
    arena_free(&exec->late_arena);
    arena_free(&exec->arena);
    free(exec);
}

struct tensor *exec_input(struct exec *exec, int i)
{
    return exec->slices > 1 ? &exec->whole_in[i] : &exec->tensor[exec->graph.input[i]];
}

struct tensor *exec_output(struct exec *exec, int i)
{
    return exec->slices > 1 ? &exec->whole_out[i] : &exec->tensor[exec->result[i]];
}

const struct tensor *exec_value(const struct exec *exec, const char *name)
{
    int v = graph_find_value(&exec->graph, name);

    if (v < 0)
        return NULL;
    if (exec->graph.value[v].kind == VALUE_WEIGHT)
        return &exec->tensor[v];
    for (int i = 0; i < exec->graph.input_count && exec->slices > 1; i++)
        if (exec->graph.input[i] == v)
            return &exec->whole_in[i];
    for (int i = 0; i < exec->result_count && exec->slices > 1; i++)
        if (exec->result[i] == v)
            return &exec->whole_out[i];
    /* In training, what backward reads is whole after forward; else only what lives to the end. */
    if (exec->last_read[v] < exec->graph.node_count || exec->tensor[v].data == NULL)
        return NULL;
    return &exec->tensor[v];
}

bool step_runs(const struct step *step)
{
    return !step->absorbed && !step->view && !step->joined && !step->empty;
}

void step_run(struct exec *exec, int n)
{
    struct step *step = &exec->step[n];

    step->io.work = step->work < 0 ? NULL : exec->block + exec->plan.span[step->work].offset;
    if (exec->mode == EXEC_TRAIN)
        place_inputs(exec, n);
    exec->run.node = (uint64_t)n;
    exec->graph.node[n].op->forward(&step->io, &exec->run);
}

void exec_forward(struct exec *exec)
{
    for (int i = 0; i < exec->replay_count; i++) /* the last step ended with what it computed again */
        place_first(exec, exec->replay[i].node);
    for (int64_t slice = 0; slice < exec->slices; slice++) {
        slices_enter(exec, slice);
        for (int n = 0; n < exec->graph.node_count; n++)
            if (step_runs(&exec->step[n]))
                step_run(exec, n);
        slices_leave(exec, slice);
    }
}

int exec_run(struct exec *exec, struct error *err)
{
    exec_forward(exec);
    return late_run(exec, err);
}

bool exec_is_late(const struct exec *exec)
{
    return exec->late_count > 0;
}

void exec_set_step(struct exec *exec, uint64_t seed, uint64_t step)
{
    exec->run.seed = seed;
    exec->run.step = step;
}

size_t exec_memory_bytes(const struct exec *exec)
{
    return exec->plan.bytes + exec->packed_bytes + exec->arena.used_bytes;
}

const struct graph *exec_graph(const struct exec *exec)
{
    return &exec->graph;
}
