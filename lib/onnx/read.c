/* read.c - from a file's bytes to a model. */
#include <inttypes.h>
#include <string.h>

#include "graph/simplify.h"
#include "model/model.h"
#include "onnx/internal.h"

bool onnx_is(const void *bytes, size_t count)
{
    return onnx_sniff(bytes, count);
}

static int take_opset(struct import *import, struct error *err)
{
    for (int i = 0; i < import->file.opset_count; i++) {
        const struct onnx_opset *opset = &import->file.opset[i];

        if (opset->domain[0] == '\0' || strcmp(opset->domain, "ai.onnx") == 0)
            import->opset = opset->version;
    }
    if (import->file.function_count > 0)
        return error_set(err, ERROR_INPUT, "the file has functions of its own, which are not run here");
    if (import->file.sparse_initializer_count > 0)
        return error_set(err, ERROR_INPUT, "the file has sparse initializers, which are not read here");
    if (import->opset != 0 && (import->opset < ONNX_OLDEST || import->opset > ONNX_NEWEST)) {
        error_set(err, ERROR_INPUT, "opset %" PRId64 ", expected %d to %d", import->opset, ONNX_OLDEST, ONNX_NEWEST);
        return error_hint(err, "onnx.version_converter of python3-onnx moves a model to another opset");
    }
    return 0;
}

static int take_initializers(struct import *import, struct error *err)
{
    for (int i = 0; i < import->file.initializer_count; i++) {
        struct onnx_tensor *from = &import->file.initializer[i];
        struct tensor t;

        if (onnx_load(&t, from, import->graph->arena, import->folder, err) < 0 ||
            graph_add_weight(import->graph, from->name, t.dtype, &t.shape, t.data, false, err) < 0)
            return -1;
    }
    return 0;
}

/* What the caller brings; initializers may be listed among inputs, too. */
static int take_inputs(struct import *import, struct error *err)
{
    for (int i = 0; i < import->file.input_count; i++) {
        const struct onnx_value *input = &import->file.input[i];
        enum dtype dtype = DTYPE_F32;

        if (graph_find_value(import->graph, input->name) >= 0)
            continue;
        if (input->elem_type < 0)
            return error_set(err, ERROR_INPUT, "input '%s' is no tensor (a sequence, a map or an optional value)",
                             input->name);
        if (!input->has_shape)
            return error_set(err, ERROR_INPUT, "input '%s' has no shape", input->name);
        if (onnx_dtype(&dtype, input->elem_type, err) < 0)
            return error_in(err, "input '%s'", input->name);
        if (graph_add_input(import->graph, input->name, dtype, &input->shape, err) < 0)
            return -1;
    }
    return 0;
}

/* An input, a constant or a value named twice leaves through an Identity, so that each output is one of its own. */
static int take_outputs(struct import *import, struct error *err)
{
    struct graph *graph = import->graph;
    const int values = graph->value_count; /* those behind are Identities of ours */
    bool *taken = arena_array(import->scratch, (size_t)values + 1, sizeof(bool));

    if (taken == NULL)
        return error_memory(err);
    for (int i = 0; i < import->file.output_count; i++) {
        const char *name = import->file.output[i].name;
        int value = graph_find_value(graph, name);
        bool again = value >= 0 && value < values && taken[value];

        if ((value < 0 || value >= values) && import->report != NULL) {
            if (import_note(import, name, "(output)", "no node makes this output", err) < 0)
                return -1;
            continue;
        }
        if (value < 0 || value >= values)
            return error_set(err, ERROR_INPUT, "output '%s' is made by no node", name);
        taken[value] = true;
        if (graph->value[value].kind != VALUE_COMPUTED || again)
            value = import_between(import, name, "Identity", &value, 1, NULL, err);
        if (value < 0 || graph_add_output(graph, value, err) < 0)
            return -1;
    }
    return import->file.output_count > 0 ? 0 : error_set(err, ERROR_INPUT, "the graph has no output");
}

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    if (path == NULL || strcmp(path, "-") == 0)
        return NULL;
    return slash == NULL ? "." : arena_strndup(arena, path, (size_t)(slash - path) + 1);
}

int import_graph(struct import *import, const struct input *in, const char *path, struct error *err)
{
    import->folder = folder_of(import->scratch, path);
    if (onnx_parse(&import->file, import->scratch, in->bytes, in->count, err) < 0 || import_names(import, err) < 0 ||
        take_opset(import, err) < 0 || take_initializers(import, err) < 0 || take_inputs(import, err) < 0 ||
        import_nodes(import, err) < 0 || take_outputs(import, err) < 0)
        return -1;
    return 0;
}

/* The file's name without its ending; of a pipe what the graph is called. */
static const char *name_of(const struct import *import, struct arena *arena, const char *path)
{
    const char *name = path == NULL || strcmp(path, "-") == 0 ? import->file.graph_name : path_name(path);
    size_t length = strlen(name);

    if (length > 5 && strcmp(name + length - 5, ".onnx") == 0)
        length -= 5;
    return length == 0 ? "onnx" : arena_strndup(arena, name, length);
}

static int import_model(struct import *import, struct model *model, const char *path, struct error *err)
{
    if (import_graph(import, &model->source, path, err) < 0 || graph_check(&model->graph, err) < 0 ||
        graph_simplify(&model->graph, err) < 0)
        return -1;
    model->name = name_of(import, &model->arena, path);
    if (model->name == NULL)
        return error_memory(err);
    if (import_meaning(import, model, err) < 0)
        return -1;
    return import_visible(&model->arena, &model->name, err);
}

int onnx_read(struct model *model, struct input *in, const char *path, struct error *err)
{
    struct arena scratch = { 0 };
    struct import import = { .scratch = &scratch, .graph = &model->graph };
    int rc;

    model_init(model);
    model->source = *in;
    *in = (struct input){ 0 };
    rc = import_model(&import, model, path, err);
    arena_free(&scratch);
    if (rc < 0)
        model_free(model);
    return rc;
}

int onnx_read_tensor(struct tensor *tensor, struct arena *arena, unsigned char *bytes, size_t count, struct error *err)
{
    struct onnx_tensor from;

    if (onnx_parse_tensor(&from, arena, bytes, count, err) < 0)
        return -1;
    return onnx_load(tensor, &from, arena, NULL, err);
}
