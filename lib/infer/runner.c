#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "infer/activations.h"
#include "infer/infer.h"
#include "package/package.h"

struct runner {
    const struct model *model;
    struct exec *exec;
    int64_t batch;
    struct tensor *in, *out; /* of the selected sample */
    uint8_t *pixels;         /* [height, width, channels] of the input, where there is preprocessing */
    bool loaded;             /* an image into them */
    float *values;           /* [elements] of a quantized input, before it is */
    float *probability;      /* [classes] of the first output */
    int64_t classes;
};

/* An answer is a real for each label. */
static int hint_tensors(struct error *err)
{
    return error_hint(err, "coedge infer MODEL INPUT.npy --tensors DIR runs it on tensors");
}

static int check_answers(const struct runner *runner, struct error *err)
{
    const struct tensor *out = &runner->out[0];

    if (exec_is_late(runner->exec)) {
        error_set(err, ERROR_INPUT, "the size of what the model gives is known only when it runs");
        return hint_tensors(err);
    }
    if (model_check_labels(runner->model, &out->shape, err) < 0)
        return -1;
    if (!model_writes_activations(runner->model) && out->dtype != DTYPE_F32 &&
        (out->dtype != DTYPE_U8 || out->quant == NULL)) {
        error_set(err, ERROR_INPUT, "the model's output is %s, expected F32", dtype_name(out->dtype));
        return hint_tensors(err);
    }
    return 0;
}

static int allocate(struct runner *runner, struct error *err)
{
    const struct preprocess *preprocess = &runner->model->preprocess;
    const struct tensor *in = &runner->in[0];

    runner->probability = malloc((size_t)(runner->classes > 0 ? runner->classes : 1) * sizeof(float));
    if (runner->model->has_preprocess)
        runner->pixels = malloc((size_t)preprocess->height * (size_t)preprocess->width * (size_t)preprocess->channels);
    if (in->dtype == DTYPE_U8)
        runner->values = malloc((size_t)shape_count(&in->shape) * sizeof(float));
    if (runner->probability == NULL || (runner->model->has_preprocess && runner->pixels == NULL) ||
        (in->dtype == DTYPE_U8 && runner->values == NULL))
        return error_memory(err);
    return 0;
}

/* Where one sample of a batch lies. Shapes are left alone: others may be reading them. */
static void move_view(struct tensor *one, const struct tensor *all, int64_t sample)
{
    one->data = (char *)all->data + (size_t)sample * tensor_bytes(one);
}

void runner_select(struct runner *runner, int64_t sample)
{
    const struct graph *graph = &runner->model->graph;

    if (runner->batch == 1)
        return;
    for (int i = 0; i < graph->input_count; i++)
        move_view(&runner->in[i], exec_input(runner->exec, i), sample);
    for (int i = 0; i < graph->output_count; i++)
        move_view(&runner->out[i], exec_output(runner->exec, i), sample);
}

/* The first sample of a batch, or all there is. */
static void view(const struct runner *runner, struct tensor *one, const struct tensor *all)
{
    *one = *all;
    if (runner->batch > 1)
        one->shape.dim[0] /= runner->batch;
}

static int view_first(struct runner *runner, struct error *err)
{
    const struct graph *graph = &runner->model->graph;

    runner->in = calloc((size_t)graph->input_count + 1, sizeof(*runner->in));
    runner->out = calloc((size_t)graph->output_count + 1, sizeof(*runner->out));
    if (runner->in == NULL || runner->out == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->input_count; i++)
        view(runner, &runner->in[i], exec_input(runner->exec, i));
    for (int i = 0; i < graph->output_count; i++)
        view(runner, &runner->out[i], exec_output(runner->exec, i));
    return 0;
}

struct runner *runner_new(const struct model *model, const struct job *job, struct error *err)
{
    return runner_new_batch(model, 1, job, err);
}

struct runner *runner_new_batch(const struct model *model, int64_t batch, const struct job *job, struct error *err)
{
    struct runner *runner = calloc(1, sizeof(*runner));

    if (runner == NULL) {
        error_memory(err);
        return NULL;
    }
    runner->model = model;
    runner->batch = batch;
    if (model->graph.input_count < 1)
        error_set(err, ERROR_INPUT, "the model has no input");
    else
        runner->exec = exec_new(&model->graph, batch, EXEC_INFER, job, err);
    if (runner->exec == NULL) {
        free(runner);
        return NULL;
    }
    package_rest(model);
    if (view_first(runner, err) == 0) {
        runner->classes = shape_count(&runner->out[0].shape);
        if (check_answers(runner, err) == 0 && allocate(runner, err) == 0)
            return runner;
    }
    runner_free(runner);
    return NULL;
}

struct runner *runner_twin(const struct runner *runner, struct error *err)
{
    struct runner *twin = calloc(1, sizeof(*twin));

    if (twin == NULL) {
        error_memory(err);
        return NULL;
    }
    twin->model = runner->model;
    twin->batch = runner->batch;
    twin->classes = runner->classes;
    twin->exec = exec_twin(runner->exec, NULL, err);
    if (twin->exec != NULL && view_first(twin, err) == 0 && allocate(twin, err) == 0)
        return twin;
    runner_free(twin);
    return NULL;
}

void runner_free(struct runner *runner)
{
    if (runner == NULL)
        return;
    exec_free(runner->exec);
    free(runner->in);
    free(runner->out);
    free(runner->pixels);
    free(runner->values);
    free(runner->probability);
    free(runner);
}

/* Pixels to the input: reals, or straight to a quantized input's bytes. */
static void set_pixels(struct runner *runner, const uint8_t *pixels)
{
    struct tensor *in = &runner->in[0];

    if (in->dtype == DTYPE_U8 && in->quant != NULL)
        image_quantize(in->data, pixels, &runner->model->preprocess, in->quant);
    else
        image_normalize(in->data, pixels, &runner->model->preprocess);
}

/* One real as the input's quantization stores it: round half to even, then the zero point. */
static uint8_t quantize_one(float value, const struct quant *quant)
{
    double q = nearbyint((double)value / quant->scale[0]) + quant->zero_point[0];

    return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

static void set_values(struct tensor *in, const float *values, int64_t count)
{
    uint8_t *bytes = in->data;

    if (in->dtype != DTYPE_U8) {
        memcpy(in->data, values, (size_t)count * sizeof(*values));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        bytes[i] = quantize_one(values[i], in->quant);
}

static int load_tensor(struct runner *runner, const struct item *item, struct error *err)
{
    struct tensor *in = &runner->in[0];

    if (in->dtype == DTYPE_F32)
        return item_values(in->data, &in->shape, item, err);
    if (in->dtype != DTYPE_U8 || in->quant == NULL)
        return error_set(err, ERROR_INPUT, "the model's input is %s, expected F32", dtype_name(in->dtype));
    if (item_values(runner->values, &in->shape, item, err) < 0)
        return -1;
    set_values(in, runner->values, shape_count(&in->shape));
    return 0;
}

void runner_fill(struct runner *runner, int i, enum dtype dtype, const void *data)
{
    struct tensor *in = &runner->in[i];

    if (dtype == DTYPE_F32 && in->dtype == DTYPE_U8)
        set_values(in, data, shape_count(&in->shape));
    else if (tensor_bytes(in) > 0)
        memcpy(in->data, data, tensor_bytes(in));
}

int runner_load(struct runner *runner, const struct item *item, struct error *err)
{
    runner->loaded = false;
    if (item->ext != NULL && strcmp(item->ext, "npy") == 0)
        return load_tensor(runner, item, err);
    if (!runner->model->has_preprocess)
        return item_refuse_image(err);
    if (item_pixels(runner->pixels, item, &runner->model->preprocess, err) < 0)
        return -1;
    set_pixels(runner, runner->pixels);
    runner->loaded = true;
    return 0;
}

const uint8_t *runner_pixels(const struct runner *runner)
{
    return runner->loaded ? runner->pixels : NULL;
}

void runner_set(struct runner *runner, const struct dataset *set, int64_t sample)
{
    if (set->values != NULL)
        set_values(&runner->in[0], set->values + sample * set->elements, set->elements);
    else
        set_pixels(runner, set->pixels + sample * set->elements);
}

void runner_run(struct runner *runner)
{
    exec_forward(runner->exec);
}

struct tensor *runner_input(struct runner *runner, int i)
{
    return &runner->in[i];
}

const struct tensor *runner_output(struct runner *runner, int i)
{
    return &runner->out[i];
}

static double read_output(const struct tensor *out, int64_t i)
{
    if (out->dtype == DTYPE_F32)
        return ((const float *)out->data)[i];
    return out->quant->scale[0] * (double)(((const uint8_t *)out->data)[i] - out->quant->zero_point[0]);
}

const float *runner_probability(struct runner *runner)
{
    const struct tensor *out = &runner->out[0];
    double largest = -INFINITY, sum = 0;

    for (int64_t i = 0; i < runner->classes; i++) {
        double value = read_output(out, i);

        runner->probability[i] = (float)value;
        largest = value > largest ? value : largest;
    }
    if (!runner->model->softmax || runner->model->label_count == 0)
        return runner->probability;
    for (int64_t i = 0; i < runner->classes; i++)
        sum += exp(read_output(out, i) - largest);
    for (int64_t i = 0; i < runner->classes; i++)
        runner->probability[i] = (float)(exp(read_output(out, i) - largest) / sum);
    return runner->probability;
}
