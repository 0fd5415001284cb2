#include "cmd/tensors.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cmd/share.h"
#include "graph/graph.h"
#include "infer/tensors.h"
#include "package/package.h"

static bool ends_with(const char *path, const char *ending)
{
    size_t length = strlen(path), wanted = strlen(ending);

    return length > wanted && strcmp(path + length - wanted, ending) == 0;
}

/* A single array of reals is a sample like any other, unless more than an answer is asked for. */
bool takes_tensor_files(const struct invocation *inv, int first, const struct model *model, const char *folder)
{
    const struct graph *graph = &model->graph;
    bool special = folder != NULL || graph->input_count != 1 || !graph_is_sized(graph) ||
                   graph->value[graph->input[0]].tensor.dtype != DTYPE_F32;

    if (inv->operand_count <= first)
        return graph->input_count == 0;
    for (int i = first; i < inv->operand_count; i++) {
        bool proto = ends_with(inv->operand[i], ".pb");

        if (!proto && !ends_with(inv->operand[i], ".npy"))
            return false;
        special = special || proto;
    }
    return special;
}

/* ---- outputs ---- */

struct outputs {
    const char *folder;
    struct arena *arena;
    struct tree *list;
};

static int write_npy(const char *path, const struct tensor *tensor, struct error *err)
{
    struct text bytes = { 0 };
    int rc;

    npy_write(&bytes, tensor);
    rc = text_check(&bytes, err);
    if (rc == 0)
        rc = file_write(path, bytes.chars, bytes.length, err);
    text_free(&bytes);
    return rc;
}

static int take_output(void *context, int index, const char *name, const struct tensor *tensor, struct error *err)
{
    struct outputs *outputs = context;
    struct tree *map = tree_add_map(outputs->arena, outputs->list, NULL), *shape;
    char path[4096];

    tree_add_text(outputs->arena, map, "name", name);
    tree_add_text(outputs->arena, map, "dtype", dtype_name(tensor->dtype));
    shape = tree_add_list(outputs->arena, map, "shape");
    for (int i = 0; i < tensor->shape.rank; i++)
        tree_add_int(outputs->arena, shape, NULL, tensor->shape.dim[i]);
    if (outputs->arena->failed)
        return error_memory(err);
    if (outputs->folder == NULL)
        return 0;
    if ((size_t)snprintf(path, sizeof(path), "%s/output_%d.npy", outputs->folder, index) >= sizeof(path))
        return error_set(err, ERROR_USAGE, "--tensors: the folder's name is too long");
    return write_npy(path, tensor, err);
}

/* ---- inputs ---- */

static int read_inputs(const struct invocation *inv, int first, struct input *file, struct tensor *in,
                       struct error *err)
{
    for (int i = first; i < inv->operand_count; i++) {
        struct input *from = &file[i - first];

        if (input_open(from, inv->operand[i], 0, err) < 0)
            return -1;
        if (tensor_read(&in[i - first], inv->arena, from->bytes, from->count, err) < 0)
            return error_in(err, "%s", inv->operand[i]);
    }
    return 0;
}

static int run_on(const struct invocation *inv, struct model *model, const struct tensor *in, int count,
                  const char *folder, struct error *err)
{
    struct tree *map = tree_map(inv->arena);
    struct outputs outputs = { folder, inv->arena, tree_add_list(inv->arena, map, "outputs") };
    const struct tensors_sink sink = { take_output, &outputs };
    double ms = 0;

    if (package_settle(model, err) < 0 || (folder != NULL && path_make_folders(folder, err) < 0) ||
        tensors_run(model, in, count, inv->job, &sink, &ms, err) < 0)
        return -1;
    tree_add_real(inv->arena, map, "ms", ms);
    return inv->arena->failed ? error_memory(err) : print_json(map, err);
}

int infer_tensor_files(const struct invocation *inv, int first, struct model *model, const char *folder,
                       struct error *err)
{
    const int count = inv->operand_count - first;
    struct input *file = arena_array(inv->arena, (size_t)count + 1, sizeof(*file));
    struct tensor *in = arena_array(inv->arena, (size_t)count + 1, sizeof(*in));
    int rc;

    if (file == NULL || in == NULL)
        return error_memory(err);
    rc = read_inputs(inv, first, file, in, err);
    if (rc == 0)
        rc = run_on(inv, model, in, count, folder, err);
    for (int i = 0; i < count; i++)
        input_close(&file[i]);
    return rc;
}
