/*
 * train.h - a model learns from a set: loss, optimizer, schedule, loop, checkpoints.
 * The same model, data, options and seed give the same weights for any number of threads.
 */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "data/data.h"
#include "metric/metric.h"
#include "model/model.h"

/* ---- loss ---- */
/*
 * softmax_cross_entropy - sum over the batch of weight[label] * -log p[label], divided by the sum of
 * weight[label]; with smoothing s, (1 - s) of it and s / classes of weight[c] * -log p[c] over all
 * classes c (as PyTorch's CrossEntropyLoss).
 *   logits  [n, classes]
 *   grad    [n, classes]  d loss / d logits
 *   weight  [classes] or NULL
 *   smoothing  label smoothing, 0..1
 * Returns the loss; *right counts samples whose largest logit is the label's.
 */
double softmax_cross_entropy(const float *logits, const int32_t *label, int n, int classes, const float *weight,
                             double smoothing, float *grad, int64_t *right);

/*
 * distill - mixes a teacher into a loss: (1 - share) * loss + share * T^2 * KL(teacher || model), where both are
 * softened by temperature T and KL is the mean over n.
 *   logits   [n, classes]
 *   teacher  [n, taught]   what it knows are the first of the classes: KL is over those alone, so that the others are
 *                          learnt from labels only
 *   grad     [n, classes]  d loss / d logits, becomes that of the mix
 * Sources: Hinton, Vinyals & Dean 2015, section 2; Li & Hoiem, "Learning without Forgetting", ECCV 2016, section 3,
 * where the teacher is the model before it knew the others.
 */
double distill(const float *logits, const float *teacher, int n, int classes, int taught, double temperature,
               double share, double loss, float *grad);

/* ---- optimizers: one step on one tensor; state arrays are theirs alone ---- */
enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_COUNT };

struct optimizer {
    const char *name;
    int states; /* float arrays per weight: 1 for momentum, 2 for Adam */
    /*
     * w, g [n]; state[k] [n]; step counts from 1. Sources: Sutskever et al. 2013 as in PyTorch's SGD (no dampening);
     * Kingma & Ba 2015; Loshchilov & Hutter 2019.
     */
    void (*step)(float *w, const float *g, float *const *state, size_t n, double lr, double momentum, double decay,
                 uint64_t step);
};
extern const struct optimizer optimizers[OPTIMIZER_COUNT];

/* ---- schedules: the factor of the learning rate at `at` of 0..1 through the run ---- */
enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_STEP, SCHEDULE_COUNT };
double schedule_factor(enum schedule_kind kind, double at);

/* ---- the loop ---- */
enum class_weights { CLASS_WEIGHTS_NONE, CLASS_WEIGHTS_BALANCED, CLASS_WEIGHTS_SQRT };

struct train_options {
    double epochs;  /* may be partial: 0.5; 0 with steps or minutes */
    int64_t steps;  /* 0: by epochs */
    double minutes; /* stop after; 0: no limit (not reproducible, said in history) */
    int batch;
    enum optimizer_kind optimizer;
    double lr, momentum, weight_decay, smoothing;
    enum schedule_kind schedule;
    double warmup; /* share of the run with a rising learning rate */
    struct augment augment;
    enum class_weights class_weights;
    const char *const *freeze; /* patterns over weight names; NULL: none */
    int freeze_count;
    const struct model *teacher; /* whose answers are learnt too, or NULL */
    double distill, temperature; /* share of the loss that is the teacher's, 0..1; what softens it */
    bool keep_best;              /* of val accuracy, when there is a val set; else the last */
    const char *checkpoint;      /* file, or NULL: written after each epoch, resumed from when it is there */
    uint64_t seed;
    /* Of weights, optimizer's state and the step, at most; 0: no limit. Activations are computed again until it does. */
    size_t memory_bytes;
};

struct train_epoch {
    int64_t epoch, steps;                        /* epoch from 1 */
    double loss, accuracy;                       /* over the training samples as they were seen */
    double val_accuracy, val_balanced, val_loss; /* NaN without a val set */
    double lr;                                   /* at its last step */
    double seconds, samples_per_s;
};

struct train_result {
    int64_t steps, examples; /* done, examples counting repeats */
    int64_t best_epoch;
    double loss, accuracy, val_accuracy;
    size_t memory_bytes;
};

/*
 * train - changes model's weights in place (statistics of BatchNormalization too).
 * val may be NULL. each_epoch (may be NULL) is called after every epoch; -1 from it ends with its error.
 * Errors: ERROR_INPUT (shapes, no trainable weight, a quantized model, loss not finite: says the step
 * and suggests a lower --lr), ERROR_LIMIT (memory_bytes does not do: says the least that does), ERROR_IO (checkpoint).
 */
MUST_CHECK int train(struct model *model, const struct dataset *data, const struct dataset *val,
                     const struct train_options *options, const struct job *job,
                     int (*each_epoch)(void *context, const struct train_epoch *epoch, struct error *err),
                     void *context, struct train_result *result, struct error *err);

/* Weights from the classes' counts, mean 1. */
void class_weights_make(enum class_weights kind, const int64_t *per_class, int classes, float *weight);

#endif
