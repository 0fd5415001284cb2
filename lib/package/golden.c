/*
 * Golden samples: inputs are drawn again from a seed, so only outputs are kept.
 * A model of images draws pixels and takes them through its own preprocessing.
 */
#include <math.h>
#include <string.h>

#include "graph/exec.h"
#include "package/internal.h"

/* Of the largest output, or of 1: what the order of sums may change. */
static const double relative_tolerance = 1e-3;

static const struct tensor *value_of(const struct graph *graph, int value)
{
    return &graph->value[value].tensor;
}

static bool is_real_or_byte(const struct tensor *tensor)
{
    return tensor->dtype == DTYPE_F32 || (tensor->dtype == DTYPE_U8 && tensor->quant != NULL);
}

bool golden_possible(const struct model *model)
{
    const struct graph *graph = &model->graph;

    if (!graph_is_sized(graph) || graph->input_count == 0 || model->update != NULL ||
        (model->part != NULL && model->part->index > 0))
        return false;
    for (int i = 0; i < graph->input_count; i++)
        if (!is_real_or_byte(value_of(graph, graph->input[i])))
            return false;
    for (int i = 0; i < graph->output_count; i++)
        if (!is_real_or_byte(value_of(graph, graph->output[i])) ||
            value_of(graph, graph->output[i])->shape.rank == SHAPE_MAX_RANK ||
            value_of(graph, graph->output[i])->shape.rank == SHAPE_UNKNOWN)
            return false;
    return graph->output_count > 0;
}

static void draw_pixels(struct tensor *input, const struct preprocess *preprocess, uint8_t *pixels, struct rng *rng)
{
    int64_t count = (int64_t)preprocess->channels * preprocess->height * preprocess->width;

    for (int64_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)rng_below(rng, 256);
    if (input->dtype == DTYPE_U8)
        image_quantize(input->data, pixels, preprocess, input->quant);
    else
        image_normalize(input->data, pixels, preprocess);
}

static void draw(struct tensor *input, struct rng *rng)
{
    int64_t count = shape_count(&input->shape);

    for (int64_t i = 0; i < count; i++) {
        if (input->dtype == DTYPE_U8)
            ((uint8_t *)input->data)[i] = (uint8_t)rng_below(rng, 256);
        else
            ((float *)input->data)[i] = rng_normal(rng);
    }
}

static void keep(float *to, const struct tensor *output)
{
    int64_t count = shape_count(&output->shape);

    if (output->dtype == DTYPE_F32) {
        memcpy(to, output->data, (size_t)count * sizeof(float));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        to[i] = output->quant->scale[0] *
                (float)((int32_t)((const uint8_t *)output->data)[i] - output->quant->zero_point[0]);
}

/* Samples follow one another on the first axis; a scalar gets one. */
static struct shape stacked(const struct shape *one, int samples)
{
    struct shape shape = *one;

    if (shape.rank == 0)
        return shape_of(1, (int64_t)samples);
    shape.dim[0] = shape.dim[0] == -1 ? samples : shape.dim[0] * samples; /* -1: an input that is an output, too */
    return shape;
}

static int make_outputs(struct tensor **outputs, struct arena *arena, struct exec *exec, const struct graph *graph,
                        int samples, struct error *err)
{
    *outputs = arena_array(arena, (size_t)graph->output_count, sizeof(**outputs));
    if (*outputs == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->output_count; i++) {
        struct tensor *to = &(*outputs)[i];

        to->dtype = DTYPE_F32;
        to->shape = stacked(&exec_output(exec, i)->shape, samples);
        to->data = arena_alloc(arena, tensor_bytes(to));
        if (to->data == NULL)
            return error_memory(err);
    }
    return 0;
}

static void run_one(struct tensor *outputs, struct exec *exec, const struct model *model, uint8_t *pixels, int sample)
{
    const struct graph *graph = &model->graph;

    for (int i = 0; i < graph->input_count; i++) {
        struct rng rng = rng_make(model->golden_seed, rng_stream("golden", (uint64_t)sample, (uint64_t)i));

        if (pixels != NULL)
            draw_pixels(exec_input(exec, i), &model->preprocess, pixels, &rng);
        else
            draw(exec_input(exec, i), &rng);
    }
    exec_forward(exec);
    for (int i = 0; i < graph->output_count; i++) {
        const struct tensor *output = exec_output(exec, i);

        keep((float *)outputs[i].data + sample * shape_count(&output->shape), output);
    }
}

/* NaN equals NaN in a file, but is no answer. */
static int check_numbers(const struct tensor *outputs, const struct graph *graph, struct error *err)
{
    for (int i = 0; i < graph->output_count; i++) {
        const int64_t count = shape_count(&outputs[i].shape);

        for (int64_t k = 0; k < count; k++)
            if (isnan(((const float *)outputs[i].data)[k])) {
                error_set(err, ERROR_INPUT, "golden samples give NaN at output '%s'",
                          graph->value[graph->output[i]].name);
                return error_hint(err, "the weights overflow: a model that answers no number is not passed on");
            }
    }
    return 0;
}

int golden_run(struct tensor **outputs, struct arena *arena, const struct model *model, int samples,
               const struct job *job, struct error *err)
{
    const struct preprocess *p = &model->preprocess;
    struct exec *exec = exec_new(&model->graph, 1, EXEC_INFER, job, err);
    struct arena scratch = { 0 };
    uint8_t *pixels = NULL;
    int rc = -1;

    if (exec == NULL)
        return -1;
    if (model->has_preprocess)
        pixels = arena_array(&scratch, (size_t)p->channels * (size_t)p->height, (size_t)p->width);
    if (model->has_preprocess && pixels == NULL)
        error_memory(err);
    else
        rc = make_outputs(outputs, arena, exec, &model->graph, samples, err);
    for (int sample = 0; rc == 0 && sample < samples; sample++)
        run_one(*outputs, exec, model, pixels, sample);
    if (rc == 0)
        rc = check_numbers(*outputs, &model->graph, err);
    arena_free(&scratch);
    exec_free(exec);
    return rc;
}

static double largest(const struct tensor *outputs, int count)
{
    double most = 1;

    for (int i = 0; i < count; i++) {
        int64_t elements = shape_count(&outputs[i].shape);

        for (int64_t k = 0; k < elements; k++) {
            double value = fabs((double)((const float *)outputs[i].data)[k]);

            if (isfinite(value) && value > most)
                most = value;
        }
    }
    return most;
}

int golden_make(struct model *model, const struct job *job, struct error *err)
{
    if (golden_run(&model->golden, &model->arena, model, GOLDEN_SAMPLES, job, err) < 0)
        return -1;
    model->golden_count = GOLDEN_SAMPLES;
    /* To a power of ten, so that other samples of a like size state the same. */
    model->golden_tolerance = relative_tolerance *
                              pow(10, ceil(log10(largest(model->golden, model->graph.output_count))));
    return 0;
}

static const struct safetensors_entry *find(const struct safetensors *st, const char *name)
{
    for (int i = 0; i < st->count; i++)
        if (strcmp(st->entry[i].name, name) == 0)
            return &st->entry[i];
    return NULL;
}

/* One output's samples, copied: they are small and may lie unaligned. */
static int read_output(struct model *model, int i, const struct safetensors *st, const unsigned char *data,
                       struct error *err)
{
    const struct value *value = &model->graph.value[model->graph.output[i]];
    const struct safetensors_entry *entry = find(st, value->name);
    const struct shape expected = stacked(&value->tensor.shape, model->golden_count);
    char wanted[160], found[160];

    if (entry == NULL)
        return error_set(err, ERROR_INPUT, "no tensor for output '%s'", value->name);
    if (entry->dtype != DTYPE_F32 || !shape_equal(&entry->shape, &expected))
        return error_set(err, ERROR_INPUT, "output '%s' is %s %s, expected F32 %s", value->name,
                         dtype_name(entry->dtype), shape_text(&entry->shape, found), shape_text(&expected, wanted));
    model->golden[i] = (struct tensor){ .dtype = DTYPE_F32, .shape = entry->shape };
    model->golden[i].data = arena_alloc(&model->arena, entry->end - entry->begin);
    if (model->golden[i].data == NULL)
        return error_memory(err);
    memcpy(model->golden[i].data, data + entry->begin, entry->end - entry->begin);
    return 0;
}

int golden_read(struct model *model, struct bytes bytes, struct error *err)
{
    struct arena scratch = { 0 };
    struct safetensors st;
    int count = model->graph.output_count, rc;

    if ((bytes.at == NULL) != (model->golden_count == 0))
        return error_set(err, ERROR_INPUT, "%s",
                         bytes.at != NULL ? "model.yaml says nothing of golden samples"
                                          : "golden samples without " MEMBER_GOLDEN);
    if (bytes.at == NULL)
        return 0;
    if (!golden_possible(model))
        return error_set(err, ERROR_INPUT, "golden samples that cannot be drawn");
    rc = safetensors_parse(&st, &scratch, bytes.at, bytes.count, err);
    if (rc == 0 && st.count != count)
        rc = error_set(err, ERROR_INPUT, "%d tensors for %d outputs", st.count, count);
    model->golden = arena_array(&model->arena, (size_t)count, sizeof(model->golden[0]));
    if (rc == 0 && model->golden == NULL)
        rc = error_memory(err);
    for (int i = 0; rc == 0 && i < count; i++)
        rc = read_output(model, i, &st, bytes.at + st.data_offset, err);
    arena_free(&scratch);
    return rc < 0 ? error_in(err, MEMBER_GOLDEN) : 0;
}

int package_verify(struct model *model, const struct job *job, double *worst, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor *outputs;
    int rc;

    *worst = 0;
    if (model->golden == NULL)
        return 0;
    rc = golden_run(&outputs, &arena, model, model->golden_count, job, err);
    for (int i = 0; rc == 0 && i < model->graph.output_count; i++) {
        struct tensor_difference difference;

        rc = tensor_compare(&difference, &outputs[i], &model->golden[i], err);
        /* max_abs of NaN against a number compares false with everything */
        if (rc == 0 && !(difference.max_abs <= *worst))
            *worst = difference.max_abs;
    }
    arena_free(&arena);
    if (rc == 0 && !(*worst <= model->golden_tolerance))
        rc = error_set(err, ERROR_ANSWER, "golden samples differ by %g, the package allows %g", *worst,
                       model->golden_tolerance);
    return rc;
}
