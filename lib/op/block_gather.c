/* block_gather.c - channels of pictures in blocks, picked and put together: Concat, Split and channel shuffles in one. */
#include <inttypes.h>
#include <string.h>

#include "op/argument.h"
#include "op/bands.h"
#include "op/block.h"

enum { MOST_LANES = 16 };

/* `from`: for each channel of the output its place in the inputs' blocks, one input after the other. */
struct plan {
    const struct attribute *from;
    int64_t blocks, rows, columns, lanes; /* blocks of an output picture */
    int64_t element;                      /* bytes: floats or bytes */
};

struct pass {
    const struct op_io *io;
    const struct kern *kern;
};

static int check_inputs(const struct op_io *io, int64_t *channels, struct error *err)
{
    const struct shape *first = &io->in[0]->shape;

    *channels = 0;
    for (int i = 0; i < io->in_count; i++) {
        struct shape like = *first;
        if (argument_rank(io->in[i], 5, 5, err) < 0 || op_expect_dtype(io, i, io->in[0]->dtype, err) < 0)
            return -1;
        like.dim[1] = io->in[i]->shape.dim[1];
        if (op_expect_shape(io, i, &like, err) < 0)
            return -1;
        *channels += like.dim[1] * like.dim[4];
    }
    return 0;
}

static int shape(struct op_io *io, struct error *err)
{
    struct plan *plan = io->plan;
    const struct shape *x = &io->in[0]->shape;
    int64_t channels;

    plan->from = attribute_find(io->attributes, "from");
    if (check_inputs(io, &channels, err) < 0)
        return -1;
    if (plan->from == NULL || plan->from->kind != ATTRIBUTE_INTS || plan->from->count < 1 || x->dim[4] > MOST_LANES)
        return error_set(err, ERROR_INTERNAL, "channels of blocks are not said");
    for (int i = 0; i < plan->from->count; i++)
        if (plan->from->ints[i] < 0 || plan->from->ints[i] >= channels)
            return error_set(err, ERROR_INTERNAL, "channel %" PRId64 " of %" PRId64 " is not there",
                             plan->from->ints[i], channels);
    plan->lanes = x->dim[4];
    plan->element = (int64_t)dtype_bytes(io->in[0]->dtype);
    plan->rows = x->dim[2];
    plan->columns = x->dim[3];
    plan->blocks = block_up(plan->from->count, plan->lanes);
    io->out[0]->dtype = io->in[0]->dtype;
    io->out[0]->shape = shape_of(5, x->dim[0], plan->blocks, x->dim[2], x->dim[3], x->dim[4]);
    return 0;
}

/* The block of inputs that channel `at` lies in, of image n. */
static const char *find_block(const struct op_io *io, const struct plan *plan, int64_t n, int64_t at)
{
    int i = 0;

    for (; at >= io->in[i]->shape.dim[1] * plan->lanes; i++)
        at -= io->in[i]->shape.dim[1] * plan->lanes;
    return (const char *)io->in[i]->data +
           (n * io->in[i]->shape.dim[1] + at / plan->lanes) * plan->rows * plan->columns * plan->lanes * plan->element;
}

/* Sources of one block's lanes, each once. */
static size_t find_sources(const struct op_io *io, const struct plan *plan, int64_t image, int64_t block,
                           const char *source[MOST_LANES], int32_t lane[MOST_LANES * MOST_LANES])
{
    size_t count = 0;

    for (int64_t l = 0; l < plan->lanes && block * plan->lanes + l < plan->from->count; l++) {
        int64_t at = plan->from->ints[block * plan->lanes + l];
        const char *from = find_block(io, plan, image, at);
        size_t s = 0;
        while (s < count && source[s] != from)
            s++;
        if (s == count) {
            source[count++] = from;
            for (int64_t i = 0; i < plan->lanes; i++)
                lane[(int64_t)s * plan->lanes + i] = -1;
        }
        lane[(int64_t)s * plan->lanes + l] = (int32_t)(at % plan->lanes);
    }
    return count;
}

static bool is_whole(const struct plan *plan, size_t sources, const int32_t *lane)
{
    for (int64_t l = 0; l < plan->lanes; l++)
        if (lane[l] != l)
            return false;
    return sources == 1;
}

static void gather_bytes(int64_t pixels, int64_t lanes, char *y, size_t sources, const char *const *source,
                         const int32_t *lane)
{
    memset(y, 0, (size_t)(pixels * lanes)); /* lanes that are nobody's */
    for (size_t s = 0; s < sources; s++)
        for (int64_t l = 0; l < lanes; l++) {
            const char *from = source[s] + lane[(int64_t)s * lanes + l];
            for (int64_t p = 0; lane[(int64_t)s * lanes + l] >= 0 && p < pixels; p++)
                y[p * lanes + l] = from[p * lanes];
        }
}

static void gather_floats(const struct kern *kern, int64_t pixels, char *y, size_t sources, const char *const *source,
                          const int32_t *lane)
{
    const float *from[MOST_LANES];

    for (size_t s = 0; s < sources; s++)
        from[s] = (const float *)(const void *)source[s];
    kern->block_gather_f32((float *)(void *)y, (size_t)pixels, sources, from, lane);
}

static void gather_band(const void *context, int64_t block, int64_t first, int64_t last, int worker)
{
    const struct pass *pass = context;
    const struct plan *plan = pass->io->plan;
    int64_t pixels = (last - first) * plan->columns, row = plan->columns * plan->lanes * plan->element;
    const char *source[MOST_LANES];
    int32_t lane[MOST_LANES * MOST_LANES] = { -1 };
    char *y = (char *)pass->io->out[0]->data + (block * plan->rows + first) * row;
    size_t sources = find_sources(pass->io, plan, block / plan->blocks, block % plan->blocks, source, lane);

    (void)worker;
    for (size_t s = 0; s < sources; s++)
        source[s] += first * row;
    if (is_whole(plan, sources, lane))
        memcpy(y, source[0], (size_t)((last - first) * row));
    else if (plan->element == 1)
        gather_bytes(pixels, plan->lanes, y, sources, source, lane);
    else
        gather_floats(pass->kern, pixels, y, sources, source, lane);
}

static void forward(const struct op_io *io, const struct op_run *run)
{
    const struct plan *plan = io->plan;
    const struct pass pass = { io, run->kern };

    bands_run(run->pool,
              (struct bands){ io->in[0]->shape.dim[0], plan->blocks, plan->rows, plan->columns * plan->lanes },
              gather_band, &pass);
}

/* Channels in their order, of one picture; only the last input may end within a block. */
static bool joins(const struct op_io *io)
{
    const struct plan *plan = io->plan;
    int64_t blocks = 0;

    for (int i = 0; i < io->in_count; i++)
        blocks += io->in[i]->shape.dim[1];
    for (int i = 0; i < plan->from->count; i++)
        if (plan->from->ints[i] != i)
            return false;
    return io->in[0]->shape.dim[0] == 1 && blocks == plan->blocks;
}

const struct op op_blocked_gather = {
    .name = "BlockedGather",
    .formula = "y[n, c] = channel from[c] of the inputs, in blocks",
    .min_inputs = 1,
    .max_inputs = -1,
    .outputs = 1,
    .attributes = "from",
    .flags = OP_INTEGER,
    .plan_bytes = sizeof(struct plan),
    .shape = shape,
    .forward = forward,
    .joins = joins,
};
