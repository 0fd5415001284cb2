/* admit.c - which updates take part: each is read once, before anything is believed of it. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "merge/internal.h"

/* mean.c adds up in fixed point, which these keep from running over. */
static const int64_t largest_count = (int64_t)1 << 40; /* of examples, or of steps: their sum fits, too */
static const double largest_difference = 4194304.0;    /* 2^22 */
static const double largest_sum = 4398046511104.0;     /* 2^42 */

static int64_t weight_of(const struct merge *merge, const struct update *update)
{
    if (!merge->combiner->weighs)
        return 1;
    switch (merge->options->weight) {
    case MERGE_EQUAL: return 1;
    case MERGE_BY_STEPS: return update->steps;
    default: return update->examples;
    }
}

int admit_counts(const struct update *update, struct error *err)
{
    if (update->examples <= 0 || update->examples > largest_count)
        return error_set(err, ERROR_INPUT, "%" PRId64 " examples, expected 1 to 2^40", update->examples);
    if (update->steps > largest_count)
        return error_set(err, ERROR_INPUT, "%" PRId64 " steps, expected at most 2^40", update->steps);
    return 0;
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
    if (admit_counts(update, err) < 0)
        return -1;
    if (site->weight <= 0)
        return error_set(err, ERROR_INPUT, "%" PRId64 " steps, expected 1 to 2^40 to weigh by", update->steps);
    if (merge->weights + (double)site->weight > largest_sum)
        return error_set(err, ERROR_INPUT, "the updates weigh more than 2^42 together");
    if (merge->options->round >= 0 && update->round != merge->options->round)
        return error_set(err, ERROR_INPUT, "of round %" PRId64 ", wanted is round %" PRId64, update->round,
                         merge->options->round);
    for (int i = 0; i < merge->site_count; i++) {
        const struct site *other = &merge->site[i];

        if (digest_equal(&other->digest, &site->digest))
            return error_set(err, ERROR_INPUT, "is %s again, under another name", other->path);
        if (strcmp(other->update.site, update->site) == 0)
            return error_set(err, ERROR_INPUT, "site '%s' has sent %s already", update->site, other->path);
        if (other->update.round != update->round)
            return error_set(err, ERROR_INPUT, "of round %" PRId64 ", %s is of round %" PRId64, update->round,
                             other->path, other->update.round);
    }
    return 0;
}

/* The largest difference so far, the sum of all squares, and whether all are finite. */
static bool note_size(struct site *site, const struct tensor *tensor, const char *name)
{
    const float *data = tensor->data;
    const int64_t count = shape_count(&tensor->shape);
    double squares = 0;

    if (!tensor_finite(tensor))
        return false;
    for (int64_t i = 0; i < count; i++) {
        squares += (double)data[i] * (double)data[i];
        if (fabs((double)data[i]) > site->largest) {
            site->largest = fabs((double)data[i]);
            site->largest_in = name;
        }
    }
    site->squares += squares;
    return true;
}

/* Its tensors must be the base's, and finite: read once, before anything is believed. */
static int check_tensors(const struct merge *merge, struct site *site, struct error *err)
{
    const struct graph *graph = &merge->base->graph;
    struct update_tensor tensor;
    int found = 0, wanted = 0, rc;

    for (int i = 0; i < graph->value_count; i++)
        wanted += is_merged(&graph->value[i]);
    while ((rc = update_next(site->reader, &tensor, err)) == 1) {
        const struct tensor view = { .dtype = DTYPE_F32,
                                     .shape = tensor.shape,
                                     .data = (void *)(uintptr_t)tensor.data };
        const int value = graph_find_value(graph, tensor.name);
        char has[160], wants[160];

        if (value < 0 || !is_merged(&graph->value[value]))
            return error_set(err, ERROR_INPUT, "tensor '%s' is no weight of the base in F32", tensor.name);
        if (!shape_equal(&tensor.shape, &graph->value[value].tensor.shape))
            return error_set(err, ERROR_INPUT, "tensor '%s' is %s, the base's %s", tensor.name,
                             shape_text(&tensor.shape, has), shape_text(&graph->value[value].tensor.shape, wants));
        if (!note_size(site, &view, graph->value[value].name))
            return error_set(err, ERROR_INPUT, "tensor '%s' holds a value that is not finite", tensor.name);
        found++;
    }
    if (rc == 0 && found != wanted)
        rc = error_set(err, ERROR_INPUT, "%d tensors, the base has %d", found, wanted);
    return rc;
}

int admit_one(struct merge *merge, const char *path, struct error *err)
{
    struct site *site = &merge->site[merge->site_count];
    int rc;

    *site = (struct site){ .path = path, .scale = 1 };
    site->reader = update_open(path, &site->update, &site->privacy, err);
    if (site->reader == NULL)
        return -1;
    site->update.site = arena_strdup(merge->arena, site->update.site);
    site->weight = weight_of(merge, &site->update);
    site->digest = update_digest(site->reader); /* stays open: what was checked is what is added */
    rc = site->update.site ? check_signature(merge, site, err) : error_memory(err);
    if (rc == 0)
        rc = check_update(merge, site, err);
    if (rc == 0)
        rc = check_tensors(merge, site, err);
    if (rc < 0) {
        update_close(site->reader);
        return error_in(err, "%s", path);
    }
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
static int leave_out(struct merge *merge, struct merge_report *report, struct error *err)
{
    if (!merge->options->keep_going || (err->kind != ERROR_INPUT && err->kind != ERROR_TRUST))
        return -1;
    job_note(merge->job, "left out: %s", err->message);
    if (report->refused < (int)COUNT(merge->left_out))
        merge->left_out[report->refused] = arena_strdup(merge->arena, err->message);
    report->refused++;
    return 0;
}

void admit_drop(struct merge *merge, int i)
{
    struct site *site = &merge->site[i];

    update_close(site->reader);
    merge->weights -= (double)site->weight;
    merge->site_count--;
    memmove(site, site + 1, (size_t)(merge->site_count - i) * sizeof(*site));
}

static int leave_out_harmful(struct merge *merge, const struct site *site, struct error *why, void *report,
                             struct error *err)
{
    (void)site;
    if (leave_out(merge, report, why) == 0)
        return 0;
    if (err != NULL)
        *err = *why;
    return -1;
}

/* What one update may hold depends on how much all weigh: fewer of them allow more, never less. */
static double limit_of(const struct merge *merge)
{
    return merge->combiner->fixed ? fmin(largest_sum / merge->weights, largest_difference) : INFINITY;
}

static int check_large(const struct site *site, double limit, struct error *err)
{
    if (site->largest * site->scale < limit)
        return 0;
    return error_set(err, ERROR_INPUT, "%s: tensor '%s' holds a difference of %g, expected less than %g to add up",
                     site->path, site->largest_in, site->largest * site->scale, limit);
}

int admit_check_large(const struct merge *merge, const struct site *site, struct error *err)
{
    return check_large(site, limit_of(merge), err);
}

static int leave_out_large(struct merge *merge, struct merge_report *report, struct error *err)
{
    const double limit = limit_of(merge); /* before any is left out */
    int i = 0;

    while (i < merge->site_count) {
        if (check_large(&merge->site[i], limit, err) == 0)
            i++;
        else if (leave_out(merge, report, err) == 0)
            admit_drop(merge, i);
        else
            return -1;
    }
    return 0;
}

/* Those that were left out may be why there are too few. */
static int name_left_out(const struct merge *merge, struct error *err)
{
    struct text text = { 0 };
    const char *hint;

    if (err == NULL || merge->left_out[0] == NULL)
        return -1;
    hint = arena_strdup(merge->arena, err->hint);
    text_printf(&text, "%s; left out: ", err->message);
    for (size_t i = 0; i < COUNT(merge->left_out) && merge->left_out[i] != NULL; i++)
        text_printf(&text, "%s%s", i > 0 ? "; " : "", merge->left_out[i]);
    if (!text.failed && hint != NULL) {
        error_set(err, ERROR_ANSWER, "%s", text.chars);
        error_hint(err, "%s", hint);
    }
    text_free(&text);
    return -1;
}

int admit_enough(const struct merge *merge, int count, struct error *err)
{
    int rc = combiner_check(merge, err);

    if (merge->site_count < merge->options->min_updates || merge->site_count == 0)
        rc = error_set(err, ERROR_ANSWER, "%d good updates of %d, wanted at least %d", merge->site_count, count,
                       merge->options->min_updates > 0 ? merge->options->min_updates : 1);
    return rc < 0 ? name_left_out(merge, err) : 0;
}

static int by_name(const void *a, const void *b)
{
    const struct site *x = a, *y = b;

    return strcmp(x->update.site, y->update.site);
}

int admit_all(struct merge *merge, const char *const *paths, int count, struct merge_report *report, struct error *err)
{
    const char **sorted = arena_array(merge->arena, (size_t)count + 1, sizeof(*sorted));

    merge->site = arena_array(merge->arena, (size_t)count + 1, sizeof(*merge->site));
    if (sorted == NULL || merge->site == NULL)
        return error_memory(err);
    memcpy(sorted, paths, (size_t)count * sizeof(*sorted));
    qsort(sorted, (size_t)count, sizeof(*sorted), by_path);
    for (int i = 0; i < count; i++)
        if (admit_one(merge, sorted[i], err) < 0 && leave_out(merge, report, err) < 0)
            return -1;
    if (judge_all(merge, leave_out_harmful, report, err) < 0)
        return -1;
    clip_all(merge, report);
    qsort(merge->site, (size_t)merge->site_count, sizeof(*merge->site), by_name);
    if (leave_out_large(merge, report, err) < 0)
        return -1;
    return admit_enough(merge, count, err);
}

void admit_close(struct merge *merge)
{
    for (int i = 0; i < merge->site_count; i++)
        update_close(merge->site[i].reader);
}
