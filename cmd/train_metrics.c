#include "cmd/train_metrics.h"

#include <string.h>

#include "base/text.h"
#include "json/json.h"

int train_metrics_open(struct train_metrics *metrics, const struct invocation *inv, const char *path, bool has_val,
                       struct error *err)
{
    *metrics = (struct train_metrics){ inv, NULL, path, has_val };
    if (path == NULL)
        return 0;
    metrics->file = strcmp(path, "-") == 0 ? stderr : fopen(path, "w");
    return metrics->file ? 0 : error_errno(err, ERROR_IO, "%s", path);
}

int train_metrics_close(const struct train_metrics *metrics, struct error *err)
{
    if (metrics->file == NULL || metrics->file == stderr)
        return 0;
    return fclose(metrics->file) == 0 ? 0 : error_errno(err, ERROR_IO, "%s", metrics->path);
}

static int write_line(const struct train_metrics *metrics, const struct train_epoch *epoch, struct error *err)
{
    struct arena arena = { 0 };
    struct text text = { 0 };
    struct tree *map = tree_map(&arena);
    int rc;

    tree_add_int(&arena, map, "epoch", epoch->epoch);
    tree_add_int(&arena, map, "steps", epoch->steps);
    tree_add_real(&arena, map, "loss", epoch->loss);
    tree_add_real(&arena, map, "accuracy", epoch->accuracy);
    if (metrics->has_val) {
        tree_add_real(&arena, map, "val_accuracy", epoch->val_accuracy);
        tree_add_real(&arena, map, "val_balanced_accuracy", epoch->val_balanced);
        tree_add_real(&arena, map, "val_loss", epoch->val_loss);
    }
    tree_add_real(&arena, map, "lr", epoch->lr);
    tree_add_real(&arena, map, "seconds", epoch->seconds);
    tree_add_real(&arena, map, "samples_per_s", epoch->samples_per_s);
    json_write(&text, map);
    rc = text_check(&text, err);
    if (rc == 0 && (fprintf(metrics->file, "%s\n", text.chars) < 0 || fflush(metrics->file) != 0))
        rc = error_errno(err, ERROR_IO, "%s: cannot write", metrics->path);
    text_free(&text);
    arena_free(&arena);
    return rc;
}

int train_metrics_epoch(void *context, const struct train_epoch *epoch, struct error *err)
{
    const struct train_metrics *metrics = context;

    if (metrics->file && write_line(metrics, epoch, err) < 0)
        return -1;
    if (metrics->inv->verbose && metrics->has_val)
        job_note(metrics->inv->job, "epoch %lld: loss %.4f, accuracy %.4f, val %.4f, %.0f samples/s",
                 (long long)epoch->epoch, epoch->loss, epoch->accuracy, epoch->val_accuracy, epoch->samples_per_s);
    else if (metrics->inv->verbose)
        job_note(metrics->inv->job, "epoch %lld: loss %.4f, accuracy %.4f, %.0f samples/s", (long long)epoch->epoch,
                 epoch->loss, epoch->accuracy, epoch->samples_per_s);
    return 0;
}
