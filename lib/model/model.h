/*
 * model.h - the waist of the house: a graph with its weights and all that a
 * stranger needs to run it: preprocessing, labels, thresholds, where it came
 * from, and how private it is. Knows nothing of files.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/digest.h"
#include "base/file.h"
#include "base/job.h"
#include "base/tree.h"
#include "graph/graph.h"
#include "image/image.h"

/* Levels, rising; what is made from several has the highest. */
enum privacy { PRIVACY_PUBLIC, PRIVACY_EDGE, PRIVACY_USER };
const char *privacy_name(enum privacy level); /* "public", "edge-private", "user-private" */
MUST_CHECK int privacy_parse(enum privacy *level, const char *name, struct error *err);

/* What kind of thing is private. */
enum content { CONTENT_DATA, CONTENT_FEATURES, CONTENT_PARAMETERS, CONTENT_PARAMETERS_DP };
const char *content_name(enum content content); /* "data", "features", "parameters", "parameters-dp" */
MUST_CHECK int content_parse(enum content *content, const char *name, struct error *err);

/* An update: tensors are differences to the base package. */
struct update {
    struct digest base; /* model_identity() of the base */
    const char *site;
    int64_t round, examples, steps;
};

/* A part of a split model. */
struct part {
    int index, count;    /* 0-based */
    struct digest head;  /* model_identity() of the part before; zeros for the first */
    struct digest whole; /* model_identity() of what was split */
};

/* Tensors that whoever goes on from the model reads again, such as an optimizer's moments. */
struct model_state {
    struct tensor *tensor;
    const char **name;
    int count;
};

struct model {
    struct arena arena; /* everything below lives here, but mapped weights */
    struct graph graph;
    const char *name; /* "solder-cnn" */
    const char *task; /* "classify", "embed", "none" */
    bool has_preprocess;
    struct preprocess preprocess;
    const char **label; /* label_count names, or NULL */
    int label_count;
    float *threshold; /* per label, or NULL: `eval --sweep` chose them */
    bool softmax;     /* the output is logits: results apply Softmax */
    enum privacy privacy;
    enum content content;      /* of the model alone, without `replay` */
    struct update *update;     /* NULL: a model */
    struct part *part;         /* NULL: whole */
    uint64_t golden_seed;      /* inputs of the golden samples are drawn from it */
    struct tensor *golden;     /* outputs of the golden samples as stored, one per graph output, or NULL */
    int golden_count;          /* samples; they lie one after the other on the first axis of each output */
    double golden_tolerance;   /* largest difference that still counts as the same */
    struct tree *history;      /* TREE_LIST of records, oldest first; NULL: empty */
    struct tree *statistics;   /* `statistics.yaml`, how it answered at training; or NULL */
    struct model_state *state; /* goes into its package; read by package_take_state() alone; NULL: none */
    unsigned extras;           /* package/: further members that its file has, which are never written again */
    unsigned char *replay; /* `replay.tar` of the package that will be written, malloc'ed and the model's; or NULL */
    size_t replay_bytes;
    struct input source; /* the bytes that mapped weights lie in */
    void *pending;       /* package/: verification going on; package_settle() ends it */
    void (*settle)(
        struct model *model); /* package/: waits and frees pending; model_free() calls it before the source goes */
};

void model_init(struct model *model);
void model_free(struct model *model);
/* A deep copy (weights too); source stays with the original. */
MUST_CHECK int model_copy(struct model *to, const struct model *from, struct error *err);

/*
 * model_identity - digest over what decides its answers: graph, weights, quantization,
 * preprocessing, labels. Not over history, golden samples or statistics, so it is the
 * same whoever writes the file. Bases of updates and heads of parts are named by it.
 */
MUST_CHECK int model_identity(const struct model *model, struct digest *digest, struct error *err);
/* Every weight finite; ERROR_INPUT naming the first tensor that is not. */
MUST_CHECK int model_check_finite(const struct model *model, struct error *err);
/* Labels from a file (one a line) or made "0".."N-1". */
MUST_CHECK int model_set_labels(struct model *model, const char *const *labels, int count, struct error *err);
/* The same, when the model is a classifier of so many: ERROR_INPUT when not. */
MUST_CHECK int model_name_classes(struct model *model, const char *const *labels, int count, struct error *err);
int model_find_label(const struct model *model, const char *name); /* or -1 */
/*
 * model_set_input - channels and sides of the image [N, C, H, W] that the only input takes: what the graph leaves open
 * becomes so, what it says must agree. 0 stands for whatever the graph says. ERROR_USAGE.
 */
MUST_CHECK int model_set_input(struct model *model, int channels, int height, int width, struct error *err);
/* One image in, a row of numbers out: it classifies, with numbers as labels where it has none. Another is left as it is. */
MUST_CHECK int model_guess_task(struct model *model, struct error *err);
/* preprocess_parse() on what the model has, or on its input's sizes; what the text says of the input is set as above. */
MUST_CHECK int model_set_preprocess(struct model *model, const char *text, struct error *err);
/* Golden outputs and thresholds go: the weights are about to be others. */
void model_forget_answers(struct model *model);
/* A label for each number that the first output gives a sample; models without labels pass.
 *   answer  that output's shape for batch 1; NULL: as graph_infer_shapes() left it in the graph */
MUST_CHECK int model_check_labels(const struct model *model, const struct shape *answer, struct error *err);
/* Appends a record {command, version, options, seed, parents, data, measures} made by the caller. */
MUST_CHECK int model_add_history(struct model *model, const struct tree *record, struct error *err);
/* A copy of another's statistics, if it has any. */
MUST_CHECK int model_copy_statistics(struct model *to, const struct model *from, struct error *err);
/* The classifier's last Gemm (or 1x1 Conv head): its node index, or -1. For new heads and pruning's last layer. */
int model_head(const struct model *model);
/*
 * model_new_head - widens or renames the output to these labels. Rows of labels
 * that were there keep their weights; others are drawn as the architecture would.
 */
MUST_CHECK int model_new_head(struct model *model, const char *const *labels, int count, uint64_t seed,
                              struct error *err);

/* A closing Softmax over classes leaves the graph, for results apply it (model->softmax): training needs logits. Answers
 * stay; shapes must have been inferred. Another model is left as it is. */
MUST_CHECK int model_open_logits(struct model *model, struct error *err);

/* ---- built-in architectures: one file and one row each ---- */
struct arch_options {
    int channels, height, width; /* input */
    int classes;
    double width_factor; /* --width, 1 by default */
    const char *detail;  /* after the colon: "300-100" of "mlp:300-100"; or NULL */
    uint64_t seed; /* weights: He normal (fan out for convolutions, as torchvision), zeros, ones by the literature */
};
struct arch {
    const char *name, *summary;           /* layers in a clause, with source */
    const char *alias;                    /* what torchvision calls it, where that differs; or NULL */
    int channels, height, width, classes; /* defaults */
    int (*build)(struct model *model, const struct arch_options *options, struct error *err);
};
extern const struct arch *const arch_table[]; /* ends with NULL */
/* "1x64x64" into channels, height and width. ERROR_USAGE. */
MUST_CHECK int arch_parse_input(struct arch_options *options, const char *text, struct error *err);
/* "resnet18", "mlp:300-100". ERROR_USAGE with the nearest as hint. */
MUST_CHECK int model_new(struct model *model, const char *arch, const struct arch_options *options, struct error *err);
/* A graph written as YAML (coedge-new(1) shows the form) instead of a built-in one. */
MUST_CHECK int model_from_yaml(struct model *model, const struct tree *root, const struct arch_options *options,
                               struct error *err);

#endif
