/* prune.c - channels out of a model, from the first look to the last shape. */
#include "prune/internal.h"

int prune_refuse_unfit(const struct model *model, struct error *err)
{
    if (model->update != NULL)
        return error_set(err, ERROR_INPUT, "this is an update, not a model");
    if (model->part != NULL) {
        error_set(err, ERROR_INPUT, "this is part %d of %d of a split model", model->part->index + 1,
                  model->part->count);
        return error_hint(err, "prune the whole, then split it");
    }
    for (int i = 0; i < model->graph.value_count; i++)
        if (model->graph.value[i].tensor.quant != NULL) {
            error_set(err, ERROR_INPUT, "'%s' is quantized", model->graph.value[i].name);
            return error_hint(err, "prune first, then quantize");
        }
    return 0;
}

int prune_measure(struct graph *graph, int64_t *parameters, double *macs, struct error *err)
{
    struct op_cost cost;

    if (graph_infer_shapes(graph, 1, err) < 0 || graph_cost(graph, &cost, NULL, err) < 0)
        return -1;
    *parameters = graph_parameters(graph);
    *macs = cost.macs;
    return 0;
}

static int prune_graph(struct model *model, const struct prune_options *options, const struct job *job,
                       struct arena *scratch, struct prune_report *report, struct error *err)
{
    struct coupling c;
    double *score;
    bool *remove;

    if (couple_graph(&c, scratch, &model->graph, job, err) < 0)
        return -1;
    score = arena_array(scratch, (size_t)c.unit_count + 1, sizeof(*score));
    remove = arena_array(scratch, (size_t)c.unit_count + 1, sizeof(*remove));
    if (score == NULL || remove == NULL)
        return error_memory(err);
    if (score_units(&c, options->method, score) < 0 || select_units(&c, options, score, remove, report) < 0)
        return -1;
    return compact_graph(&c, remove);
}

int prune_channels(struct model *model, const struct prune_options *options, const struct job *job,
                   struct prune_report *report, struct error *err)
{
    struct arena scratch = { 0 };
    int rc;

    *report = (struct prune_report){ 0 };
    if (prune_refuse_unfit(model, err) < 0 ||
        prune_measure(&model->graph, &report->parameters_before, &report->macs_before, err) < 0)
        return -1;
    rc = prune_graph(model, options, job, &scratch, report, err);
    arena_free(&scratch);
    if (rc < 0)
        return -1;
    model_forget_answers(model);
    return prune_measure(&model->graph, &report->parameters_after, &report->macs_after, err);
}
