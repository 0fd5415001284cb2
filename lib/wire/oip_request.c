/* oip_request.c - an inference request, both ways. */
#include <inttypes.h>
#include <string.h>

#include "base/quote.h"
#include "wire/internal.h"

static int read_output(struct oip_output *output, const struct tree *map, bool binary, struct error *err)
{
    const struct tree *parameters = tree_get(map, "parameters");

    output->binary = binary;
    if (map->kind != TREE_MAP)
        return error_set(err, ERROR_INPUT, "expected an object");
    if (tree_need_text(map, "name", &output->name, err) < 0 || oip_flag_read(&output->binary, map, "binary_data", err))
        return -1;
    if (parameters != NULL &&
        tree_take_int(parameters, "classification", 0, INT32_MAX, &output->classification, err) < 0)
        return error_in(err, "'%.64s'", output->name);
    return 0;
}

static int read_outputs(struct oip_request *request, struct arena *arena, const struct tree *root, struct error *err)
{
    const struct tree *list = tree_get(root, "outputs"), *map;

    if (list == NULL)
        return 0;
    if (list->kind != TREE_LIST || list->count > OIP_MOST_TENSORS)
        return error_set(err, ERROR_INPUT, "outputs: expected a list of at most %d", OIP_MOST_TENSORS);
    request->output = arena_array(arena, list->count + 1, sizeof(*request->output));
    if (request->output == NULL)
        return error_memory(err);
    for (map = list->first; map; map = map->next, request->output_count++)
        if (read_output(&request->output[request->output_count], map, request->binary_output, err) < 0)
            return error_in(err, "output %d", request->output_count);
    return 0;
}

int oip_request_parse(struct oip_request *request, struct arena *arena, const void *body, size_t count,
                      int64_t header_length, struct error *err)
{
    struct oip_body parts;

    *request = (struct oip_request){ 0 };
    if (oip_body_open(&parts, arena, body, count, header_length, err) < 0 ||
        tree_take_text(parts.root, "id", &request->id, err) < 0 ||
        oip_flag_read(&request->binary_output, parts.root, "binary_data_output", err) < 0 ||
        oip_tensors_read(&request->input, &request->input_count, &parts, arena, "inputs", "input", err) < 0 ||
        read_outputs(request, arena, parts.root, err) < 0)
        return -1;
    return oip_body_close(&parts, err);
}

static void write_outputs(struct text *out, const struct oip_request *request)
{
    text_add(out, ",\"outputs\":[");
    for (int i = 0; i < request->output_count; i++) {
        const struct oip_output *one = &request->output[i];

        text_add(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        text_add_quoted(out, one->name, strlen(one->name));
        text_printf(out, ",\"parameters\":{\"binary_data\":%s", one->binary ? "true" : "false");
        if (one->classification > 0)
            text_printf(out, ",\"classification\":%" PRId64, one->classification);
        text_add(out, "}}");
    }
    text_add(out, "]");
}

int oip_request_write(struct text *out, int64_t *header_length, const struct oip_request *request, struct error *err)
{
    text_add(out, "{");
    if (request->id != NULL) {
        text_add(out, "\"id\":");
        text_add_quoted(out, request->id, strlen(request->id));
        text_add(out, ",");
    }
    if (request->binary_output)
        text_add(out, "\"parameters\":{\"binary_data_output\":true},");
    if (oip_tensors_write(out, "inputs", request->input, request->input_count, "input", err) < 0)
        return -1;
    if (request->output_count > 0)
        write_outputs(out, request);
    text_add(out, "}");
    oip_raw_write(out, header_length, request->input, request->input_count);
    return text_check(out, err);
}
