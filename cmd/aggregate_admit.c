#include "cmd/aggregate_admit.h"

#include "cmd/share.h"
#include "infer/infer.h"

/* Size and costs are the same for every update, and times are another every time. */
static int check_gates(const struct admission *admission, const struct model *base, struct error *err)
{
    static const char *const measures[] = { "accuracy", "balanced_accuracy", "loss", "recall", "precision", NULL };

    if (gate_check_measures(admission->gate, admission->gate_count, measures, err) < 0) {
        error_in(err, "--admit");
        return error_hint(err, "updates are judged by accuracy, balanced_accuracy, loss, recall and precision");
    }
    if (gate_check_labels(admission->inv->arena, admission->gate, admission->gate_count, base->label, base->label_count,
                          err) < 0)
        return error_in(err, "--admit");
    return 0;
}

/* What one update measures is forgotten before the next. */
static int judge(void *context, const struct model *alone, struct error *err)
{
    const struct admission *admission = context;
    const struct measure_options options = { .set = &admission->set };
    struct arena arena = { 0 };
    struct tree *measures;
    int rc = measure_model(&arena, alone, &options, admission->inv->job, &measures, err);

    if (rc == 0)
        rc = gate_check(admission->gate, admission->gate_count, measures, admission->reference, err);
    arena_free(&arena);
    return rc;
}

int admission_begin(struct admission *admission, const struct invocation *inv, const char *gates,
                    const struct texts *val, const struct model *base, struct error *err)
{
    const struct measure_options options = { .set = &admission->set, .size = (int64_t)base->source.count };

    admission->inv = inv;
    admission->judge = (struct merge_judge){ judge, admission };
    if (gate_parse(inv->arena, gates, &admission->gate, &admission->gate_count, err) < 0)
        return error_in(err, "--admit");
    if (check_gates(admission, base, err) < 0 || open_data(inv, val, base, &admission->set, err) < 0)
        return -1;
    if (measure_model(inv->arena, base, &options, inv->job, &admission->reference, err) < 0)
        return error_in(err, "--base");
    return 0;
}

void admission_end(struct admission *admission)
{
    dataset_free(&admission->set);
}
