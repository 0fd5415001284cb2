/*
 * describe.c - metadata of the server and of its models.
 *
 * Source: KServe, Open Inference Protocol (REST), version 2: "Server Metadata", "Model Metadata".
 */
#include <inttypes.h>
#include <string.h>

#include "base/quote.h"
#include "infer/activations.h"
#include "serve/internal.h"

void describe_server(struct text *out)
{
    text_add(out, "{\"name\":\"coedge\",\"version\":\"" COEDGE_VERSION
                  "\",\"extensions\":[\"binary_tensor_data\",\"classification\"]}");
}

static void add_quoted(struct text *out, const char *text)
{
    text_add_quoted(out, text, strlen(text));
}

/* One sample's shape, with -1 where samples are counted. */
static void add_tensor(struct text *out, const struct loaded *loaded, const char *name, enum dtype dtype,
                       const struct shape *shape)
{
    text_add(out, "{\"name\":");
    add_quoted(out, name);
    text_printf(out, ",\"datatype\":\"%s\",\"shape\":[", oip_datatype_of(dtype));
    for (int i = 0; i < shape->rank; i++)
        text_printf(out, "%s%" PRId64, i > 0 ? "," : "", i == 0 && loaded->batched ? -1 : shape->dim[i]);
    text_add(out, "]}");
}

static void add_versions(struct text *out, const struct serve *serve, const char *name)
{
    const char *comma = "";

    for (int i = 0; i < serve->entry_count; i++) {
        if (strcmp(serve->entry[i].name, name) != 0)
            continue;
        text_add(out, comma);
        add_quoted(out, serve->entry[i].version);
        comma = ",";
    }
}

/* Inputs and outputs keep their shapes between runs, so that another thread's run does not matter. */
void describe_model(struct text *out, struct serve *serve, const struct entry *entry, const struct loaded *loaded)
{
    const struct graph *graph = &loaded->model.graph;
    char head[65];

    text_add(out, "{\"name\":");
    add_quoted(out, entry->name);
    text_add(out, ",\"versions\":[");
    add_versions(out, serve, entry->name);
    text_add(out, "],\"platform\":\"coedge\",\"inputs\":[");
    for (int i = 0; i < graph->input_count; i++) {
        const struct tensor *in = runner_input(loaded->runner[0], i);

        text_add(out, i > 0 ? "," : "");
        add_tensor(out, loaded, graph->value[graph->input[i]].name, loaded_input_dtype(loaded, in), &in->shape);
    }
    text_add(out, "],\"outputs\":[");
    for (int i = 0; i < graph->output_count; i++) {
        const struct tensor *one = runner_output(loaded->runner[0], i);

        text_add(out, i > 0 ? "," : "");
        add_tensor(out, loaded, graph->value[graph->output[i]].name, loaded_output_dtype(loaded, one), &one->shape);
    }
    text_printf(out, "],\"parameters\":{\"identity\":\"%s\"", loaded->identity);
    if (model_reads_activations(&loaded->model)) /* whose features it takes */
        text_printf(out, ",\"head\":\"%s\"", digest_hex(&loaded->model.part->head, head));
    text_add(out, "}}");
}
