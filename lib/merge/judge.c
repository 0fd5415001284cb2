/* judge.c - what each update does to the base by itself. */
#include "merge/internal.h"

/* The base and the site's difference as it was sent: nothing is clipped yet. */
static int move(const struct merge *merge, const struct site *site, struct model *alone, struct error *err)
{
    const struct graph *graph = &merge->base->graph;

    for (int i = 0; i < graph->value_count; i++) {
        const struct value *value = &graph->value[i];
        const float *base = value->tensor.data;
        float *moved = alone->graph.value[i].tensor.data;
        struct update_tensor tensor;

        if (!is_merged(value))
            continue;
        if (update_find(site->reader, value->name, &tensor, err) < 0)
            return -1;
        for (int64_t k = 0; k < shape_count(&value->tensor.shape); k++)
            moved[k] = base[k] + tensor.data[k];
    }
    return 0;
}

static int judge_one(const struct merge *merge, const struct site *site, struct model *alone, struct error *err)
{
    const struct merge_judge *judge = merge->options->judge;

    if (move(merge, site, alone, err) == 0 && judge->judge(judge->context, alone, err) == 0)
        return 0;
    if (err->kind == ERROR_ANSWER)
        err->kind = ERROR_INPUT; /* a no to this update is not yet one to the round */
    return error_in(err, "%s: the base with it alone", site->path);
}

int judge_all(struct merge *merge, judge_refused *refused, void *user, struct error *err)
{
    struct model alone; /* with the base's thresholds: like is compared with like */
    int i = 0, rc = 0;

    if (merge->options->judge == NULL || merge->site_count == 0)
        return 0;
    if (model_copy(&alone, merge->base, err) < 0)
        return -1;
    while (i < merge->site_count && rc == 0) {
        struct error why = { 0 };

        if (judge_one(merge, &merge->site[i], &alone, &why) == 0)
            i++;
        else if ((rc = refused(merge, &merge->site[i], &why, user, err)) == 0)
            admit_drop(merge, i);
        job_step(merge->job, "judge", (uint64_t)i, (uint64_t)merge->site_count);
    }
    model_free(&alone);
    return rc;
}
