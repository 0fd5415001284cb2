#include <stdlib.h>

#include "infer/infer.h"

static double sparsity(const struct model *model)
{
    double zeros = 0, all = 0;

    for (int i = 0; i < model->graph.value_count; i++) {
        const struct value *value = &model->graph.value[i];
        const float *data = value->tensor.data;
        const int64_t count = shape_count(&value->tensor.shape);

        if (value->kind != VALUE_WEIGHT || value->tensor.dtype != DTYPE_F32 || value->tensor.shape.rank < 2)
            continue;
        for (int64_t k = 0; k < count; k++)
            zeros += data[k] == 0;
        all += (double)count;
    }
    return all > 0 ? zeros / all : 0;
}

static int add_times(struct arena *arena, struct tree *map, const struct model *model, int runs, const struct job *job,
                     struct error *err)
{
    double *ms = malloc((size_t)runs * sizeof(*ms));
    int rc = ms ? infer_times(model, runs, job, ms, err) : error_memory(err);

    if (rc == 0) {
        tree_add_real(arena, map, "median_ms", percentile(ms, runs, 0.5));
        tree_add_real(arena, map, "p95_ms", percentile(ms, runs, 0.95));
        tree_add_real(arena, map, "p99_ms", percentile(ms, runs, 0.99));
        tree_add_int(arena, map, "threads", pool_threads(job ? job->pool : NULL));
    }
    free(ms);
    return rc;
}

/* MACs of what will run: the folded graph. */
static int add_cost(struct arena *arena, struct tree *map, const struct model *model, struct error *err)
{
    struct arena scratch = { 0 };
    struct graph graph;
    struct op_cost cost;
    int rc = graph_copy(&graph, &scratch, &model->graph, false, err);

    if (rc == 0)
        rc = graph_fold(&graph, err);
    if (rc == 0)
        rc = graph_infer_shapes(&graph, 1, err);
    if (rc == 0)
        rc = graph_cost(&graph, &cost, NULL, err);
    arena_free(&scratch);
    if (rc == 0)
        tree_add_int(arena, map, "macs", (int64_t)cost.macs);
    return rc;
}

int measure_model(struct arena *arena, const struct model *model, const struct measure_options *options,
                  const struct job *job, struct tree **measures, struct error *err)
{
    struct tree *map = tree_map(arena);

    tree_add_text(arena, map, "name", model->name);
    tree_add_int(arena, map, "parameters", graph_parameters(&model->graph));
    if (add_cost(arena, map, model, err) < 0)
        return -1;
    if (options->size > 0)
        tree_add_int(arena, map, "size", options->size);
    tree_add_real(arena, map, "sparsity", sparsity(model));
    if (options->set != NULL) {
        struct scores scores;
        struct tree *scored;

        if (infer_scores(model, options->set, options->probability, job, arena, &scores, err) < 0)
            return -1;
        scored = scores_to_tree(&scores, arena, model->label);
        for (struct tree *one = scored ? scored->first : NULL, *next; one; one = next) {
            next = one->next;
            one->next = NULL;
            tree_add(arena, map, one->key, one);
        }
    }
    if (options->runs > 0 && add_times(arena, map, model, options->runs, job, err) < 0)
        return -1;
    if (map == NULL)
        return error_memory(err);
    *measures = map;
    return 0;
}
