/* offload.c - see offload.h. */
#include "infer/offload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "base/text.h"
#include "net/net.h"
#include "wire/oip.h"
#include "json/json.h"

enum { ANSWER_BYTES = 1 << 20, HELLO_BYTES = 1 << 20 };

static const double hello_seconds = 2, alone_seconds = 30;

struct server {
    const char *address; /* http://HOST/v2/models/NAME */
    struct net *net;
    const char *input, *output; /* as its metadata name them; NULL: not asked yet */
    int failures;               /* in a row */
    double again;               /* when it may be asked again; 0: now */
};

struct offload {
    struct arena arena, answer; /* of the whole run; of the last answer */
    const struct model *model;
    const struct offload_options *options;
    struct server server[OFFLOAD_SERVERS];
    int64_t seen;
    struct offload_counts counts;
};

static int check_address(const char *address, struct error *err)
{
    if (strncmp(address, "unix:", 5) != 0 && net_check_address(address, err) < 0)
        return error_in(err, "--offload");
    if (strstr(address, "/v2/models/") != NULL)
        return 0;
    error_set(err, ERROR_USAGE, "--offload: '%.200s' names no model", address);
    return error_hint(err, "such as http://HOST:8080/v2/models/NAME");
}

struct offload *offload_new(const struct offload_options *options, const struct model *model, const struct job *job,
                            struct error *err)
{
    const struct net_limits limits = { 0, 0 };
    struct offload *offload;

    if (options->url_count > OFFLOAD_SERVERS) {
        error_set(err, ERROR_USAGE, "--offload: %d servers, at most %d", options->url_count, OFFLOAD_SERVERS);
        return NULL;
    }
    offload = sys_alloc(sizeof(*offload));
    if (offload == NULL) {
        error_memory(err);
        return NULL;
    }
    offload->model = model;
    offload->options = options;
    for (int i = 0; i < options->url_count; i++) {
        struct server *server = &offload->server[i];

        server->address = options->url[i];
        if (check_address(server->address, err) == 0)
            server->net = net_open(&limits, job, err);
        if (server->net == NULL) {
            offload_free(offload);
            return NULL;
        }
    }
    return offload;
}

void offload_free(struct offload *offload)
{
    if (offload == NULL)
        return;
    for (int i = 0; i < offload->options->url_count; i++)
        net_close(offload->server[i].net);
    arena_free(&offload->arena);
    arena_free(&offload->answer);
    free(offload);
}

struct offload_counts offload_counts(const struct offload *offload)
{
    return offload->counts;
}

static bool may_ask(const struct server *server)
{
    return server->failures < OFFLOAD_FAILURES || clock_seconds() >= server->again;
}

bool offload_may(struct offload *offload, bool hard)
{
    bool some = false;

    offload->seen++;
    for (int i = 0; i < offload->options->url_count; i++)
        some = some || may_ask(&offload->server[i]);
    return hard && some &&
           (double)(offload->counts.asked + 1) <= offload->options->most_share * (double)offload->seen + 1e-9;
}

/* ---- what the server says of itself ---- */

static const char *first_name(struct offload *offload, const struct tree *list)
{
    const struct tree *name = list != NULL && list->first != NULL ? tree_get(list->first, "name") : NULL;

    return name != NULL && name->kind == TREE_TEXT ? arena_strdup(&offload->arena, name->text) : NULL;
}

static int meet(struct offload *offload, struct server *server, double seconds, struct error *err)
{
    const struct net_question question = { .address = server->address,
                                           .seconds = seconds > hello_seconds ? seconds : hello_seconds,
                                           .most = HELLO_BYTES };
    struct net_answer answer;
    const struct tree *root;
    int rc;

    if (server->input != NULL)
        return 0;
    if (net_ask(server->net, &question, &answer, err) < 0)
        return -1;
    rc = answer.status == 200
             ? json_parse(&offload->answer, answer.body.chars ? answer.body.chars : "", answer.body.length, &root, err)
             : error_set(err, ERROR_NETWORK, "%s: answers %d", server->address, answer.status);
    text_free(&answer.body);
    if (rc < 0)
        return -1;
    server->output = first_name(offload, tree_get(root, "outputs"));
    server->input = server->output ? first_name(offload, tree_get(root, "inputs")) : NULL;
    return server->input != NULL ? 0 : error_set(err, ERROR_INPUT, "%s: names no input and output", server->address);
}

/* ---- one question ---- */

static int write_question(struct text *body, int64_t *header_length, const struct offload *offload,
                          const struct server *server, const void *image, size_t count, struct error *err)
{
    struct text element = { 0 };
    struct oip_tensor input = { .name = server->input, .is_bytes = true, .shape = shape_of(1, 1), .binary = true };
    struct oip_output output = { .name = server->output, .classification = offload->model->label_count };
    const struct oip_request request = { .input = &input, .input_count = 1, .output = &output, .output_count = 1 };
    int rc;

    if (output.classification < ANSWER_TOP)
        output.classification = ANSWER_TOP;
    oip_bytes_add(&element, image, count);
    input.data = element.chars;
    input.data_bytes = element.length;
    rc = element.failed ? error_memory(err) : oip_request_write(body, header_length, &request, err);
    text_free(&element);
    return rc;
}

static int read_class(struct offload_class *class, struct arena *arena, const struct model *model,
                      const unsigned char *bytes, size_t count, struct error *err)
{
    char *text = arena_strndup(arena, (const char *)bytes, count), *index, *label;
    double score;

    if (text == NULL)
        return error_memory(err);
    index = strchr(text, ':');
    label = index ? strchr(index + 1, ':') : NULL;
    if (label == NULL || strlen(text) != count)
        return error_set(err, ERROR_INPUT, "a class that is not SCORE:INDEX:LABEL");
    *index = '\0';
    if (text_to_real(text, &score) < 0 || !(score >= 0 && score <= 1.0001))
        return error_set(err, ERROR_INPUT, "a score that is not from 0 to 1");
    *class = (struct offload_class){ label + 1, model_find_label(model, label + 1), (float)fmin(score, 1) };
    return 0;
}

int offload_parse(struct offload_answer *answer, struct arena *arena, const struct model *model, const void *body,
                  size_t count, int64_t header_length, struct error *err)
{
    struct oip_response response;
    struct oip_bytes bytes;
    const unsigned char *element;
    size_t length;
    double sum = 0;
    int more;

    *answer = (struct offload_answer){ 0 };
    if (oip_response_parse(&response, arena, body, count, header_length, err) < 0)
        return -1;
    if (response.output_count != 1 || !response.output[0].is_bytes)
        return error_set(err, ERROR_INPUT, "no classes in the answer");
    bytes = oip_bytes_of(&response.output[0]);
    while ((more = oip_bytes_next(&bytes, &element, &length)) == 1) {
        struct offload_class class;

        if (read_class(&class, arena, model, element, length, err) < 0)
            return -1;
        if (answer->count < ANSWER_TOP && answer->count > 0 && class.score > answer->top[answer->count - 1].score)
            return error_set(err, ERROR_INPUT, "classes that do not fall");
        sum += (double)class.score;
        if (answer->count < ANSWER_TOP)
            answer->top[answer->count++] = class;
    }
    if (more < 0 || answer->count == 0 || sum > 1.01)
        return error_set(err, ERROR_INPUT, "classes that do not add up");
    return 0;
}

static int ask_server(struct offload *offload, struct server *server, const void *image, size_t count, double end,
                      struct offload_answer *answer, struct error *err)
{
    struct net_question question = { .address = server->address, .most = ANSWER_BYTES, .tell = OIP_HEADER_LENGTH };
    const char *header[4] = { "Content-Type: application/octet-stream" };
    struct text body = { 0 };
    struct net_answer got = { 0 };
    int64_t header_length = OIP_JSON_ONLY;
    char length[64];
    int rc = meet(offload, server, end - clock_seconds(), err);

    if (rc == 0)
        rc = write_question(&body, &header_length, offload, server, image, count, err);
    question.address = arena_printf(&offload->answer, "%s/infer", server->address);
    if (rc == 0 && question.address == NULL)
        rc = error_memory(err);
    if (rc == 0) {
        snprintf(length, sizeof(length), OIP_HEADER_LENGTH ": %lld", (long long)header_length);
        header[1] = length;
        question.header = header;
        question.body = body.chars;
        question.count = body.length;
        question.seconds = end - clock_seconds();
        offload->counts.bytes += body.length;
        rc = question.seconds > 0 ? net_ask(server->net, &question, &got, err)
                                  : error_set(err, ERROR_NETWORK, "%s: no time is left", server->address);
    }
    text_free(&body);
    if (rc == 0 && got.status != 200)
        rc = error_set(err, ERROR_NETWORK, "%s: answers %d", server->address, got.status);
    header_length = OIP_JSON_ONLY;
    if (rc == 0 && got.told[0] != '\0')
        rc = oip_header_length_parse(&header_length, got.told, err);
    if (rc == 0) /* labels and names stay in the arena, the body does not */
        rc = offload_parse(answer, &offload->answer, offload->model, got.body.chars ? got.body.chars : "",
                           got.body.length, header_length, err);
    text_free(&got.body);
    return rc;
}

static void judge(struct server *server, bool answered)
{
    if (answered) {
        server->failures = 0;
        return;
    }
    server->input = NULL; /* another model may be there when it comes back */
    server->failures++;
    if (server->failures >= OFFLOAD_FAILURES)
        server->again = clock_seconds() + alone_seconds;
}

static bool ask_all(struct offload *offload, const void *image, size_t count, struct offload_answer *answer,
                    struct error *why)
{
    const double end = clock_seconds() + offload->options->deadline_ms / 1000;

    for (int i = 0; i < offload->options->url_count && clock_seconds() < end; i++) {
        struct server *server = &offload->server[i];
        bool answered;

        if (!may_ask(server))
            continue;
        arena_free(&offload->answer);
        answered = ask_server(offload, server, image, count, end, answer, why) == 0;
        judge(server, answered);
        if (answered)
            return true;
    }
    return false;
}

bool offload_ask(struct offload *offload, const struct item *item, struct offload_answer *answer, struct error *why)
{
    struct image image = { item->height, item->width, item->channels, (uint8_t *)(uintptr_t)item->bytes };
    uint8_t *png = NULL;
    size_t count = item->count;
    bool answered;

    offload->counts.asked++;
    if (strcmp(item->ext, "raw") == 0 && image_encode_png(&image, &png, &count, why) < 0)
        return false;
    answered = ask_all(offload, png != NULL ? png : item->bytes, count, answer, why);
    offload->counts.answered += answered;
    free(png);
    return answered;
}
