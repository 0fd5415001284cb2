/*
 * export.c - a model as an ONNX file: nodes first, as text in memory, then
 * weights straight from where they lie. Quantized values are written as pairs of
 * QuantizeLinear and DequantizeLinear around them.
 */
#include "onnx/export.h"

#include <string.h>

#include "base/file.h"
#include "onnx/internal.h"
#include "tensor/element.h"

/* ---- names and weights ---- */

const char *export_name(struct export *export, const char *base, const char *suffix)
{
    const char *name = arena_printf(export->arena, "%s.%s", base, suffix);

    for (int i = 1; name != NULL && graph_find_value(export->graph, name) >= 0; i++)
        name = arena_printf(export->arena, "%s.%s%d", base, suffix, i);
    return name;
}

int export_weight(struct export *export, const char *name, enum dtype dtype, const struct shape *shape,
                  const void *data, struct error *err)
{
    if (export->weight_count == export->weight_capacity) {
        const int wanted = export->weight_capacity > 0 ? 2 * export->weight_capacity : 64;
        struct export_weight *longer = arena_grow(export->arena, export->weight, (size_t) export->weight_count,
                                                  (size_t)wanted, sizeof(*longer));

        if (longer == NULL)
            return error_memory(err);
        export->weight = longer;
        export->weight_capacity = wanted;
    }
    export->weight[export->weight_count++] = (struct export_weight){ name, dtype, *shape, data };
    return 0;
}

const char *export_ints(struct export *export, const char *base, const char *role, const int64_t *ints, int count,
                        struct error *err)
{
    const struct shape shape = shape_of(1, (int64_t)count);
    const char *name = export_name(export, base, role);
    int64_t *own = arena_array(export->arena, (size_t)count + 1, sizeof(*own));

    if (name == NULL || own == NULL) {
        error_memory(err);
        return NULL;
    }
    if (count > 0)
        memcpy(own, ints, (size_t)count * sizeof(*own));
    return export_weight(export, name, DTYPE_I64, &shape, own, err) < 0 ? NULL : name;
}

const char *export_reals(struct export *export, const char *base, const char *role, const float *reals, int count,
                         struct error *err)
{
    const struct shape shape = shape_of(1, (int64_t)count);
    const char *name = export_name(export, base, role);
    float *own = arena_array(export->arena, (size_t)count + 1, sizeof(*own));

    if (name == NULL || own == NULL) {
        error_memory(err);
        return NULL;
    }
    if (count > 0)
        memcpy(own, reals, (size_t)count * sizeof(*own));
    return export_weight(export, name, DTYPE_F32, &shape, own, err) < 0 ? NULL : name;
}

const char *export_number(struct export *export, const char *base, const char *role, enum dtype dtype, double number,
                          struct error *err)
{
    static const struct shape scalar = { 0 };
    const char *name = export_name(export, base, role);
    double *own = arena_alloc(export->arena, sizeof(*own));

    if (name == NULL || own == NULL) {
        error_memory(err);
        return NULL;
    }
    element_set_real(dtype, own, 0, number);
    return export_weight(export, name, dtype, &scalar, own, err) < 0 ? NULL : name;
}

/* ---- quantization ---- */

/* The scale (and of bytes the zero point) of a quantized value as initializers; *zero NULL: there is none. */
static int put_quant(struct export *export, const char *base, const struct quant *quant, enum dtype dtype,
                     const char **scale, const char **zero, struct error *err)
{
    const struct shape shape = quant->axis >= 0 ? shape_of(1, (int64_t)quant->count) : (struct shape){ 0 };
    unsigned char *zeros = arena_alloc(export->arena, (size_t)quant->count + 1);

    *scale = export_name(export, base, "scale");
    *zero = dtype == DTYPE_I32 ? NULL : export_name(export, base, "zero_point");
    if (zeros == NULL || *scale == NULL || (dtype != DTYPE_I32 && *zero == NULL))
        return error_memory(err);
    for (int i = 0; i < quant->count; i++)
        zeros[i] = (unsigned char)quant->zero_point[i];
    if (export_weight(export, *scale, DTYPE_F32, &shape, quant->scale, err) < 0)
        return -1;
    return *zero == NULL ? 0 : export_weight(export, *zero, dtype, &shape, zeros, err);
}

static void put_conversion(struct export *export, const char *op, const char *from, const char *to, const char *scale,
                           const char *zero, int axis)
{
    const char *in[3] = { from, scale, zero }, *name = export_name(export, to, op);
    struct attribute along = { .name = "axis", .kind = ATTRIBUTE_INT, .i = axis };
    const struct attributes attributes = { &along, axis >= 0 };

    if (name == NULL)
        export->nodes.failed = true;
    else
        export_plain(export, name, op, in, zero == NULL ? 2 : 3, &to, 1, &attributes);
}

/* Integers, and what readers read: the weight in reals. */
static int put_quantized_weight(struct export *export, const struct value *value, const char **read, struct error *err)
{
    const char *integers = export_name(export, value->name, "integers"), *scale, *zero;

    *read = export_name(export, value->name, "real");
    if (integers == NULL || *read == NULL)
        return error_memory(err);
    if (put_quant(export, value->name, value->tensor.quant, value->tensor.dtype, &scale, &zero, err) < 0 ||
        export_weight(export, integers, value->tensor.dtype, &value->tensor.shape, value->tensor.data, err) < 0)
        return -1;
    put_conversion(export, "DequantizeLinear", integers, *read, scale, zero, value->tensor.quant->axis);
    return 0;
}

/* `real` through bytes to the value that others read. */
static int put_pair(struct export *export, const struct value *value, const char *real, const char *bytes,
                    const char *to, struct error *err)
{
    const char *scale, *zero;

    if (put_quant(export, value->name, value->tensor.quant, DTYPE_U8, &scale, &zero, err) < 0)
        return -1;
    if (real != NULL)
        put_conversion(export, "QuantizeLinear", real, bytes, scale, zero, -1);
    if (to != NULL)
        put_conversion(export, "DequantizeLinear", bytes, to, scale, zero, -1);
    return 0;
}

static bool is_output(const struct graph *graph, int value)
{
    for (int i = 0; i < graph->output_count; i++)
        if (graph->output[i] == value)
            return true;
    return false;
}

/* ---- the graph ---- */

/* What readers of each value read. */
static int put_inputs(struct export *export, const char **read, struct error *err)
{
    const struct graph *graph = export->graph;

    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->value[v];
        const char *bytes;

        read[v] = value->name;
        if (value->kind == VALUE_WEIGHT) {
            if (value->tensor.quant != NULL ? put_quantized_weight(export, value, &read[v], err) < 0
                                            : export_weight(export, value->name, value->tensor.dtype,
                                                            &value->tensor.shape, value->tensor.data, err) < 0)
                return -1;
            continue;
        }
        if (value->kind != VALUE_INPUT || value->tensor.quant == NULL)
            continue;
        read[v] = export_name(export, value->name, "real");
        bytes = export->bytes_in ? value->name : export_name(export, value->name, "bytes");
        if (read[v] == NULL || bytes == NULL)
            return error_memory(err);
        if (put_pair(export, value, export->bytes_in ? NULL : value->name, bytes, read[v], err) < 0)
            return -1;
    }
    return 0;
}

/* The output of the whole that others take in reals: its own name is for what left the bytes. */
static bool leaves_as_real(const struct export *export, int v)
{
    return !export->bytes_out && is_output(export->graph, v) && export->graph->value[v].tensor.quant != NULL;
}

/* ... and for bytes where they are what leaves. */
static bool leaves_as_bytes(const struct export *export, int v)
{
    return export->bytes_out && is_output(export->graph, v) && export->graph->value[v].tensor.quant != NULL;
}

/* The names a node writes, under which quantized values are still exact. */
static int name_outputs(struct export *export, const struct node *node, const char **out, struct error *err)
{
    for (int i = 0; i < node->out_count; i++) {
        const int v = node->out[i];
        const char *name = export->graph->value[v].name;

        out[i] = leaves_as_real(export, v) || leaves_as_bytes(export, v) ? export_name(export, name, "exact") : name;
        if (out[i] == NULL)
            return error_memory(err);
    }
    return 0;
}

static int put_outputs_pairs(struct export *export, const struct node *node, const char **out, const char **read,
                             struct error *err)
{
    for (int i = 0; i < node->out_count; i++) {
        const int v = node->out[i];
        const struct value *value = &export->graph->value[v];
        const char *bytes;

        if (value->tensor.quant == NULL)
            continue;
        bytes = leaves_as_bytes(export, v) ? value->name : export_name(export, value->name, "bytes");
        read[v] = leaves_as_real(export, v) ? value->name : export_name(export, value->name, "real");
        if (bytes == NULL || read[v] == NULL)
            return error_memory(err);
        if (put_pair(export, value, out[i], bytes, read[v], err) < 0)
            return -1;
    }
    return 0;
}

static int put_nodes(struct export *export, struct error *err)
{
    const struct graph *graph = export->graph;
    const char **read = arena_array(export->arena, (size_t)graph->value_count + 1, sizeof(*read));

    if (read == NULL)
        return error_memory(err);
    if (put_inputs(export, read, err) < 0)
        return -1;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];
        const char **in = arena_array(export->arena, (size_t)node->in_count + 1, sizeof(*in));
        const char **out = arena_array(export->arena, (size_t)node->out_count + 1, sizeof(*out));

        if (in == NULL || out == NULL)
            return error_memory(err);
        for (int i = 0; i < node->in_count; i++)
            in[i] = node->in[i] < 0 ? NULL : read[node->in[i]];
        if (name_outputs(export, node, out, err) < 0)
            return -1;
        if (export_node(export, node, in, out, err) < 0)
            return error_in(err, "node '%s' (%s)", node->name, node->op->name);
        if (put_outputs_pairs(export, node, out, read, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- the file ---- */

/* An initializer's message but for its bytes, which follow. */
static void put_weight_head(struct text *out, const struct export_weight *weight)
{
    const struct tensor tensor = { .dtype = weight->dtype, .shape = weight->shape };
    struct text body = { 0 };

    for (int i = 0; i < weight->shape.rank; i++)
        wire_put_int(&body, 1, weight->shape.dim[i]);
    wire_put_int(&body, 2, dtype_onnx(weight->dtype));
    wire_put_text(&body, 8, weight->name);
    wire_put_varint(&body, 9 << 3 | 2);
    wire_put_varint(&body, tensor_bytes(&tensor));
    wire_put_varint(out, GRAPH_INITIALIZER << 3 | 2);
    wire_put_varint(out, body.length + tensor_bytes(&tensor));
    text_add_bytes(out, body.chars, body.length);
    out->failed = out->failed || body.failed;
    text_free(&body);
}

static size_t weight_bytes(const struct export_weight *weight)
{
    const struct tensor tensor = { .dtype = weight->dtype, .shape = weight->shape };

    return tensor_bytes(&tensor);
}

static int write_weights(const struct export *export, struct output *file, struct error *err)
{
    for (int i = 0; i < export->weight_count; i++) {
        struct text head = { 0 };
        const size_t bytes = weight_bytes(&export->weight[i]);
        int rc;

        put_weight_head(&head, &export->weight[i]);
        rc = text_check(&head, err);
        if (rc == 0)
            rc = output_write(file, head.chars, head.length, err);
        if (rc == 0 && bytes > 0)
            rc = output_write(file, export->weight[i].data, bytes, err);
        text_free(&head);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static size_t weights_bytes(const struct export *export)
{
    size_t total = 0;

    for (int i = 0; i < export->weight_count; i++) {
        struct text head = { 0 };

        put_weight_head(&head, &export->weight[i]);
        total += head.length + weight_bytes(&export->weight[i]);
        text_free(&head);
    }
    return total;
}

static void put_head(struct text *out, const struct model *model, size_t graph_bytes)
{
    size_t opset;

    wire_put_int(out, 1, EXPORT_IR_VERSION);
    wire_put_text(out, 2, "coedge");
    opset = wire_open(out, 8);
    wire_put_text(out, 1, "");
    wire_put_int(out, 2, EXPORT_OPSET);
    wire_close(out, opset);
    export_meaning(out, model);
    wire_put_varint(out, 7 << 3 | 2);
    wire_put_varint(out, graph_bytes);
}

static int write_all(struct export *export, const struct model *model, struct output *file, struct error *err)
{
    struct text head = { 0 }, ports = { 0 }, name = { 0 };
    int rc;

    if (export_ports(export, &ports, err) < 0) {
        text_free(&ports);
        return -1;
    }
    wire_put_text(&name, 2, model->name);
    put_head(&head, model, export->nodes.length + name.length + ports.length + weights_bytes(export));
    text_add_bytes(&head, name.chars, name.length);
    rc = text_check(&name, err) < 0 || text_check(&ports, err) < 0 || text_check(&head, err) < 0 ||
                 text_check(&export->nodes, err) < 0 || output_write(file, head.chars, head.length, err) < 0 ||
                 (export->nodes.length > 0 && output_write(file, export->nodes.chars, export->nodes.length, err) < 0) ||
                 write_weights(export, file, err) < 0 || output_write(file, ports.chars, ports.length, err) < 0
             ? -1
             : 0;
    text_free(&head);
    text_free(&ports);
    text_free(&name);
    return rc;
}

static int write_file(struct export *export, const struct model *model, const char *path, struct error *err)
{
    struct output *file;

    if (put_nodes(export, err) < 0)
        return -1;
    file = output_open(path, err);
    if (file == NULL)
        return -1;
    if (write_all(export, model, file, err) == 0)
        return output_commit(file, err);
    output_abort(file);
    return -1;
}

int onnx_write(struct model *model, const char *path, struct error *err)
{
    struct arena arena = { 0 };
    struct export export = { .graph = &model->graph, .arena = &arena };
    int rc = 0;

    if (model->update != NULL)
        return error_set(err, ERROR_INPUT, "an update, expected a model");
    if (model->part != NULL) {
        export.bytes_in = model->part->index > 0;
        export.bytes_out = model->part->index < model->part->count - 1;
    }
    if (graph_is_sized(&model->graph))
        rc = graph_infer_shapes(&model->graph, 1, err);
    if (rc == 0)
        rc = write_file(&export, model, path, err);
    text_free(&export.nodes);
    arena_free(&arena);
    return rc;
}
