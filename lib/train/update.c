/* update.c - how weights follow their gradients, some at a time, and what the optimizer keeps of them. */
#include "train/internal.h"

/* What the optimizer keeps of the weights, in one piece: one for each would end in a large page of its own. */
int update_init(struct trainer *trainer, struct error *err)
{
    const int states = optimizers[trainer->options->optimizer].states;
    size_t count = 0;
    float *at;

    for (int i = 0; i < trainer->trained_count; i++)
        count += trainer->trained[i].count;
    at = arena_array(&trainer->arena, count, (size_t)states * sizeof(*at));
    if (at == NULL)
        return error_memory(err);
    for (int i = 0; i < trainer->trained_count; i++)
        for (int k = 0; k < states; k++, at += trainer->trained[i].count)
            trainer->trained[i].state[k] = at;
    return 0;
}

/* Elements that an optimizer takes at once: large weights go to several threads. */
enum { UPDATE_PIECE = 32768 };

struct update_task {
    const struct trainer *trainer;
    const struct trained *one;
    const struct gradient *gradient;
};

static void update_piece(void *context, size_t index, int worker)
{
    const struct update_task *update = context;
    const struct trainer *trainer = update->trainer;
    const struct train_options *options = trainer->options;
    const struct trained *one = update->one;
    const struct gradient *gradient = update->gradient;
    const size_t at = index * UPDATE_PIECE, left = gradient->count - at, first = gradient->first + at;
    float *state[TRAIN_STATES];

    (void)worker;
    for (int k = 0; k < TRAIN_STATES; k++)
        state[k] = one->state[k] ? one->state[k] + first : NULL;
    optimizers[options->optimizer].step(one->data + first, gradient->data + at, state,
                                        left < UPDATE_PIECE ? left : UPDATE_PIECE, trainer->rate, options->momentum,
                                        one->decay ? options->weight_decay : 0, (uint64_t)trainer->step + 1);
}

void update_weight(void *context, const struct gradient *gradient)
{
    struct trainer *trainer = context;
    struct update_task task = { .trainer = trainer, .gradient = gradient };

    if (trainer->trained_of[gradient->value] < 0)
        return;
    task.one = &trainer->trained[trainer->trained_of[gradient->value]];
    pool_run(trainer->job ? trainer->job->pool : NULL, (gradient->count + UPDATE_PIECE - 1) / UPDATE_PIECE,
             update_piece, &task);
}
