#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "merge/merge.h"
#include "package/package.h"

/*
 * A difference d counts as the integer round(d * 2^40), kept in two words so that
 * multiplying by the examples cannot overflow. Checked are |d| < 2^22, which makes it an
 * integer of 63 bits, |d| * (sum of weights) < 2^42 for the high words' sum, and a
 * sum of weights of at most 2^42 for the low words'.
 */
enum { FIXED_BITS = 40, LOW_BITS = 20 };
static const int64_t largest_count = (int64_t)1 << 40; /* of examples, or of steps: their sum fits, too */
static const double largest_difference = 4194304.0;    /* 2^22 */
static const double largest_sum = 4398046511104.0;     /* 2^42 */

struct site {
    const char *path;
    struct update update;
    struct update_reader *reader;
    enum privacy privacy;
    int64_t weight;
    double largest;         /* of its differences, as they are without sign */
    const char *largest_in; /* the tensor it is in: the base's name */
    struct digest digest;
};

struct merge {
    struct model *base;
    const struct merge_options *options;
    const struct job *job;
    struct arena *arena;
    struct digest base_digest;
    struct site *site;
    int site_count;
    double weights;
    int64_t *high, *low; /* of the tensor at hand */
};

/* ---- which updates take part ---- */

static int64_t weight_of(const struct merge *merge, const struct update *update)
{
    switch (merge->options->weight) {
    case MERGE_EQUAL: return 1;
    case MERGE_BY_STEPS: return update->steps;
    default: return update->examples;
    }
}

static int check_update(const struct merge *merge, const struct site *site, struct error *err)
{
    const struct update *update = &site->update;
    char hex[65], wanted[65];

    if (!digest_equal(&update->base, &merge->base_digest)) {
        error_set(err, ERROR_INPUT, "made from base %.12s, this base is %.12s", digest_hex(&update->base, hex),
                  digest_hex(&merge->base_digest, wanted));
        return error_hint(err, "--base must be the package that the sites trained from");
    }
    if (update->examples <= 0 || update->examples > largest_count)
        return error_set(err, ERROR_INPUT, "%" PRId64 " examples, expected 1 to 2^40", update->examples);
    if (update->steps > largest_count)
        return error_set(err, ERROR_INPUT, "%" PRId64 " steps, expected at most 2^40", update->steps);
    if (site->weight <= 0)
        return error_set(err, ERROR_INPUT, "%" PRId64 " steps, expected 1 to 2^40 to weigh by", update->steps);
    if (merge->weights + (double)site->weight > largest_sum)
        return error_set(err, ERROR_INPUT, "the updates weigh more than 2^42 together");
    if (merge->options->round >= 0 && update->round != merge->options->round)
        return error_set(err, ERROR_INPUT, "of round %" PRId64 ", wanted is round %" PRId64, update->round,
                         merge->options->round);
    for (int i = 0; i < merge->site_count; i++) {
        const struct site *other = &merge->site[i];

        if (strcmp(other->update.site, update->site) == 0)
            return error_set(err, ERROR_INPUT, "site '%s' has sent %s already", update->site, other->path);
        if (other->update.round != update->round)
            return error_set(err, ERROR_INPUT, "of round %" PRId64 ", %s is of round %" PRId64, update->round,
                             other->path, other->update.round);
    }
    return 0;
}

/* The largest difference so far, and whether all are finite. */
static bool note_largest(struct site *site, const struct tensor *tensor, const char *name)
{
    const float *data = tensor->data;
    const int64_t count = shape_count(&tensor->shape);

    if (!tensor_finite(tensor))
        return false;
    for (int64_t i = 0; i < count; i++)
        if (fabs((double)data[i]) > site->largest) {
            site->largest = fabs((double)data[i]);
            site->largest_in = name;
        }
    return true;
}

/* Its tensors must be the base's, and finite: read once, before anything is believed. */
static int check_tensors(const struct merge *merge, struct site *site, struct error *err)
{
    const struct graph *graph = &merge->base->graph;
    struct update_tensor tensor;
    int found = 0, wanted = 0, rc;

    for (int i = 0; i < graph->value_count; i++)
        wanted += graph->value[i].kind == VALUE_WEIGHT && graph->value[i].tensor.dtype == DTYPE_F32;
    while ((rc = update_next(site->reader, &tensor, err)) == 1) {
        const struct tensor view = { .dtype = DTYPE_F32,
                                     .shape = tensor.shape,
                                     .data = (void *)(uintptr_t)tensor.data };
        const int value = graph_find_value(graph, tensor.name);
        char has[160], wants[160];

        if (value < 0 || graph->value[value].kind != VALUE_WEIGHT || graph->value[value].tensor.dtype != DTYPE_F32)
            return error_set(err, ERROR_INPUT, "tensor '%s' is no weight of the base in F32", tensor.name);
        if (!shape_equal(&tensor.shape, &graph->value[value].tensor.shape))
            return error_set(err, ERROR_INPUT, "tensor '%s' is %s, the base's %s", tensor.name,
                             shape_text(&tensor.shape, has), shape_text(&graph->value[value].tensor.shape, wants));
        if (!note_largest(site, &view, graph->value[value].name))
            return error_set(err, ERROR_INPUT, "tensor '%s' holds a value that is not finite", tensor.name);
        found++;
    }
    if (rc == 0 && found != wanted)
        rc = error_set(err, ERROR_INPUT, "%d tensors, the base has %d", found, wanted);
    return rc;
}

static int admit(struct merge *merge, const char *path, struct error *err)
{
    struct site *site = &merge->site[merge->site_count];
    int rc;

    *site = (struct site){ .path = path };
    site->reader = update_open(path, &site->update, &site->privacy, err);
    if (site->reader == NULL)
        return -1;
    site->update.site = arena_strdup(merge->arena, site->update.site);
    site->weight = weight_of(merge, &site->update);
    rc = site->update.site ? check_update(merge, site, err) : error_memory(err);
    if (rc == 0)
        rc = check_tensors(merge, site, err);
    if (rc < 0) {
        update_close(site->reader);
        return error_in(err, "%s", path);
    }
    site->digest = update_digest(site->reader); /* stays open: what was checked is what is added */
    merge->site_count++;
    merge->weights += (double)site->weight;
    return 0;
}

static int by_path(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* The error stands, or becomes a note. */
static int leave_out(const struct merge *merge, struct merge_report *report, struct error *err)
{
    if (!merge->options->keep_going || err->kind != ERROR_INPUT)
        return -1;
    job_note(merge->job, "left out: %s", err->message);
    report->refused++;
    return 0;
}

/* What one update may hold depends on how much all weigh: fewer of them allow more, never less. */
static int leave_out_large(struct merge *merge, struct merge_report *report, struct error *err)
{
    const double limit = fmin(largest_sum / merge->weights, largest_difference);
    int kept = 0;

    for (int i = 0; i < merge->site_count; i++) {
        struct site *site = &merge->site[i];

        if (site->largest < limit) {
            merge->site[kept++] = *site;
            continue;
        }
        error_set(err, ERROR_INPUT, "%s: tensor '%s' holds a difference of %g, expected less than %g to add up",
                  site->path, site->largest_in, site->largest, limit);
        if (leave_out(merge, report, err) < 0)
            return -1; /* at the first one: none has moved */
        merge->weights -= (double)site->weight;
        update_close(site->reader);
    }
    merge->site_count = kept;
    return 0;
}

static int admit_all(struct merge *merge, const char *const *paths, int count, struct merge_report *report,
                     struct error *err)
{
    const char **sorted = arena_array(merge->arena, (size_t)count + 1, sizeof(*sorted));

    merge->site = arena_array(merge->arena, (size_t)count + 1, sizeof(*merge->site));
    if (sorted == NULL || merge->site == NULL)
        return error_memory(err);
    memcpy(sorted, paths, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_path);
    for (int i = 0; i < count; i++)
        if (admit(merge, sorted[i], err) < 0 && leave_out(merge, report, err) < 0)
            return -1;
    if (leave_out_large(merge, report, err) < 0)
        return -1;
    if (merge->site_count < merge->options->min_updates || merge->site_count == 0)
        return error_set(err, ERROR_ANSWER, "%d good updates of %d, wanted at least %d", merge->site_count, count,
                         merge->options->min_updates > 0 ? merge->options->min_updates : 1);
    return 0;
}

/* ---- the sum, a tensor at a time over all sites ---- */

static void accumulate(struct merge *merge, const struct site *site, const float *difference, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const int64_t fixed = llrint(ldexp((double)difference[i], FIXED_BITS));

        merge->high[i] += (fixed >> LOW_BITS) * site->weight;
        merge->low[i] += (fixed & (((int64_t)1 << LOW_BITS) - 1)) * site->weight;
    }
}

static void apply(const struct merge *merge, float *weight, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const double sum = ldexp((double)merge->high[i], LOW_BITS - FIXED_BITS) +
                           ldexp((double)merge->low[i], -FIXED_BITS);

        weight[i] = (float)(weight[i] + sum / merge->weights);
    }
}

/* The next tensor of every update is the same one: they were written by one rule from one base. */
static int merge_tensor(struct merge *merge, struct value *value, struct error *err)
{
    const int64_t count = shape_count(&value->tensor.shape);

    memset(merge->high, 0, (size_t)count * sizeof(*merge->high));
    memset(merge->low, 0, (size_t)count * sizeof(*merge->low));
    for (int i = 0; i < merge->site_count; i++) {
        struct update_tensor tensor;

        if (update_find(merge->site[i].reader, value->name, &tensor, err) < 0)
            return error_in(err, "%s", merge->site[i].path);
        accumulate(merge, &merge->site[i], tensor.data, count);
    }
    apply(merge, value->tensor.data, count);
    return 0;
}

static int merge_all(struct merge *merge, struct error *err)
{
    struct graph *graph = &merge->base->graph;
    int64_t most = 1;

    for (int i = 0; i < graph->value_count; i++) {
        const int64_t count = shape_count(&graph->value[i].tensor.shape);

        if (graph->value[i].kind == VALUE_WEIGHT && count > most)
            most = count;
    }
    merge->high = arena_array(merge->arena, (size_t)most, sizeof(*merge->high));
    merge->low = arena_array(merge->arena, (size_t)most, sizeof(*merge->low));
    if (merge->high == NULL || merge->low == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->value_count; i++) {
        if (graph->value[i].kind != VALUE_WEIGHT || graph->value[i].tensor.dtype != DTYPE_F32)
            continue;
        if (merge_tensor(merge, &graph->value[i], err) < 0)
            return -1;
        job_step(merge->job, "merge", (uint64_t)i + 1, (uint64_t)graph->value_count);
    }
    return 0;
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct digest));
}

static int fill_report(const struct merge *merge, struct merge_report *report, struct error *err)
{
    const int parents = merge->site_count + 1;
    struct digest *parent = arena_array(merge->arena, (size_t)parents, sizeof(*parent));

    if (parent == NULL)
        return error_memory(err);
    report->used = merge->site_count;
    report->privacy = merge->base->privacy;
    report->round = merge->site[0].update.round;
    for (int i = 0; i < merge->site_count; i++) {
        parent[i] = merge->site[i].digest;
        report->examples += merge->site[i].update.examples;
        report->steps += merge->site[i].update.steps;
        if (merge->site[i].privacy > report->privacy)
            report->privacy = merge->site[i].privacy;
    }
    parent[parents - 1] = merge->base_digest;
    qsort(parent, (size_t)parents, sizeof(*parent), by_digest);
    report->parent = parent;
    report->parent_count = parents;
    return 0;
}

int merge_updates(struct model *base, const char *const *paths, int count, const struct merge_options *options,
                  const struct job *job, struct arena *arena, struct merge_report *report, struct error *err)
{
    struct merge merge = { .base = base, .options = options, .job = job, .arena = arena };
    int rc;

    *report = (struct merge_report){ 0 };
    if (base->update != NULL)
        return error_set(err, ERROR_INPUT, "the base is itself an update");
    rc = model_identity(base, &merge.base_digest, err);
    if (rc == 0)
        rc = admit_all(&merge, paths, count, report, err);
    if (rc == 0)
        rc = merge_all(&merge, err);
    for (int i = 0; i < merge.site_count; i++)
        update_close(merge.site[i].reader);
    if (rc == 0)
        rc = fill_report(&merge, report, err);
    if (rc == 0) {
        base->privacy = report->privacy;
        model_forget_answers(base);
    }
    return rc;
}
