#include "infer/infer.h"

/* Falling probability; the first of equals comes first. */
static void find_top(struct answer *answer, const float *probability, int classes)
{
    const int most = classes < ANSWER_TOP ? classes : ANSWER_TOP;

    for (; answer->top_count < most; answer->top_count++) {
        int best = -1;

        for (int i = 0; i < classes; i++) {
            bool taken = false;

            for (int k = 0; k < answer->top_count; k++)
                taken |= answer->top[k] == i;
            if (!taken && (best < 0 || probability[i] > probability[best]))
                best = i;
        }
        answer->top[answer->top_count] = best;
    }
}

/* The class that passes its threshold by the largest factor; -1 when none passes. */
static int find_passing(const float *probability, const float *threshold, int classes)
{
    int best = -1;

    for (int i = 0; i < classes; i++) {
        if (threshold[i] <= 0 || probability[i] < threshold[i])
            continue;
        if (best < 0 || probability[i] / threshold[i] > probability[best] / threshold[best])
            best = i;
    }
    return best;
}

static int find_open(const float *probability, const float *threshold, int classes)
{
    int best = -1;

    for (int i = 0; i < classes; i++)
        if (threshold[i] <= 0 && (best < 0 || probability[i] > probability[best]))
            best = i;
    return best;
}

struct answer answer_of(const struct model *model, const float *probability)
{
    struct answer answer = { .class_index = -1 };

    find_top(&answer, probability, model->label_count);
    if (model->threshold != NULL) {
        answer.class_index = find_passing(probability, model->threshold, model->label_count);
        if (answer.class_index < 0)
            answer.class_index = find_open(probability, model->threshold, model->label_count);
    }
    if (answer.class_index < 0 && answer.top_count > 0)
        answer.class_index = answer.top[0];
    answer.score = answer.class_index >= 0 ? probability[answer.class_index] : 0;
    return answer;
}
