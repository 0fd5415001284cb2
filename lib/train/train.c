#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "infer/infer.h"
#include "train/internal.h"

/* ---- setting up: all that can fail ---- */

static bool is_frozen(const struct trainer *trainer, const struct value *value)
{
    if (!value->trainable)
        return true;
    for (int i = 0; i < trainer->options->freeze_count; i++)
        if (text_matches(trainer->options->freeze[i], value->name))
            return true;
    return false;
}

static int check_freeze(const struct trainer *trainer, struct error *err)
{
    const struct graph *graph = &trainer->model->graph;

    for (int k = 0; k < trainer->options->freeze_count; k++) {
        const char *pattern = trainer->options->freeze[k];
        bool found = false;

        for (int i = 0; i < graph->value_count && !found; i++)
            found = graph->value[i].kind == VALUE_WEIGHT && text_matches(pattern, graph->value[i].name);
        if (!found) {
            error_set(err, ERROR_USAGE, "--freeze '%s' matches no weight", pattern);
            return error_hint(err, "coedge inspect --weights lists them; a pattern looks like 'conv*'");
        }
    }
    return 0;
}

static int check_model(const struct trainer *trainer, struct error *err)
{
    const struct graph *graph = &trainer->model->graph;
    const struct dataset *data = trainer->data;
    const struct part *part = trainer->model->part;

    if (part != NULL) {
        error_set(err, ERROR_INPUT, "this is part %d of %d of a split model", part->index + 1, part->count);
        return error_hint(err, "train the whole, then split it");
    }
    for (int i = 0; i < graph->value_count; i++)
        if (graph->value[i].tensor.quant != NULL)
            return error_set(err, ERROR_INPUT, "a quantized model cannot be trained: value '%s' is %s",
                             graph->value[i].name, dtype_name(graph->value[i].tensor.dtype));
    if (graph->input_count != 1 || graph->output_count != 1)
        return error_set(err, ERROR_INPUT, "training needs one input and one output, the graph has %d and %d",
                         graph->input_count, graph->output_count);
    if (!trainer->model->softmax) {
        error_set(err, ERROR_INPUT, "the output is probabilities, training needs logits");
        return error_hint(err, "leave the closing Softmax out of the graph: results apply it");
    }
    if (dataset_fits(data, &graph->value[graph->input[0]].tensor, err) < 0)
        return -1;
    for (int64_t i = 0; i < data->count; i++)
        if (data->label[i] < 0)
            return error_set(err, ERROR_INPUT, "sample '%s' has no class", data->key[i]);
    return 0;
}

/* Weight decay is for filters and matrices; biases and scales stay free (as is usual since He et al. 2016). */
static bool wants_decay(const struct tensor *tensor)
{
    return tensor->shape.rank > 1;
}

static int collect(struct trainer *trainer, bool *frozen, struct error *err)
{
    struct graph *graph = &trainer->model->graph;

    trainer->trained = arena_array(&trainer->arena, (size_t)graph->value_count + 1, sizeof(*trainer->trained));
    trainer->trained_of = arena_array(&trainer->arena, (size_t)graph->value_count + 1, sizeof(int));
    if (trainer->trained == NULL || trainer->trained_of == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->value_count; i++) {
        struct value *value = &graph->value[i];
        struct trained *one = &trainer->trained[trainer->trained_count];

        trainer->trained_of[i] = -1;
        frozen[i] = value->kind != VALUE_WEIGHT || is_frozen(trainer, value);
        if (value->kind == VALUE_WEIGHT && value->tensor.dtype == DTYPE_F32)
            trainer->best_count += (size_t)shape_count(&value->tensor.shape);
        if (frozen[i])
            continue;
        one->value = i;
        one->count = (size_t)shape_count(&value->tensor.shape);
        one->data = value->tensor.data;
        one->decay = wants_decay(&value->tensor);
        trainer->trained_of[i] = trainer->trained_count++;
    }
    if (trainer->trained_count == 0)
        return error_set(err, ERROR_INPUT, "no weight is left to train");
    return update_init(trainer, err);
}

static int make_class_weights(struct trainer *trainer, struct error *err)
{
    const struct dataset *data = trainer->data;

    if (trainer->options->class_weights == CLASS_WEIGHTS_NONE)
        return 0;
    trainer->class_weight = arena_array(&trainer->arena, (size_t)data->label_count, sizeof(float));
    if (trainer->class_weight == NULL)
        return error_memory(err);
    class_weights_make(trainer->options->class_weights, data->per_class, data->label_count, trainer->class_weight);
    return 0;
}

static int64_t count_steps(const struct trainer *trainer)
{
    const struct train_options *options = trainer->options;

    if (options->steps > 0)
        return options->steps;
    if (options->epochs > 0)
        return (int64_t)ceil(options->epochs * (double)trainer->data->count / trainer->batch);
    return INT64_MAX; /* by --minutes alone */
}

static int check_logits(const struct trainer *trainer, struct error *err)
{
    const struct tensor *out = exec_output(trainer->exec, 0);

    if (out->shape.rank != 2 || out->shape.dim[1] != trainer->data->label_count) {
        char text[160];

        return error_set(err, ERROR_INPUT, "the output is %s, expected [%d, %d]: one logit per label",
                         shape_text(&out->shape, text), trainer->batch, trainer->data->label_count);
    }
    return 0;
}

/* Weights, what the optimizer keeps of them, and the best ones so far. */
static size_t weight_bytes(const struct trainer *trainer)
{
    size_t floats = trainer->best_count;

    for (int i = 0; i < trainer->trained_count; i++)
        floats += trainer->trained[i].count * (size_t)optimizers[trainer->options->optimizer].states;
    if (trainer->val && trainer->options->keep_best)
        floats += trainer->best_count;
    return floats * sizeof(float);
}

static int make_exec(struct trainer *trainer, const bool *frozen, struct error *err)
{
    const struct exec_training how = { .frozen = frozen,
                                       .takes = true,
                                       .memory_bytes = trainer->options->memory_bytes,
                                       .beside_bytes = weight_bytes(trainer) };

    trainer->exec = exec_new_training(&trainer->model->graph, trainer->batch, &how, trainer->job, err);
    if (trainer->exec == NULL)
        return -1;
    trainer->result.memory_bytes = how.beside_bytes + exec_memory_bytes(trainer->exec);
    return 0;
}

static int set_up(struct trainer *trainer, struct error *err)
{
    const int64_t n = trainer->data->count;
    bool *frozen = arena_array(&trainer->arena, (size_t)trainer->model->graph.value_count + 1, sizeof(bool));

    trainer->batch = trainer->options->batch < n ? trainer->options->batch : (int)n;
    trainer->order_epoch = -1;
    trainer->best_val = -1;
    trainer->total_steps = count_steps(trainer);
    trainer->label = arena_array(&trainer->arena, (size_t)trainer->batch, sizeof(*trainer->label));
    trainer->order = arena_array(&trainer->arena, (size_t)n, sizeof(*trainer->order));
    if (frozen == NULL || trainer->label == NULL || trainer->order == NULL)
        return error_memory(err);
    if (check_model(trainer, err) < 0 || check_freeze(trainer, err) < 0 || collect(trainer, frozen, err) < 0 ||
        make_class_weights(trainer, err) < 0 || make_exec(trainer, frozen, err) < 0)
        return -1;
    if (trainer->val && trainer->options->keep_best) {
        trainer->best = arena_array(&trainer->arena, trainer->best_count, sizeof(float));
        if (trainer->best == NULL)
            return error_memory(err);
    }
    return check_logits(trainer, err) < 0 ? -1 : teacher_begin(trainer, err);
}

/* ---- running ---- */

void trainer_save_weights(const struct trainer *trainer, float *to)
{
    const struct graph *graph = &trainer->model->graph;

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];

        if (value->kind != VALUE_WEIGHT || value->tensor.dtype != DTYPE_F32)
            continue;
        memcpy(to, value->tensor.data, tensor_bytes(&value->tensor));
        to += shape_count(&value->tensor.shape);
    }
}

void trainer_load_weights(struct trainer *trainer, const float *from)
{
    struct graph *graph = &trainer->model->graph;

    for (int i = 0; i < graph->value_count; i++) {
        struct value *value = &graph->value[i];

        if (value->kind != VALUE_WEIGHT || value->tensor.dtype != DTYPE_F32)
            continue;
        memcpy(value->tensor.data, from, tensor_bytes(&value->tensor));
        from += shape_count(&value->tensor.shape);
    }
}

static void shuffle(struct trainer *trainer, int64_t epoch)
{
    struct rng rng = rng_make(trainer->options->seed, rng_stream("shuffle", (uint64_t)epoch, 0));
    const uint32_t n = (uint32_t)trainer->data->count;

    for (uint32_t i = 0; i < n; i++)
        trainer->order[i] = i;
    rng_shuffle(&rng, trainer->order, n);
    trainer->order_epoch = epoch;
}

/* The samples of a step: places step * batch ... of an endless row of shuffled epochs, so every batch is full. */
static void fill_batch(struct trainer *trainer)
{
    const int64_t n = trainer->data->count;
    struct tensor *in = exec_input(trainer->exec, 0);
    int64_t place = trainer->step * trainer->batch;

    for (int done = 0; done < trainer->batch;) {
        int64_t epoch = (place + done) / n, at = (place + done) % n;
        int take = trainer->batch - done < n - at ? trainer->batch - done : (int)(n - at);

        if (trainer->order_epoch != epoch)
            shuffle(trainer, epoch);
        dataset_batch(trainer->data, trainer->order + at, take, &trainer->options->augment, trainer->options->seed,
                      (uint64_t)epoch, (float *)in->data + (int64_t)done * trainer->data->elements,
                      trainer->label + done, trainer->job);
        done += take;
    }
}

static double learning_rate(const struct trainer *trainer)
{
    const struct train_options *options = trainer->options;
    double at = (double)trainer->step / (double)trainer->total_steps;
    double factor;

    if (options->steps <= 0 && options->epochs <= 0) /* by the clock */
        at = (clock_seconds() - trainer->started) / (options->minutes * 60);
    factor = schedule_factor(options->schedule, at);
    if (options->warmup > 0 && at < options->warmup)
        factor *= trainer->total_steps == INT64_MAX
                      ? at / options->warmup
                      : ((double)trainer->step + 1) / (options->warmup * (double)trainer->total_steps + 1);
    return options->lr * factor;
}

static int one_step(struct trainer *trainer, double *loss, int64_t *right, struct error *err)
{
    struct tensor *out = exec_output(trainer->exec, 0);

    trainer->rate = learning_rate(trainer);
    fill_batch(trainer);
    exec_set_step(trainer->exec, trainer->options->seed, (uint64_t)trainer->step);
    exec_forward(trainer->exec);
    *loss = softmax_cross_entropy(out->data, trainer->label, trainer->batch, (int)out->shape.dim[1],
                                  trainer->class_weight, trainer->options->smoothing, out->grad, right);
    *loss = teacher_add(trainer, *loss);
    if (!isfinite(*loss)) {
        error_set(err, ERROR_INPUT, "the loss is not finite at step %" PRId64 " of learning rate %g", trainer->step + 1,
                  trainer->rate);
        return error_hint(err, "try a tenth of --lr %g", trainer->options->lr);
    }
    exec_backward(trainer->exec, update_weight, trainer);
    trainer->step++;
    return 0;
}

/* The loss of the last steps may still be a number when the weights are none any more. */
static int check_weights(const struct trainer *trainer, struct error *err)
{
    if (model_check_finite(trainer->model, err) == 0)
        return 0;
    error_in(err, "not finite at step %" PRId64, trainer->step);
    return error_hint(err, "try a tenth of --lr %g", trainer->options->lr);
}

static int judge(struct trainer *trainer, struct train_epoch *epoch, struct error *err)
{
    struct arena arena = { 0 };
    struct scores scores;

    epoch->val_accuracy = epoch->val_balanced = epoch->val_loss = NAN;
    if (trainer->val == NULL)
        return 0;
    if (infer_scores(trainer->model, trainer->val, NULL, trainer->job, &arena, &scores, err) < 0) {
        arena_free(&arena);
        return error_in(err, "validation");
    }
    epoch->val_accuracy = scores_accuracy(&scores);
    epoch->val_balanced = scores_balanced(&scores);
    epoch->val_loss = scores_loss(&scores);
    arena_free(&arena);
    /* Ties go to the later epoch: it has seen more. */
    if (trainer->best != NULL && epoch->val_accuracy >= trainer->best_val) {
        trainer->best_val = epoch->val_accuracy;
        trainer->result.best_epoch = epoch->epoch;
        trainer_save_weights(trainer, trainer->best);
    }
    return 0;
}

static bool out_of_time(const struct trainer *trainer)
{
    return job_stopped(trainer->job) ||
           (trainer->options->minutes > 0 && clock_seconds() - trainer->started >= trainer->options->minutes * 60);
}

/* The step after which the epoch at hand has seen its last sample, or the run ends. */
static int64_t epoch_end(const struct trainer *trainer)
{
    const int64_t n = trainer->data->count, number = trainer->step * trainer->batch / n;
    const int64_t end = ((number + 1) * n + trainer->batch - 1) / trainer->batch;

    return end < trainer->total_steps ? end : trainer->total_steps;
}

static int one_epoch(struct trainer *trainer, int64_t end, struct train_epoch *epoch, struct error *err)
{
    const double started = clock_seconds();
    const int64_t first = trainer->step, number = first * trainer->batch / trainer->data->count;
    int64_t right = 0;
    double sum = 0, loss;

    while (trainer->step < end && !out_of_time(trainer)) {
        if (one_step(trainer, &loss, &right, err) < 0)
            return -1;
        sum += loss;
        job_step(trainer->job, "train", (uint64_t)trainer->step,
                 trainer->total_steps == INT64_MAX ? 0 : (uint64_t)trainer->total_steps);
    }
    *epoch = (struct train_epoch){ .epoch = number + 1, .steps = trainer->step - first };
    if (epoch->steps == 0)
        return 0;
    epoch->loss = sum / (double)epoch->steps;
    epoch->accuracy = (double)right / (double)(epoch->steps * trainer->batch);
    epoch->seconds = clock_seconds() - started;
    epoch->samples_per_s = (double)(epoch->steps * trainer->batch) / epoch->seconds;
    epoch->lr = trainer->rate;
    return check_weights(trainer, err);
}

static int save(const struct trainer *trainer, struct error *err)
{
    return trainer->options->checkpoint ? checkpoint_write(trainer, trainer->options->checkpoint, err) : 0;
}

/* An epoch that was cut is judged for this run's answer alone: whoever goes on from the checkpoint judges it whole. */
static int end_epoch(struct trainer *trainer, bool cut, struct train_epoch *epoch,
                     int (*each_epoch)(void *, const struct train_epoch *, struct error *), void *context,
                     struct error *err)
{
    struct train_result *result = &trainer->result;

    result->loss = epoch->loss;
    result->accuracy = epoch->accuracy;
    if (cut && save(trainer, err) < 0)
        return -1;
    if (judge(trainer, epoch, err) < 0)
        return -1;
    result->val_accuracy = epoch->val_accuracy;
    if (each_epoch && each_epoch(context, epoch, err) < 0)
        return -1;
    return cut ? 0 : save(trainer, err);
}

static int run(struct trainer *trainer, int (*each_epoch)(void *, const struct train_epoch *, struct error *),
               void *context, struct error *err)
{
    struct train_result *result = &trainer->result;
    struct train_epoch epoch;

    while (trainer->step < trainer->total_steps && !out_of_time(trainer)) {
        const int64_t end = epoch_end(trainer);

        if (one_epoch(trainer, end, &epoch, err) < 0)
            return -1;
        if (epoch.steps == 0)
            break;
        if (end_epoch(trainer, trainer->step < end, &epoch, each_epoch, context, err) < 0)
            return -1;
    }
    result->steps = trainer->step;
    result->examples = trainer->step * trainer->batch;
    if (trainer->best != NULL && trainer->best_val >= 0) {
        trainer_load_weights(trainer, trainer->best);
        result->val_accuracy = trainer->best_val;
    }
    return 0;
}

static int resume(struct trainer *trainer, struct error *err)
{
    if (model_identity(trainer->model, &trainer->started_from, err) < 0)
        return -1;
    if (trainer->options->teacher != NULL && model_identity(trainer->options->teacher, &trainer->taught_by, err) < 0)
        return -1;
    return checkpoint_read(trainer, trainer->options->checkpoint, err) < 0 ? -1 : 0;
}

int train(struct model *model, const struct dataset *data, const struct dataset *val,
          const struct train_options *options, const struct job *job,
          int (*each_epoch)(void *context, const struct train_epoch *epoch, struct error *err), void *context,
          struct train_result *result, struct error *err)
{
    struct trainer trainer = { .model = model, .data = data, .val = val, .options = options, .job = job };
    int rc;

    trainer.started = clock_seconds();
    model_forget_answers(model);
    trainer.result.val_accuracy = NAN;
    rc = graph_infer_shapes(&model->graph, 1, err);
    if (rc == 0)
        rc = model_open_logits(model, err);
    if (rc == 0)
        rc = set_up(&trainer, err);
    if (rc == 0 && options->checkpoint)
        rc = resume(&trainer, err);
    if (rc == 0)
        rc = run(&trainer, each_epoch, context, err);
    exec_free(trainer.exec);
    exec_free(trainer.teacher);
    arena_free(&trainer.arena);
    *result = trainer.result;
    return rc;
}
