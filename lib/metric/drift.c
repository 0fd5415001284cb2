/* drift.c - see drift.h. */
#include "metric/drift.h"

#include <math.h>

void spread_add(struct spread *spread, double number)
{
    const int bin = (int)(number * HABIT_BINS);

    spread->bin[bin < 0 ? 0 : bin >= HABIT_BINS ? HABIT_BINS - 1 : bin]++;
    spread->count++;
    spread->sum += number;
}

int habit_init(struct habit *habit, struct arena *arena, int classes, struct error *err)
{
    *habit = (struct habit){ .classes = classes };
    habit->said = arena_array(arena, (size_t)classes + 1, sizeof(*habit->said));
    return habit->said == NULL ? error_memory(err) : 0;
}

void habit_add(struct habit *habit, int class_index, double score, double level)
{
    spread_add(&habit->score, score);
    if (class_index >= 0 && class_index < habit->classes)
        habit->said[class_index]++;
    if (level >= 0)
        spread_add(&habit->level, level);
}

/* ---- as a tree ---- */

static void spread_to_tree(const struct spread *spread, struct arena *arena, struct tree *map, const char *key)
{
    struct tree *one, *list;

    if (spread->count == 0)
        return;
    one = tree_add_map(arena, map, key);
    tree_add_real(arena, one, "mean", spread->sum / (double)spread->count);
    list = tree_add_list(arena, one, "histogram");
    if (list != NULL)
        list->flow = true;
    for (int i = 0; i < HABIT_BINS; i++)
        tree_add_int(arena, list, NULL, spread->bin[i]);
}

struct tree *habit_to_tree(const struct habit *habit, struct arena *arena, const char *const *labels)
{
    struct tree *map = tree_map(arena), *said;

    tree_add_int(arena, map, "samples", habit->score.count);
    spread_to_tree(&habit->score, arena, map, "confidence");
    spread_to_tree(&habit->level, arena, map, "level");
    said = tree_add_map(arena, map, "said");
    for (int i = 0; i < habit->classes; i++)
        tree_add_int(arena, said, labels[i], habit->said[i]);
    return map;
}

static int spread_from_tree(struct spread *spread, const struct tree *map, struct error *err)
{
    const struct tree *list;
    double mean;
    int i = 0;

    *spread = (struct spread){ 0 };
    if (map == NULL)
        return 0;
    if (tree_need_real(map, "mean", &mean, err) < 0 || tree_need(map, "histogram", TREE_LIST, &list, err) < 0)
        return -1;
    if (list->count != HABIT_BINS)
        return tree_error(list, err, "a histogram of %zu numbers, expected %d", list->count, HABIT_BINS);
    for (const struct tree *one = list->first; one != NULL; one = one->next, i++) {
        if (one->kind != TREE_INT || one->integer < 0 || one->integer > INT64_MAX / (2 * HABIT_BINS))
            return tree_error(one, err, "expected a count");
        spread->bin[i] = one->integer;
        spread->count += one->integer;
    }
    if (spread->count == 0 || !(mean >= 0 && mean <= 1))
        return tree_error(map, err, "expected counts, and a mean from 0 to 1");
    spread->sum = mean * (double)spread->count;
    return 0;
}

int habit_from_tree(struct habit *habit, struct arena *arena, const struct tree *map, const char *const *labels,
                    int classes, struct error *err)
{
    const struct tree *confidence = tree_get(map, "confidence"), *said = tree_get(map, "said");

    if (confidence == NULL)
        return 0;
    if (habit_init(habit, arena, classes, err) < 0 || spread_from_tree(&habit->score, confidence, err) < 0 ||
        spread_from_tree(&habit->level, tree_get(map, "level"), err) < 0)
        return -1;
    for (int i = 0; i < classes; i++)
        if (tree_take_int(said, labels[i], 0, INT64_MAX / 2 / (classes + 1), &habit->said[i], err) < 0)
            return -1;
    return 1;
}

/* ---- distances ---- */

/* p * log2(p / mean of both) */
static double part(double p, double q)
{
    return p > 0 ? p * log2(2 * p / (p + q)) : 0;
}

static double divergence(const int64_t *a, const int64_t *b, int count)
{
    double all[2] = { 0 }, sum = 0;

    for (int i = 0; i < count; i++) {
        all[0] += (double)a[i];
        all[1] += (double)b[i];
    }
    if (all[0] <= 0 || all[1] <= 0)
        return NAN;
    for (int i = 0; i < count; i++) {
        const double p = (double)a[i] / all[0], q = (double)b[i] / all[1];

        sum += part(p, q) + part(q, p);
    }
    return sum / 2 > 0 ? sum / 2 : 0; /* not below it by rounding */
}

struct drift drift_between(const struct habit *before, const struct habit *now)
{
    struct drift drift = { .score = divergence(before->score.bin, now->score.bin, HABIT_BINS),
                           .said = divergence(before->said, now->said, before->classes),
                           .level = divergence(before->level.bin, now->level.bin, HABIT_BINS) };

    drift.most = fmax(drift.score, fmax(drift.said, drift.level)); /* numbers before NaN */
    return drift;
}
