/* oip_response.c - an inference response, both ways, and what stands for one when it failed. */
#include <string.h>

#include "base/quote.h"
#include "wire/internal.h"
#include "json/json.h"

int oip_response_parse(struct oip_response *response, struct arena *arena, const void *body, size_t count,
                       int64_t header_length, struct error *err)
{
    struct oip_body parts;
    const struct tree *parameters;

    *response = (struct oip_response){ 0 };
    if (oip_body_open(&parts, arena, body, count, header_length, err) < 0 ||
        tree_need_text(parts.root, "model_name", &response->model, err) < 0 ||
        tree_take_text(parts.root, "model_version", &response->version, err) < 0 ||
        tree_take_text(parts.root, "id", &response->id, err) < 0)
        return -1;
    parameters = tree_get(parts.root, "parameters");
    if (parameters != NULL && tree_take_text(parameters, "identity", &response->identity, err) < 0)
        return -1;
    if (oip_tensors_read(&response->output, &response->output_count, &parts, arena, "outputs", "output", err) < 0)
        return -1;
    return oip_body_close(&parts, err);
}

const char *oip_error_parse(struct arena *arena, const void *body, size_t count)
{
    const struct tree *root, *text;

    if (json_parse(arena, body, count, &root, NULL) < 0)
        return NULL;
    text = tree_get(root, "error");
    return text != NULL && text->kind == TREE_TEXT ? text->text : NULL;
}

static void write_text(struct text *out, const char *key, const char *value)
{
    if (value == NULL)
        return;
    text_printf(out, "\"%s\":", key);
    text_add_quoted(out, value, strlen(value));
    text_add(out, ",");
}

int oip_response_write(struct text *out, int64_t *header_length, const struct oip_response *response, struct error *err)
{
    text_add(out, "{");
    write_text(out, "model_name", response->model);
    write_text(out, "model_version", response->version);
    write_text(out, "id", response->id);
    if (response->identity != NULL) {
        text_add(out, "\"parameters\":{\"identity\":");
        text_add_quoted(out, response->identity, strlen(response->identity));
        text_add(out, "},");
    }
    if (oip_tensors_write(out, "outputs", response->output, response->output_count, "output", err) < 0)
        return -1;
    text_add(out, "}");
    oip_raw_write(out, header_length, response->output, response->output_count);
    return text_check(out, err);
}

void oip_error_write(struct text *out, const char *message)
{
    text_add(out, "{\"error\":");
    text_add_quoted(out, message, strlen(message));
    text_add(out, "}");
}
