/* internal.h - what the loop and its checkpoints share. */
#ifndef TRAIN_INTERNAL_H
#define TRAIN_INTERNAL_H

#include "graph/exec.h"
#include "train/train.h"

enum { TRAIN_STATES = 2 };

/* One trained weight: where it lies in the model, its gradient, the optimizer's memory of it. */
struct trained {
    int value; /* index in the graph */
    size_t count;
    float *data;
    float *state[TRAIN_STATES];
    bool decay; /* weight decay applies: matrices and filters, not biases and norms */
};

struct trainer {
    struct arena arena;
    struct model *model;
    const struct dataset *data, *val;
    const struct train_options *options;
    const struct job *job;
    struct exec *exec;
    struct exec *teacher; /* or NULL */
    struct trained *trained;
    int trained_count;
    int *trained_of;     /* by value: its place among them; -1 */
    float *class_weight; /* or NULL */
    float *best;         /* all float weights at the best epoch, one after the other; or NULL */
    size_t best_count;
    double best_val;
    uint32_t *order;     /* the permutation of epoch `order_epoch` */
    int64_t order_epoch; /* -1: none */
    int32_t *label;      /* [batch] */
    int batch;
    int64_t step, total_steps;
    double rate;                /* of learning, at the last step */
    double started;             /* the clock */
    struct digest started_from; /* identity of the model before the first step */
    struct digest taught_by;    /* of the teacher */
    struct train_result result;
};

/* Copies all float weights of the model to or from one array of best_count. */
void trainer_save_weights(const struct trainer *trainer, float *to);
void trainer_load_weights(struct trainer *trainer, const float *from);

/* Room for what the optimizer keeps of trainer->trained. */
MUST_CHECK int update_init(struct trainer *trainer, struct error *err);
/* exec_backward()'s take: a weight follows its gradient as soon as that is there. */
void update_weight(void *trainer, const struct gradient *gradient);

/* Makes options->teacher ready, if there is one; exec is. Errors: ERROR_INPUT when it is no teacher of this model. */
MUST_CHECK int teacher_begin(struct trainer *trainer, struct error *err);
/* What the teacher says of the batch that exec just ran goes into the output's gradient; the loss of both. */
double teacher_add(struct trainer *trainer, double loss);

/* Written whole or not at all; read when the file is there: 1 resumed, 0 no file, -1 error (ERROR_USAGE when it is of another run). */
MUST_CHECK int checkpoint_write(const struct trainer *trainer, const char *path, struct error *err);
MUST_CHECK int checkpoint_read(struct trainer *trainer, const char *path, struct error *err);

#endif
