/*
 * merge.h - federated learning's arithmetic: differences out of a site, one model out of many.
 *
 * Who takes part is asked first (keys, judge). Then three choices that do not know of each other: how long an update may
 * be (clip), how updates become one (combine), and how the base follows it (server). Any order of the updates gives the same bytes: the mean's sums
 * are integers (fixed point), so that any grouping does, too; the others go through the sites by name. One tensor is
 * looked at at a time, whatever the number of updates; who judges them needs a second model.
 *
 * What a robust way withstands is said for updates that are alike but for chance: sites whose data differ much look
 * to it as bad ones do.
 */
#ifndef MERGE_MERGE_H
#define MERGE_MERGE_H

#include "base/job.h"
#include "base/sign.h"
#include "model/model.h"

enum merge_weight { MERGE_BY_EXAMPLES, MERGE_EQUAL, MERGE_BY_STEPS };

/*
 * How updates become one. Only the mean weighs them: what a site says of its examples is as little to be trusted as
 * its tensors.
 *   mean        sum of weight * difference / sum of weights (FedAvg). McMahan et al., "Communication-efficient
 *               learning of deep networks from decentralized data", AISTATS 2017.
 *   median      of each number over the sites; of an even count the mean of the two in the middle
 *   trimmed:F   of each number the F largest and F smallest are left out, the mean of the others is taken; n >= 2F + 1.
 *               Both: Yin et al., "Byzantine-robust distributed learning: towards optimal statistical rates",
 *               ICML 2018, definitions 1 and 2.
 *   krum:F      the one update that is nearest to its n - F - 2 nearest others, by sums of squared distances;
 *               n >= 2F + 3
 *   multi-krum:F  the mean of the n - F updates that krum ranks first. Both: Blanchard et al., "Machine learning with
 *               adversaries: Byzantine tolerant gradient descent", NIPS 2017.
 */
enum merge_combine { MERGE_MEAN, MERGE_MEDIAN, MERGE_TRIMMED, MERGE_KRUM, MERGE_MULTI_KRUM };

struct merge_combiner {
    enum merge_combine how;
    int bad; /* F: so many sites may send anything at all */
};

/*
 * Updates whose Euclidean norm (over all their tensors) is larger are scaled down to it, before they are combined.
 * Sun et al., "Can you really backdoor federated learning?", 2019 (a fixed norm); the median of this round's norms is
 * the quantile that Andrew et al., "Differentially private learning with adaptive clipping", NeurIPS 2021, follow.
 */
struct merge_clip {
    double norm;   /* 0: as they are */
    bool adaptive; /* norm is the (lower) median of those of this round */
};

/*
 * How the base follows the combined update d, as if it were a gradient: x += lr * step, where step is
 *   none      d
 *   momentum  m = momentum * m + d. Hsu et al., "Measuring the effects of non-identical data distribution for
 *             federated visual classification", 2019 (FedAvgM).
 *   adam      m / (sqrt(v) + tau) with m = momentum * m + (1 - momentum) * d and v = beta2 * v + (1 - beta2) * d^2
 *   yogi      the same with v = v - (1 - beta2) * d^2 * sign(v - d^2). Both without a correction for the beginning, and
 *             from m = 0, v = tau^2: Reddi et al., "Adaptive federated optimization", ICLR 2021, algorithm 2.
 * m and v of a round are the next one's: base->state, which package_take_state() reads and package_write() writes.
 * BatchNormalization's statistics are averaged without a step: they are measured, not learned.
 */
enum merge_server_kind { MERGE_SERVER_NONE, MERGE_SERVER_MOMENTUM, MERGE_SERVER_ADAM, MERGE_SERVER_YOGI };

struct merge_server {
    enum merge_server_kind kind;
    double lr; /* 0: 1 for none and momentum, 0.01 for adam and yogi */
    double momentum, beta2, tau;
};

/* The sites that may take part, each by the public key that it signs with. */
struct merge_keys {
    const char **site;
    struct sign_key *key;
    int count;
};

/* A folder of SITE.pub as minisign writes them. ERROR_INPUT: none, damaged, one for two sites; ERROR_TRUST: a secret one. */
MUST_CHECK int merge_keys_read(struct merge_keys *keys, const char *folder, struct arena *arena, struct error *err);
/* One file, public or secret. */
MUST_CHECK int merge_key_read(struct sign_key *key, const char *path, struct error *err);

/*
 * Whoever is asked about each update, when nothing else speaks against it: what is shown is the base plus its difference
 * alone, as it was sent. An update that does harm by itself is refused, whatever the others send ("reject on negative
 * impact": Barreno et al., "The security of machine learning", Machine Learning 81, 2010; by a loss on data of the server's:
 * Xie et al., "Zeno", ICML 2019). Unlike the robust ways to combine, this asks for no majority: a site that alone has
 * learnt something is not taken for a bad one.
 */
struct merge_judge {
    /* ERROR_ANSWER, ERROR_INPUT: the update is refused with these words; other errors end the round. */
    int (*judge)(void *context, const struct model *alone, struct error *err);
    void *context;
};

struct merge_options {
    enum merge_weight weight;
    struct merge_combiner combine;
    struct merge_clip clip;
    struct merge_server server;
    const struct merge_keys *keys;   /* NULL: anyone's updates, and signatures cannot be verified */
    const struct merge_judge *judge; /* NULL: what they do to the base is not looked at */
    int min_updates;                 /* fewer good ones: ERROR_ANSWER */
    int64_t round;                   /* all must be of it; -1: of the first one's, by path */
    bool keep_going;                 /* leave bad updates out with a note instead of failing */
    const char *partial; /* the site whose update they become, for another merge (server: none); NULL: a model */
};

struct merge_report {
    int used, refused;
    int clipped; /* updates that were longer than clip_norm */
    double clip_norm;
    int64_t round, examples, steps;
    enum privacy privacy;        /* the most private of base and updates */
    const struct digest *parent; /* sorted: digests of the updates' files, identity of the base */
    int parent_count;
};

/* "median", "krum:2". ERROR_USAGE. */
MUST_CHECK int merge_parse_combine(struct merge_combiner *combine, const char *text, struct error *err);
/* "0.5", "adaptive"; NULL: as they are. ERROR_USAGE. */
MUST_CHECK int merge_parse_clip(struct merge_clip *clip, const char *text, struct error *err);

/*
 * merge_updates - base becomes base + what the updates' differences are combined to; with `partial` an update of that site,
 * with those alone, and the updates' examples and steps together: sites below one that is itself below others. Means of
 * means by examples, or by steps, are the mean of all but for the rounding to F32 in between.
 * Errors: ERROR_INPUT naming the file: no update, of another base or round, the same site twice, no
 * examples, a tensor missing, of another shape or not finite, or (where differences are added in fixed point) too large.
 * ERROR_INPUT with judge, naming the file, for what that refuses; asked is only about those that are good in all else but
 * too large, which depends on who takes part.
 * ERROR_TRUST with keys: not signed, by a site that is not enrolled, with another site's key, or changed since.
 * ERROR_ANSWER below min_updates, or with too few for the F of combine.
 * ERROR_INPUT when a partial one would have more examples or steps than an update may.
 * report->parent is the arena's. On error base is unusable.
 */
MUST_CHECK int merge_updates(struct model *base, const char *const *paths, int count,
                             const struct merge_options *options, const struct job *job, struct arena *arena,
                             struct merge_report *report, struct error *err);

/*
 * merge_difference - model (trained from base) becomes an update: its float weights minus base's.
 * Both must have the same weights; ERROR_INPUT otherwise.
 */
MUST_CHECK int merge_difference(struct model *model, const struct model *base, const struct update *update,
                                struct error *err);

#endif
