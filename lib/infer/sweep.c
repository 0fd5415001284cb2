#include <float.h>
#include <string.h>

#include "infer/infer.h"

static struct tree *add_point(struct arena *arena, struct tree *map, const struct sweep_point *point)
{
    tree_add_real(arena, map, "threshold", point->threshold);
    tree_add_real(arena, map, "escapes", point->escapes);
    tree_add_real(arena, map, "false_calls", point->false_calls);
    return map;
}

static void add_points(struct arena *arena, struct tree *map, const struct sweep_point *points, int count)
{
    struct tree *list = tree_add_list(arena, map, "points");

    for (int i = 0; i < count; i++)
        add_point(arena, tree_add_map(arena, list, NULL), &points[i]);
}

/* One threshold, of the good label: it is the answer exactly when its probability reaches it. */
static int set_threshold(struct model *model, int good, double threshold, struct error *err)
{
    model->threshold = arena_array(&model->arena, (size_t)model->label_count, sizeof(float));
    if (model->threshold == NULL)
        return error_memory(err);
    model->threshold[good] = threshold > FLT_MIN ? (float)threshold : FLT_MIN; /* 0 would be no threshold */
    return 0;
}

static double accuracy(const struct model *model, const struct dataset *set, const float *probability)
{
    int64_t right = 0;

    for (int64_t i = 0; i < set->count; i++)
        right += answer_of(model, probability + i * model->label_count).class_index == set->label[i];
    return set->count > 0 ? (double)right / (double)set->count : 0;
}

int infer_sweep(struct model *model, const struct dataset *set, const float *probability,
                const struct sweep_options *options, struct arena *arena, struct tree *measures, struct error *err)
{
    float *p_good = arena_array(arena, (size_t)set->count + 1, sizeof(float));
    bool *truth = arena_array(arena, (size_t)set->count + 1, sizeof(bool));
    struct sweep_point *all, *shown;
    struct tree *chosen_map;
    int count, thinned, chosen;

    if (p_good == NULL || truth == NULL)
        return error_memory(err);
    for (int64_t i = 0; i < set->count; i++) {
        p_good[i] = probability[i * model->label_count + options->good];
        truth[i] = set->label[i] == options->good;
    }
    if (sweep(arena, p_good, truth, set->count, (int)set->count + 2, &all, &count, err) < 0 ||
        sweep(arena, p_good, truth, set->count, options->points, &shown, &thinned, err) < 0)
        return -1;
    add_points(arena, tree_add_map(arena, measures, "sweep"), shown, thinned);
    chosen = sweep_choose(all, count, options->most_escapes); /* there is one: the last has no escapes */
    if (set_threshold(model, options->good, all[chosen].threshold, err) < 0)
        return -1;
    chosen_map = add_point(arena, tree_add_map(arena, measures, "chosen"), &all[chosen]);
    tree_add_real(arena, chosen_map, "accuracy", accuracy(model, set, probability));
    return 0;
}
