#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "package/internal.h"
#include "stream/stream.h"
#include "yaml/yaml.h"

/* One safetensors member: header, then the tensors in the order it gives. */
static int put_tensors(struct tar_writer *tar, const char *name, const struct tensor_list *list, struct error *err)
{
    struct arena arena = { 0 };
    struct text header = { 0 };
    uint64_t count = 0;
    int *order, rc;

    rc = safetensors_header(&header, &arena, list->tensor, list->name, list->count, &order, err);
    if (rc == 0 && header.length > limit_get(LIMIT_JSON_BYTES))
        rc = error_set(err, ERROR_LIMIT, "%s: a header of %zu bytes could not be read again", name, header.length);
    for (int i = 0; i < list->count; i++)
        count += tensor_bytes(list->tensor[i]);
    if (rc == 0)
        rc = tar_begin(tar, name, header.length + count, err);
    if (rc == 0)
        rc = tar_piece(tar, header.chars, header.length, err);
    for (int i = 0; rc == 0 && i < list->count; i++) {
        const struct tensor *tensor = list->tensor[order[i]];

        if (tensor_bytes(tensor) > 0)
            rc = tar_piece(tar, tensor->data, tensor_bytes(tensor), err);
    }
    text_free(&header);
    arena_free(&arena);
    return rc;
}

static int put_model(struct tar_writer *tar, const struct model *model, struct error *err)
{
    struct text yaml = { 0 };
    int rc = model_yaml_write(&yaml, model, err);

    if (rc == 0)
        rc = tar_add(tar, MEMBER_MODEL, yaml.chars, yaml.length, err);
    text_free(&yaml);
    return rc;
}

static int put_weights(struct tar_writer *tar, const struct model *model, struct error *err)
{
    struct arena arena = { 0 };
    struct tensor_list list;
    int rc = weights_list(&list, &arena, &model->graph, err);

    if (rc == 0)
        rc = put_tensors(tar, MEMBER_WEIGHTS, &list, err);
    arena_free(&arena);
    return rc;
}

static int put_golden(struct tar_writer *tar, const struct model *model, struct error *err)
{
    const struct graph *graph = &model->graph;
    struct arena arena = { 0 };
    struct tensor_list list = { .count = graph->output_count };
    int rc = 0;

    if (model->golden == NULL)
        return 0;
    list.tensor = arena_array(&arena, (size_t)list.count, sizeof(*list.tensor));
    list.name = arena_array(&arena, (size_t)list.count, sizeof(*list.name));
    if (list.tensor == NULL || list.name == NULL)
        rc = error_memory(err);
    for (int i = 0; rc == 0 && i < list.count; i++) {
        list.tensor[i] = &model->golden[i];
        list.name[i] = graph->value[graph->output[i]].name;
    }
    if (rc == 0)
        rc = put_tensors(tar, MEMBER_GOLDEN, &list, err);
    arena_free(&arena);
    return rc;
}

static int put_statistics(struct tar_writer *tar, const struct model *model, struct error *err)
{
    struct text yaml = { 0 };
    int rc;

    if (model->statistics == NULL)
        return 0;
    yaml_write(&yaml, model->statistics);
    rc = text_check(&yaml, err);
    if (rc == 0)
        rc = tar_add(tar, MEMBER_STATISTICS, yaml.chars, yaml.length, err);
    text_free(&yaml);
    return rc;
}

static int put_state(struct tar_writer *tar, const struct model *model, struct error *err)
{
    const struct model_state *state = model->state;
    struct arena arena = { 0 };
    struct tensor_list list = { 0 };
    int rc = 0;

    if (state == NULL)
        return 0;
    list.tensor = arena_array(&arena, (size_t)state->count + 1, sizeof(*list.tensor));
    list.name = state->name;
    list.count = state->count;
    if (list.tensor == NULL)
        rc = error_memory(err);
    for (int i = 0; rc == 0 && i < state->count; i++)
        list.tensor[i] = &state->tensor[i];
    if (rc == 0)
        rc = put_tensors(tar, MEMBER_STATE, &list, err);
    arena_free(&arena);
    return rc;
}

static int put_replay(struct tar_writer *tar, const struct model *model, struct error *err)
{
    return model->replay == NULL ? 0 : tar_add(tar, PACKAGE_REPLAY, model->replay, model->replay_bytes, err);
}

/* All that can be wrong with the model is found before a byte is written. */
static int prepare(struct model *model, const struct job *job, struct error *err)
{
    if (model->graph.input_count == 0)
        return error_set(err, ERROR_INPUT, "the model has no input: a package is of a model that takes something");
    if (package_settle(model, err) < 0 || graph_check(&model->graph, err) < 0 ||
        (graph_is_sized(&model->graph) &&
         (graph_infer_shapes(&model->graph, 1, err) < 0 || model_check_labels(model, NULL, err) < 0)) ||
        model_check_finite(model, err) < 0)
        return -1;
    model->golden = NULL;
    model->golden_count = 0;
    return job != NULL && golden_possible(model) ? golden_make(model, job, err) : 0;
}

/* Frees tar. */
static int put_all(struct tar_writer *tar, const struct model *model, const struct sign_key *key, struct error *err)
{
    if (put_model(tar, model, err) < 0 || put_weights(tar, model, err) < 0 || put_golden(tar, model, err) < 0 ||
        put_statistics(tar, model, err) < 0 || put_state(tar, model, err) < 0 || put_replay(tar, model, err) < 0 ||
        (key != NULL && signature_put(tar, model->update, key, err) < 0)) {
        tar_abandon(tar);
        return -1;
    }
    return tar_finish(tar, 0, err);
}

/* Prepared, and into a file of its own that is yet to be committed; NULL when that failed. */
static struct output *write_open(const struct model *model, const char *path, const struct sign_key *key,
                                 struct digest *digest, struct error *err)
{
    struct output *out = output_open(path, err);
    struct tar_writer *tar = out ? tar_create(out, err) : NULL;

    if (tar != NULL && digest != NULL)
        tar_digest_to(tar, digest);
    if (tar != NULL && put_all(tar, model, key, err) == 0)
        return out;
    output_abort(out);
    return NULL;
}

int package_write(struct model *model, const char *path, const struct job *job, struct digest *digest,
                  struct error *err)
{
    struct output *out = prepare(model, job, err) == 0 ? write_open(model, path, NULL, digest, err) : NULL;

    return out ? output_commit(out, err) : -1;
}

int package_write_signed(struct model *model, const char *path, const struct sign_key *key, struct error *err)
{
    struct output *out = prepare(model, NULL, err) == 0 ? write_open(model, path, key, NULL, err) : NULL;

    return out ? output_commit(out, err) : -1;
}

struct output *package_write_open(struct model *model, const char *path, const struct job *job, struct error *err)
{
    struct output *out = prepare(model, job, err) == 0 ? write_open(model, path, NULL, NULL, err) : NULL;

    if (out != NULL && output_sync(out, err) < 0) {
        output_abort(out);
        return NULL;
    }
    return out;
}

int package_write_memory(struct model *model, unsigned char **bytes, size_t *count, const struct job *job,
                         struct error *err)
{
    struct text out = { 0 };
    struct tar_writer *tar;

    if (prepare(model, job, err) < 0)
        return -1;
    tar = tar_create_text(&out, err);
    if (tar == NULL || put_all(tar, model, NULL, err) < 0) {
        text_free(&out);
        return -1;
    }
    *bytes = (unsigned char *)out.chars;
    *count = out.length;
    return 0;
}
