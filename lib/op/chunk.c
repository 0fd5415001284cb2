/* chunk.c - see chunk.h. */
#include "op/chunk.h"

struct chunks {
    size_t count, step;
    chunk_task *task;
    const void *context;
};

static void piece(void *context, size_t index, int worker)
{
    const struct chunks *c = context;
    size_t begin = index * c->step, left = c->count - begin;

    c->task(c->context, begin, begin + (left < c->step ? left : c->step), worker);
}

void chunk_run(struct pool *pool, size_t count, size_t elements, chunk_task *task, const void *context)
{
    struct chunks c = { count, 1, task, context };

    if (count == 0)
        return;
    if (elements < CHUNK_ELEMENTS)
        c.step = CHUNK_ELEMENTS / (elements > 0 ? elements : 1);
    if (count <= c.step)
        task(context, 0, count, 0);
    else
        pool_run(pool, (count + c.step - 1) / c.step, piece, &c);
}
