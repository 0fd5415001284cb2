#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "merge/internal.h"

/* ---- a tensor at a time, a block of it at a time ---- */

int tensor_open(struct merge *merge, const struct value *value, struct error *err)
{
    for (int s = 0; s < merge->site_count; s++) {
        struct update_tensor tensor;

        if (update_find(merge->site[s].reader, value->name, &tensor, err) < 0)
            return error_in(err, "%s", merge->site[s].path);
        merge->data[s] = tensor.data;
    }
    return 0;
}

/* Blocks write to places of their own: the number of threads does not matter. */
struct tensor_job {
    const struct merge *merge;
    int value;
    float *weight;
    int64_t count;
};

static void merge_block(void *context, size_t index, int worker)
{
    const struct tensor_job *tensor = context;
    const int64_t from = (int64_t)index * BLOCK;
    const int count = tensor->count - from < BLOCK ? (int)(tensor->count - from) : BLOCK;
    float *weight = tensor->weight + from;
    double delta[BLOCK];

    tensor->merge->combiner->block(tensor->merge, from, count, worker, delta);
    server_step(tensor->merge, tensor->value, from, count, delta);
    for (int i = 0; i < count; i++)
        weight[i] = (float)(tensor->merge->options->partial ? delta[i] : weight[i] + delta[i]);
}

static int merge_tensor(struct merge *merge, int index, struct error *err)
{
    struct value *value = &merge->base->graph.value[index];
    const int64_t count = shape_count(&value->tensor.shape);
    struct tensor_job tensor = { .merge = merge, .value = index, .weight = value->tensor.data, .count = count };

    if (tensor_open(merge, value, err) < 0)
        return -1;
    pool_run(merge->job->pool, (size_t)((count + BLOCK - 1) / BLOCK), merge_block, &tensor);
    return 0;
}

static int merge_all(struct merge *merge, struct error *err)
{
    struct graph *graph = &merge->base->graph;
    const size_t sites = (size_t)merge->site_count;

    merge->data = arena_array(merge->arena, sites, sizeof(*merge->data));
    merge->column = arena_array(merge->arena, sites * (size_t)pool_threads(merge->job->pool), sizeof(*merge->column));
    if (merge->data == NULL || merge->column == NULL)
        return error_memory(err);
    if (server_begin(merge, err) < 0)
        return -1;
    if (merge->combiner->choose != NULL && merge->combiner->choose(merge, err) < 0)
        return -1;
    for (int i = 0; i < graph->value_count; i++) {
        if (!is_merged(&graph->value[i]))
            continue;
        if (merge_tensor(merge, i, err) < 0)
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

/* The base, whose weights are differences now, says so. */
static int become_update(const struct merge *merge, const struct merge_report *report, struct error *err)
{
    struct model *base = merge->base;
    struct update *update = arena_alloc(&base->arena, sizeof(*update));
    const char *site = arena_strdup(&base->arena, merge->options->partial);

    if (update == NULL || site == NULL)
        return error_memory(err);
    *update = (struct update){ merge->base_digest, site, report->round, report->examples, report->steps };
    if (admit_counts(update, err) < 0)
        return error_in(err, "the updates together");
    base->update = update;
    return 0;
}

int merge_updates(struct model *base, const char *const *paths, int count, const struct merge_options *options,
                  const struct job *job, struct arena *arena, struct merge_report *report, struct error *err)
{
    struct merge merge = { .base = base, .options = options, .job = job, .arena = arena };
    int rc;

    *report = (struct merge_report){ 0 };
    merge.combiner = combiner_of(options->combine.how);
    if (base->update != NULL)
        return error_set(err, ERROR_INPUT, "the base is itself an update");
    rc = model_identity(base, &merge.base_digest, err);
    if (rc == 0)
        rc = admit_all(&merge, paths, count, report, err);
    if (rc == 0)
        rc = merge_all(&merge, err);
    admit_close(&merge);
    if (rc == 0)
        rc = fill_report(&merge, report, err);
    if (rc == 0) {
        base->privacy = report->privacy;
        model_forget_answers(base);
    }
    return rc == 0 && options->partial != NULL ? become_update(&merge, report, err) : rc;
}
