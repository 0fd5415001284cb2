/* internal.h - what the files of merge share: the updates of a round, and a row for each way to combine them. */
#ifndef MERGE_INTERNAL_H
#define MERGE_INTERNAL_H

#include "merge/merge.h"
#include "package/package.h"

struct site {
    const char *path;
    struct update update;
    struct update_reader *reader;
    enum privacy privacy;
    int64_t weight;
    double largest;         /* of its differences, as they are without sign */
    const char *largest_in; /* the tensor it is in: the base's name */
    double squares;         /* sum over all its tensors */
    double scale;           /* that clipping asks for; 1: as it is */
    bool chosen;            /* krum: it takes part in the mean */
    struct digest digest;
};

struct combiner;

struct merge {
    struct model *base;
    const struct merge_options *options;
    const struct combiner *combiner;
    const struct job *job;
    struct arena *arena;
    struct digest base_digest;
    struct site *site; /* by path while they are admitted, then by name */
    int site_count;
    double weights;
    const char *left_out[3]; /* the first that were, and why */
    const float **data;      /* of the tensor at hand, one a site */
    float **moment;          /* two a value of the base; NULL where there is none */
    double *column;          /* site_count numbers for each worker */
};

/* ---- admit.c: which updates take part ---- */

/* Opens them; whoever calls closes, also when it fails. */
MUST_CHECK int admit_all(struct merge *merge, const char *const *paths, int count, struct merge_report *report,
                         struct error *err);
/* ERROR_INPUT: examples or steps that no update may have. */
MUST_CHECK int admit_counts(const struct update *update, struct error *err);
/* One of them, into merge->site. */
MUST_CHECK int admit_one(struct merge *merge, const char *path, struct error *err);
/* ERROR_INPUT, with the path: it holds what is too large to be added to the others that were admitted. */
MUST_CHECK int admit_check_large(const struct merge *merge, const struct site *site, struct error *err);
/* The i-th of those that were admitted is not, after all. */
void admit_drop(struct merge *merge, int i);
/* ERROR_ANSWER: those that were admitted, of `count`, are fewer than asked for or than combining needs; and who was left
 * out. */
MUST_CHECK int admit_enough(const struct merge *merge, int count, struct error *err);
void admit_close(struct merge *merge);

/* ---- judge.c: those are asked about that nothing else speaks against ---- */

/* Who hears of an update that options->judge refuses, with the path in why: 0, and it is dropped; or -1 with an error. */
typedef int judge_refused(struct merge *merge, const struct site *site, struct error *why, void *user,
                          struct error *err);
/* Asks about each that was admitted, where there is somebody to ask; in memory for one more model. */
MUST_CHECK int judge_all(struct merge *merge, judge_refused *refused, void *user, struct error *err);

/* ---- keys.c ---- */

int keys_find(const struct merge_keys *keys, const char *site); /* or -1 */
/* ERROR_TRUST, each with its own sentence; ERROR_INPUT when there is something else in the signature's place. */
MUST_CHECK int check_signature(const struct merge *merge, const struct site *site, struct error *err);

/* ---- clip.c ---- */

/* Sets scale of every site. */
void clip_all(struct merge *merge, struct merge_report *report);

/* ---- server.c ---- */

/* Moments for every weight that learns, from base->state or anew; base->state becomes them. ERROR_INPUT when it does not
 * fit the base. */
MUST_CHECK int server_begin(struct merge *merge, struct error *err);
/* The combined difference of `count` numbers of a value from `from` becomes what the base moves by. */
void server_step(const struct merge *merge, int value, int64_t from, int count, double *delta);

/* ---- combine.c: the table ---- */

enum { BLOCK = 1024 }; /* numbers that are combined at a time */

struct combiner {
    const char *name;
    bool counted; /* NAME:F */
    bool weighs;  /* by --weight; the others count each site once */
    bool fixed;   /* adds in fixed point: differences are limited */
    int least[2]; /* updates that it needs: least[0] * F + least[1] */
    /* Looks at all tensors first; may be NULL. */
    int (*choose)(struct merge *merge, struct error *err);
    /* `count` (at most BLOCK) numbers of the tensor at hand from `from` into delta[0..count-1]. */
    void (*block)(const struct merge *merge, int64_t from, int count, int worker, double *delta);
};

extern const struct combiner combine_mean, combine_median, combine_trimmed, combine_krum, combine_multi_krum;

/* By enum merge_combine. */
const struct combiner *combiner_of(enum merge_combine how);
/* ERROR_ANSWER when there are too few updates for F, with the numbers. */
MUST_CHECK int combiner_check(const struct merge *merge, struct error *err);
/* The tensor at hand: merge->data from all sites. */
MUST_CHECK int tensor_open(struct merge *merge, const struct value *value, struct error *err);
/* What site s sent there, clipped. */
static inline double difference_at(const struct merge *merge, int s, int64_t i)
{
    return (double)merge->data[s][i] * merge->site[s].scale;
}
/* Number i of every site into this worker's column, rising. */
double *column_sorted(const struct merge *merge, int64_t i, int worker);
/* The base's weights that updates are about. */
static inline bool is_merged(const struct value *value)
{
    return value->kind == VALUE_WEIGHT && value->tensor.dtype == DTYPE_F32;
}

#endif
