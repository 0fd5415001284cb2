#include "infer/activations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "package/package.h"
#include "json/json.h"

bool model_reads_activations(const struct model *model)
{
    return model->part != NULL && model->part->index > 0;
}

bool model_writes_activations(const struct model *model)
{
    return model->part != NULL && model->part->index + 1 < model->part->count;
}

/* Sums over many elements, with weights: behind it a picture is features. */
static bool node_mixes(const struct node *node)
{
    static const char *const names[] = { "Conv",   "ConvTranspose", "ConvInteger",   "QLinearConv", "Gemm",
                                         "MatMul", "MatMulInteger", "QLinearMatMul", "GRU",         "LSTM",
                                         "RNN" };

    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(node->op->name, names[i]) == 0)
            return true;
    return false;
}

int model_sends_input(const struct model *model, bool *sends, struct error *err)
{
    const struct graph *graph = &model->graph;
    bool *shows = sys_alloc((size_t)graph->value_count *
                            sizeof(*shows)); /* a value: the input, moved about or element by element */

    if (shows == NULL)
        return error_memory(err);
    for (int i = 0; i < graph->input_count; i++)
        shows[graph->input[i]] = true;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->node[n];
        bool reads = false;

        for (int i = 0; i < node->in_count; i++)
            reads |= node->in[i] >= 0 && shows[node->in[i]];
        for (int i = 0; i < node->out_count; i++)
            if (node->out[i] >= 0)
                shows[node->out[i]] = reads && !node_mixes(node);
    }
    *sends = false;
    for (int i = 0; i < graph->output_count; i++)
        *sends |= shows[graph->output[i]];
    free(shows);
    return 0;
}

static int check_head(const struct model *model, const struct sample *sample, struct error *err)
{
    const struct sample_part *facts = sample_find(sample, "json");
    struct arena arena = { 0 };
    const struct tree *map;
    struct digest head;
    const char *text;
    char found[65], wanted[65];
    int rc;

    if (facts == NULL) {
        error_set(err, ERROR_INPUT, "no json part: this is no activation stream");
        return error_hint(err, "a tail reads what its head wrote: coedge infer HEAD images | coedge infer TAIL -");
    }
    rc = json_parse(&arena, (const char *)facts->bytes, facts->count, &map, err);
    if (rc == 0)
        rc = tree_need_text(map, "head", &text, err);
    if (rc == 0)
        rc = digest_parse(&head, text, err);
    if (rc == 0 && !digest_equal(&head, &model->part->head))
        rc = error_set(err, ERROR_INPUT, "activations of head %.12s, this tail belongs to %.12s",
                       digest_hex(&head, found), digest_hex(&model->part->head, wanted));
    arena_free(&arena);
    return rc;
}

static int load_one(struct runner *runner, int i, const struct sample *sample, struct error *err)
{
    struct tensor *in = runner_input(runner, i), found;
    const struct sample_part *part;
    char name[32], has[160], wants[160];

    snprintf(name, sizeof(name), "t%d.npy", i);
    part = sample_find(sample, name);
    if (part == NULL)
        return error_set(err, ERROR_INPUT, "part %s is missing", name);
    if (npy_parse(&found, part->bytes, part->count, err) < 0)
        return error_in(err, "%s", name);
    if (found.dtype != in->dtype || !shape_equal(&found.shape, &in->shape))
        return error_set(err, ERROR_INPUT, "%s is %s %s, expected %s %s", name, dtype_name(found.dtype),
                         shape_text(&found.shape, has), dtype_name(in->dtype), shape_text(&in->shape, wants));
    memcpy(in->data, found.data, tensor_bytes(in));
    return tensor_finite(in) ? 0 : error_set(err, ERROR_INPUT, "%s holds a value that is not finite", name);
}

int activations_load(struct runner *runner, const struct model *model, const struct sample *sample, struct error *err)
{
    if (sample == NULL)
        return error_set(err, ERROR_INPUT, "a tail reads activation streams, not images");
    if (check_head(model, sample, err) < 0)
        return -1;
    for (int i = 0; i < model->graph.input_count; i++)
        if (load_one(runner, i, sample, err) < 0)
            return -1;
    return 0;
}

static int write_member(struct tar_writer *tar, const char *key, const char *ext, const void *bytes, size_t count,
                        struct error *err)
{
    struct text name = { 0 };
    int rc;

    text_printf(&name, "%s.%s", key, ext);
    rc = text_check(&name, err);
    if (rc == 0)
        rc = tar_add(tar, name.chars, bytes, count, err);
    text_free(&name);
    return rc;
}

int activations_write(struct runner *runner, const struct model *model, const struct digest *identity, const char *key,
                      const char *class_text, struct tar_writer *tar, struct error *err)
{
    char hex[65], facts[96], ext[32];
    int rc = 0;

    for (int i = 0; i < model->graph.output_count && rc == 0; i++) {
        struct text npy = { 0 };

        npy_write(&npy, runner_output(runner, i));
        snprintf(ext, sizeof(ext), "t%d.npy", i);
        rc = text_check(&npy, err);
        if (rc == 0)
            rc = write_member(tar, key, ext, npy.chars, npy.length, err);
        text_free(&npy);
    }
    if (rc == 0 && class_text != NULL)
        rc = write_member(tar, key, "cls", class_text, strlen(class_text), err);
    snprintf(facts, sizeof(facts), "{\"head\":\"%s\"}\n", digest_hex(identity, hex));
    return rc == 0 ? write_member(tar, key, "json", facts, strlen(facts), err) : -1;
}
