/* bands.c - see bands.h. */
#include "op/bands.h"

#include "op/chunk.h"

/* Elements of pictures that are cut by planes first, as convolutions cut them: there weights are more than pixels. */
enum { SMALL = 48 * 1024, TASKS = 8 /* a thread */ };

struct cut {
    struct bands all;
    int64_t bands, parts; /* of an image's rows, of its planes */
    band_task *task;
    const void *context;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* A band of some planes; those of the picture's top come first. */
static void run_piece(void *context, size_t index, int worker)
{
    const struct cut *c = context;
    int64_t part = (int64_t)index % c->parts, band = (int64_t)index / c->parts % c->bands;
    int64_t image = (int64_t)index / (c->parts * c->bands);
    int64_t first = c->all.rows * band / c->bands, last = c->all.rows * (band + 1) / c->bands;

    for (int64_t p = c->all.planes * part / c->parts; p < c->all.planes * (part + 1) / c->parts; p++)
        c->task(c->context, image * c->all.planes + p, first, last, worker);
}

void bands_run(struct pool *pool, struct bands all, band_task *task, const void *context)
{
    struct cut c = { all, 1, 1, task, context };
    int64_t threads = pool_threads(pool), whole = all.planes * all.rows * all.elements;
    int64_t pieces = threads == 1 ? 1 : least(up(TASKS * threads, all.images), whole / CHUNK_ELEMENTS + 1);

    if (whole < SMALL) {
        c.parts = least(all.planes, pieces);
        c.bands = least(all.rows, up(pieces, c.parts));
    } else {
        c.bands = least(all.rows, pieces);
        c.parts = least(all.planes, up(pieces, c.bands));
    }
    pool_run(pool, (size_t)(all.images * c.bands * c.parts), run_piece, &c);
}
