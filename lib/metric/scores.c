#include <math.h>
#include <string.h>

#include "metric/metric.h"

int scores_init(struct scores *scores, struct arena *arena, int classes, struct error *err)
{
    memset(scores, 0, sizeof(*scores));
    scores->classes = classes;
    scores->confusion = arena_array(arena, (size_t)classes * (size_t)classes, sizeof(int64_t));
    return scores->confusion ? 0 : error_memory(err);
}

void scores_add(struct scores *scores, const float *probability, int truth, int said)
{
    const double floor = 1e-12; /* a probability of 0 costs 27.6 nats, not infinity */
    double p = probability[truth];

    scores->confusion[(int64_t)truth * scores->classes + said]++;
    scores->loss_sum -= log(p > floor ? p : floor);
    scores->samples++;
}

static int64_t cell(const struct scores *scores, int truth, int predicted)
{
    return scores->confusion[(int64_t)truth * scores->classes + predicted];
}

static int64_t truth_count(const struct scores *scores, int label)
{
    int64_t sum = 0;

    for (int i = 0; i < scores->classes; i++)
        sum += cell(scores, label, i);
    return sum;
}

static int64_t predicted_count(const struct scores *scores, int label)
{
    int64_t sum = 0;

    for (int i = 0; i < scores->classes; i++)
        sum += cell(scores, i, label);
    return sum;
}

double scores_accuracy(const struct scores *scores)
{
    int64_t right = 0;

    for (int i = 0; i < scores->classes; i++)
        right += cell(scores, i, i);
    return scores->samples ? (double)right / (double)scores->samples : 0;
}

double scores_recall(const struct scores *scores, int label)
{
    int64_t count = truth_count(scores, label);

    return count ? (double)cell(scores, label, label) / (double)count : NAN;
}

double scores_precision(const struct scores *scores, int label)
{
    int64_t count = predicted_count(scores, label);

    return count ? (double)cell(scores, label, label) / (double)count : NAN;
}

double scores_balanced(const struct scores *scores)
{
    double sum = 0;
    int seen = 0;

    for (int i = 0; i < scores->classes; i++) {
        if (truth_count(scores, i) == 0)
            continue;
        sum += scores_recall(scores, i);
        seen++;
    }
    return seen ? sum / seen : 0;
}

double scores_loss(const struct scores *scores)
{
    return scores->samples ? scores->loss_sum / (double)scores->samples : NAN;
}

struct tree *scores_to_tree(const struct scores *scores, struct arena *arena, const char *const *labels)
{
    struct tree *map = tree_map(arena);
    struct tree *rows, *classes;

    tree_add_real(arena, map, "accuracy", scores_accuracy(scores));
    tree_add_real(arena, map, "balanced_accuracy", scores_balanced(scores));
    tree_add_real(arena, map, "loss", scores_loss(scores));
    tree_add_int(arena, map, "samples", scores->samples);
    rows = tree_add_list(arena, map, "confusion");
    for (int i = 0; i < scores->classes; i++) {
        struct tree *row = tree_add_list(arena, rows, NULL);

        for (int j = 0; j < scores->classes; j++)
            tree_add_int(arena, row, NULL, cell(scores, i, j));
    }
    classes = tree_add_map(arena, map, "per_class");
    for (int i = 0; i < scores->classes; i++) {
        struct tree *one = tree_add_map(arena, classes, labels[i]);

        tree_add_real(arena, one, "recall", scores_recall(scores, i));
        tree_add_real(arena, one, "precision", scores_precision(scores, i));
        tree_add_int(arena, one, "samples", truth_count(scores, i));
    }
    return map;
}
