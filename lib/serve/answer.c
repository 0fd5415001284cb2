/*
 * answer.c - a request to samples for the model, and their results to a reply.
 */
#include <inttypes.h>
#include <string.h>

#include "serve/internal.h"
#include "json/json.h"

/* Results of one request, at most: a small body may ask for much. */
enum { MOST_RESULT_BYTES = 256 << 20 };

/* ---- what was given ---- */

static const struct value *graph_input(const struct model *model, int i)
{
    return &model->graph.value[model->graph.input[i]];
}

static const struct value *graph_output(const struct model *model, int i)
{
    return &model->graph.value[model->graph.output[i]];
}

static const struct oip_tensor *find_given(const struct task *task, const char *name, struct error *err)
{
    const struct oip_tensor *found = NULL;

    for (int i = 0; i < task->request.input_count; i++) {
        if (strcmp(task->request.input[i].name, name) != 0)
            continue;
        if (found != NULL) {
            error_set(err, ERROR_INPUT, "input '%.64s' is there twice", name);
            return NULL;
        }
        found = &task->request.input[i];
    }
    if (found == NULL)
        error_set(err, ERROR_INPUT, "input '%.64s' is missing", name);
    return found;
}

/* All inputs have as many samples. */
static int bind_rows(struct task *task, int64_t rows, const char *name, struct error *err)
{
    if (rows < 1)
        return error_set(err, ERROR_INPUT, "input '%.64s' has no sample", name);
    if (task->rows != 0 && task->rows != rows)
        return error_set(err, ERROR_INPUT, "input '%.64s' has %" PRId64 " samples, others %" PRId64, name, rows,
                         task->rows);
    if (rows > 1 && !task->loaded->batched)
        return error_set(err, ERROR_INPUT, "input '%.64s' has %" PRId64 " samples, the model takes one at a time", name,
                         rows);
    task->rows = rows;
    return 0;
}

static int take_images(struct task *task, struct given *given, const struct oip_tensor *tensor, struct error *err)
{
    struct oip_bytes bytes = oip_bytes_of(tensor);
    const int64_t rows = shape_count(&tensor->shape);
    int rc = 1;

    if (!task->loaded->images) {
        error_set(err, ERROR_INPUT, "input '%.64s' is BYTES, and the model takes no encoded images", tensor->name);
        return error_hint(err, "the model's metadata tell datatype and shape");
    }
    if (bind_rows(task, rows, tensor->name, err) < 0)
        return -1;
    given->image = arena_array(&task->arena, (size_t)rows, sizeof(*given->image));
    given->image_bytes = arena_array(&task->arena, (size_t)rows, sizeof(*given->image_bytes));
    if (given->image == NULL || given->image_bytes == NULL)
        return error_memory(err);
    for (int64_t i = 0; i < rows && rc > 0; i++)
        rc = oip_bytes_next(&bytes, &given->image[i], &given->image_bytes[i]);
    return 0; /* the codec has counted them */
}

/* Reals for a quantized input are read one by one, so they lie as reals do. */
static int take_numbers(struct task *task, struct given *given, const struct oip_tensor *tensor, struct error *err)
{
    char *copy;

    given->dtype = tensor->dtype;
    given->data = tensor->data;
    if (tensor->data_bytes == 0 || (uintptr_t)tensor->data % dtype_bytes(tensor->dtype) == 0)
        return 0;
    copy = arena_alloc(&task->arena, tensor->data_bytes);
    if (copy == NULL)
        return error_memory(err);
    memcpy(copy, tensor->data, tensor->data_bytes);
    given->data = copy;
    return 0;
}

static int take_tensor(struct task *task, int i, const struct oip_tensor *tensor, struct error *err)
{
    const struct tensor *in = runner_input(task->loaded->runner[0], i);
    const enum dtype expected = loaded_input_dtype(task->loaded, in);
    struct given *given = &task->given[i];
    struct shape shape = in->shape;
    char found[160], wanted[160];

    if (tensor->is_bytes)
        return take_images(task, given, tensor, err);
    if (tensor->dtype != expected && tensor->dtype != in->dtype)
        return error_set(err, ERROR_INPUT, "input '%.64s' is %s, expected %s%s", tensor->name, oip_datatype(tensor),
                         oip_datatype_of(expected), task->loaded->images ? " or encoded images (BYTES)" : "");
    if (task->loaded->batched && tensor->shape.rank > 0)
        shape.dim[0] = tensor->shape.dim[0];
    if (!shape_equal(&shape, &tensor->shape)) {
        shape.dim[0] = task->loaded->batched ? -1 : shape.dim[0];
        return error_set(err, ERROR_INPUT, "input '%.64s' has shape %s, expected %s", tensor->name,
                         shape_text(&tensor->shape, found), shape_text(&shape, wanted));
    }
    if (bind_rows(task, task->loaded->batched ? tensor->shape.dim[0] : 1, tensor->name, err) < 0)
        return -1;
    given->row_bytes = (size_t)shape_count(&in->shape) * dtype_bytes(tensor->dtype);
    return take_numbers(task, given, tensor, err);
}

static int bind_inputs(struct task *task, struct error *err)
{
    const struct model *model = &task->loaded->model;

    if (task->request.input_count != model->graph.input_count)
        return error_set(err, ERROR_INPUT, "%d inputs, the model has %d", task->request.input_count,
                         model->graph.input_count);
    task->given = arena_array(&task->arena, (size_t)model->graph.input_count, sizeof(*task->given));
    if (task->given == NULL)
        return error_memory(err);
    for (int i = 0; i < model->graph.input_count; i++) {
        const struct oip_tensor *tensor = find_given(task, graph_input(model, i)->name, err);

        if (tensor == NULL)
            return error_hint(err, "the model's metadata name its inputs");
        if (take_tensor(task, i, tensor, err) < 0)
            return -1;
    }
    return 0;
}

/* The whole body is the only input: an image, or its numbers, as many samples as there are. */
static int bind_raw(struct task *task, struct error *err)
{
    const struct http_request *http = http_request(task->exchange);
    const struct model *model = &task->loaded->model;
    struct oip_tensor *tensor = arena_alloc(&task->arena, sizeof(*tensor));
    const struct tensor *in = runner_input(task->loaded->runner[0], 0);
    const enum dtype dtype = loaded_input_dtype(task->loaded, in);
    const size_t row_bytes = (size_t)shape_count(&in->shape) * dtype_bytes(dtype);

    task->given = arena_alloc(&task->arena, sizeof(*task->given));
    if (tensor == NULL || task->given == NULL)
        return error_memory(err);
    if (model->graph.input_count != 1)
        return error_set(err, ERROR_INPUT, "a body without JSON is one input, the model has %d",
                         model->graph.input_count);
    if (task->loaded->images && image_is_known(http->body, http->body_bytes)) {
        task->given->image = arena_alloc(&task->arena, sizeof(*task->given->image));
        task->given->image_bytes = arena_alloc(&task->arena, sizeof(*task->given->image_bytes));
        if (task->given->image == NULL || task->given->image_bytes == NULL)
            return error_memory(err);
        task->given->image[0] = (const unsigned char *)http->body;
        task->given->image_bytes[0] = http->body_bytes;
        return bind_rows(task, 1, graph_input(model, 0)->name, err);
    }
    if (row_bytes == 0 || http->body_bytes % row_bytes != 0 ||
        (!task->loaded->batched && http->body_bytes != row_bytes))
        return error_set(err, ERROR_INPUT, "a body without JSON has %zu bytes, a sample of %s needs %zu",
                         http->body_bytes, oip_datatype_of(dtype), row_bytes);
    *tensor = (struct oip_tensor){ .name = graph_input(model, 0)->name, .dtype = dtype, .shape = in->shape };
    if (task->loaded->batched)
        tensor->shape.dim[0] = (int64_t)(http->body_bytes / row_bytes);
    tensor->data = http->body;
    tensor->data_bytes = http->body_bytes;
    return take_tensor(task, 0, tensor, err);
}

/* ---- what is wanted ---- */

static int want(struct task *task, struct wanted *wanted, int index, struct error *err)
{
    const struct tensor *out = runner_output(task->loaded->runner[0], index);

    wanted->index = index;
    wanted->dtype = loaded_output_dtype(task->loaded, out);
    wanted->shape = out->shape;
    if (wanted->classification > 0 && (index != 0 || dtype_bytes(wanted->dtype) != sizeof(float)))
        return error_set(err, ERROR_INPUT, "classification is of the first output, '%.64s'",
                         graph_output(&task->loaded->model, 0)->name);
    wanted->row_bytes = (size_t)shape_count(&out->shape) * dtype_bytes(wanted->dtype);
    if (wanted->row_bytes > 0 && task->rows > MOST_RESULT_BYTES / (int64_t)wanted->row_bytes)
        return error_set(err, ERROR_LIMIT, "%" PRId64 " samples give more than %d bytes", task->rows,
                         MOST_RESULT_BYTES);
    wanted->data = arena_array(&task->arena, (size_t)task->rows, wanted->row_bytes + 1);
    return wanted->data == NULL ? error_memory(err) : 0;
}

static int find_output(const struct model *model, const char *name, struct error *err)
{
    for (int i = 0; i < model->graph.output_count; i++)
        if (strcmp(graph_output(model, i)->name, name) == 0)
            return i;
    error_set(err, ERROR_INPUT, "no output '%.64s'", name);
    return error_hint(err, "the model's metadata name its outputs");
}

static int bind_outputs(struct task *task, struct error *err)
{
    const struct oip_request *request = &task->request;
    const struct model *model = &task->loaded->model;
    const int count = request->output_count > 0 ? request->output_count : model->graph.output_count;

    if (count > OIP_MOST_TENSORS)
        return error_set(err, ERROR_LIMIT, "the model has %d outputs, name those that are wanted", count);
    task->wanted = arena_array(&task->arena, (size_t)count + 1, sizeof(*task->wanted));
    if (task->wanted == NULL)
        return error_memory(err);
    for (; task->wanted_count < count; task->wanted_count++) {
        struct wanted *wanted = &task->wanted[task->wanted_count];
        int index = task->wanted_count;

        wanted->binary = request->binary_output;
        if (request->output_count > 0) {
            const struct oip_output *one = &request->output[task->wanted_count];

            index = find_output(model, one->name, err);
            if (index < 0)
                return -1;
            wanted->binary = one->binary;
            wanted->classification = one->classification;
        }
        if (want(task, wanted, index, err) < 0)
            return -1;
    }
    return 0;
}

int task_prepare(struct task *task, struct error *err)
{
    const struct http_request *http = http_request(task->exchange);
    int64_t length = OIP_JSON_ONLY;

    if (http->header_length != NULL && oip_header_length_parse(&length, http->header_length, err) < 0)
        return -1;
    if (length == 0) {
        if (bind_raw(task, err) < 0)
            return -1;
    } else if (oip_request_parse(&task->request, &task->arena, http->body, http->body_bytes, length, err) < 0 ||
               bind_inputs(task, err) < 0) {
        return -1;
    }
    return bind_outputs(task, err);
}

/* ---- one sample ---- */

int task_load(struct task *task, struct runner *runner, int64_t row, struct error *err)
{
    for (int i = 0; i < task->loaded->model.graph.input_count; i++) {
        const struct given *given = &task->given[i];

        if (given->image != NULL) {
            const struct item item = { .ext = "image", .bytes = given->image[row], .count = given->image_bytes[row] };

            if (runner_load(runner, &item, err) < 0)
                return error_in(err, "sample %" PRId64, row);
        } else {
            runner_fill(runner, i, given->dtype, given->data + (size_t)row * given->row_bytes);
        }
    }
    return 0;
}

static void read_reals(float *to, const struct tensor *from)
{
    const uint8_t *bytes = from->data;

    for (int64_t i = 0; i < shape_count(&from->shape); i++)
        to[i] = from->quant->scale[0] * (float)(bytes[i] - from->quant->zero_point[0]);
}

int task_keep(struct task *task, struct runner *runner, int64_t row, struct error *err)
{
    for (int i = 0; i < task->wanted_count; i++) {
        const struct wanted *wanted = &task->wanted[i];
        const struct tensor *out = runner_output(runner, wanted->index);
        char *to = wanted->data + (size_t)row * wanted->row_bytes;

        if (!tensor_finite(out))
            return error_set(err, ERROR_INPUT, "sample %" PRId64 ": the model's answer is not finite", row);
        if (wanted->classification > 0)
            memcpy(to, runner_probability(runner), wanted->row_bytes);
        else if (wanted->dtype != out->dtype)
            read_reals((float *)(void *)to, out);
        else if (wanted->row_bytes > 0)
            memcpy(to, out->data, wanted->row_bytes);
    }
    return 0;
}

/* ---- the reply ---- */

static int make_output(struct task *task, struct oip_tensor *tensor, const struct wanted *wanted, struct error *err)
{
    const struct model *model = &task->loaded->model;

    tensor->name = graph_output(model, wanted->index)->name;
    tensor->binary = wanted->binary;
    if (wanted->classification > 0)
        return classify_rows(tensor, wanted, model, task->rows, &task->arena, err);
    tensor->dtype = wanted->dtype;
    tensor->shape = wanted->shape;
    if (task->loaded->batched)
        tensor->shape.dim[0] = task->rows;
    tensor->data = wanted->data;
    tensor->data_bytes = (size_t)task->rows * wanted->row_bytes;
    return 0;
}

static int write_reply(struct task *task, struct http_reply *reply, struct error *err)
{
    struct oip_response response = { .model = task->entry->name,
                                     .version = task->entry->version,
                                     .id = task->request.id,
                                     .identity = task->loaded->identity };

    response.output = arena_array(&task->arena, (size_t)task->wanted_count + 1, sizeof(*response.output));
    if (response.output == NULL)
        return error_memory(err);
    for (; response.output_count < task->wanted_count; response.output_count++)
        if (make_output(task, &response.output[response.output_count], &task->wanted[response.output_count], err) < 0)
            return -1;
    return oip_response_write(&reply->body, &reply->header_length, &response, err);
}

void task_reply(struct task *task, struct http_reply *reply)
{
    if (task->err.kind == ERROR_NONE && write_reply(task, reply, &task->err) == 0) {
        reply->status = 200;
        if (reply->header_length != OIP_JSON_ONLY)
            reply->type = "application/octet-stream";
        return;
    }
    text_free(&reply->body);
    reply->body = (struct text){ 0 };
    error_reply(reply, &task->err);
}

/* ---- errors ---- */

enum outcome outcome_of(const struct error *err)
{
    switch (err->kind) {
    case ERROR_NONE: return OUTCOME_OK;
    case ERROR_INPUT: return OUTCOME_INPUT;
    case ERROR_LIMIT: return OUTCOME_LIMIT;
    default: return OUTCOME_INTERNAL;
    }
}

void error_reply(struct http_reply *reply, const struct error *err)
{
    static const int status[OUTCOME_COUNT] = { 500, 400, 413, 503, 500 };
    struct text message = { 0 };

    reply->status = status[outcome_of(err)];
    reply->header_length = OIP_JSON_ONLY;
    text_add(&message, err->message);
    if (err->hint[0] != '\0')
        text_printf(&message, "; %s", err->hint);
    oip_error_write(&reply->body, message.chars ? message.chars : "out of memory");
    text_free(&message);
}
