#include "cmd/train_head.h"

#include "base/text.h"
#include "data/data.h"

int head_of_labels(const struct invocation *inv, const char *path, struct model *model, struct error *err)
{
    const char **labels;
    int count;

    if (labels_read(inv->arena, path, &labels, &count, err) < 0)
        return -1;
    return model_new_head(model, labels, count, inv->job->seed, err);
}

int head_of_data(const struct invocation *inv, const struct texts *data, struct model *model, struct error *err)
{
    const int before = model->label_count;
    struct text names = { 0 };
    const char **labels;
    int count, rc = 0;

    if (before == 0) {
        error_set(err, ERROR_INPUT, "the model has no labels that could grow");
        return error_hint(err, "--labels FILE names its classes");
    }
    if (dataset_grown_labels(inv->arena, data->item, data->count, model->label, before, &labels, &count, err) < 0)
        return -1;
    for (int i = before; i < count; i++)
        text_printf(&names, "%s%s", i > before ? ", " : "", labels[i]);
    if (count > before)
        rc = model_new_head(model, labels, count, inv->job->seed, err);
    if (rc == 0 && count > before)
        job_note(inv->job, "the head grows from %d to %d classes: %s", before, count, names.chars ? names.chars : "");
    text_free(&names);
    return rc;
}
