#include "op/walk.h"

#include "op/chunk.h"

/* True when axis `i` continues axis `last` for both operands. */
static bool continues(const struct walk *w, int last, int64_t step[2][SHAPE_MAX_RANK], int i, int64_t dim)
{
    return last >= 0 && w->step[0][last] == step[0][i] * dim && w->step[1][last] == step[1][i] * dim;
}

static struct walk merge(const struct shape *whole, int64_t step[2][SHAPE_MAX_RANK])
{
    struct walk w = { 0 };
    int64_t size = 1;

    for (int i = 0; i < whole->rank; i++) {
        if (whole->dim[i] == 1)
            continue;
        if (continues(&w, w.rank - 1, step, i, whole->dim[i]))
            w.dim[w.rank - 1] *= whole->dim[i];
        else
            w.dim[w.rank++] = whole->dim[i];
        w.step[0][w.rank - 1] = step[0][i];
        w.step[1][w.rank - 1] = step[1][i];
    }
    if (w.rank == 0) {
        w.rank = 1;
        w.dim[0] = 1;
    }
    for (int i = w.rank - 1; i >= 0; i--) {
        w.step[WALK_WHOLE][i] = size;
        size *= w.dim[i];
    }
    return w;
}

struct walk walk_of(const struct shape *whole, const struct shape *a, const struct shape *b)
{
    const struct shape *operand[2] = { a, b };
    int64_t step[2][SHAPE_MAX_RANK] = { { 0 } };

    for (int o = 0; o < 2; o++) {
        int shift = whole->rank - operand[o]->rank;
        int64_t size = 1;

        for (int i = operand[o]->rank - 1; i >= 0; i--) {
            step[o][i + shift] = operand[o]->dim[i] == 1 ? 0 : size;
            size *= operand[o]->dim[i];
        }
    }
    return merge(whole, step);
}

int walk_axis(const struct walk *walk, int operand)
{
    for (int i = 0; i < walk->rank; i++)
        if (walk->step[operand][i] != 0)
            return i;
    return -1;
}

struct visits {
    const struct walk *walk;
    int axis;
    walk_visit *visit;
    const void *context;
};

/* From `at`, all indices of this axis and the later ones; of v->axis only begin..end-1. */
static void descend(const struct visits *v, int axis, size_t begin, size_t end, const size_t at[3])
{
    const struct walk *w = v->walk;
    bool split = axis == v->axis, innermost = axis == w->rank - 1;
    size_t from = split ? begin : 0, to = split ? end : (size_t)w->dim[axis];
    struct walk_run run = { .n = to - from };

    for (size_t i = from; i < to; i = innermost ? to : i + 1) {
        for (int o = 0; o < 3; o++)
            run.at[o] = at[o] + i * (size_t)w->step[o][axis];
        if (!innermost) {
            descend(v, axis + 1, begin, end, run.at);
        } else {
            run.step[0] = (size_t)w->step[0][axis];
            run.step[1] = (size_t)w->step[1][axis];
            v->visit(v->context, &run);
        }
    }
}

static void piece(const void *context, size_t begin, size_t end, int worker)
{
    const size_t origin[3] = { 0 };

    (void)worker;
    descend(context, 0, begin, end, origin);
}

void walk_visit_all(const struct walk *walk, int axis, struct pool *pool, walk_visit *visit, const void *context)
{
    struct visits v = { walk, axis, visit, context };
    size_t count = axis < 0 ? 1 : (size_t)walk->dim[axis], elements = 1;

    for (int i = 0; i < walk->rank; i++)
        if (i != axis)
            elements *= (size_t)walk->dim[i];
    chunk_run(pool, count, elements, piece, &v);
}
