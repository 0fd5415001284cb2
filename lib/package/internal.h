/*
 * internal.h - what the files of package share.
 */
#ifndef PACKAGE_INTERNAL_H
#define PACKAGE_INTERNAL_H

#include "base/sign.h"
#include "base/text.h"
#include "model/graph_yaml.h"
#include "package/npz.h"
#include "package/package.h"

enum { PACKAGE_FORMAT = 1 };

#define MEMBER_MODEL "model.yaml"
#define MEMBER_WEIGHTS "weights.safetensors"
#define MEMBER_GOLDEN "golden.safetensors"
#define MEMBER_STATISTICS "statistics.yaml"
#define MEMBER_STATE "state.safetensors"
#define MEMBER_SIGNATURE "signature.minisig"

/* ---- members.c: the tar as a whole ---- */
struct bytes {
    const unsigned char *at; /* NULL: not there */
    size_t count;
};

enum { EXTRA_STATE = 0 }; /* its row of package_extras */

struct members {
    struct bytes model, weights, golden, statistics; /* views into the package */
    struct bytes state;                              /* one of the extras, for package_take_state() */
    struct bytes signature;                          /* the last one */
    size_t signed_bytes;                             /* before its tar header */
    unsigned extras;                                 /* bit i: package_extras[i] is there, too */
    size_t digested;                                 /* bytes before `.end` */
    struct digest claimed;                           /* their digest, as `.end` says; not yet compared */
};

/* Order, names and end of the members. Errors: ERROR_INPUT, also saying what the bytes look like instead. */
MUST_CHECK int members_read(struct members *members, const void *bytes, size_t count, struct error *err);

/* ---- model_yaml.c, model_yaml_read.c ---- */
/* Appends model.yaml. */
MUST_CHECK int model_yaml_write(struct text *out, const struct model *model, struct error *err);
/* Parses into the arena and checks the format's version. Errors begin with "model.yaml:LINE:COLUMN". */
MUST_CHECK int model_yaml_parse(const struct tree **root, struct arena *arena, struct bytes text, struct error *err);
/* Everything but the graph's data: those come from `store`. Nothing of the tree is kept. */
MUST_CHECK int model_yaml_read(struct model *model, const struct tree *root, struct graph_store *store,
                               struct error *err);
/* `update:` of model.yaml; ERROR_INPUT when there is none. Texts are the tree's. */
MUST_CHECK int model_yaml_update(struct update *update, enum privacy *privacy, const struct tree *root,
                                 struct error *err);

/* ---- weights.c: the graph's tensors and the safetensors they lie in ---- */
/* Weights and NAME.scale of those quantized by axis. */
MUST_CHECK int weights_list(struct tensor_list *list, struct arena *arena, const struct graph *graph,
                            struct error *err);

/* ERROR_INPUT when two tensors have one name. */
MUST_CHECK int weights_distinct(const struct tensor_list *list, struct arena *arena, struct error *err);

struct weights_store {
    struct graph_store store; /* first, so that find() gets back from it */
    struct arena *arena;      /* for tensors that lie unaligned */
    unsigned char *data;
    struct safetensors st;
    struct safetensors_entry *by_name;
    bool *used;
};

/* scratch lives as long as the store, arena as long as the tensors that find() gives. */
MUST_CHECK int weights_open(struct weights_store *store, struct arena *scratch, struct arena *arena, struct bytes bytes,
                            struct error *err);
/* ERROR_INPUT naming a tensor that nothing asked for. */
MUST_CHECK int weights_all_used(const struct weights_store *store, struct error *err);

/* ---- update_sign.c ---- */
struct tar_writer;

/* What a site says of its update: the signature's trusted comment. */
MUST_CHECK char *update_statement(struct arena *arena, const struct update *update);
/* The signature of all members so far. */
MUST_CHECK int signature_put(struct tar_writer *tar, const struct update *update, const struct sign_key *key,
                             struct error *err);
/* update_signed_by() on what was read: the digest of what comes before it. */
MUST_CHECK int signature_check(const struct digest *digest, struct bytes signature, const struct update *update,
                               const struct sign_key *keys, int key_count, int *by, struct error *err);

/* ---- golden.c ---- */
enum { GOLDEN_SAMPLES = 4 };

/* True when inputs can be drawn and outputs stored. */
bool golden_possible(const struct model *model);
/* Runs the samples; outputs[i] (of the arena) is F32, samples after one another on the first axis.
 * ERROR_INPUT when one is NaN. */
MUST_CHECK int golden_run(struct tensor **outputs, struct arena *arena, const struct model *model, int samples,
                          const struct job *job, struct error *err);
/* model->golden from a run. */
MUST_CHECK int golden_make(struct model *model, const struct job *job, struct error *err);
/* model->golden from the member. */
MUST_CHECK int golden_read(struct model *model, struct bytes bytes, struct error *err);

/* ---- read.c ---- */
/* The whole of a package's file; what is not mapped is limited by LIMIT_PACKAGE_BYTES. */
MUST_CHECK int package_open_bytes(struct input *in, const char *path, struct error *err);

/* ---- safetensors.c, safetensors_write.c ---- */
enum { SAFETENSORS_LENGTH = 8 }; /* bytes that say how long the header is */

#endif
