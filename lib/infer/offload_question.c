/* offload_question.c - what a server says of itself, and a sample or its features as a question. */
#include <string.h>

#include "infer/activations.h"
#include "infer/offload_internal.h"
#include "json/json.h"

enum { HELLO_BYTES = 1 << 20 };

int head_begin(struct offload *offload, const struct job *job, struct error *err)
{
    const struct model *head = offload->options->head;
    bool sends;

    if (!model_writes_activations(head) || model_reads_activations(head) || !head->has_preprocess) {
        error_set(err, ERROR_USAGE, "--head: expected the first part of a model that was split");
        return error_hint(err, "coedge split MODEL --at NODE -o head.coedge,tail.coedge makes it");
    }
    if (model_sends_input(head, &sends, err) < 0)
        return -1;
    if (sends)
        return error_set(err, ERROR_TRUST, "--head: what it sends has the picture in it: cut at another node");
    if (head->graph.output_count > OFFLOAD_INPUTS)
        return error_set(err, ERROR_LIMIT, "--head: %d tensors cross the cut, at most %d", head->graph.output_count,
                         OFFLOAD_INPUTS);
    offload->head = runner_new(head, job, err);
    return offload->head == NULL ? -1 : model_identity(head, &offload->head_identity, err);
}

/* ---- what the server says of itself ---- */

static const char *name_of(struct server *server, const struct tree *tensor)
{
    const struct tree *name = tensor != NULL ? tree_get(tensor, "name") : NULL;

    return name != NULL && name->kind == TREE_TEXT ? arena_strdup(&server->arena, name->text) : NULL;
}

static int read_inputs(struct offload *offload, struct server *server, const struct tree *root, struct error *err)
{
    const struct tree *inputs = tree_get(root, "inputs"), *outputs = tree_get(root, "outputs");
    const struct tree *input = inputs != NULL ? inputs->first : NULL;
    const int wanted = offload->head != NULL ? offload->options->head->graph.output_count : 1;

    server->output = name_of(server, outputs != NULL ? outputs->first : NULL);
    if (server->output == NULL || input == NULL)
        return error_set(err, ERROR_INPUT, "%s: names no input and output", server->address);
    if ((int)inputs->count != wanted)
        return error_set(err, ERROR_INPUT, "%s: has %d inputs, %d are to be sent", server->address, (int)inputs->count,
                         wanted);
    for (int i = 0; i < wanted; i++, input = input->next) {
        server->input[i] = name_of(server, input);
        if (server->input[i] == NULL)
            return error_set(err, ERROR_INPUT, "%s: an input without a name", server->address);
    }
    server->input_count = wanted;
    return 0;
}

/* A tail takes features of its own head, all others take images. */
static int check_head(struct offload *offload, struct server *server, const struct tree *root, struct error *err)
{
    const struct tree *parameters = tree_get(root, "parameters");
    const char *head = NULL, *identity = NULL;
    char ours[65];

    if (parameters != NULL && (tree_take_text(parameters, "head", &head, err) < 0 ||
                               tree_take_text(parameters, "identity", &identity, err) < 0))
        return -1;
    server->identity = identity != NULL ? arena_strdup(&server->arena, identity) : NULL;
    if (offload->head == NULL)
        return head == NULL
                   ? 0
                   : error_set(err, ERROR_INPUT, "%s: is a tail, which takes features: --head", server->address);
    if (head != NULL && identity != NULL && strcmp(head, digest_hex(&offload->head_identity, ours)) == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%s: is not the tail of this head", server->address);
}

int offload_refused(struct server *server, const struct net_answer *answer, struct error *err)
{
    server->told_seconds = answer->wait_seconds;
    return error_set(err, ERROR_NETWORK, "%s: answers %d", server->address, answer->status);
}

int offload_meet(struct offload *offload, struct server *server, double seconds, struct error *err)
{
    const struct net_question question = { .address = server->address, .seconds = seconds, .most = HELLO_BYTES };
    struct net_answer answer;
    const struct tree *root = NULL;
    int rc;

    if (server->input_count > 0)
        return 0;
    if (seconds <= 0)
        return error_set(err, ERROR_NETWORK, "%s: no time is left", server->address);
    if (net_ask(server->net, &question, &answer, err) < 0)
        return -1;
    arena_free(&server->arena);
    server->identity = server->output = NULL;
    rc = answer.status == 200
             ? json_parse(&offload->answer, answer.body.chars ? answer.body.chars : "", answer.body.length, &root, err)
             : offload_refused(server, &answer, err);
    text_free(&answer.body);
    if (rc == 0 && root->kind != TREE_MAP)
        rc = error_set(err, ERROR_INPUT, "%s: names no input and output", server->address);
    if (rc < 0 || check_head(offload, server, root, err) < 0)
        return -1;
    return read_inputs(offload, server, root, err);
}

/* ---- one question ---- */

static int write_request(struct text *body, int64_t *header_length, const struct offload *offload,
                         const struct server *server, struct oip_tensor *input, int count, struct error *err)
{
    struct oip_output output = { .name = server->output, .classification = offload->model->label_count };
    const struct oip_request request = { .input = input, .input_count = count, .output = &output, .output_count = 1 };

    if (output.classification < ANSWER_TOP)
        output.classification = ANSWER_TOP;
    return oip_request_write(body, header_length, &request, err);
}

int write_image(struct text *body, int64_t *header_length, const struct offload *offload, const struct server *server,
                const struct item *encoded, struct error *err)
{
    struct oip_tensor input = { .name = server->input[0], .is_bytes = true, .shape = shape_of(1, 1), .binary = true };
    struct text element = { 0 };
    int rc;

    oip_bytes_add(&element, encoded->bytes, encoded->count);
    input.data = element.chars;
    input.data_bytes = element.length;
    rc = element.failed ? error_memory(err) : write_request(body, header_length, offload, server, &input, 1, err);
    text_free(&element);
    return rc;
}

int write_features(struct text *body, int64_t *header_length, const struct offload *offload,
                   const struct server *server, struct error *err)
{
    struct oip_tensor input[OFFLOAD_INPUTS];

    for (int i = 0; i < server->input_count; i++) {
        const struct tensor *out = runner_output(offload->head, i);

        if (!tensor_finite(out))
            return error_set(err, ERROR_INPUT, "the head's features are not finite");
        input[i] = (struct oip_tensor){ .name = server->input[i],
                                        .dtype = out->dtype,
                                        .shape = out->shape,
                                        .data = out->data,
                                        .data_bytes = tensor_bytes(out),
                                        .binary = true };
    }
    return write_request(body, header_length, offload, server, input, server->input_count, err);
}
