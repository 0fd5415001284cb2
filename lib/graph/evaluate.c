/* evaluate.c - one node by itself: constants worked out in advance, and what can only be sized when it runs. */
#include "graph/internal.h"

#include "base/limits.h"

struct op_io *node_io(const struct node *node, struct tensor *tensor, struct arena *arena)
{
    struct op_io *io = arena_alloc(arena, sizeof(*io));
    const struct tensor **in = arena_array(arena, (size_t)node->in_count + 1, sizeof(struct tensor *));
    struct tensor **out = arena_array(arena, (size_t)node->out_count + 1, sizeof(struct tensor *));
    void *plan = arena_alloc(arena, node->op->plan_bytes + 1);

    if (io == NULL || in == NULL || out == NULL || plan == NULL)
        return NULL;
    for (int i = 0; i < node->in_count; i++)
        in[i] = node->in[i] < 0 ? NULL : &tensor[node->in[i]];
    for (int i = 0; i < node->out_count; i++)
        out[i] = &tensor[node->out[i]];
    *io = (struct op_io){ .attributes = &node->attributes,
                          .in = in,
                          .in_count = node->in_count,
                          .out = out,
                          .out_count = node->out_count,
                          .plan = plan,
                          .workers = 1 };
    return io;
}

/* An operator that does not say so may divide by an axis. */
static int check_inputs(const struct op *op, const struct op_io *io, struct error *err)
{
    char text[160];

    for (int i = 0; i < io->in_count && !(op->flags & OP_EMPTY); i++)
        if (io->in[i] != NULL && shape_count(&io->in[i]->shape) == 0 && !(i < 32 && op->arguments & 1U << i))
            return error_set(err, ERROR_INPUT, "input %d has shape %s, expected some element", i,
                             shape_text(&io->in[i]->shape, text));
    return 0;
}

static int make_room(struct op_io *io, struct arena *arena, struct error *err)
{
    for (int i = 0; i < io->out_count; i++) {
        struct tensor *out = io->out[i];

        if (shape_check(&out->shape, (int64_t)(limit_get(LIMIT_ACTIVATION_BYTES) / 4), err) < 0)
            return -1;
        out->data = arena_alloc(arena, tensor_bytes(out) + 1);
        if (out->data == NULL)
            return error_memory(err);
    }
    return 0;
}

static int run_node(const struct node *node, struct tensor *tensor, const struct op_run *run, struct arena *arena,
                    struct arena *scratch, struct error *err)
{
    struct op_io *io = node_io(node, tensor, scratch);
    bool empty = true;

    if (io == NULL)
        return error_memory(err);
    io->workers = pool_threads(run->pool);
    if (check_inputs(node->op, io, err) < 0 || node->op->shape(io, err) < 0 || make_room(io, arena, err) < 0)
        return -1;
    io->work = arena_alloc(scratch, io->work_bytes + 1);
    io->saved = arena_alloc(scratch, io->saved_bytes + 1);
    if (io->work == NULL || io->saved == NULL)
        return error_memory(err);
    for (int i = 0; i < io->out_count; i++)
        empty = empty && shape_count(&io->out[i]->shape) == 0;
    if (!empty)
        node->op->forward(io, run);
    return 0;
}

int node_evaluate(const struct node *node, struct tensor *tensor, const struct op_run *run, struct arena *arena,
                  struct error *err)
{
    struct arena scratch = { 0 };
    int rc = run_node(node, tensor, run, arena, &scratch, err);

    arena_free(&scratch);
    return rc < 0 ? error_in(err, "node '%s' (%s)", node->name, node->op->name) : 0;
}
