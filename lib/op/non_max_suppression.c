/*
 * non_max_suppression.c - boxes that no better box of their class covers:
 * greedy, by falling score, among equals the lower index.
 *   boxes [batches, boxes, 4], scores [batches, classes, boxes], result [n, 3] (batch, class, box)
 */
#include <math.h>
#include <stdlib.h>

#include "op/argument.h"
#include "tensor/element.h"

struct choice {
    int64_t most;
    double overlap, score;
    bool bounded; /* scores below `score` are left out */
    bool centre;  /* boxes are x, y, width, height */
};

static int read_number(const struct op_io *io, int i, double fallback, double *out, struct error *err)
{
    const struct tensor *t = op_input(io, i);

    *out = fallback;
    if (t == NULL || shape_count(&t->shape) == 0)
        return 0;
    if (t->data == NULL || shape_count(&t->shape) != 1)
        return error_set(err, ERROR_INPUT, "input %d is not one constant number", i);
    *out = element_real(t->dtype, t->data, 0);
    return 0;
}

static int read_choice(const struct op_io *io, struct choice *choice, struct error *err)
{
    double most;
    int64_t centre;

    if (read_number(io, 2, 0, &most, err) < 0 || read_number(io, 3, 0, &choice->overlap, err) < 0 ||
        read_number(io, 4, 0, &choice->score, err) < 0 ||
        attribute_int(io->attributes, "center_point_box", 0, &centre, err) < 0)
        return -1;
    choice->most = most > 0 ? (most < 1e9 ? (int64_t)most : 1000000000) : 0;
    choice->bounded = op_input(io, 4) != NULL;
    choice->centre = centre != 0;
    return 0;
}

struct box {
    double left, top, right, bottom;
};

static struct box read_box(const float *b, bool centre)
{
    const double p[4] = { (double)b[0], (double)b[1], (double)b[2], (double)b[3] };

    if (centre)
        return (struct box){ p[0] - p[2] / 2, p[1] - p[3] / 2, p[0] + p[2] / 2, p[1] + p[3] / 2 };
    return (struct box){ p[1] < p[3] ? p[1] : p[3], p[0] < p[2] ? p[0] : p[2], p[1] < p[3] ? p[3] : p[1],
                         p[0] < p[2] ? p[2] : p[0] };
}

static double overlap(const struct box *a, const struct box *b)
{
    const double left = a->left > b->left ? a->left : b->left, right = a->right < b->right ? a->right : b->right;
    const double top = a->top > b->top ? a->top : b->top, bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
    const double common = right > left && bottom > top ? (right - left) * (bottom - top) : 0;
    const double both = (a->right - a->left) * (a->bottom - a->top) + (b->right - b->left) * (b->bottom - b->top);

    return both - common > 0 ? common / (both - common) : 0;
}

struct candidate {
    float score;
    int64_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;

    if (p->score != q->score)
        return p->score < q->score ? 1 : -1;
    return p->index < q->index ? -1 : p->index > q->index;
}

/* Of one class of one batch; `kept` has room for choice->most or all boxes. */
static int64_t select_boxes(const struct choice *choice, const float *boxes, const float *scores, int64_t count,
                            struct candidate *candidate, int64_t *kept)
{
    int64_t candidates = 0, found = 0;

    for (int64_t i = 0; i < count; i++) /* NaN has no place in an order */
        if (!isnan(scores[i]) && (!choice->bounded || (double)scores[i] > choice->score))
            candidate[candidates++] = (struct candidate){ scores[i], i };
    qsort(candidate, (size_t)candidates, sizeof(*candidate), by_score);
    for (int64_t i = 0; i < candidates && found < choice->most; i++) {
        const struct box box = read_box(boxes + 4 * candidate[i].index, choice->centre);
        bool covered = false;

        for (int64_t k = 0; k < found && !covered; k++) {
            const struct box other = read_box(boxes + 4 * kept[k], choice->centre);

            covered = overlap(&box, &other) > choice->overlap;
        }
        if (!covered)
            kept[found++] = candidate[i].index;
    }
    return found;
}

/* Room for the candidates of a class, then for those kept. */
static size_t room(const struct op_io *io)
{
    return ((size_t)io->in[1]->shape.dim[2] + 1) * (sizeof(struct candidate) + sizeof(int64_t));
}

/* Over all classes; `to` NULL: only counted. */
static int64_t select_all(const struct op_io *io, const struct choice *choice, void *work, int64_t *to)
{
    const struct shape *scores = &io->in[1]->shape;
    const int64_t count = scores->dim[2];
    struct candidate *candidate = work;
    int64_t *kept = (int64_t *)(candidate + count), total = 0;

    for (int64_t lane = 0; lane < scores->dim[0] * scores->dim[1]; lane++) {
        const int64_t batch = lane / scores->dim[1];
        const int64_t found = select_boxes(choice, (const float *)io->in[0]->data + batch * count * 4,
                                           (const float *)io->in[1]->data + lane * count, count, candidate, kept);

        for (int64_t i = 0; i < found && to != NULL; i++) {
            to[3 * (total + i)] = batch;
            to[3 * (total + i) + 1] = lane % scores->dim[1];
            to[3 * (total + i) + 2] = kept[i];
        }
        total += found;
    }
    return total;
}

static int shape(struct op_io *io, struct error *err)
{
    const struct shape *boxes = &io->in[0]->shape, *scores = &io->in[1]->shape;
    struct choice *choice = io->plan;
    int64_t count;
    void *work;

    if (op_expect_dtype(io, 0, DTYPE_F32, err) < 0 || op_expect_dtype(io, 1, DTYPE_F32, err) < 0 ||
        op_expect_rank(io, 0, 3, err) < 0 || op_expect_rank(io, 1, 3, err) < 0 || read_choice(io, choice, err) < 0)
        return -1;
    if (boxes->dim[2] != 4 || boxes->dim[0] != scores->dim[0] || boxes->dim[1] != scores->dim[2])
        return error_set(err, ERROR_INPUT, "boxes and scores do not belong together");
    if (io->in[0]->data == NULL || io->in[1]->data == NULL)
        return error_set(err, ERROR_INPUT, "boxes are computed, expected constants");
    io->work_bytes = room(io);
    work = malloc(io->work_bytes);
    if (work == NULL)
        return error_memory(err);
    count = select_all(io, choice, work, NULL);
    free(work);
    io->out[0]->dtype = DTYPE_I64;
    io->out[0]->shape = shape_of(2, count, (int64_t)3);
    return 0;
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    (void)run;
    (void)select_all(io, io->plan, io->work, io->out[0]->data);
}

const struct op op_non_max_suppression = {
    .name = "NonMaxSuppression",
    .formula = "y = (batch, class, box) of boxes that no better one covers",
    .min_inputs = 2,
    .max_inputs = 5,
    .outputs = 1,
    .attributes = "center_point_box",
    .arguments = 31,
    .flags = OP_EMPTY,
    .plan_bytes = sizeof(struct choice),
    .shape = shape,
    .forward = forward,
};
