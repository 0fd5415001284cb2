/* distill.c - a teacher's answers as soft targets beside the labels. */
#include <math.h>
#include <string.h>

#include "train/internal.h"

double distill(const float *logits, const float *teacher, int n, int classes, int taught, double temperature,
               double share, double loss, float *grad)
{
    const double t = temperature;
    double divergence = 0;

    for (int i = 0; i < n; i++) {
        const float *x = logits + (int64_t)i * classes, *y = teacher + (int64_t)i * taught;
        float *g = grad + (int64_t)i * classes;
        double most_x = x[0], most_y = y[0], sum_x = 0, sum_y = 0;

        for (int c = 1; c < taught; c++) {
            most_x = x[c] > most_x ? x[c] : most_x;
            most_y = y[c] > most_y ? y[c] : most_y;
        }
        for (int c = 0; c < taught; c++) {
            sum_x += exp((x[c] - most_x) / t);
            sum_y += exp((y[c] - most_y) / t);
        }
        for (int c = 0; c < taught; c++) {
            const double log_p = (x[c] - most_x) / t - log(sum_x), log_q = (y[c] - most_y) / t - log(sum_y);

            divergence += exp(log_q) * (log_q - log_p);
            g[c] = (float)((1 - share) * (double)g[c] + share * t * (exp(log_p) - exp(log_q)) / n);
        }
        for (int c = taught; c < classes; c++)
            g[c] = (float)((1 - share) * (double)g[c]);
    }
    return (1 - share) * loss + share * t * t * divergence / n;
}

/* ---- the teacher of a run ---- */

/* A model that grew has the teacher's classes first. */
static bool knows_labels_of(const struct model *model, const struct model *teacher)
{
    if (teacher->label_count > model->label_count || (teacher->label_count == 0 && model->label_count > 0))
        return false;
    for (int i = 0; i < teacher->label_count; i++)
        if (strcmp(teacher->label[i], model->label[i]) != 0)
            return false;
    return true;
}

static bool same_pixels(const struct model *a, const struct model *b)
{
    return a->has_preprocess == b->has_preprocess &&
           (!a->has_preprocess || preprocess_equal(&a->preprocess, &b->preprocess));
}

static int check_teacher(const struct model *teacher, const struct model *model, struct error *err)
{
    if (teacher->update != NULL || teacher->part != NULL)
        return error_set(err, ERROR_INPUT, "an update or a part of a split model cannot teach");
    if (!teacher->softmax)
        return error_set(err, ERROR_INPUT, "it answers with probabilities: softening needs logits");
    if (!knows_labels_of(model, teacher))
        return error_set(err, ERROR_INPUT, "its labels are not the model's, or the first of them, in the same order");
    if (!same_pixels(teacher, model))
        return error_set(err, ERROR_INPUT, "its preprocessing is not the model's: it would see other pixels");
    return 0;
}

static bool same_shape(const struct tensor *a, const struct tensor *b)
{
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape);
}

/* One logit for each of its classes, and each of those is the model's. */
static bool same_answers(const struct model *teacher, const struct tensor *a, const struct tensor *b)
{
    struct shape shape = b->shape;

    if (teacher->label_count > 0 && shape.rank == 2)
        shape.dim[1] = teacher->label_count;
    return a->dtype == b->dtype && shape_equal(&a->shape, &shape);
}

int teacher_begin(struct trainer *trainer, struct error *err)
{
    const struct model *teacher = trainer->options->teacher;

    if (teacher == NULL)
        return 0;
    if (check_teacher(teacher, trainer->model, err) < 0)
        return error_in(err, "teacher");
    trainer->teacher = exec_new(&teacher->graph, trainer->batch, EXEC_INFER, trainer->job, err);
    if (trainer->teacher == NULL)
        return error_in(err, "teacher");
    if (teacher->graph.input_count == 1 && teacher->graph.output_count == 1 &&
        same_shape(exec_input(trainer->teacher, 0), exec_input(trainer->exec, 0)) &&
        same_answers(teacher, exec_output(trainer->teacher, 0), exec_output(trainer->exec, 0)))
        return 0;
    error_set(err, ERROR_INPUT, "teacher: its input and output are not the model's, in shape and type");
    return error_hint(err, "a quantized package cannot teach; name the one that it was made from");
}

double teacher_add(struct trainer *trainer, double loss)
{
    const struct tensor *in = exec_input(trainer->exec, 0), *out = exec_output(trainer->exec, 0), *said;

    if (trainer->teacher == NULL)
        return loss;
    memcpy(exec_input(trainer->teacher, 0)->data, in->data, tensor_bytes(in));
    exec_forward(trainer->teacher);
    said = exec_output(trainer->teacher, 0);
    return distill(out->data, said->data, trainer->batch, (int)out->shape.dim[1], (int)said->shape.dim[1],
                   trainer->options->temperature, trainer->options->distill, loss, out->grad);
}
