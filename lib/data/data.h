/*
 * data.h - sets of samples from shards (tar, tar.gz), folders with a subfolder
 * per class, idx pairs, single images, and standard input.
 */
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include <stdatomic.h>

#include "base/job.h"
#include "base/text.h"
#include "image/image.h"
#include "model/model.h"
#include "stream/stream.h"

/* ---- one after the other: infer, dataset ---- */
/* A shard in memory, as a package holds one of samples to learn again. */
struct rehearsal {
    const char *name; /* for messages */
    const void *bytes;
    size_t count;
};
struct source;
struct item {
    const char *key;
    const unsigned char *bytes; /* file bytes of an image or npy; NULL for decoded pixels of idx */
    size_t count;
    const char *ext;             /* "png", "jpg", "npy", or "raw" for idx: bytes are pixels */
    int height, width, channels; /* raw only */
    const char *class_text;      /* .cls content, subfolder name or idx label; NULL: none */
    const struct sample *sample; /* all parts, when from a tar */
    int64_t dropped;             /* of a live stream: frames before this one that nobody took */
};
/* What is said to an image when the model has no preprocessing. Returns -1. */
int item_refuse_image(struct error *err);
/*
 * item_pixels - an image item (file bytes or raw) as pixels [height, width, channels] of the model.
 * Errors as image_load.
 */
MUST_CHECK int item_pixels(uint8_t *out, const struct item *item, const struct preprocess *preprocess,
                           struct error *err);
/*
 * item_values - an npy item as reals, in the order in which it is stored.
 *   out    [elements of shape]
 *   shape  of one sample; the item's may have axes of 1 in front, or be flat
 * Errors: ERROR_INPUT (no array, not F32 or F64, another shape, a value that is not finite).
 */
MUST_CHECK int item_values(float *out, const struct shape *shape, const struct item *item, struct error *err);
/* path: shard, folder, "IMAGES,LABELS" idx pair, an image file, or "-" (a shard). */
MUST_CHECK struct source *source_open(const char *path, struct error *err);
/* One whose source_digest() nobody will ask for. */
MUST_CHECK struct source *source_open_unhashed(const char *path, struct error *err);
/* A shard in memory, which outlives the source. */
MUST_CHECK struct source *source_open_shard(const struct rehearsal *shard, struct error *err);
/* Bytes that come from elsewhere: read() gives up to `count` of them, 0 at the end, -1. */
struct tap {
    int64_t (*read)(struct tap *tap, void *bytes, size_t count, struct error *err);
};
/* A video out of a tap, which outlives the source. Other bytes are ERROR_INPUT. */
MUST_CHECK struct source *source_open_tap(struct tap *tap, struct error *err);
/*
 * source_open_latest - a live stream, which does not wait for its reader: it is read on a thread of its own, and of its
 * items the latest is handed out; item->dropped counts those before it that nobody took. One that was read is handed out
 * before the end or the error behind it.
 */
struct feed {
    /* As source_next(), on that thread; it returns soon once feed->over is set. */
    int (*next)(struct feed *feed, struct item *item, struct error *err);
    atomic_bool over;
};
/* The feed outlives the source. */
MUST_CHECK struct source *source_open_latest(struct feed *feed, struct error *err);
MUST_CHECK int source_next(struct source *source, struct item *item, struct error *err); /* 1, 0, -1 */
/* Facts of `.dataset.yaml` or of the folder: label names in class order (NULL when unknown), level. */
const char *const *source_labels(const struct source *source, int *count);
/* What to call an item's class: its number's name where its set has names, else its text; "" without a class. */
const char *class_shown(const struct source *source, const struct item *item);
/* The index of its class in a model's labels; -1: it has none, or the model does not. */
int class_index_of(const struct source *source, const struct item *item, const char *const *labels, int label_count);
enum privacy source_privacy(const struct source *source);   /* PRIVACY_EDGE when the set does not say */
enum tar_end source_end_state(const struct source *source); /* TAR_END_GOOD for folders, idx, images */
struct digest source_digest(const struct source *source);   /* of the bytes read so far; the set's digest at the end */
void source_close(struct source *source);

/* ---- a whole set in memory: train, eval, quantize ---- */
struct dataset {
    struct arena arena;
    struct preprocess preprocess;
    int64_t count;
    uint8_t *pixels;    /* [count, height, width, channels] */
    float *values;      /* instead of pixels for npy samples: [count, elements]; else NULL */
    int64_t elements;   /* of one sample's input */
    struct shape shape; /* of one sample's values: [channels, height, width], or as the first array is */
    int32_t *label;     /* class index into `labels` of the model; -1: none */
    const char **key;
    int64_t *per_class; /* label_count */
    int label_count;
    const char *const *labels; /* names, the model's */
    enum privacy privacy;      /* the most private of its sources */
    struct digest digest;      /* over the sorted digests of its sources */
    int source_count;
    int without_end; /* sources that lack `.end` */
};

struct dataset_options {
    bool require_end;                  /* a foreign tar without .end is ERROR_INPUT; else job_note warns */
    bool keep_going;                   /* skip unreadable samples, count them */
    bool need_labels;                  /* a sample without a class is ERROR_INPUT */
    int64_t *skipped;                  /* with keep_going; may be NULL */
    const struct rehearsal *rehearsal; /* read after all paths; needs its .end. NULL: none */
};

/*
 * dataset_load - reads all paths; labels are matched by name where the set says names, else by
 * number against the model's label_count. A class the model does not have is ERROR_INPUT naming
 * it, the key and the model's labels. An empty set is ERROR_INPUT. Decodes in the pool.
 */
MUST_CHECK int dataset_load(struct dataset *set, const char *const *paths, int path_count,
                            const struct preprocess *preprocess, const char *const *labels, int label_count,
                            const struct dataset_options *options, const struct job *job, struct error *err);
void dataset_free(struct dataset *set);
/* Whether its samples fill the input of a model, batch 1; the input is F32, or U8 with a scale. ERROR_INPUT: they do not. */
MUST_CHECK int dataset_fits(const struct dataset *set, const struct tensor *input, struct error *err);
/* Label names of all paths in first-seen class order (for `new --labels`, new heads), without decoding. */
MUST_CHECK int dataset_labels(struct arena *arena, const char *const *paths, int path_count, const char ***labels,
                              int *count, struct error *err);
/* A model's labels, and behind them the classes of all paths that dataset_load() would not find among them, in the order
 * of dataset_labels(). Where the labels are just numbers, further numbers. */
MUST_CHECK int dataset_grown_labels(struct arena *arena, const char *const *paths, int path_count,
                                    const char *const *labels, int label_count, const char ***grown, int *count,
                                    struct error *err);
/* A label list: a file with a name a line, in class order; blank lines and a last newline are ignored. ERROR_INPUT for
 * an empty list, a name twice, control characters. */
MUST_CHECK int labels_read(struct arena *arena, const char *path, const char ***labels, int *count, struct error *err);
/*
 * dataset_batch - samples `index[0..n-1]` as normalised [n, C, H, W] (or values) into out, classes into label (may be NULL).
 * Augmentation of a sample depends on (seed, epoch, sample index) alone. In the pool.
 */
void dataset_batch(const struct dataset *set, const uint32_t *index, int n, const struct augment *augment,
                   uint64_t seed, uint64_t epoch, float *out, int32_t *label, const struct job *job);

/* ---- the dataset command's work ---- */
/* Appends the bytes of `.dataset.yaml`, a shard's first member. labels and version may be NULL. */
MUST_CHECK int dataset_header(struct text *out, const char *const *labels, int label_count, enum privacy privacy,
                              const char *version, struct error *err);
/* The level that a `.dataset.yaml` says; PRIVACY_EDGE when it does not. ERROR_INPUT: it cannot be read. */
MUST_CHECK int dataset_level(enum privacy *level, const char *header, size_t length, struct error *err);
struct pack_options {
    const char *const *labels; /* NULL: as the sources say */
    int label_count;
    bool set_privacy;
    enum privacy privacy;
    const char *version; /* or NULL */
};
/* Any sources to one shard with `.dataset.yaml` and `.end`; images are copied byte for byte, raw pixels become PNG. */
MUST_CHECK int dataset_pack(const char *const *paths, int path_count, const char *out,
                            const struct pack_options *options, const struct job *job, struct error *err);
/* Parts by shares (sum 1), stratified by class, by a hash of seed and key up to the first '-' group when by_group. */
MUST_CHECK int dataset_split(const char *const *paths, int path_count, const char *const *outs, const double *shares,
                             int part_count, bool by_group, uint64_t seed, const struct job *job, struct error *err);
/* {samples, classes: {NAME: N}, privacy, sha256, bytes, height/width ranges, mean/std per channel} */
MUST_CHECK int dataset_stats(struct arena *arena, const char *const *paths, int path_count, struct tree **stats,
                             const struct job *job, struct error *err);

/* ---- synthetic solder joints: good, insufficient, excess, bridge, void, cold ---- */
struct synth_options {
    int64_t count;    /* samples, classes in turn */
    int size;         /* pixels a side, 64 */
    const char *site; /* "" public set; otherwise its name seeds light, colour, rotation, noise */
    int only[6]; /* classes that are drawn in turn, by their place in synth_labels; they are the shard's labels, too */
    int only_count; /* 0: all six */
    double drift;   /* 0..1: how far the site's light is from the public one */
    bool set_privacy;
    enum privacy privacy;
    uint64_t seed;
};
extern const char *const synth_labels[6];
/* Draws sample i into pixels [size, size, 3]; its class is returned. */
int synth_draw(const struct synth_options *options, int64_t i, uint8_t *pixels);
MUST_CHECK int dataset_synth(const char *out, const struct synth_options *options, const struct job *job,
                             struct error *err);

#endif
